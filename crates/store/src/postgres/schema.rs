//! The schema and its migrations.
//!
//! Everything lies in the PostgreSQL schema `stagedoor`; the table `stagedoor.migration` says which migrations the
//! database has seen. An advisory lock lets one process migrate at a time, and its transaction leaves all of it or
//! nothing.

use std::time::Duration;

use deadpool_postgres::{GenericClient, Object};
use tokio::time::timeout;
use tokio_postgres::Error;

use super::session::Sessions;
use super::trouble::{ConnectError, Trouble};

/// Applied in this order. Never change or remove one that was released; add another.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_records.sql")];

/// The number of the lock: `Stagedoor`, as far as it fits.
const LOCK: i64 = i64::from_be_bytes(*b"Stagedoo");

/// How long the server may take to say what is there.
const LOOK: Duration = Duration::from_secs(5);

/// A process that comes second waits for the one that migrates. An index of a large table takes its time.
const PATIENCE: &str = "SET LOCAL statement_timeout = '10min'";

/// Also for those who may not look into the schema.
const LOOK_AROUND: &str = "
    SELECT
        EXISTS (SELECT FROM pg_namespace WHERE nspname = 'stagedoor'),
        EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('stagedoor')),
        EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('stagedoor') AND relname = 'migration')";

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM stagedoor.migration";

/// What is in the database.
enum State {
    /// Nothing of ours.
    Nothing,
    /// A schema without tables: somebody who may make one has made it for us.
    Schema,
    /// The tables, after this many migrations.
    Tables(usize),
    /// Something that is not ours.
    Foreign,
}

/// Applies the migrations that the database has not seen: all of them or none.
pub(super) async fn prepare(sessions: &Sessions, migrations: &[&str]) -> Result<(), ConnectError> {
    let server = sessions.server();
    let failed = |error: Error| ConnectError::because(server, error);
    let mut client = sessions.connect().await?;
    if seen(server, &first_look(server, &client).await?, migrations.len())? == migrations.len() {
        return Ok(());
    }
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(PATIENCE).await.map_err(failed)?;
    transaction.query("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    // Another process may have come first.
    let state = look(&transaction).await.map_err(failed)?;
    let seen = seen(server, &state, migrations.len())?;
    apply(&transaction, &state, migrations, seen).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// Refuses a database that has never been prepared.
pub(super) async fn find(sessions: &Sessions) -> Result<(), ConnectError> {
    let client = sessions.connect().await?;
    match first_look(sessions.server(), &client).await? {
        State::Nothing | State::Schema => Err(ConnectError::Empty { server: sessions.server().to_owned() }),
        State::Tables(_) | State::Foreign => Ok(()),
    }
}

async fn first_look(server: &str, client: &Object) -> Result<State, ConnectError> {
    let state = timeout(LOOK, look(client)).await.map_err(|_| ConnectError::because(server, Trouble::Slow))?;
    state.map_err(|error| ConnectError::because(server, error))
}

async fn look(client: &impl GenericClient) -> Result<State, Error> {
    let found = client.query_one(LOOK_AROUND, &[]).await?;
    Ok(match (found.try_get(0)?, found.try_get(1)?, found.try_get(2)?) {
        (false, ..) => State::Nothing,
        (true, false, _) => State::Schema,
        (true, true, false) => State::Foreign,
        (true, true, true) => {
            let version: i32 = client.query_one(VERSION, &[]).await?.try_get(0)?;
            usize::try_from(version).map_or(State::Foreign, State::Tables)
        }
    })
}

/// How many migrations the database has seen, if it is ours to change.
fn seen(server: &str, state: &State, supported: usize) -> Result<usize, ConnectError> {
    let server = server.to_owned();
    match *state {
        State::Nothing | State::Schema => Ok(0),
        State::Tables(found) if found > supported => Err(ConnectError::Newer { server, found, supported }),
        State::Tables(found) => Ok(found),
        State::Foreign => Err(ConnectError::Foreign { server }),
    }
}

async fn apply(client: &impl GenericClient, state: &State, migrations: &[&str], seen: usize) -> Result<(), Error> {
    if matches!(state, State::Nothing) {
        client.batch_execute("CREATE SCHEMA stagedoor").await?;
    }
    if matches!(state, State::Nothing | State::Schema) {
        const TABLE: &str = "CREATE TABLE stagedoor.migration (
            version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())";
        client.batch_execute(TABLE).await?;
    }
    for (migration, version) in migrations.iter().zip(1_i32..).skip(seen) {
        client.batch_execute(migration).await?;
        client.execute("INSERT INTO stagedoor.migration (version) VALUES ($1)", &[&version]).await?;
    }
    Ok(())
}
