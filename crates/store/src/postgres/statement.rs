//! The verbs in SQL, each one statement: a transaction of its own, under READ COMMITTED.
//!
//! Why that is linearisable, place by place:
//! - A statement reads what had been committed when it began. Where it then changes a row that somebody else has
//!   changed meanwhile, PostgreSQL waits for the other, looks at the row as it is now, and drops it if the condition no
//!   longer holds. So of any number of takes one gets the record, and a replace sees the version that is there.
//! - An insert meets a row that it could not see through the unique index: it writes over it if that has expired, and
//!   is refused otherwise.
//! - A sequence gives its numbers without regard to who commits first. Whoever makes a version or a fence therefore
//!   takes the place's turn (an advisory lock, until the commit) before the number: a number that was drawn later is
//!   also written later.

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use tokio_postgres::Row;

use super::session::{Sessions, Value};
use super::trouble::Trouble;

// In the three that draw a number, `turn` comes first: OFFSET 0 keeps the planner from merging it into the rest. It is
// empty where the write would be refused, so that a flood of refusals writes nothing and never waits for the disk.

const INSERT: &str = "
    INSERT INTO stagedoor.record (shelf, key, owner, sealed, expires, version)
    SELECT $1::text, $2::bytea, $3::bytea, $4::bytea, $5::bigint, nextval('stagedoor.number')
    FROM (
        SELECT pg_advisory_xact_lock($7::bigint)::text
        WHERE NOT EXISTS (
            SELECT FROM stagedoor.record
            WHERE shelf = $1 AND key = $2 AND (expires IS NULL OR expires > $6::bigint)
        )
        OFFSET 0
    ) AS turn
    ON CONFLICT (shelf, key) DO UPDATE
    SET owner = excluded.owner, sealed = excluded.sealed, expires = excluded.expires, version = excluded.version
    WHERE record.expires <= $6
    RETURNING version";

const REPLACE: &str = "
    UPDATE stagedoor.record
    SET owner = $3::bytea, sealed = $4::bytea, expires = $5::bigint, version = nextval('stagedoor.number')
    FROM (SELECT pg_advisory_xact_lock($8::bigint)::text OFFSET 0) AS turn
    WHERE shelf = $1 AND key = $2 AND version = $7 AND (expires IS NULL OR expires > $6::bigint)
    RETURNING version";

const LEASE: &str = "
    INSERT INTO stagedoor.lease (shelf, key, until, fence)
    SELECT $1::text, $2::bytea, $3::bigint, nextval('stagedoor.number')
    FROM (
        SELECT pg_advisory_xact_lock($5::bigint)::text
        WHERE NOT EXISTS (SELECT FROM stagedoor.lease WHERE shelf = $1 AND key = $2 AND until > $4::bigint)
        OFFSET 0
    ) AS turn
    ON CONFLICT (shelf, key) DO UPDATE SET until = excluded.until, fence = excluded.fence
    WHERE lease.until <= $4
    RETURNING fence";

const RELEASE: &str = "DELETE FROM stagedoor.lease WHERE shelf = $1 AND key = $2 AND fence = $3";

const GET: &str = "
    SELECT key, owner, sealed, expires, version FROM stagedoor.record
    WHERE shelf = $1 AND key = $2 AND (expires IS NULL OR expires > $3)";

const TAKE: &str = "
    DELETE FROM stagedoor.record
    WHERE shelf = $1 AND key = $2 AND (expires IS NULL OR expires > $3)
    RETURNING key, owner, sealed, expires, version";

const REMOVE: &str = "
    DELETE FROM stagedoor.record WHERE shelf = $1 AND key = $2
    RETURNING expires IS NULL OR expires > $3";

// Rows are locked in one order, so that two erasures of one owner do not wait for each other in a circle.
const REMOVE_OWNED: &str = "
    WITH theirs AS (
        SELECT shelf, key FROM stagedoor.record WHERE owner = $1 ORDER BY shelf, key FOR UPDATE
    ), gone AS (
        DELETE FROM stagedoor.record USING theirs
        WHERE record.shelf = theirs.shelf AND record.key = theirs.key
        RETURNING record.expires
    )
    SELECT count(*) FROM gone WHERE expires IS NULL OR expires > $2";

// The row in question is one of theirs. Locked, it shows its version of now, and keeps it. A row that came after this
// statement had begun is not seen by any part of it, so it stays.
const REMOVE_OWNED_IF: &str = "
    WITH theirs AS (
        SELECT shelf, key, expires, version FROM stagedoor.record WHERE owner = $1 ORDER BY shelf, key FOR UPDATE
    ), unchanged AS (
        SELECT 1 WHERE $5::bigint IS NOT DISTINCT FROM (
            SELECT version FROM theirs WHERE shelf = $3 AND key = $4 AND (expires IS NULL OR expires > $2)
        )
    ), gone AS (
        DELETE FROM stagedoor.record USING theirs, unchanged
        WHERE record.shelf = theirs.shelf AND record.key = theirs.key
        RETURNING record.expires
    )
    SELECT (SELECT count(*) FROM gone WHERE expires IS NULL OR expires > $2) FROM unchanged";

const LIST: &str = "
    SELECT key, owner, sealed, expires, version FROM stagedoor.record
    WHERE shelf = $1 AND key > $2 AND (expires IS NULL OR expires > $3)
    ORDER BY key LIMIT $4";

// One step into the index for each shelf, however many records there are.
const SHELVES: &str = "
    WITH RECURSIVE found (shelf) AS (
        SELECT min(shelf) FROM stagedoor.record
        UNION ALL
        SELECT (SELECT min(shelf) FROM stagedoor.record WHERE shelf > found.shelf) FROM found WHERE shelf IS NOT NULL
    )
    SELECT shelf FROM found WHERE shelf IS NOT NULL";

// Replicas that purge at the same time, or a writer who is at a row, are passed by.
const PURGE: &str = "
    WITH ended AS (
        SELECT shelf, key FROM stagedoor.lease
        WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        DELETE FROM stagedoor.lease USING ended WHERE lease.shelf = ended.shelf AND lease.key = ended.key
    ), expired AS (
        SELECT shelf, key FROM stagedoor.record
        WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM stagedoor.record USING expired
        WHERE record.shelf = expired.shelf AND record.key = expired.key
        RETURNING 1
    )
    SELECT count(*) FROM gone";

const READY: &str = "UPDATE stagedoor.probe SET at = now() WHERE id = 1";

pub(super) async fn insert(sessions: &Sessions, draft: &Draft, now: UnixMillis) -> Result<Write, Trouble> {
    let Draft { place, owner, sealed, expires } = draft;
    let (owner, expires) = (owner.as_ref().map(bytes), expires.map(|expires| expires.0));
    let values: &[Value<'_>] = &[&place.shelf.0, &bytes(&place.key), &owner, sealed, &expires, &now.0, &turn(*place)];
    number(sessions, INSERT, values).await.map(outcome)
}

pub(super) async fn replace(
    sessions: &Sessions,
    draft: &Draft,
    expected: Version,
    now: UnixMillis,
) -> Result<Write, Trouble> {
    let Draft { place, owner, sealed, expires } = draft;
    let (owner, expires) = (owner.as_ref().map(bytes), expires.map(|expires| expires.0));
    let expected = expected.0.cast_signed();
    let values: &[Value<'_>] =
        &[&place.shelf.0, &bytes(&place.key), &owner, sealed, &expires, &now.0, &expected, &turn(*place)];
    number(sessions, REPLACE, values).await.map(outcome)
}

fn outcome(number: Option<u64>) -> Write {
    number.map_or(Write::Refused, |number| Write::Done(Version(number)))
}

pub(super) async fn get(sessions: &Sessions, place: Place, now: UnixMillis) -> Result<Option<Record>, Trouble> {
    let rows = sessions.query(GET, &[&place.shelf.0, &bytes(&place.key), &now.0]).await?;
    rows.first().map(|row| record(place.shelf, row)).transpose()
}

pub(super) async fn take(sessions: &Sessions, place: Place, now: UnixMillis) -> Result<Option<Record>, Trouble> {
    let rows = sessions.query(TAKE, &[&place.shelf.0, &bytes(&place.key), &now.0]).await?;
    rows.first().map(|row| record(place.shelf, row)).transpose()
}

pub(super) async fn remove(sessions: &Sessions, place: Place, now: UnixMillis) -> Result<bool, Trouble> {
    let rows = sessions.query(REMOVE, &[&place.shelf.0, &bytes(&place.key), &now.0]).await?;
    rows.first().map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

pub(super) async fn remove_owned(sessions: &Sessions, owner: Key, now: UnixMillis) -> Result<u64, Trouble> {
    Ok(number(sessions, REMOVE_OWNED, &[&bytes(&owner), &now.0]).await?.unwrap_or_default())
}

pub(super) async fn remove_owned_if(
    sessions: &Sessions,
    owner: Key,
    (place, seen): (Place, Option<Version>),
    now: UnixMillis,
) -> Result<Option<u64>, Trouble> {
    let seen = seen.map(|version| version.0.cast_signed());
    let values: &[Value<'_>] = &[&bytes(&owner), &now.0, &place.shelf.0, &bytes(&place.key), &seen];
    number(sessions, REMOVE_OWNED_IF, values).await
}

/// `from` is the shelf and the key behind which the list starts.
pub(super) async fn list(
    sessions: &Sessions,
    from: (Shelf, Option<Key>),
    limit: usize,
    now: UnixMillis,
) -> Result<Vec<Record>, Trouble> {
    let (shelf, after) = from;
    // Every key is behind the empty one.
    let after = after.as_ref().map_or(&[][..], bytes);
    let rows = sessions.query(LIST, &[&shelf.0, &after, &now.0, &count(limit)]).await?;
    rows.iter().map(|row| record(shelf, row)).collect()
}

pub(super) async fn shelves(sessions: &Sessions) -> Result<Vec<String>, Trouble> {
    let rows = sessions.query(SHELVES, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(super) async fn purge(sessions: &Sessions, now: UnixMillis, limit: usize) -> Result<u64, Trouble> {
    Ok(number(sessions, PURGE, &[&now.0, &count(limit)]).await?.unwrap_or_default())
}

pub(super) async fn lease(
    sessions: &Sessions,
    place: Place,
    now: UnixMillis,
    until: UnixMillis,
) -> Result<Option<Lease>, Trouble> {
    let values: &[Value<'_>] = &[&place.shelf.0, &bytes(&place.key), &until.0, &now.0, &turn(place)];
    let fence = number(sessions, LEASE, values).await?;
    Ok(fence.map(|fence| Lease { place, fence, until }))
}

pub(super) async fn release(sessions: &Sessions, lease: &Lease) -> Result<(), Trouble> {
    let Lease { place, fence, .. } = lease;
    let values: &[Value<'_>] = &[&place.shelf.0, &bytes(&place.key), &fence.cast_signed()];
    sessions.query(RELEASE, values).await.map(drop)
}

/// A durable write that changes no record.
pub(super) async fn ready(sessions: &Sessions) -> Result<(), Trouble> {
    sessions.query(READY, &[]).await.map(drop)
}

/// Runs a statement that gives one number or nothing.
async fn number(sessions: &Sessions, sql: &str, values: &[Value<'_>]) -> Result<Option<u64>, Trouble> {
    let rows = sessions.query(sql, values).await?;
    rows.first().map(|row| Ok(row.try_get::<_, i64>(0)?.cast_unsigned())).transpose()
}

/// Reads `key, owner, sealed, expires, version`.
fn record(shelf: Shelf, row: &Row) -> Result<Record, Trouble> {
    let draft = Draft {
        place: Place { shelf, key: key(row.try_get(0)?)? },
        owner: row.try_get::<_, Option<_>>(1)?.map(key).transpose()?,
        sealed: row.try_get(2)?,
        expires: row.try_get::<_, Option<_>>(3)?.map(UnixMillis),
    };
    Ok(Record { draft, version: Version(row.try_get::<_, i64>(4)?.cast_unsigned()) })
}

fn key(bytes: &[u8]) -> Result<Key, Trouble> {
    bytes.try_into().map(Key).map_err(|_| Trouble::Foreign)
}

fn bytes(key: &Key) -> &[u8] {
    &key.0
}

/// The lock of a place. Keys are hashes, so two places hardly ever share one; if they do, they wait for each other.
fn turn(place: Place) -> i64 {
    i64::from_be_bytes(*place.key.0.first_chunk().expect("a key has more than eight bytes"))
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
