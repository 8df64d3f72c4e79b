use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::support::Place;

#[test]
fn a_new_directory_is_complete_but_for_what_zoom_gives() {
    let place = Place::new();
    let ran = place.run(&["init", "my-app", "--public-url", "https://app.example.com"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let config = place.path("my-app/stagedoor.toml");
    let check = place.run(&["check", "--config", config.to_str().unwrap()]);
    assert_snapshot!(check.stderr, @r"
    The settings have 2 problems.

      zoom.client_id (not set)
        it is required; ZOOM_CLIENT_ID is set, but empty
        fix: set zoom.client_id in stagedoor.toml, or ZOOM_CLIENT_ID in the environment

      zoom.client_secret (not set)
        it is required; ZOOM_CLIENT_SECRET is set, but empty
        fix: set zoom.client_secret in stagedoor.toml, or ZOOM_CLIENT_SECRET in the environment
    ");
    let check = place
        .with(&[("ZOOM_CLIENT_ID", "someId"), ("ZOOM_CLIENT_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC")])
        .run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(check.status, 0, "{check:?}");
}

#[test]
fn it_says_what_it_wrote_and_what_to_do_next() {
    assert_snapshot!(Place::new().run(&["init", "my-app"]).stdout, @r"
    wrote my-app/stagedoor.toml
    wrote my-app/.env
    wrote my-app/app/index.html
    wrote my-app/zoom-manifest.json
    wrote my-app/.gitignore

    Try it now, without an account:
      cd my-app && stagedoor dev --app app

    For Zoom:
    1. Set public_url in stagedoor.toml, and put it in the place of app.example.com in zoom-manifest.json. Upload
       that file in the Marketplace (Develop, Build App), and copy the client id and secret of your app into .env.
    2. cd my-app && stagedoor check    says what is missing, and prints what else to enter
    3. cd my-app && stagedoor serve
    ");
}

#[test]
fn the_secret_is_strong_new_each_time_and_for_its_owner_only() {
    let (one, other) = (Place::new(), Place::new());
    for place in [&one, &other] {
        assert_eq!(place.run(&["init"]).status, 0);
        let mode = std::fs::metadata(place.path(".env")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(place.text(".gitignore").lines().any(|line| line == ".env"));
    }
    let secret = |place: &Place| {
        let text = place.text(".env");
        text.lines().find_map(|line| line.strip_prefix("STAGEDOOR_SECRET=")).unwrap().to_owned()
    };
    assert_eq!(secret(&one).len(), 44);
    assert_ne!(secret(&one), secret(&other));
}

#[test]
fn nothing_is_overwritten() {
    let place =
        Place::new().file("stagedoor.toml", "public_url = \"https://other.example\"\n").file(".gitignore", "target\n");
    let ran = place.run(&["init"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(place.text("stagedoor.toml"), "public_url = \"https://other.example\"\n");
    assert_eq!(place.text(".gitignore"), "target\n");
    assert!(ran.stdout.contains("kept  ./stagedoor.toml\n"), "{ran:?}");
    assert!(ran.stderr.contains("Add .env to your .gitignore"), "{ran:?}");
    let secrets = place.text(".env");
    assert_eq!(place.run(&["init"]).status, 0);
    assert_eq!(place.text(".env"), secrets);
}

#[test]
fn the_manifest_fits_the_settings() {
    let place = Place::new().file(
        "stagedoor.toml",
        "public_url = \"https://my.example\"\nprefix = \"/_z\"\n[app]\nhome = \"/panel\"\nguests = \"deny\"\n[pwa]\nenabled = false\n",
    );
    assert_eq!(place.run(&["init"]).status, 0);
    assert_snapshot!(place.text("zoom-manifest.json"), @r#"
    {
      "display_information": {
        "display_name": "My Zoom App"
      },
      "features": {
        "development_home_uri": "https://my.example/panel",
        "domain_allow_list": [
          {
            "domain": "my.example",
            "explanation": "The app itself"
          },
          {
            "domain": "appssdk.zoom.us",
            "explanation": "The Zoom Apps SDK"
          }
        ],
        "in_client_feature": {
          "collaborate_mode": {
            "enable": false
          },
          "guest_mode": {
            "enable": false,
            "enable_test_guest_mode": false
          },
          "in_client_oauth": {
            "enable": false
          },
          "zoom_app_api": {
            "enable": true,
            "zoom_app_apis": [
              "getAppContext",
              "getRunningContext",
              "getSupportedJsApis",
              "onRunningContextChange",
              "openUrl"
            ]
          }
        },
        "production_home_uri": "https://my.example/panel",
        "products": [
          "ZOOM_MEETING"
        ],
        "zoom_client_support": {
          "mobile": {
            "enable": false
          },
          "pwa_client": {
            "enable": false
          },
          "zoom_room": {
            "enable": false
          }
        }
      },
      "oauth_information": {
        "development_redirect_uri": "https://my.example/_z/callback",
        "oauth_allow_list": [
          "https://my.example/_z/callback"
        ],
        "production_redirect_uri": "https://my.example/_z/callback",
        "scopes": [
          {
            "optional": false,
            "scope": "zoomapp:inmeeting"
          },
          {
            "optional": false,
            "scope": "user:read:user"
          }
        ],
        "strict_mode": true,
        "subdomain_strict_mode": true,
        "usage": "USER_OPERATION"
      }
    }
    "#);
}

#[test]
fn a_wrong_url_leaves_nothing_behind() {
    let place = Place::new();
    let ran = place.run(&["init", "my-app", "--public-url", "http://app.example.com"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("Zoom opens apps over https only"), "{ran:?}");
    assert!(!place.path("my-app").exists());
}
