use crate::support::{ENOUGH, Place};

#[test]
fn nobody_is_told_of_a_command_that_serve_alone_starts() {
    let ran = Place::new().run(&["help"]);
    assert!(ran.stdout.contains("serve") && !ran.stdout.contains("refresher"), "{ran:?}");
}

#[test]
fn nothing_is_refreshed_with_other_settings_than_the_gateways() {
    let place = Place::new().with(ENOUGH);
    let ran = place.run_with(&["refresher", "--fingerprint", "0123456789abcdef0123456789abcdef"], "nonsense\n");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("the settings are others than those of the gateway; restart it"), "{ran:?}");
    assert!(!place.path("stagedoor.db").exists());
}
