use insta::assert_snapshot;

use crate::support::{ENOUGH, Place};

#[test]
fn good_settings_give_what_the_marketplace_asks() {
    assert_snapshot!(Place::new().with(ENOUGH).run(&["check"]).stdout, @"");
    let json = Place::new().with(ENOUGH).run(&["check", "--json"]).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["marketplace"]["oauth_redirect_url"], "https://app.example.com/zoom/callback");
}

#[test]
fn no_settings_at_all_are_five_things_to_set() {
    let ran = Place::new().run(&["check"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"");
}

#[test]
fn problems_are_json_where_json_is_asked_for() {
    let ran = Place::new().with(ENOUGH).with(&[("LISTEN", "3000")]).run(&["check", "--json"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stdout, @"");
}

#[test]
fn a_settings_file_that_is_named_must_exist() {
    let ran = Place::new().with(ENOUGH).run(&["check", "--config", "absent.toml"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"");
}

#[test]
fn dotenv_and_secret_files_are_read_from_beside_the_settings() {
    let place =
        Place::new().with(&ENOUGH[..1]).file("stagedoor.toml", "[app]\nroot = \".\"\n").file("secret", ENOUGH[3].1);
    let dotenv =
        format!("STAGEDOOR_SECRET={}\nZOOM_CLIENT_ID=fromDotenv\nZOOM_CLIENT_SECRET_FILE=secret\n", ENOUGH[1].1);
    assert_eq!(place.file(".env", &dotenv).run(&["check"]).status, 0);
}
