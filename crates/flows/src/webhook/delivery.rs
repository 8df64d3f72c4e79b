use std::sync::Arc;

use stagedoor_protocol::id::EventName;
use stagedoor_protocol::time::UnixMillis;

use super::archive::{Archive, State};
use super::forward::{ATTEMPT_SECONDS, Failure, Forward, LONGEST_PAUSE_MS, next_attempt};
use super::record::{Body, EventId, Seen, Subject, Waiting};
use super::removal::{Erasure, Removals};
use super::{REMEMBER_SECONDS, Removal};
use crate::port::{Entropy, HttpError, Key, Lease};
use crate::vault::{Entry, Kept, Terms, Vault, VaultError};

/// How long a subject is leased, in seconds. A process that dies keeps others from it as long.
pub(super) const LEASE_SECONDS: i64 = 15;

/// What must be left of a lease to begin an attempt, in milliseconds: the attempt, and the writes after it.
const NEEDED_MS: i64 = ATTEMPT_SECONDS * 1000 + 2_000;

/// How many events one look at the inbox reads.
const SWEEP: usize = 128;

/// How many events of a subject one look reads.
const LOOK: usize = 8;

/// Takes events out of the inbox: to the upstream, or where there is none to the archive.
#[derive(Clone)]
pub struct Delivery {
    vault: Vault,
    removals: Removals,
    archive: Archive,
    forward: Option<Forward>,
    entropy: Arc<dyn Entropy>,
}

/// The exclusive right to deliver a subject.
pub struct Turn {
    delivery: Delivery,
    subject: Subject,
    lease: Lease,
    /// The event whose user has been erased in this turn.
    erased: Option<EventId>,
}

/// What one step came to.
#[derive(Debug)]
pub enum Step {
    /// A user who has removed the app was erased. The next step goes on with the same event, so whoever writes this down
    /// has done so before anything forgets that it was to be done.
    Erased(Erasure),
    /// The upstream, or the archive, has taken an event.
    Delivered {
        /// Since it was received, in milliseconds.
        after: i64,
    },
    /// The event had been delivered before.
    Duplicate,
    /// The upstream did not take an event; it is tried again later, and holds back what comes behind it.
    Failed(Failed),
    /// The upstream has not taken an event for so long that it lies in the archive now.
    Buried(Failed),
    /// No connection to the upstream: no event is to blame, so none is marked. Ends the turn.
    Unreachable(HttpError),
    /// The first event is not to be tried yet. Ends the turn.
    NotYet,
    /// Nothing is left. Ends the turn.
    Empty,
    /// Another process delivers this subject now. Ends the turn.
    Lost,
}

/// An event that the upstream did not take.
#[derive(Debug)]
pub struct Failed {
    /// The event.
    pub id: EventId,
    /// What happened.
    pub name: EventName,
    /// How often it reached the upstream.
    pub attempts: u32,
    /// Why it was not taken.
    pub failure: Failure,
}

/// What a look at part of the inbox found.
#[derive(Debug)]
pub struct Swept {
    /// Subjects whose first event is to be delivered now.
    pub due: Vec<Subject>,
    /// Behind which subject to look next; `None` at the end.
    pub next: Option<Subject>,
    /// When the oldest of the first events was received.
    pub oldest: Option<UnixMillis>,
    /// How many events do not open: their secret is not configured any more. They stay and hold nothing back.
    pub unreadable: usize,
}

impl Delivery {
    /// Builds the flow. Without `forward` the archive takes everything.
    pub fn new(
        vault: Vault,
        removals: Removals,
        archive: Archive,
        forward: Option<Forward>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { vault, removals, archive, forward, entropy }
    }

    /// Looks at the events behind `after` for subjects that are due. A subject with any number of events costs no more
    /// than one look.
    pub async fn sweep(&self, after: Option<Subject>) -> Result<Swept, VaultError> {
        let entries = self.vault.entries::<Waiting>(after.map(Subject::end), SWEEP).await?;
        let next = entries.last().filter(|_| entries.len() == SWEEP).map(|last| Subject::of_key(last.key));
        let mut swept = Swept { due: Vec::new(), next, oldest: None, unreadable: 0 };
        let mut known = None;
        for Entry { key, kept } in entries {
            let subject = Subject::of_key(key);
            match kept {
                Err(_) => swept.unreadable += 1,
                Ok(_) if known == Some(subject) => (),
                Ok(Kept { item, .. }) => {
                    known = Some(subject);
                    swept.oldest = Some(swept.oldest.map_or(item.received, |oldest| oldest.min(item.received)));
                    swept.due.extend(is_due(&item, self.vault.now()).then_some(subject));
                }
            }
        }
        Ok(swept)
    }

    /// Counts the events in the inbox. Reads all of them.
    pub async fn count(&self) -> Result<u64, VaultError> {
        self.vault.count::<Waiting>().await
    }

    /// How old something is that was received at an instant, in seconds; nothing is 0 s old.
    pub fn age(&self, received: Option<UnixMillis>) -> i64 {
        received.map_or(0, |received| self.vault.now().since(received) / 1000)
    }

    /// Takes the turn for a subject; `None` while somebody else has it.
    pub async fn begin(&self, subject: Subject) -> Result<Option<Turn>, VaultError> {
        let lease = self.vault.lease_at::<Waiting>(subject.start(), LEASE_SECONDS).await?;
        Ok(lease.map(|lease| Turn { delivery: self.clone(), subject, lease, erased: None }))
    }
}

impl Turn {
    /// Deals with the first event of the subject.
    pub async fn step(&mut self) -> Result<Step, VaultError> {
        let vault = &self.delivery.vault;
        if self.lease.until.since(vault.now()) < NEEDED_MS && !self.renew().await? {
            return Ok(Step::Lost);
        }
        let Some((key, mut kept)) = self.first().await? else { return Ok(Step::Empty) };
        let vault = &self.delivery.vault;
        if !is_due(&kept.item, vault.now()) {
            return Ok(Step::NotYet);
        }
        let seen = Body::of(&kept.item.body).key();
        if !kept.item.again && vault.get_at::<Seen>(seen).await?.is_some() {
            vault.remove_at::<Waiting>(key).await?;
            return Ok(Step::Duplicate);
        }
        if let Some(removal) = &kept.item.removal {
            if self.erased.as_ref() != Some(&kept.item.id) {
                return self.erase(removal.clone(), kept.item.id).await;
            }
            let erased = Waiting { removal: None, ..kept.item.clone() };
            let terms = Terms { owner: None, expires: None };
            let Some(now) = vault.advance(&kept, erased, terms).await? else { return Ok(Step::Lost) };
            kept = now;
        }
        match &self.delivery.forward {
            None => self.keep(key, &kept.item).await,
            Some(forward) => self.offer(forward, key, kept).await,
        }
    }

    /// Ends the turn. What is not ended ends by itself after a while.
    pub async fn end(self) -> Result<(), VaultError> {
        self.delivery.vault.release(self.lease).await
    }

    async fn renew(&mut self) -> Result<bool, VaultError> {
        let vault = &self.delivery.vault;
        vault.release(self.lease.clone()).await?;
        let lease = vault.lease_at::<Waiting>(self.subject.start(), LEASE_SECONDS).await?;
        let is_ours = lease.is_some();
        self.lease = lease.unwrap_or_else(|| self.lease.clone());
        Ok(is_ours)
    }

    /// The first event: the earliest, and of those at one instant the one that arrived first. One that has been tried
    /// stays before those that have not.
    async fn first(&self) -> Result<Option<(Key, Kept<Waiting>)>, VaultError> {
        let rank = |kept: &Kept<Waiting>| (kept.item.attempts == 0, kept.version());
        let mut first: Option<(Key, Kept<Waiting>)> = None;
        let mut after = self.subject.start();
        loop {
            let entries = self.delivery.vault.entries::<Waiting>(Some(after), LOOK).await?;
            let is_last = entries.len() < LOOK;
            for Entry { key, kept } in entries {
                if Subject::of_key(key) != self.subject {
                    return Ok(first);
                }
                after = key;
                match (kept, &first) {
                    (Err(_), _) => (),
                    (Ok(kept), Some((_, one))) if kept.item.at > one.item.at => return Ok(first),
                    (Ok(kept), Some((_, one))) if rank(&kept) > rank(one) => (),
                    (Ok(kept), _) => first = Some((key, kept)),
                }
            }
            if is_last {
                return Ok(first);
            }
        }
    }

    async fn erase(&mut self, removal: Removal, event: EventId) -> Result<Step, VaultError> {
        let erasure = self.delivery.removals.erase(&removal).await?;
        self.erased = Some(event);
        Ok(Step::Erased(erasure))
    }

    async fn keep(&self, key: Key, waiting: &Waiting) -> Result<Step, VaultError> {
        if !waiting.is_removal() {
            self.archive(key, waiting, State::Kept).await?;
        }
        self.finish(key, waiting).await
    }

    async fn offer(&self, forward: &Forward, key: Key, kept: Kept<Waiting>) -> Result<Step, VaultError> {
        let vault = &self.delivery.vault;
        let failure = match forward.attempt(&kept.item, vault.now()).await {
            Ok(()) => return self.finish(key, &kept.item).await,
            Err(failure) => failure,
        };
        let now = vault.now();
        let has_given_up = forward.has_given_up(&kept.item, now);
        let attempts = match failure {
            Failure::Unreachable(error) if !has_given_up => return Ok(Step::Unreachable(error)),
            Failure::Unreachable(_) => kept.item.attempts,
            _ => kept.item.attempts.saturating_add(1),
        };
        let failed = Failed { id: kept.item.id.clone(), name: kept.item.name.clone(), attempts, failure };
        if has_given_up {
            let reason = failed.failure.to_string();
            self.archive(key, &kept.item, State::Dead { attempts, reason }).await?;
            self.finish(key, &kept.item).await?;
            return Ok(Step::Buried(failed));
        }
        let due = next_attempt(attempts, now, &*self.delivery.entropy);
        let waiting = Waiting { attempts, due, ..kept.item.clone() };
        // Refused where its user has been erased meanwhile: then there is nothing to try again.
        vault.replace(&kept, &waiting, waiting.terms()).await?;
        Ok(Step::Failed(failed))
    }

    /// Copies an event into the archive. Where it is no longer in the inbox after that, its user was erased between the
    /// two, and so is the copy.
    async fn archive(&self, key: Key, waiting: &Waiting, state: State) -> Result<(), VaultError> {
        let Delivery { archive, vault, .. } = &self.delivery;
        archive.put(self.subject, waiting, state).await?;
        if vault.get_at::<Waiting>(key).await?.is_none() {
            archive.remove(waiting).await?;
        }
        Ok(())
    }

    async fn finish(&self, key: Key, waiting: &Waiting) -> Result<Step, VaultError> {
        let vault = &self.delivery.vault;
        let expires = Some(vault.now().plus_seconds(REMEMBER_SECONDS));
        // Refused where it is there already: an event that is delivered again.
        vault.insert_at(Body::of(&waiting.body).key(), &Seen {}, Terms { owner: None, expires }).await?;
        vault.remove_at::<Waiting>(key).await?;
        Ok(Step::Delivered { after: vault.now().since(waiting.received) })
    }
}

/// A pause longer than any that was ever set means that the clock was set back.
fn is_due(waiting: &Waiting, now: UnixMillis) -> bool {
    !(1..=LONGEST_PAUSE_MS).contains(&waiting.due.since(now))
}
