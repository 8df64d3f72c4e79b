use insta::assert_snapshot;

use crate::support::{ENOUGH, Place};

#[test]
fn good_settings_give_what_the_marketplace_asks() {
    assert_snapshot!(Place::new().with(ENOUGH).run(&["check"]).stdout, @r"
    The settings are fine. In the Marketplace, the app needs:

      Home URL             https://app.example.com/
      Direct landing URL   https://app.example.com/zoom/install
      OAuth redirect URL   https://app.example.com/zoom/callback
      OAuth allow list     https://app.example.com/zoom/callback
      Domain allow list    app.example.com
                           appssdk.zoom.us
      Scopes               zoomapp:inmeeting
                           user:read:user

    stagedoor check --manifest prints an app manifest with all of this.
    ");
    let json = Place::new().with(ENOUGH).run(&["check", "--json"]).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["marketplace"]["oauth_redirect_url"], "https://app.example.com/zoom/callback");
    assert_eq!(json["manifest"], Place::new().with(ENOUGH).run(&["check", "--manifest"]).json());
}

#[test]
fn the_manifest_enters_an_app_for_contact_center_and_the_web_client() {
    let ran = Place::new().with(ENOUGH).run(&["check", "--manifest"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_snapshot!(ran.stdout);
}

#[test]
fn the_manifest_fits_the_settings() {
    let settings = "[app]\nguests = \"deny\"\nhome = \"/panel\"\n[pwa]\nenabled = false\n";
    let manifest = Place::new().with(ENOUGH).file("stagedoor.toml", settings).run(&["check", "--manifest"]).json();
    let features = &manifest["features"];
    assert_eq!(features["products"], serde_json::json!(["ZOOM_MEETING"]));
    assert_eq!(features["production_home_uri"], "https://app.example.com/panel");
    assert_eq!(features["in_client_feature"]["guest_mode"]["enable"], false);
    assert_eq!(features["in_client_feature"]["in_client_oauth"]["enable"], true);
    assert_eq!(features["zoom_client_support"]["pwa_client"]["enable"], false);
}

#[test]
fn a_manifest_comes_only_of_settings_that_are_fine() {
    let ran = Place::new().run(&["check", "--manifest"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
}

#[test]
fn no_settings_at_all_are_five_things_to_set() {
    let ran = Place::new().run(&["check"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @r"
    The settings have 5 problems.

      public_url (not set)
        it is required
        fix: set public_url in stagedoor.toml, or PUBLIC_URL in the environment

      secret (not set)
        it is required
        fix: set secret in stagedoor.toml, or STAGEDOOR_SECRET in the environment

      zoom.client_id (not set)
        it is required
        fix: set zoom.client_id in stagedoor.toml, or ZOOM_CLIENT_ID in the environment

      zoom.client_secret (not set)
        it is required
        fix: set zoom.client_secret in stagedoor.toml, or ZOOM_CLIENT_SECRET in the environment

      app.root or app.upstream (not set)
        one of them is required
        fix: set app.root or app.upstream in stagedoor.toml, or APP_UPSTREAM in the environment
    ");
}

#[test]
fn problems_are_json_where_json_is_asked_for() {
    let ran = Place::new().with(ENOUGH).with(&[("LISTEN", "3000")]).run(&["check", "--json"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stdout, @r#"
    {
      "ok": false,
      "problems": [
        {
          "key": "listen",
          "origin": "environment variable LISTEN",
          "problem": "\"3000\" is not an address with a port",
          "fix": "write address:port, for example 127.0.0.1:3000, or 0.0.0.0:3000 for all interfaces"
        }
      ]
    }
    "#);
}

#[test]
fn a_settings_file_that_is_named_must_exist() {
    let ran = Place::new().with(ENOUGH).run(&["check", "--config", "absent.toml"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @r"
    The settings have a problem.

      the file (absent.toml)
        it cannot be read: No such file or directory (os error 2)
        fix: check its name and permissions
    ");
}

#[test]
fn dotenv_and_secret_files_are_read_from_beside_the_settings() {
    let place =
        Place::new().with(&ENOUGH[..1]).file("stagedoor.toml", "[app]\nroot = \".\"\n").file("secret", ENOUGH[3].1);
    let dotenv =
        format!("STAGEDOOR_SECRET={}\nZOOM_CLIENT_ID=fromDotenv\nZOOM_CLIENT_SECRET_FILE=secret\n", ENOUGH[1].1);
    assert_eq!(place.file(".env", &dotenv).run(&["check"]).status, 0);
}
