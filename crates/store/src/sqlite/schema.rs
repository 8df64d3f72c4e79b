//! The schema and its migrations.
//!
//! `PRAGMA application_id` says that a file is ours and `PRAGMA user_version` how many migrations it has seen. Both
//! change in the transaction of the migrations, so that of processes that start together one migrates, once.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::trouble::OpenError;

/// Applied in this order. Never change or remove one that was released; add another.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_records.sql")];

/// `Stgd`.
const APPLICATION: i64 = 0x5374_6764;

/// Says how many migrations the database has seen and refuses one that is not ours to change. Changes nothing.
pub(super) fn check(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<usize, OpenError> {
    let snapshot = connection.unchecked_transaction().map_err(|error| OpenError::from_sqlite(path, error))?;
    version(&snapshot, path, migrations)
}

/// Applies the migrations that the database has not seen: all of them or none.
pub(super) fn migrate(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    if check(connection, path, migrations)? == migrations.len() {
        return Ok(());
    }
    let sqlite = |error| OpenError::from_sqlite(path, error);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(sqlite)?;
    // Another process may have come first.
    let seen = version(&transaction, path, migrations)?;
    apply(&transaction, &migrations[seen..], migrations.len()).and_then(|()| transaction.commit()).map_err(sqlite)
}

fn apply(transaction: &Transaction<'_>, migrations: &[&str], version: usize) -> rusqlite::Result<()> {
    for migration in migrations {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(i64::MAX))
}

/// Reads more than once, hence in one transaction: another process may migrate in between.
fn version(transaction: &Transaction<'_>, path: &Path, migrations: &[&str]) -> Result<usize, OpenError> {
    let sqlite = |error| OpenError::from_sqlite(path, error);
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sqlite);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let seen = match (application, usize::try_from(version)) {
        (APPLICATION, Ok(seen)) => seen,
        (0, Ok(0)) if is_empty(transaction).map_err(sqlite)? => 0,
        _ => return Err(OpenError::Foreign(path.into())),
    };
    if seen > migrations.len() {
        return Err(OpenError::Newer { path: path.into(), found: seen, supported: migrations.len() });
    }
    Ok(seen)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE one (x); INSERT INTO one VALUES (1);";

    fn one(connection: &Connection) -> i64 {
        connection.query_row("SELECT x FROM one", [], |row| row.get(0)).unwrap()
    }

    fn migrate_to(connection: &Connection, migrations: &[&str]) -> Result<(), OpenError> {
        migrate(connection, Path::new("test.db"), migrations)
    }

    #[test]
    fn a_migration_is_applied_once() {
        let connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            migrate_to(&connection, &[FIRST]).unwrap();
        }
        assert_eq!(one(&connection), 1);
    }

    #[test]
    fn an_older_schema_gets_what_it_lacks() {
        let connection = Connection::open_in_memory().unwrap();
        migrate_to(&connection, &[FIRST]).unwrap();
        migrate_to(&connection, &[FIRST, "UPDATE one SET x = x + 1;", "UPDATE one SET x = x * 10;"]).unwrap();
        assert_eq!(one(&connection), 20);
    }

    #[test]
    fn a_failed_migration_leaves_the_older_schema() {
        let connection = Connection::open_in_memory().unwrap();
        migrate_to(&connection, &[FIRST]).unwrap();
        let broken = [FIRST, "UPDATE one SET x = 2;", "UPDATE two SET x = 2;"];
        assert!(matches!(migrate_to(&connection, &broken), Err(OpenError::Other { .. })));
        assert_eq!(one(&connection), 1);
        migrate_to(&connection, &[FIRST]).unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        migrate_to(&connection, &[FIRST, "CREATE TABLE two (x);"]).unwrap();
        let refused = migrate_to(&connection, &[FIRST]);
        assert!(matches!(refused, Err(OpenError::Newer { found: 2, supported: 1, .. })), "{refused:?}");
    }
}
