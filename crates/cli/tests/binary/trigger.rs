use insta::assert_snapshot;

use crate::support::Place;

/// Nothing listens there: the port belongs to nobody.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn without_an_emulator_it_says_where_it_looked() {
    let ran = Place::new().run(&["trigger", "meeting.started", "--emulator", NOWHERE]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with("error: no emulator answers at http://127.0.0.1:1;"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anybody_is_asked() {
    let ran = Place::new().run(&["trigger", "meeting.started", "--set", "payload.object.topic", "--emulator", NOWHERE]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"error: --set payload.object.topic: write PATH=VALUE");
    let ran = Place::new().run_with(&["trigger", "meeting.started", "--payload", "-"], "{");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.starts_with("error: --payload is not JSON: "), "{}", ran.stderr);
    assert_eq!(Place::new().run(&["trigger"]).status, 2);
    assert_eq!(Place::new().run(&["trigger", "--list", "meeting.started"]).status, 2);
}
