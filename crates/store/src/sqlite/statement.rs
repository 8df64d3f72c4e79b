//! The verbs in SQL. Each runs inside a transaction of its caller and is undone with it when it fails.

use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row, named_params, params};
use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Version, Write};
use stagedoor_protocol::time::UnixMillis;

// None of these uses RETURNING: SQLite builds a temporary table for it, which costs as much as a small write.

const ADVANCE: &str = "UPDATE sequence SET last = last + 1 WHERE id = 1";

const LAST: &str = "SELECT last FROM sequence WHERE id = 1";

const INSERT: &str = "
    INSERT INTO record (shelf, key, owner, sealed, expires, version)
    VALUES (:shelf, :key, :owner, :sealed, :expires, (SELECT last + 1 FROM sequence WHERE id = 1))
    ON CONFLICT (shelf, key) DO UPDATE
    SET owner = excluded.owner, sealed = excluded.sealed, expires = excluded.expires, version = excluded.version
    WHERE record.expires <= :now";

const REPLACE: &str = "
    UPDATE record
    SET owner = :owner, sealed = :sealed, expires = :expires, version = (SELECT last + 1 FROM sequence WHERE id = 1)
    WHERE shelf = :shelf AND key = :key AND version = :expected AND (expires IS NULL OR expires > :now)";

const GET: &str = "
    SELECT key, owner, sealed, expires, version FROM record
    WHERE shelf = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?3)";

const REMOVE: &str = "DELETE FROM record WHERE shelf = ?1 AND key = ?2";

const COUNT_OWNED: &str = "
    SELECT count(*) FROM record WHERE owner = ?1 AND (expires IS NULL OR expires > ?2)";

const REMOVE_OWNED: &str = "DELETE FROM record WHERE owner = ?1";

const LIST: &str = "
    SELECT key, owner, sealed, expires, version FROM record
    WHERE shelf = ?1 AND key > ?2 AND (expires IS NULL OR expires > ?3)
    ORDER BY key LIMIT ?4";

// One step into the index for each shelf, however many records there are.
const SHELVES: &str = "
    WITH RECURSIVE found (shelf) AS (
        SELECT min(shelf) FROM record
        UNION ALL
        SELECT (SELECT min(shelf) FROM record WHERE shelf > found.shelf) FROM found WHERE shelf IS NOT NULL
    )
    SELECT shelf FROM found WHERE shelf IS NOT NULL";

const PURGE_RECORDS: &str = "
    DELETE FROM record WHERE id IN (SELECT id FROM record WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";

const PURGE_LEASES: &str = "
    DELETE FROM lease
    WHERE (shelf, key) IN (SELECT shelf, key FROM lease WHERE until <= ?1 ORDER BY until LIMIT ?2)";

const LEASE: &str = "
    INSERT INTO lease (shelf, key, fence, until)
    VALUES (?1, ?2, (SELECT last + 1 FROM sequence WHERE id = 1), ?3)
    ON CONFLICT (shelf, key) DO UPDATE SET fence = excluded.fence, until = excluded.until
    WHERE lease.until <= ?4";

const RELEASE: &str = "DELETE FROM lease WHERE shelf = ?1 AND key = ?2 AND fence = ?3";

/// Makes the next number of versions and fences.
pub(super) fn advance(connection: &Connection) -> Result<u64> {
    connection.prepare_cached(ADVANCE)?.execute([])?;
    connection.prepare_cached(LAST)?.query_row([], |row| row.get(0)).map(i64::cast_unsigned)
}

/// Changes a row, if the condition in `sql` holds, and uses up the number that it took. A refusal takes none and
/// changes nothing, so that a flood of refusals never waits for the disk.
fn write(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Option<u64>> {
    match connection.prepare_cached(sql)?.execute(parameters)? {
        0 => Ok(None),
        _ => advance(connection).map(Some),
    }
}

pub(super) fn insert(connection: &Connection, draft: &Draft, now: UnixMillis) -> Result<Write> {
    let parameters = named_params! {
        ":shelf": draft.place.shelf.0,
        ":key": draft.place.key.0,
        ":owner": draft.owner.map(|owner| owner.0),
        ":sealed": draft.sealed,
        ":expires": draft.expires.map(|expires| expires.0),
        ":now": now.0,
    };
    write(connection, INSERT, parameters).map(outcome)
}

pub(super) fn replace(connection: &Connection, draft: &Draft, expected: Version, now: UnixMillis) -> Result<Write> {
    let parameters = named_params! {
        ":shelf": draft.place.shelf.0,
        ":key": draft.place.key.0,
        ":owner": draft.owner.map(|owner| owner.0),
        ":sealed": draft.sealed,
        ":expires": draft.expires.map(|expires| expires.0),
        ":expected": expected.0.cast_signed(),
        ":now": now.0,
    };
    write(connection, REPLACE, parameters).map(outcome)
}

fn outcome(number: Option<u64>) -> Write {
    number.map_or(Write::Refused, |number| Write::Done(Version(number)))
}

pub(super) fn get(connection: &Connection, place: Place, now: UnixMillis) -> Result<Option<Record>> {
    let parameters = params![place.shelf.0, place.key.0, now.0];
    connection.prepare_cached(GET)?.query_row(parameters, |row| record(place.shelf, row)).optional()
}

pub(super) fn take(connection: &Connection, place: Place, now: UnixMillis) -> Result<Option<Record>> {
    let found = get(connection, place, now)?;
    if found.is_some() {
        delete(connection, place)?;
    }
    Ok(found)
}

pub(super) fn remove(connection: &Connection, place: Place, now: UnixMillis) -> Result<bool> {
    let live = get(connection, place, now)?.is_some();
    delete(connection, place)?;
    Ok(live)
}

fn delete(connection: &Connection, place: Place) -> Result<()> {
    connection.prepare_cached(REMOVE)?.execute(params![place.shelf.0, place.key.0]).map(drop)
}

pub(super) fn remove_owned(connection: &Connection, owner: Key, now: UnixMillis) -> Result<u64> {
    let live: i64 = connection.prepare_cached(COUNT_OWNED)?.query_row(params![owner.0, now.0], |row| row.get(0))?;
    connection.prepare_cached(REMOVE_OWNED)?.execute([owner.0])?;
    Ok(live.cast_unsigned())
}

pub(super) fn remove_owned_if(
    connection: &Connection,
    owner: Key,
    (place, seen): (Place, Option<Version>),
    now: UnixMillis,
) -> Result<Option<u64>> {
    let found = get(connection, place, now)?.map(|record| record.version);
    (found == seen).then(|| remove_owned(connection, owner, now)).transpose()
}

/// `from` is the shelf and the key behind which the list starts.
pub(super) fn list(
    connection: &Connection,
    from: (Shelf, Option<Key>),
    limit: usize,
    now: UnixMillis,
) -> Result<Vec<Record>> {
    let (shelf, after) = from;
    // Every key is behind the empty one.
    let after = after.as_ref().map_or(&[][..], |key| &key.0);
    let parameters = params![shelf.0, after, now.0, count(limit)];
    connection.prepare_cached(LIST)?.query_map(parameters, |row| record(shelf, row))?.collect()
}

pub(super) fn shelves(connection: &Connection) -> Result<Vec<String>> {
    connection.prepare_cached(SHELVES)?.query_map([], |row| row.get(0))?.collect()
}

pub(super) fn purge(connection: &Connection, now: UnixMillis, limit: usize) -> Result<u64> {
    let parameters = (now.0, count(limit));
    connection.prepare_cached(PURGE_LEASES)?.execute(parameters)?;
    let purged = connection.prepare_cached(PURGE_RECORDS)?.execute(parameters)?;
    Ok(purged as u64)
}

pub(super) fn lease(
    connection: &Connection,
    place: Place,
    now: UnixMillis,
    until: UnixMillis,
) -> Result<Option<Lease>> {
    let fence = write(connection, LEASE, params![place.shelf.0, place.key.0, until.0, now.0])?;
    Ok(fence.map(|fence| Lease { place, fence, until }))
}

pub(super) fn release(connection: &Connection, lease: &Lease) -> Result<()> {
    let parameters = params![lease.place.shelf.0, lease.place.key.0, lease.fence.cast_signed()];
    connection.prepare_cached(RELEASE)?.execute(parameters).map(drop)
}

/// Reads `key, owner, sealed, expires, version`.
fn record(shelf: Shelf, row: &Row<'_>) -> Result<Record> {
    let draft = Draft {
        place: Place { shelf, key: Key(row.get(0)?) },
        owner: row.get::<_, Option<_>>(1)?.map(Key),
        sealed: row.get(2)?,
        expires: row.get::<_, Option<_>>(3)?.map(UnixMillis),
    };
    Ok(Record { draft, version: Version(row.get::<_, i64>(4)?.cast_unsigned()) })
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Null;

    use super::*;
    use crate::sqlite::schema::MIGRATIONS;

    #[test]
    fn no_verb_reads_a_whole_table_or_sorts() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            connection.execute_batch(migration).unwrap();
        }
        let reads = [LAST, GET, COUNT_OWNED, LIST, SHELVES];
        let writes = [ADVANCE, INSERT, REPLACE, REMOVE, REMOVE_OWNED, PURGE_RECORDS, PURGE_LEASES, LEASE, RELEASE];
        for sql in reads.into_iter().chain(writes) {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let parameters = rusqlite::params_from_iter(vec![Null; plan.parameter_count()]);
            let steps = plan.query_map(parameters, |row| row.get::<_, String>("detail")).unwrap();
            for step in steps.map(Result::unwrap) {
                // `found` is as long as there are shelves.
                let is_scan = step.contains("SCAN") && step != "SCAN found";
                assert!(!is_scan && !step.contains("TEMP B-TREE"), "{step} in {sql}");
            }
        }
    }
}
