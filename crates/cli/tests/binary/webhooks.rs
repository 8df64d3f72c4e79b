use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::Value;

use crate::running::{Running, free_ports, post, until};
use crate::support::{ENOUGH, Place};

const SECRET: (&str, &str) = ("ZOOM_WEBHOOK_SECRET_TOKEN", "whSecretToken_TEST_01234567890AB");

/// A deployment that serves.
struct Serving {
    place: Place,
    url: String,
    _running: Running,
}

impl Serving {
    fn start(more: &[(&str, &str)]) -> Self {
        let (port, admin) = (free_ports(1), free_ports(1));
        let (listen, admin) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{admin}"));
        let place = Place::new().with(ENOUGH).with(&[SECRET, ("LISTEN", &listen), ("ADMIN_LISTEN", &admin)]).with(more);
        let running = Running::start(place.command(&["serve"]), "listening");
        Self { place, url: format!("http://{listen}/zoom/webhook"), _running: running }
    }

    /// Sends an event as Zoom does.
    fn send(&self, body: &str) {
        let now = std::process::Command::new("date").arg("+%s").output().unwrap().stdout;
        let now = String::from_utf8(now).unwrap().trim().to_owned();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.1.as_bytes());
        let tag = aws_lc_rs::hmac::sign(&key, format!("v0:{now}:{body}").as_bytes());
        let hex = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let answer = post(&self.url, &format!("x-zm-request-timestamp: {now}\r\nx-zm-signature: v0={hex}\r\n"), body);
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn events(&self, arguments: &[&str]) -> Vec<Value> {
        let listed = self.place.run(&[&["webhooks", "list", "--json"], arguments].concat());
        assert_eq!(listed.status, 0, "{listed:?}");
        listed.json()["events"].as_array().unwrap().clone()
    }

    /// Waits until the only event is in a state.
    fn wait_for(&self, state: &str) -> Value {
        let mut events = Vec::new();
        until(state, || {
            events = self.events(&[]);
            matches!(&events[..], [event] if event["state"] == state)
        });
        events.remove(0)
    }
}

const EVENT: &str =
    r#"{"event":"meeting.started","event_ts":1763769600123,"payload":{"object":{"id":1,"topic":"\uD83D\uDE92"}}}"#;

#[test]
fn without_an_upstream_events_are_kept_and_can_be_read() {
    let serving = Serving::start(&[]);
    assert_eq!(serving.place.run(&["webhooks", "list"]).stdout, "There is no event.\n");
    serving.send(EVENT);
    let event = serving.wait_for("kept");
    assert_eq!(event["event"], "meeting.started");
    let id = event["id"].as_str().unwrap();
    let shown = serving.place.run(&["webhooks", "show", id]);
    assert!(shown.stdout.ends_with(&format!("state     kept\n\n{EVENT}\n")), "{shown:?}");
    assert_eq!(serving.place.run(&["webhooks", "show", id, "--json"]).json()["body"], EVENT);
    assert_eq!(serving.events(&["--dead"]), [Value::Null; 0]);
    let replayed = serving.place.run(&["webhooks", "replay", id]);
    assert_snapshot!(replayed.stderr, @"error: there is nowhere to deliver it to: webhook.forward is not set");
    assert_snapshot!(serving.place.run(&["webhooks", "show", "evt_0"]).stderr, @"error: there is no event evt_0");
}

#[test]
fn a_replayed_event_reaches_the_upstream_with_its_id_and_the_secret_that_is_printed() {
    let keeping = Serving::start(&[]);
    keeping.send(EVENT);
    let id = keeping.wait_for("kept")["id"].as_str().unwrap().to_owned();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("http://{}/hooks", upstream.local_addr().unwrap());
    let Serving { place, _running: running, .. } = keeping;
    drop(running);
    let place = place.with(&[("WEBHOOK_FORWARD", &forward)]);
    assert_eq!(place.run(&["webhooks", "replay", &id, "--json"]).json()["state"], "waiting");
    let _running = Running::start(place.command(&["serve"]), "listening");
    let (mut stream, _) = upstream.accept().unwrap();
    let mut request = String::new();
    while !request.contains(EVENT) {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).unwrap();
        request.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    assert_eq!(field("webhook-id: "), id);
    let secret = place.run(&["webhooks", "secret"]).stdout;
    let verifier = "const { createHmac } = require('node:crypto'); const [secret, signed] = process.argv.slice(1);
        process.stdout.write('v1,' + createHmac('sha256', Buffer.from(secret.trim().slice(6), 'base64')).update(signed).digest('base64'))";
    let signed = format!("{id}.{}.{EVENT}", field("webhook-timestamp: "));
    let tag = std::process::Command::new("node").args(["-e", verifier, &secret, &signed]).output().unwrap().stdout;
    assert_eq!(field("webhook-signature: "), String::from_utf8(tag).unwrap());
}

#[test]
fn where_no_webhook_is_taken_the_command_says_why() {
    let place = Place::new().with(ENOUGH);
    for arguments in [&["webhooks", "list"][..], &["webhooks", "secret"]] {
        let ran = place.run(arguments);
        assert_eq!(ran.status, 1);
        assert_eq!(ran.stderr, "error: webhooks are not taken: zoom.webhook_secrets is not set\n");
    }
    assert!(!place.path("stagedoor.db").exists(), "looking makes no store");
}

#[test]
fn check_prints_the_address_for_webhooks() {
    let checked = Place::new().with(ENOUGH).with(&[SECRET]).run(&["check"]).stdout;
    assert_snapshot!(checked, @r"
    The settings are fine. In the Marketplace, the app needs:

      Home URL             https://app.example.com/
      Direct landing URL   https://app.example.com/zoom/install
      OAuth redirect URL   https://app.example.com/zoom/callback
      OAuth allow list     https://app.example.com/zoom/callback
      Domain allow list    app.example.com
                           appssdk.zoom.us
      Scopes               zoomapp:inmeeting
                           user:read:user
      Event subscription   https://app.example.com/zoom/webhook
      Deauthorization      https://app.example.com/zoom/webhook

    stagedoor check --manifest prints an app manifest with all of this.
    ");
    let manifest = Place::new().with(ENOUGH).with(&[SECRET]).run(&["check", "--manifest"]).json();
    assert_eq!(manifest["features"]["event_subscription"]["enable"], true);
}
