use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::{EventName, MeetingUuid, ZoomUserId};
use stagedoor_protocol::time::UnixMillis;

use super::delivery::LEASE_SECONDS;
use super::record::{Body, EventId, Subject, Waiting};
use crate::port::{Key, Lease, Shelf};
use crate::vault::{Entry, Item, Kept, Terms, Vault, VaultError};

/// Keeps events that have left the inbox and are still of use: where nobody forwards them, all of them for a while;
/// otherwise those that the upstream did not take.
#[derive(Clone)]
pub struct Archive {
    pub(super) vault: Vault,
    terms: ArchiveTerms,
}

/// What is kept at most.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveTerms {
    /// For how long, in seconds.
    pub seconds: i64,
    /// How many events.
    pub events: u64,
}

/// An event, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub name: EventName,
    /// When Zoom sent it.
    pub received: UnixMillis,
    /// Where it is on its way.
    pub state: State,
    /// The body, as Zoom sent it.
    pub body: String,
}

/// Where an event is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// In the inbox.
    Waiting {
        /// How often it reached the upstream.
        attempts: u32,
        /// Not to be tried before.
        due: UnixMillis,
    },
    /// Kept, since it is forwarded nowhere.
    Kept,
    /// A dead letter.
    Dead {
        /// How often it reached the upstream.
        attempts: u32,
        /// Why it was not taken the last time.
        reason: String,
    },
}

/// Why an event is not delivered again.
#[derive(Debug, thiserror::Error)]
pub enum NotReplayed {
    /// There is none in the archive with this id.
    #[error("no kept event and no dead letter has this id")]
    Unknown,
    /// Others deliver what concerns the same thing, without end.
    #[error("events of the same meeting are being delivered all the time; try again")]
    Busy,
    /// The vault has no answer.
    #[error("the event cannot be put into the inbox")]
    Vault(#[from] VaultError),
}

/// An event in the archive.
#[derive(Serialize, Deserialize)]
pub(super) struct Archived {
    pub(super) id: EventId,
    pub(super) name: EventName,
    pub(super) body: String,
    pub(super) at: UnixMillis,
    pub(super) received: UnixMillis,
    pub(super) user: Option<ZoomUserId>,
    pub(super) meeting: Option<MeetingUuid>,
    subject: Subject,
    pub(super) state: State,
}

impl Item for Archived {
    const SHELF: Shelf = Shelf("webhook-archive");
}

const PAGE: usize = 128;

/// How long trimming keeps others from it at most, in seconds.
const TRIM_SECONDS: i64 = 60;

impl Archive {
    /// Builds the archive.
    pub fn new(vault: Vault, terms: ArchiveTerms) -> Self {
        Self { vault, terms }
    }

    pub(super) async fn put(&self, subject: Subject, waiting: &Waiting, state: State) -> Result<(), VaultError> {
        let Waiting { id, name, body, at, received, user, meeting, .. } = waiting.clone();
        let archived = Archived { id, name, body, at, received, user, meeting, subject, state };
        let expires = Some(self.vault.now().plus_seconds(self.terms.seconds));
        let terms = Terms { expires, ..waiting.terms() };
        // Refused where a process died after this and before the event left the inbox.
        self.vault.insert_at(key(waiting.received, &waiting.body), &archived, terms).await.map(drop)
    }

    pub(super) async fn remove(&self, waiting: &Waiting) -> Result<(), VaultError> {
        self.vault.remove_at::<Archived>(key(waiting.received, &waiting.body)).await.map(drop)
    }

    /// Removes the oldest events where there are too many; returns how many. One process at a time does so.
    pub async fn trim(&self) -> Result<u64, VaultError> {
        let Some(lease) = self.vault.lease_at::<Archived>(Key([0xff; 32]), TRIM_SECONDS).await? else { return Ok(0) };
        let trimmed = self.trim_alone().await;
        self.vault.release(lease).await?;
        trimmed
    }

    async fn trim_alone(&self) -> Result<u64, VaultError> {
        let surplus = self.vault.count::<Archived>().await?.saturating_sub(self.terms.events);
        let mut left = usize::try_from(surplus).unwrap_or(usize::MAX);
        while left > 0 {
            let oldest = self.vault.entries::<Archived>(None, left.min(PAGE)).await?;
            if oldest.is_empty() {
                break;
            }
            left = left.saturating_sub(oldest.len());
            for Entry { key, .. } in oldest {
                self.vault.remove_at::<Archived>(key).await?;
            }
        }
        Ok(surplus)
    }

    /// The newest events that are wanted, waiting or archived, the oldest of them first.
    pub async fn newest(&self, limit: usize, is_wanted: impl Fn(&Found) -> bool) -> Result<Vec<Found>, VaultError> {
        let mut found = BTreeMap::new();
        let mut keep = |event: Found| {
            if !is_wanted(&event) {
                return;
            }
            found.insert((event.received, event.id.clone()), event);
            if found.len() > limit {
                found.pop_first();
            }
        };
        self.each::<Waiting>(|_, waiting| keep(waiting.into())).await?;
        self.each::<Archived>(|_, archived| keep(archived.into())).await?;
        Ok(found.into_values().collect())
    }

    /// The event with this id, wherever it is. One that is about to leave the inbox is in the archive, as in the list.
    pub async fn find(&self, id: &str) -> Result<Option<Found>, VaultError> {
        let mut found = None;
        let mut look = |event: Found| {
            if event.id.as_str() == id {
                found = Some(event);
            }
        };
        self.each::<Waiting>(|_, waiting| look(waiting.into())).await?;
        self.each::<Archived>(|_, archived| look(archived.into())).await?;
        Ok(found)
    }

    /// Puts an archived event into the inbox once more. It keeps its id.
    pub async fn replay(&self, id: &str) -> Result<(), NotReplayed> {
        let mut found = None;
        self.each::<Archived>(|key, archived| {
            if archived.id.as_str() == id {
                found = Some((key, archived));
            }
        })
        .await?;
        let (key, Archived { id, name, body, at, user, meeting, subject, .. }) = found.ok_or(NotReplayed::Unknown)?;
        let now = self.vault.now();
        let waiting = Waiting {
            id,
            name,
            body,
            at,
            received: now,
            user,
            meeting,
            removal: None,
            attempts: 0,
            due: now,
            again: true,
        };
        let turn = self.turn(subject).await?;
        let put = self.put_again(subject, &waiting).await;
        self.vault.release(turn).await?;
        put?;
        self.vault.remove_at::<Archived>(key).await?;
        Ok(())
    }

    /// The exclusive right to change the inbox of a subject: whoever archives an event takes it out of the inbox after
    /// that, and would take out what has been put there again in between.
    async fn turn(&self, subject: Subject) -> Result<Lease, NotReplayed> {
        const PAUSE: Duration = Duration::from_millis(250);
        const TRIES: usize = 80;
        for _ in 0..TRIES {
            if let Some(lease) = self.vault.lease_at::<Waiting>(subject.start(), LEASE_SECONDS).await? {
                return Ok(lease);
            }
            self.vault.clock().sleep(PAUSE).await;
        }
        Err(NotReplayed::Busy)
    }

    /// Puts an event into the inbox. One that lies there already was left behind by a process that died, and may count as
    /// delivered; what is still to be erased for it stays so.
    async fn put_again(&self, subject: Subject, waiting: &Waiting) -> Result<(), VaultError> {
        let place = waiting.key(subject);
        if self.vault.insert_at(place, waiting, waiting.terms()).await? {
            return Ok(());
        }
        if let Some(left) = self.vault.get_at::<Waiting>(place).await? {
            let again = Waiting { removal: left.item.removal.clone(), ..waiting.clone() };
            // Refused where its user has been erased meanwhile.
            self.vault.replace(&left, &again, again.terms()).await?;
        }
        Ok(())
    }

    /// Reads a shelf from end to end, a page at a time. What does not open is passed over.
    async fn each<T: Item>(&self, mut see: impl FnMut(Key, T)) -> Result<(), VaultError> {
        let mut after = None;
        loop {
            let entries = self.vault.entries::<T>(after, PAGE).await?;
            after = entries.last().filter(|_| entries.len() == PAGE).map(|last| last.key);
            for Entry { key, kept } in entries {
                if let Ok(Kept { item, .. }) = kept {
                    see(key, item);
                }
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Where an event lies: in the order of arrival.
fn key(received: UnixMillis, body: &str) -> Key {
    let mut key = Body::of(body).key();
    key.0[..8].copy_from_slice(&received.0.max(0).to_be_bytes());
    key
}

impl From<Waiting> for Found {
    fn from(waiting: Waiting) -> Self {
        let Waiting { id, name, received, attempts, due, body, .. } = waiting;
        Self { id, name, received, state: State::Waiting { attempts, due }, body }
    }
}

impl From<Archived> for Found {
    fn from(archived: Archived) -> Self {
        let Archived { id, name, received, state, body, .. } = archived;
        Self { id, name, received, state, body }
    }
}
