use std::net::TcpListener;

use insta::assert_snapshot;

use crate::running::{Running, free_ports, get, until};
use crate::support::{ENOUGH, Place};

/// What is enough, on a free port, with the log as JSON.
fn place(port: u16) -> Place {
    Place::new().with(ENOUGH).with(&[("PORT", &port.to_string()), ("ADMIN_LISTEN", "127.0.0.1:0")])
}

/// The address of the admin listener, as the log has it.
fn admin(running: &Running) -> String {
    let line = running.said.lines().find(|line| line.contains("\"listening\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    format!("http://{}", line["admin"].as_str().unwrap())
}

#[test]
fn the_environment_alone_is_enough_to_serve_and_to_end() {
    let port = free_ports(1);
    let place = place(port);
    let running = Running::start(place.command(&["serve"]), "\"listening\"");
    let page = get(&format!("http://127.0.0.1:{port}/"), "");
    assert_eq!(page.status, 200, "{page:?}");
    let admin = admin(&running);
    for path in ["/health", "/ready", "/metrics"] {
        // It is ready once it has read who was removed, which is after it listens.
        until(path, || get(&format!("{admin}{path}"), "").status == 200);
    }
    assert!(place.path("stagedoor.db").exists());
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn mn_35_metrics_are_not_where_the_world_is() {
    let port = free_ports(1);
    let running = Running::start(place(port).command(&["serve"]), "\"listening\"");
    assert!(get(&format!("{}/metrics", admin(&running)), "").body.contains("# TYPE"));
    for path in ["/metrics", "/zoom/metrics"] {
        assert!(!get(&format!("http://127.0.0.1:{port}{path}"), "").body.contains("# TYPE"), "{path}");
    }
}

#[test]
fn wrong_settings_are_status_2_and_begin_nothing() {
    let place = Place::new().with(&ENOUGH[..3]);
    let ran = place.run(&["serve"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.starts_with("The settings have 2 problems."), "{ran:?}");
    assert!(!place.path("stagedoor.db").exists());
}

#[test]
fn a_taken_port_is_one_sentence_with_the_setting_to_change() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ran = place(port).run(&["serve"]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr.replace(&port.to_string(), "PORT"), @"error: 0.0.0.0:PORT is taken by another program; choose another address with the setting listen");
}

#[test]
fn a_store_that_cannot_be_opened_is_said_at_the_start() {
    let ran = place(free_ports(1)).with(&[("DATABASE_URL", "sqlite:absent/stagedoor.db")]).run(&["serve"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("the store cannot be opened (setting store.url): the directory"), "{ran:?}");
}

#[test]
fn mn_12_a_redis_server_that_is_away_is_said_without_its_password() {
    let port = free_ports(1);
    let url = format!("redis://stagedoor:hunter2@127.0.0.1:{port}");
    let ran = place(free_ports(1)).with(&[("REDIS_URL", url.as_str())]).run(&["serve"]);
    assert_eq!(ran.status, 1);
    let said = ran.stderr.replace(&port.to_string(), "PORT");
    assert!(said.contains("setting store.url): no connection to the Redis server 127.0.0.1:PORT: "), "{ran:?}");
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
}

#[test]
fn looking_at_installations_makes_no_store() {
    let place = Place::new().with(ENOUGH);
    let ran = place.run(&["installations", "list"]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr, @"error: there is no store at stagedoor.db: serve has not run with these settings");
    assert!(!place.path("stagedoor.db").exists());
}
