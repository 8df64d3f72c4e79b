use stagedoor_flows::port::{Draft, Key, Place as At, Shelf, Store};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Sqlite;

use crate::servers::postgres::{PASSWORD, Server};
use crate::support::{ENOUGH, Place};

const NOW: UnixMillis = UnixMillis(0);

/// A directory with settings, and ten records in `stagedoor.db`.
fn place() -> Place {
    let place = Place::new().with(ENOUGH);
    block_on(async {
        let store = Sqlite::open(place.path("stagedoor.db")).unwrap();
        for number in 0..10 {
            store.insert(record(number), NOW).await.unwrap();
        }
    });
    place
}

fn record(number: u8) -> Draft {
    let at = At { shelf: Shelf("installation"), key: Key([number; 32]) };
    Draft { place: at, owner: Some(Key([9; 32])), sealed: vec![number; 100], expires: None }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

fn records(place: &Place, file: &str) -> Vec<Draft> {
    block_on(async {
        let store = Sqlite::open(place.path(file)).unwrap();
        let records = store.list(Shelf("installation"), None, usize::MAX, NOW).await.unwrap();
        records.into_iter().map(|record| record.draft).collect()
    })
}

#[test]
fn everything_goes_into_postgresql_and_back() {
    let server = Server::start(&["fsync=off"]);
    let url = server.url(&server.database());
    let place = place().file("url", &url);
    let ran = place.run(&["migrate", "--to", "@url"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("Copied and compared 10 records:\n          10  installation\n"), "{ran:?}");
    assert!(ran.stderr.contains("Every gateway must be stopped"), "{ran:?}");
    assert!(!format!("{ran:?}").contains(PASSWORD));

    let again = place.run(&["migrate", "--to", "@url"]);
    assert_eq!(again.status, 1);
    assert!(again.stderr.contains("the new store holds records already; choose an empty one"), "{again:?}");

    let back = place.run_with(&["migrate", "--from", "-", "--to", "sqlite:back.db", "--json"], &url);
    let expected = serde_json::json!({ "records": 10, "shelves": [{ "name": "installation", "records": 10 }] });
    assert_eq!(back.json(), expected);
    assert_eq!(records(&place, "back.db"), records(&place, "stagedoor.db"));
    assert_eq!(records(&place, "back.db").len(), 10);
}

#[test]
fn nobody_serves_from_half_a_copy() {
    let place = place();
    block_on(async {
        let mark = At { shelf: Shelf("copy"), key: Key([0; 32]) };
        let store = Sqlite::open(place.path("half.db")).unwrap();
        store.insert(Draft { place: mark, ..record(0) }, NOW).await.unwrap();
        store.insert(record(77), NOW).await.unwrap();
    });
    let ran = place.command(&["serve"]).env("DATABASE_URL", "sqlite:half.db").output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(stderr.contains("run stagedoor migrate again to finish it"), "{stderr}");

    let ran = place.run(&["migrate", "--to", "sqlite:half.db"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(records(&place, "half.db"), records(&place, "stagedoor.db"));
}

#[test]
fn looking_for_a_store_that_is_not_there_makes_none() {
    let place = Place::new().with(ENOUGH);
    let ran = place.run(&["migrate", "--to", "sqlite:new.db"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("there is no store at stagedoor.db"), "{ran:?}");
    assert!(!place.path("stagedoor.db").exists() && !place.path("new.db").exists());
}

#[test]
fn a_password_does_not_belong_on_the_command_line() {
    let place = place();
    for flag in ["--to", "--from"] {
        let mut arguments = vec!["migrate", flag, "postgres://stagedoor:hunter2@db/stagedoor"];
        if flag == "--from" {
            arguments.extend(["--to", "sqlite:new.db"]);
        }
        let ran = place.run(&arguments);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains("@FILE") && !ran.stderr.contains("hunter2"), "{ran:?}");
    }
    let same = place.run(&["migrate", "--to", "sqlite:stagedoor.db"]);
    assert_eq!(same.status, 2);
    assert!(same.stderr.contains("both stores are the same"), "{same:?}");
}
