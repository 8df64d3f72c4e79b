use insta::assert_snapshot;

use crate::support::Place;

const COMMANDS: &[&[&str]] =
    &[&["emulator"], &["init"], &["check"], &["context"], &["context", "open"], &["context", "seal"]];

#[test]
fn every_command_has_help_with_an_example_and_without_colour() {
    for command in COMMANDS {
        let help = Place::new().run(&[*command, &["--help"]].concat());
        assert_eq!(help.status, 0, "{command:?}");
        let example = format!("stagedoor {}", command.join(" "));
        assert!(help.stdout.contains("Example") && help.stdout.contains(&example), "{command:?}: {}", help.stdout);
        assert!(!help.stdout.contains('\u{1b}'), "{command:?}");
    }
}

#[test]
fn the_help_begins_with_what_to_do_first() {
    assert_snapshot!(Place::new().run(&["--help"]).stdout, @"");
}

#[test]
fn wrong_use_is_status_2() {
    for wrong in
        [&["--nope"][..], &["nope"], &["check", "--json=1"], &["context"], &["emulator", "--port", "2junk"], &[]]
    {
        assert_eq!(Place::new().run(wrong).status, 2, "{wrong:?}");
    }
}
