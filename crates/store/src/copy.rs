//! Copies everything of a store into another, record by record and sealed as it is.
//!
//! A copy compares both stores shelf by shelf, makes the new one like the old one, and then compares them again. Until
//! it is complete, the new store holds a mark, by which [`copy`] knows that it may go on where it was interrupted, and
//! everybody else ([`is_unfinished`]) that there is nothing to be served yet. Leases are not copied: whoever held one
//! is gone.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use stagedoor_flows::port::{Draft, Key, Place, Record, Shelf, Store, StoreError, Write};
use stagedoor_protocol::time::UnixMillis;
use tokio::task::JoinSet;

/// Where the mark lies.
const MARK: Place = Place { shelf: Shelf("copy"), key: Key([0; 32]) };

/// How many records are read at once.
const PAGE: usize = 500;

/// How many records are written at once.
const WRITERS: usize = 32;

/// What has been copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The shelves, in the order of their names, and how many records lie on each of them.
    pub shelves: Vec<(String, u64)>,
}

/// Why a copy is not complete.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the stores does not answer.
    #[error("the {0} store failed; run the same command again to go on")]
    Store(Side, #[source] StoreError),
    /// The new store is in use.
    #[error("the new store holds records already; choose an empty one")]
    NotEmpty,
    /// The old store is itself a copy that was interrupted.
    #[error("the old store is an unfinished copy; finish that first")]
    Unfinished,
    /// Somebody has used one of the stores meanwhile.
    #[error("{0} records changed while they were copied; stop every gateway, and run the same command again")]
    Changed(u64),
}

/// One of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is copied.
    Old,
    /// The one that it is copied into.
    New,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

impl Side {
    fn failed(self) -> impl Fn(StoreError) -> CopyError {
        move |error| CopyError::Store(self, error)
    }
}

/// Says whether `store` holds a copy that was interrupted.
pub async fn is_unfinished(store: &dyn Store, now: UnixMillis) -> Result<bool, StoreError> {
    Ok(store.get(MARK, now).await?.is_some())
}

/// Copies every live record of `old` into `new`, which must be empty or hold what an interrupted copy has left. Nobody
/// else may use either of them meanwhile; if somebody has written, it is noticed. `now` is the clock.
pub async fn copy(
    old: &Arc<dyn Store>,
    new: &Arc<dyn Store>,
    now: impl Fn() -> UnixMillis,
) -> Result<Copied, CopyError> {
    if is_unfinished(&**old, now()).await.map_err(Side::Old.failed())? {
        return Err(CopyError::Unfinished);
    }
    begin(&**new, now()).await?;
    let shelves = shelves(&**old, &**new).await?;
    for shelf in &shelves {
        Comparison::new([old, new], *shelf, now()).run(Mode::Mend).await?;
    }
    let (mut copied, mut differences) = (Copied { shelves: Vec::new() }, 0);
    for shelf in shelves {
        let compared = Comparison::new([old, new], shelf, now()).run(Mode::Look).await?;
        copied.shelves.push((shelf.0.to_owned(), compared.equal));
        differences += compared.different;
    }
    if differences > 0 {
        return Err(CopyError::Changed(differences));
    }
    new.remove(MARK, now()).await.map_err(Side::New.failed())?;
    Ok(copied)
}

/// Marks the new store, if it is empty.
async fn begin(new: &dyn Store, now: UnixMillis) -> Result<(), CopyError> {
    let failed = Side::New.failed();
    if is_unfinished(new, now).await.map_err(&failed)? {
        return Ok(());
    }
    for shelf in new.shelves().await.map_err(&failed)?.iter().map(|name| Shelf::of(name)) {
        if !new.list(shelf, None, 1, now).await.map_err(&failed)?.is_empty() {
            return Err(CopyError::NotEmpty);
        }
    }
    let mark = Draft { place: MARK, owner: None, sealed: Vec::new(), expires: None };
    match new.insert(mark, now).await.map_err(&failed)? {
        Write::Done(_) => Ok(()),
        Write::Refused => Err(CopyError::NotEmpty),
    }
}

/// Every shelf of either store, except for that of the mark.
async fn shelves(old: &dyn Store, new: &dyn Store) -> Result<BTreeSet<Shelf>, CopyError> {
    let mut names = old.shelves().await.map_err(Side::Old.failed())?;
    names.extend(new.shelves().await.map_err(Side::New.failed())?);
    names.sort();
    names.dedup();
    Ok(names.iter().map(|name| Shelf::of(name)).filter(|shelf| *shelf != MARK.shelf).collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Make the new store like the old one.
    Mend,
    /// Change nothing.
    Look,
}

#[derive(Default)]
struct Compared {
    equal: u64,
    different: u64,
}

/// Both stores' records of a shelf, side by side.
struct Comparison {
    old: Pages,
    new: Pages,
    writers: JoinSet<Result<(), StoreError>>,
}

impl Comparison {
    fn new([old, new]: [&Arc<dyn Store>; 2], shelf: Shelf, now: UnixMillis) -> Self {
        let pages = |store: &Arc<dyn Store>, side| Pages {
            store: Arc::clone(store),
            side,
            shelf,
            now,
            page: Vec::new().into_iter(),
            after: None,
            is_last: false,
        };
        Self { old: pages(old, Side::Old), new: pages(new, Side::New), writers: JoinSet::new() }
    }

    async fn run(mut self, mode: Mode) -> Result<Compared, CopyError> {
        let mut compared = Compared::default();
        let (mut old, mut new) = (self.old.next().await?, self.new.next().await?);
        while let Some(order) = compare(old.as_ref(), new.as_ref()) {
            // Whoever comes first in the order of keys is alone at its place.
            let (theirs, ours) = match order {
                Ordering::Less => (old.take(), None),
                Ordering::Greater => (None, new.take()),
                Ordering::Equal => (old.take(), new.take()),
            };
            if theirs.as_ref().map(|record| &record.draft) == ours.as_ref().map(|record| &record.draft) {
                compared.equal += 1;
            } else {
                compared.different += 1;
                if mode == Mode::Mend {
                    self.mend(theirs, ours).await?;
                }
            }
            if order.is_le() {
                old = self.old.next().await?;
            }
            if order.is_ge() {
                new = self.new.next().await?;
            }
        }
        while let Some(written) = self.writers.join_next().await {
            finish(written)?;
        }
        Ok(compared)
    }

    /// Makes the new store hold what the old one does.
    async fn mend(&mut self, old: Option<Record>, new: Option<Record>) -> Result<(), CopyError> {
        if self.writers.len() >= WRITERS
            && let Some(written) = self.writers.join_next().await
        {
            finish(written)?;
        }
        let (store, now) = (Arc::clone(&self.new.store), self.new.now);
        self.writers.spawn(async move {
            // What is refused here is found by the second comparison.
            match (old, new) {
                (Some(old), Some(new)) => drop(store.replace(old.draft, new.version, now).await?),
                (Some(old), None) => drop(store.insert(old.draft, now).await?),
                (None, Some(new)) => drop(store.remove(new.draft.place, now).await?),
                (None, None) => (),
            }
            Ok(())
        });
        Ok(())
    }
}

/// Which of two records comes first in the order of keys; `None` at the end of both.
fn compare(old: Option<&Record>, new: Option<&Record>) -> Option<Ordering> {
    match (old, new) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(old), Some(new)) => Some(old.draft.place.key.cmp(&new.draft.place.key)),
    }
}

fn finish(written: Result<Result<(), StoreError>, tokio::task::JoinError>) -> Result<(), CopyError> {
    match written {
        Ok(written) => written.map_err(Side::New.failed()),
        Err(error) => Err(CopyError::Store(Side::New, StoreError(error.into()))),
    }
}

/// The live records of a shelf, in the order of their keys.
struct Pages {
    store: Arc<dyn Store>,
    side: Side,
    shelf: Shelf,
    now: UnixMillis,
    page: std::vec::IntoIter<Record>,
    /// Behind which key the next page begins.
    after: Option<Key>,
    is_last: bool,
}

impl Pages {
    async fn next(&mut self) -> Result<Option<Record>, CopyError> {
        if self.page.as_slice().is_empty() && !self.is_last {
            let listed = self.store.list(self.shelf, self.after, PAGE, self.now).await;
            let page = listed.map_err(self.side.failed())?;
            self.after = page.last().map(|last| last.draft.place.key);
            self.is_last = page.len() < PAGE;
            self.page = page.into_iter();
        }
        Ok(self.page.next())
    }
}
