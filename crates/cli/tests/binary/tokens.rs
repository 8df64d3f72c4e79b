//! Deployments that issue tokens and do nothing else.

use insta::assert_snapshot;

use crate::running::{Running, free_ports, get};
use crate::support::Place;

const CONSUMER: &str = r#"
[consumer]
private_key = { file = "consumer.pem" }
origins = ["https://www.example.com"]
identity = { forward = "http://127.0.0.1:9/whoami" }
claims = { email = "email" }
"#;

fn place(port: u16) -> Place {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../protocol/tests/vectors/consumer-tokens.json")).unwrap();
    Place::new().file("consumer.pem", vectors["private_key_sec1_pem"].as_str().unwrap()).with(&[
        ("PUBLIC_URL", "https://tokens.example.com"),
        ("LISTEN", &format!("127.0.0.1:{port}")),
        ("ADMIN_LISTEN", "127.0.0.1:0"),
    ])
}

const SDK: &[(&str, &str)] = &[("ZOOM_SDK_KEY", "anSdkKey"), ("ZOOM_SDK_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC")];

#[test]
fn consumer_authentication_alone_is_a_deployment_without_a_store() {
    let port = free_ports(1);
    let place = place(port).file("stagedoor.toml", CONSUMER);
    let running = Running::start(place.command(&["serve"]), "\"listening\"");
    let base = format!("http://127.0.0.1:{port}");
    let reply = get(&format!("{base}/zoom/consumer-auth"), "Cookie: sid=x\r\nOrigin: https://www.example.com\r\n");
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(reply.body.contains("not_signed_in"), "{reply:?}");
    assert_eq!(get(&format!("{base}/zoom/install"), "").status, 404);
    assert_eq!(get(&format!("{base}/"), "").status, 404);
    assert!(!place.path("stagedoor.db").exists());
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn cobrowse_alone_is_a_deployment_without_a_store() {
    let port = free_ports(1);
    let place = place(port).with(SDK).file("stagedoor.toml", "cobrowse.origins = [\"https://www.example.com\"]");
    let running = Running::start(place.command(&["serve"]), "\"listening\"");
    let reply = get(&format!("http://127.0.0.1:{port}/zoom/cobrowse/token"), "");
    assert_eq!(reply.status, 405, "{reply:?}");
    assert!(!place.path("stagedoor.db").exists());
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn check_prints_what_to_enter() {
    let place = place(0)
        .with(SDK)
        .file("stagedoor.toml", &format!("cobrowse.origins = [\"https://www.example.com\"]\n{CONSUMER}"));
    assert_snapshot!(place.run(&["check"]).stdout, @r"
    The settings are fine.

    In Zoom (Contact Center Management, Preferences, Consumer Authentication):

      Authentication endpoint  https://tokens.example.com/zoom/consumer-auth
      JWT public key           key eetygI1sN3axNQVKrnUzlBsQs5TZU-v1JQTj6efYOhk, as PEM:

    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWuD/O1CgT3C/CVa8n0mvzfiHRrVJ
    atsUMHn88VxOWmfA1F3L6VHeoVtHeBbd3fvqkCHEmwKh6BUSWOfcbJyWag==
    -----END PUBLIC KEY-----

    For pages and servers of Cobrowse:

      Token endpoint           https://tokens.example.com/zoom/cobrowse/token
    ");
    let json = place.run(&["check", "--json"]).json();
    assert_eq!(json["consumer"]["authentication_endpoint"], "https://tokens.example.com/zoom/consumer-auth");
    assert_eq!(json["cobrowse"]["token_endpoint"], "https://tokens.example.com/zoom/cobrowse/token");
    assert_eq!((json["ok"].as_bool(), json.get("marketplace")), (Some(true), None));
    assert_eq!(place.run(&["check", "--manifest"]).status, 1);
}
