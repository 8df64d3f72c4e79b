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
    assert_snapshot!(check.stderr, @"");
    let check = place
        .with(&[("ZOOM_CLIENT_ID", "someId"), ("ZOOM_CLIENT_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC")])
        .run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(check.status, 0, "{check:?}");
}

#[test]
fn it_says_what_it_wrote_and_what_to_do_next() {
    assert_snapshot!(Place::new().run(&["init", "my-app"]).stdout, @"");
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
    assert_snapshot!(place.text("zoom-manifest.json"), @"");
}

#[test]
fn a_wrong_url_leaves_nothing_behind() {
    let place = Place::new();
    let ran = place.run(&["init", "my-app", "--public-url", "http://app.example.com"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("Zoom opens apps over https only"), "{ran:?}");
    assert!(!place.path("my-app").exists());
}
