//! Connections: made, set up, watched, and given up when they hang.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::trouble::{ConnectError, Trouble};
use super::url::PostgresUrl;

/// How long a verb may take, whatever holds it up.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the making of a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(3);

/// A connection that was idle for this long is asked whether it is alive before it is trusted with a verb: a firewall
/// or a failover may have cut it without a word.
const TRUST: Duration = Duration::from_secs(10);

/// How long that question may take.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How many connections a process has at most. With eight, PostgreSQL shares one wait for the disk among as many
/// commits; more gain little and are memory of the server.
const CONNECTIONS: usize = 8;

/// What every session is told.
///
/// - A statement ends before its caller gives up. (The server does not count the commit, and a commit is never
///   cancelled: one that waits for a standby would then be reported as done.)
/// - Every statement has an index that fits, so one plan is made for each, which uses it however small the tables are
///   today.
/// - Every name is written in full, so that no schema of somebody else can come first.
/// - What is acknowledged is durable. `remote_apply` is stronger than `on` and stays.
const SETUP: &str = "
    SET statement_timeout = '4s';
    SET default_transaction_isolation = 'read committed';
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET jit = off;
    SET search_path = '';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";

/// A value for a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// The connections of this process.
#[derive(Debug)]
pub(super) struct Sessions {
    pool: Pool,
    /// Hosts and ports, for messages.
    server: String,
}

impl Sessions {
    /// Prepares to connect; does not connect yet.
    pub(super) fn new(url: &PostgresUrl) -> Result<Self, ConnectError> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.config.clone(), url.tls()?, config);
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            // The connection that was used last is the one that is surely alive.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(SIGN_OF_LIFE))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async { client.batch_execute(SETUP).await.map_err(HookError::Backend) })
            }))
            .pre_recycle(Hook::async_fn(|client, metrics| {
                let idle = metrics.last_used();
                Box::pin(async move {
                    if idle < TRUST {
                        return Ok(());
                    }
                    client.batch_execute("").await.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|source| ConnectError::other(&url.server, source))?;
        Ok(Self { pool, server: url.server.clone() })
    }

    /// A connection of its own for work that is not a verb.
    pub(super) async fn connect(&self) -> Result<Object, ConnectError> {
        self.pool.get().await.map_err(|error| ConnectError::because(&self.server, error))
    }

    /// Hosts and ports, for messages.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Runs one statement and reads its rows.
    ///
    /// Where a connection hangs, the others that are idle are not trusted either: the next verbs begin with new ones,
    /// so that the store works again as soon as the server does.
    pub(super) async fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Trouble> {
        let deadline = Instant::now() + PATIENCE;
        let Ok(client) = timeout_at(deadline, self.pool.get()).await else { return Err(self.give_up()) };
        let client = client?;
        let rows = timeout_at(deadline, async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, values).await
        });
        if let Ok(rows) = rows.await {
            return Ok(rows?);
        }
        drop(Object::take(client));
        Err(self.give_up())
    }

    fn give_up(&self) -> Trouble {
        self.pool.retain(|_, _| false);
        Trouble::Slow
    }
}
