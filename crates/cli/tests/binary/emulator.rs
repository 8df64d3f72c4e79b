use insta::assert_snapshot;

use crate::running::{Running, get};
use crate::support::Place;

#[test]
fn a_secret_is_not_taken_from_the_command_line() {
    let ran = Place::new().run(&["emulator", "--client-secret", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"error: --client-secret takes @FILE, or - for standard input: a secret on the command line can be read by others on this machine");
}

#[test]
fn a_taken_port_is_one_sentence_with_the_flag_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = Place::new().run(&["emulator", "--port", &port]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr.replace(&port, "PORT"), @"error: port PORT is taken by another program; choose another first port with --port (six in a row are needed)");
}

#[test]
fn json_is_one_line_with_what_a_backend_and_a_test_need() {
    let given = "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC";
    let place = Place::new().with(&[("ZOOM_CLIENT_SECRET", given)]);
    let running = Running::start(place.command(&["emulator", "--port", "0", "--json"]), "}\n");
    let said: serde_json::Value = serde_json::from_str(&running.said).unwrap();
    let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{name}: {said}"));
    assert_eq!(get(text("zoom"), "").status, 200);
    assert_eq!(said["environment"]["ZOOM_HOST"], said["zoom"]);
    assert!(said["environment"]["ZOOM_CLIENT_ID"].is_string() && text("control").ends_with("/control/"), "{said}");
    assert!(!running.said.contains(given), "who gave a secret has it");
}

#[test]
fn half_of_the_cobrowse_credentials_are_none() {
    let ran = Place::new().with(&[("ZOOM_SDK_KEY", "anSdkKey")]).run(&["emulator", "--port", "0"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"error: ZOOM_SDK_KEY and ZOOM_SDK_SECRET are of one app: set both, or neither for random ones");
}
