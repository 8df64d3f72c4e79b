//! The PostgreSQL store, on real servers.
#![cfg(all(feature = "postgres", unix))]
#![expect(clippy::print_stdout, reason = "a child reports to its parent")]

mod conformance;
mod faults;
mod open;
#[path = "../parts/mod.rs"]
mod parts;
#[path = "../servers/port.rs"]
mod port;
mod processes;
#[expect(dead_code, reason = "each test program uses a part")]
#[path = "../servers/mod.rs"]
mod servers;

use std::sync::LazyLock;

use servers::postgres::Server;
use stagedoor_store::Postgres;
use stagedoor_store::postgres::PostgresUrl;

/// A server for the tests that leave it alone. It does not wait for the disk, which others may keep busy.
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(&["fsync=off"]));

fn parse(url: &str) -> PostgresUrl {
    PostgresUrl::parse(url).expect("a URL")
}

async fn connect(url: &str) -> Postgres {
    Postgres::connect(&parse(url)).await.expect("a store")
}
