//! Opens the store that an address names.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use stagedoor_flows::port::{Clock as _, Store};
use stagedoor_gateway::SystemClock;
use stagedoor_store::copy::is_unfinished;
use stagedoor_store::{Memory, Postgres, Redis, Sqlite};

use crate::settings::StoreUrl;

/// Opens the store of a gateway, and makes it where there is none.
pub(crate) async fn store(url: &StoreUrl) -> anyhow::Result<Arc<dyn Store>> {
    let store = open(url).await.context("the store cannot be opened (setting store.url)")?;
    let is_unfinished = is_unfinished(&*store, SystemClock.now()).await.context("the store cannot be read")?;
    ensure!(
        !is_unfinished,
        "the store holds a copy that was interrupted (setting store.url); run stagedoor migrate again to finish it"
    );
    Ok(store)
}

/// Opens a store to copy another into, and makes it where there is none.
pub(crate) async fn store_to_fill(url: &StoreUrl) -> anyhow::Result<Arc<dyn Store>> {
    open(url).await
}

/// Opens a store that must be there: looking makes no new, empty one.
pub(crate) async fn existing_store(url: &StoreUrl) -> anyhow::Result<Arc<dyn Store>> {
    match url {
        StoreUrl::Sqlite(path) => {
            let exists = path.try_exists().with_context(|| format!("cannot look for {}", path.display()))?;
            ensure!(exists, "there is no store at {}: serve has not run with these settings", path.display());
            open(url).await
        }
        StoreUrl::Postgres(url) => Ok(Arc::new(Postgres::connect_to_existing(url.expose()).await?)),
        StoreUrl::Redis(url) => Ok(Arc::new(Redis::connect_to_existing(url.clone()).await?)),
    }
}

/// A store for a deployment that keeps nothing.
pub(crate) fn no_store() -> Arc<dyn Store> {
    Arc::new(Memory::new())
}

async fn open(url: &StoreUrl) -> anyhow::Result<Arc<dyn Store>> {
    match url {
        // Blocks for some milliseconds, before anything else is to be done.
        StoreUrl::Sqlite(path) => Ok(Arc::new(Sqlite::open(path)?)),
        StoreUrl::Postgres(url) => {
            if Postgres::may_travel_in_the_clear(url.expose()) {
                tracing::warn!("the connection to the database may be unencrypted; add sslmode=verify-full to its URL");
            }
            Ok(Arc::new(Postgres::connect(url.expose()).await?))
        }
        StoreUrl::Redis(url) => {
            for caveat in url.caveats() {
                tracing::warn!("{caveat}");
            }
            Ok(Arc::new(Redis::connect(url.clone()).await?))
        }
    }
}
