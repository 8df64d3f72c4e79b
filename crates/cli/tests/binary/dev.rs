use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::running::{Running, free_ports, get, launch, put};
use crate::support::Place;

/// `dev` on free ports.
struct Dev {
    app: u16,
    zoom: u16,
    running: Running,
}

impl Dev {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let (app, zoom) = (free_ports(1), free_ports(6));
        Self::start_at(place, app, zoom, arguments)
    }

    fn start_at(place: &Place, app: u16, zoom: u16, arguments: &[&str]) -> Self {
        let ports = [&app.to_string(), "--emulator-port", &zoom.to_string()].map(str::to_owned);
        let ports: Vec<_> = ports.iter().map(String::as_str).collect();
        let command = place.command(&[&["dev", "--port"], &ports[..], arguments].concat());
        Self { app, zoom, running: Running::start(command, "Ctrl-C") }
    }

    fn app(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.app)
    }

    fn zoom(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.zoom)
    }

    /// Adds the app as the first user, without being asked for consent.
    fn install(&self) {
        let consent = put(&format!("http://localhost:{}/control/consent", self.zoom + 2), r#"{"mode":"allow"}"#);
        assert_eq!(consent.status, 200, "{consent:?}");
        let begun = get(&self.app("/zoom/install"), "");
        let consented = get(begun.header("location").unwrap(), "");
        let finished = get(consented.header("location").unwrap(), begun.cookie());
        let link = finished.header("location").unwrap_or_else(|| panic!("{finished:?}"));
        assert!(link.starts_with(&self.zoom("/launch/")), "{link}");
    }
}

/// The same deployment as `dev` has made, for commands that read settings.
fn settings_of(place: Place, dev: &Dev) -> Place {
    let keys: serde_json::Value = serde_json::from_str(&place.text(".stagedoor/keys.json")).unwrap();
    let key = |name: &str| keys[name].as_str().unwrap().to_owned();
    place.with(&[
        ("PUBLIC_URL", &dev.app("")),
        ("STAGEDOOR_SECRET", &key("secret")),
        ("ZOOM_CLIENT_ID", &key("client_id")),
        ("ZOOM_CLIENT_SECRET", &key("client_secret")),
        ("ZOOM_HOST", &dev.zoom("")),
        ("DATABASE_URL", "sqlite:.stagedoor/dev.db"),
        ("APP_ROOT", "."),
    ])
}

#[test]
fn it_prints_what_to_open_and_both_answer() {
    let dev = Dev::start(&Place::new(), &[]);
    let health = dev.running.said.split("Health: ").nth(1).unwrap().split(". ").next().unwrap().to_owned();
    let said = dev.running.said.replace(&health, "HEALTH");
    let said = said.replace(&dev.app.to_string(), "APP").replace(&dev.zoom.to_string(), "ZOOM");
    assert_snapshot!(said, @r"
    Stagedoor runs here, with an emulated Zoom. Open:

      http://localhost:ZOOM   Zoom: add the app, open it, and watch every step
      http://localhost:APP   the app, as a browser outside Zoom sees it

    The app is the bundled sample; bring your own with --app DIR or --upstream URL.
    Health: HEALTH. Ctrl-C stops everything.
    ");
    assert_eq!(get(&dev.zoom("/"), "").status, 200);
    assert_eq!(get(&health, "").status, 200);
    let app = get(&dev.app("/"), "");
    assert!(app.body.contains("Zoom"), "{app:?}");
    assert_eq!(dev.running.terminate(), Some(0));
}

#[test]
fn a_restart_keeps_the_installation_even_after_a_power_cut() {
    let place = Place::new();
    let dev = Dev::start(&place, &[]);
    dev.install();
    let (app, zoom) = (dev.app, dev.zoom);
    dev.running.kill();
    let dev = Dev::start_at(&place, app, zoom, &[]);
    let place = settings_of(place, &dev);
    let context = place.run(&["context", "seal", r#"{"typ":"panel","uid":"7lVvQmTkRwGfQmX2yq1BzA"}"#]).stdout;
    let launched = launch(&dev.app("/"), context.trim_end());
    assert_eq!(launched.status, 200, "{launched:?}");
    let session = get(&dev.app("/zoom/session"), launched.cookie());
    let session: serde_json::Value = serde_json::from_str(&session.body).unwrap();
    assert_eq!((&session["user"]["id"], &session["installed"]), (&"7lVvQmTkRwGfQmX2yq1BzA".into(), &true.into()));
    assert_eq!(dev.running.terminate(), Some(0));
}

#[test]
fn an_installation_is_listed_shown_and_revoked_while_the_gateway_runs() {
    let place = Place::new();
    let dev = Dev::start(&place, &[]);
    dev.install();
    let place = settings_of(place, &dev);
    let listed = place.run(&["installations", "list"]);
    assert!(listed.stdout.contains("Ada Lovelace"), "{listed:?}");
    let listed = place.run(&["installations", "list", "--json"]).json();
    let user = listed["installations"][0]["user"].as_str().unwrap();
    let shown = place.run(&["installations", "show", user]);
    assert!(shown.stdout.contains("zoomapp:inmeeting"), "{shown:?}");

    let asked = place.run(&["installations", "revoke", user]);
    assert_eq!(asked.status, 2);
    assert_snapshot!(asked.stderr, @"error: nobody can be asked here; add --yes to revoke");
    let revoked = place.run(&["installations", "revoke", user, "--yes", "--json"]);
    assert_eq!(revoked.json()["revokedAtZoom"], true, "{revoked:?}");
    assert_eq!(place.run(&["installations", "list"]).stdout, "Nobody has added the app.\n");
    assert_eq!(place.run(&["installations", "show", user]).status, 1);
    assert_eq!(place.run(&["installations", "revoke", user, "--yes"]).status, 1);
}

#[test]
fn a_revocation_erases_here_even_where_zoom_is_down() {
    let place = Place::new();
    let dev = Dev::start(&place, &[]);
    dev.install();
    let place = settings_of(place, &dev);
    dev.running.kill();
    let revoked = place.run(&["installations", "revoke", "7lVvQmTkRwGfQmX2yq1BzA", "--yes"]);
    assert_eq!(revoked.status, 0, "{revoked:?}");
    assert!(revoked.stderr.starts_with("Zoom was not told (Zoom could not be asked"), "{revoked:?}");
    assert_eq!(place.run(&["installations", "list"]).stdout, "Nobody has added the app.\n");
}

#[test]
fn no_token_or_secret_is_printed() {
    let place = Place::new();
    let dev = Dev::start(&place, &["--verbose"]);
    dev.install();
    let place = settings_of(place, &dev);
    let keys: serde_json::Value = serde_json::from_str(&place.text(".stagedoor/keys.json")).unwrap();
    for arguments in [&["installations", "list", "--json"][..], &["check", "--json"], &["installations", "list"]] {
        let ran = place.run(arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        for secret in ["client_secret", "secret"] {
            assert!(!ran.stdout.contains(keys[secret].as_str().unwrap()));
        }
        // The emulator's tokens are JWTs, as Zoom's are.
        assert!(!ran.stdout.contains("eyJ"), "{ran:?}");
    }
}

#[test]
fn what_it_keeps_is_for_its_owner_only() {
    let place = Place::new();
    let dev = Dev::start(&place, &[]);
    dev.running.kill();
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".stagedoor"), 0o700);
    assert_eq!(mode(".stagedoor/keys.json"), 0o600);
    assert_eq!(mode(".stagedoor/dev.db"), 0o600);
}

#[test]
fn a_taken_port_is_one_sentence_with_the_flag_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (app, zoom) = (free_ports(1).to_string(), free_ports(6).to_string());
    let ran = Place::new().run(&["dev", "--port", &port, "--emulator-port", &zoom]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr.replace(&port, "PORT"), @"error: port PORT is taken by another program; choose another with --port");
    let ran = Place::new().run(&["dev", "--port", &app, "--emulator-port", &port]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr.replace(&port, "PORT"), @"error: port PORT is taken by another program; choose another first of six ports with --emulator-port");
    let ran = Place::new().run(&["dev", "--port", "4003"]);
    assert_eq!(ran.status, 2);
    assert_snapshot!(ran.stderr, @"error: --port 4003 is one of the emulator's ports, 4000 to 4005; choose another");
}

#[test]
fn an_upstream_that_is_not_up_yet_is_fine() {
    let upstream = format!("http://127.0.0.1:{}", free_ports(1));
    let dev = Dev::start(&Place::new(), &["--upstream", &upstream]);
    assert!(dev.running.said.contains(&format!("The app is the server at {upstream}.")), "{}", dev.running.said);
    assert_eq!(get(&dev.zoom("/"), "").status, 200);
}

#[test]
fn an_app_that_cannot_be_is_wrong_use() {
    for (arguments, sentence) in [
        (["--app", "absent"], "error: --app: there is no directory absent\n"),
        (
            ["--upstream", "localhost:8000"],
            "error: --upstream: it is not an absolute http or https URL; write scheme, host and port only, for example https://app.example.com\n",
        ),
    ] {
        let ran = Place::new().run(&[&["dev"], &arguments[..]].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (2, sentence));
    }
    assert_eq!(Place::new().run(&["dev", "--app", ".", "--upstream", "http://localhost:8000"]).status, 2);
}
