use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use insta::assert_snapshot;

use crate::support::{ENOUGH, Place};

fn openssl(place: &Place, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(place.path("")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_key_is_what_openssl_makes_and_reads() {
    let place = Place::new();
    let made = place.run(&["keys", "generate"]);
    assert_eq!(made.status, 0, "{made:?}");
    assert!(place.text("consumer.pem").starts_with("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI"));
    assert_eq!(std::fs::metadata(place.path("consumer.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(openssl(&place, &["ec", "-in", "consumer.pem", "-pubout"]), made.stdout);
    assert_eq!(place.run(&["keys", "public", "--key", "@consumer.pem"]).stdout, made.stdout);
    assert_eq!(place.run(&["keys", "public"]).stdout, made.stdout, "also before there are settings");
    assert!(!made.stderr.contains("MHcC") && !made.stdout.contains("MHcC"));
}

#[test]
fn a_key_of_openssl_is_read_in_both_forms() {
    let place = Place::new();
    openssl(&place, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sec1.pem"]);
    openssl(&place, &["pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "pkcs8.pem"]);
    let public = openssl(&place, &["ec", "-in", "sec1.pem", "-pubout"]);
    for key in ["@sec1.pem", "@pkcs8.pem"] {
        assert_eq!(place.run(&["keys", "public", "--key", key]).stdout, public, "{key}");
    }
}

#[test]
fn a_secret_for_a_deployment_is_new_each_time_and_good_enough_for_one() {
    let place = Place::new().with(ENOUGH);
    let made = || place.run(&["keys", "generate", "--secret"]).stdout.trim().to_owned();
    let (one, other) = (made(), made());
    assert_ne!(one, other);
    assert!(!place.path("consumer.pem").exists());
    assert_eq!(Place::new().with(ENOUGH).with(&[("STAGEDOOR_SECRET", one.as_str())]).run(&["check"]).status, 0);
    let json = place.run(&["keys", "generate", "--secret", "--json"]).json();
    assert_eq!(json["secret"].as_str().map(str::len), Some(one.len()));
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new().file("consumer.pem", "precious");
    let ran = place.run(&["keys", "generate"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert_snapshot!(ran.stderr, @"error: consumer.pem exists, and nothing is overwritten: name another file");
    assert_eq!(place.text("consumer.pem"), "precious");
}

#[test]
fn the_public_key_is_that_of_the_settings_and_the_next_one_is_asked_for() {
    let place = Place::new();
    let old = place.run(&["keys", "generate", "old.pem"]).stdout;
    let new = place.run(&["keys", "rotate", "consumer", "new.pem"]);
    assert!(new.stderr.contains("next_key = { file = \"new.pem\" }"), "{new:?}");
    let file = "[consumer]\nprivate_key = { file = \"old.pem\" }\nnext_key = { file = \"new.pem\" }\nnext_key_at = \"2999-01-01T00:00:00Z\"\n";
    let place = place.file("stagedoor.toml", file);
    assert_eq!(place.run(&["keys", "public"]).stdout, old);
    assert_eq!(place.run(&["keys", "public", "--next"]).stdout, new.stdout);
    let place = place.file("stagedoor.toml", &file.replace("2999", "2020"));
    assert_eq!(place.run(&["keys", "public"]).stdout, new.stdout, "its instant is over");
    let json = place.run(&["keys", "public", "--json"]).json();
    assert_eq!(
        (json["public_key"].as_str(), json["kid"].as_str().map(str::len)),
        (Some(new.stdout.as_str()), Some(43))
    );
}

#[test]
fn an_api_key_is_shown_once_and_its_line_holds_the_hash() {
    let place = Place::new();
    let json = place.run(&["keys", "api", "desk", "--role", "2", "--role", "1", "--json"]).json();
    let (key, line) = (json["key"].as_str().unwrap(), json["line"].as_str().unwrap());
    assert!(key.starts_with("stagedoor_") && key.len() == 53 && !line.contains(key));
    let sum = place.path("key");
    std::fs::write(&sum, key).unwrap();
    let sum = openssl(&place, &["dgst", "-sha256", "-r", "key"]);
    assert!(line.contains(&format!("hash = \"{}\", roles = [1, 2]", sum.split(' ').next().unwrap())), "{line}");
    let file = format!("cobrowse.api_keys = [{line}]\n");
    let place = place.file("stagedoor.toml", &file).with(&[
        ("PUBLIC_URL", "https://app.example.com"),
        ("ZOOM_SDK_KEY", "anSdkKey"),
        ("ZOOM_SDK_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
    ]);
    let checked = place.run(&["check"]);
    assert_eq!(checked.status, 0, "{checked:?}");
    assert_eq!(place.run(&["keys", "api", "two words"]).status, 2);
    assert_eq!(place.run(&["keys", "api", "desk", "--role", "3"]).status, 2);
}

#[test]
fn a_new_secret_is_one_that_is_taken() {
    let json = Place::new().run(&["keys", "rotate", "secret", "--json"]).json();
    assert_eq!(json["secret"].as_str().unwrap().len(), 44);
    let ran = Place::new().run(&["keys", "rotate", "secret"]);
    assert!(ran.stderr.contains("previous_secrets") && ran.stdout.trim().len() == 44, "{ran:?}");
    let named = Place::new().run(&["keys", "rotate", "secret", "next.txt"]);
    assert_eq!((named.status, named.stdout.as_str()), (2, ""), "nothing is written to a file: {named:?}");
}
