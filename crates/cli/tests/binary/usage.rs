use insta::assert_snapshot;

use crate::support::Place;

const COMMANDS: &[&[&str]] = &[
    &["dev"],
    &["serve"],
    &["emulator"],
    &["trigger"],
    &["init"],
    &["check"],
    &["doctor"],
    &["context"],
    &["context", "open"],
    &["context", "seal"],
    &["installations"],
    &["installations", "list"],
    &["installations", "show"],
    &["installations", "revoke"],
    &["keys"],
    &["keys", "generate"],
    &["keys", "public"],
    &["keys", "rotate"],
    &["keys", "api"],
    &["token"],
    &["token", "consumer"],
    &["token", "cobrowse"],
    &["token", "explain"],
    &["migrate"],
    &["webhooks"],
    &["webhooks", "list"],
    &["webhooks", "show"],
    &["webhooks", "replay"],
    &["webhooks", "secret"],
];

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
    assert_snapshot!(Place::new().run(&["--help"]).stdout, @r"
    The backend of a Zoom App: install, launch, sessions and security headers in front of your app

    Usage: stagedoor <COMMAND>

    Commands:
      dev            Run everything on this machine: an emulated Zoom, the gateway and your app
      serve          Run the gateway
      emulator       Emulate the Zoom platform, for any backend in any language
      trigger        Have the emulator send a webhook, signed as Zoom signs it
      init           Begin a deployment: settings, secrets, a starter app and a Marketplace manifest
      check          Check the settings, and print the URLs to paste into the Marketplace
      doctor         Ask a running deployment what Zoom's client and review would ask, and explain what is wrong
      context        Open and explain an app context, or make one
      installations  List, show or revoke installations; no token is ever printed
      keys           Make, show and change keys: of consumer authentication, of servers, and the secret of the deployment
      token          Issue one token from the settings, or explain one
      migrate        Copy everything from one store into another, for example from SQLite into PostgreSQL
      webhooks       List, show or replay webhooks; print the secret that signs what is forwarded
      help           Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Start here:
      stagedoor dev             everything on this machine, with an emulated Zoom
      stagedoor init my-app     a directory with settings and a starter app
      stagedoor check           what is missing before stagedoor serve
      stagedoor doctor          what Zoom would find wrong with a deployment that runs
    ");
}

#[test]
fn wrong_use_is_status_2() {
    for wrong in [
        &["--nope"][..],
        &["nope"],
        &["check", "--json=1"],
        &["context"],
        &["emulator", "--port", "2junk"],
        &["emulator", "--port", "65531"],
        &[],
    ] {
        assert_eq!(Place::new().run(wrong).status, 2, "{wrong:?}");
    }
}
