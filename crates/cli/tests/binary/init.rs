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
    let said = Place::new().run(&["init", "my-app"]).stdout;
    let (app, said): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.starts_with("wrote my-app/app/"));
    assert!(app.contains(&"wrote my-app/app/index.html"), "{app:?}");
    assert_snapshot!(said.join("\n"), @r"
    wrote my-app/stagedoor.toml
    wrote my-app/.env
    wrote my-app/zoom-manifest.json
    wrote my-app/.gitignore

    Try it now, without an account:
      cd my-app && stagedoor dev --app app

    For Zoom:
    1. Set public_url in stagedoor.toml, and put it in the place of app.example.com in zoom-manifest.json. Upload
       that file in the Marketplace (Develop, Build App), and copy the client id and secret of your app into .env.
    2. cd my-app && stagedoor check    says what is missing, and prints what else to enter
    3. cd my-app && stagedoor serve    behind a proxy that speaks https at public_url
    4. cd my-app && stagedoor doctor   says what Zoom would find wrong
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
    let manifest: serde_json::Value = serde_json::from_str(&place.text("zoom-manifest.json")).unwrap();
    let (oauth, features) = (&manifest["oauth_information"], &manifest["features"]);
    for uri in ["/development_redirect_uri", "/production_redirect_uri", "/oauth_allow_list/0"] {
        assert_eq!(oauth.pointer(uri).unwrap(), "https://my.example/_z/callback", "{uri}");
    }
    assert_eq!(oauth["scopes"][0], serde_json::json!({ "scope": "zoomapp:inmeeting", "optional": false }));
    assert_eq!(features["development_home_uri"], "https://my.example/panel");
    assert_eq!(features["production_home_uri"], "https://my.example/panel");
    assert_eq!(features["domain_allow_list"][0]["domain"], "my.example");
    assert_eq!(features["domain_allow_list"][1]["domain"], "appssdk.zoom.us");
    assert_eq!(features["in_client_feature"]["guest_mode"]["enable"], false);
    assert_eq!(features["zoom_client_support"]["pwa_client"]["enable"], false);
}

#[test]
fn another_deployment_around_it_does_not_matter() {
    let place = Place::new().file("stagedoor.toml", "public_url = \"https://other.example\"\n");
    assert_eq!(place.run(&["init", "my-app"]).status, 0);
    assert!(!place.text("my-app/zoom-manifest.json").contains("other.example"));
}

#[test]
fn a_wrong_url_leaves_nothing_behind() {
    let place = Place::new();
    let ran = place.run(&["init", "my-app", "--public-url", "http://app.example.com"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("Zoom opens apps over https only"), "{ran:?}");
    assert!(!place.path("my-app").exists());
}
