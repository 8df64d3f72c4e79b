//! Rotation of the deployment's secret: what a previous secret has sealed is sealed anew while the gateway serves, until
//! that secret is needed by nothing and can be dropped.
//!
//! A [`Walk`] reads the whole store, a page at a time, one process at a time. A record changes by
//! compare-and-set, so nothing that somebody else writes is lost. Two kinds are left to themselves:
//!
//! - What expires within a day. It is gone before anybody drops a secret, and much of it is being waited for.
//! - Webhooks that wait. Their order within one millisecond is that of their writing; they leave the inbox within days.
//!
//! [`Found::left`] counts them as long as they are there, so that nobody has to know these rules.

use std::vec;

use crate::port::Shelf;
use crate::vault::{Item, Resume, Sealing, Vault, VaultError};
use crate::webhook::INBOX;

/// How many records are read at once.
const RECORDS: usize = 128;

/// How long one process has a page for itself, in seconds.
const TURN_SECONDS: i64 = 60;

/// What expires sooner is left, in seconds.
const SOON_SECONDS: i64 = 86_400;

/// Seals anew.
#[derive(Clone)]
pub struct Reseal {
    vault: Vault,
}

/// A walk through the store.
pub struct Walk {
    vault: Vault,
    shelves: vec::IntoIter<Shelf>,
    at: Option<Resume>,
    found: Found,
}

/// How far a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    On,
    /// Another process is at it just now.
    Elsewhere,
    /// The whole store has been read.
    End(Found),
}

/// What a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many records were sealed anew.
    pub anew: u64,
    /// How many still need a previous secret.
    pub left: u64,
    /// How many no configured secret opens.
    pub unreadable: u64,
}

/// What is leased for a page. Nothing lies there.
#[derive(serde::Serialize, serde::Deserialize)]
struct Turn {}

impl Item for Turn {
    const SHELF: Shelf = Shelf("reseal");
}

impl Reseal {
    /// Builds the flow; `None` where the vault has no previous secret, so that there is nothing to seal anew.
    pub fn new(vault: &Vault) -> Option<Self> {
        vault.has_previous_secrets().then(|| Self { vault: vault.clone() })
    }

    /// Begins a walk.
    pub async fn begin(&self) -> Result<Walk, VaultError> {
        let mut shelves = self.vault.shelves().await?.into_iter();
        let at = shelves.next().map(first);
        Ok(Walk { vault: self.vault.clone(), shelves, at, found: Found::default() })
    }
}

impl Walk {
    /// Goes one page further. After an error the same page can be tried again.
    pub async fn step(&mut self) -> Result<Step, VaultError> {
        let Some(at) = self.at else { return Ok(Step::End(self.found)) };
        let Some(lease) = self.vault.lease::<Turn>("", TURN_SECONDS).await? else { return Ok(Step::Elsewhere) };
        let lasting = (at.shelf != INBOX).then(|| self.vault.now().plus_seconds(SOON_SECONDS));
        let sealing = self.vault.seal_anew(at, RECORDS, lasting).await;
        // It ends by itself otherwise.
        let _ = self.vault.release(lease).await;
        let Sealing { anew, left, unreadable, next } = sealing?;
        self.found.anew += anew;
        self.found.left += left;
        self.found.unreadable += unreadable;
        self.at = next.or_else(|| self.shelves.next().map(first));
        Ok(Step::On)
    }
}

fn first(shelf: Shelf) -> Resume {
    Resume { shelf, after: None }
}
