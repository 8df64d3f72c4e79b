//! Revocation: the sessions of a user who is gone stop working, on every replica, within half a minute.
//!
//! Sessions are not stored, so what is stored is an instant per revoked user: sessions begun before it are over. Each
//! process keeps the instants in memory and reads them anew every [`REFRESH_SECONDS`]; no request waits for the store,
//! and while the store is down the last known instants count.

use std::collections::HashMap;
use std::sync::{RwLock, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixMillis;

use crate::port::Shelf;
use crate::session::Session;
use crate::vault::{Item, Kept, Terms, Vault, VaultError};

/// How often a process should call [`Revocations::refresh`], in seconds.
pub const REFRESH_SECONDS: u64 = 10;

/// The instants before which the sessions of users do not count.
pub struct Revocations {
    vault: Vault,
    /// The longest life of any session, in seconds: after it a revocation has nothing left to revoke.
    keep_seconds: i64,
    known: RwLock<HashMap<ZoomUserId, UnixMillis>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Revoked {
    user: ZoomUserId,
    not_before: UnixMillis,
}

impl Item for Revoked {
    const SHELF: Shelf = Shelf("revoked");
}

impl Revocations {
    /// Builds the flow with nothing known yet: call [`Revocations::refresh`] before the first request.
    pub fn new(vault: Vault, keep_seconds: i64) -> Self {
        Self { vault, keep_seconds, known: RwLock::default() }
    }

    /// Ends every session of `user` that has begun by now: in this process at once, even where the store fails;
    /// elsewhere with the next refresh.
    pub async fn revoke(&self, user: &ZoomUserId) -> Result<(), VaultError> {
        self.write(user, self.learn(user, self.vault.now())).await
    }

    /// Ends every session of `user` that had begun by an instant in the past, and no later one.
    pub async fn revoke_until(&self, user: &ZoomUserId, instant: UnixMillis) -> Result<(), VaultError> {
        let instant = self.learn(user, instant);
        match self.not_before(user).await? {
            Some(stored) if stored >= instant => Ok(()),
            _ => self.write(user, instant).await,
        }
    }

    /// The instant before which nothing of a user counts, as the store knows it.
    pub async fn not_before(&self, user: &ZoomUserId) -> Result<Option<UnixMillis>, VaultError> {
        let revoked: Option<Kept<Revoked>> = self.vault.get(user.as_str()).await?;
        Ok(revoked.map(|kept| kept.item.not_before))
    }

    async fn write(&self, user: &ZoomUserId, not_before: UnixMillis) -> Result<(), VaultError> {
        let revoked = Revoked { user: user.clone(), not_before };
        // No owner: the revocation must outlive the removal of everything else of this user.
        let terms = Terms { owner: None, expires: Some(self.vault.now().plus_seconds(self.keep_seconds)) };
        self.vault.put(user.as_str(), &revoked, terms).await
    }

    /// Reads the instants anew; returns how many records do not open.
    ///
    /// Those are passed over: a revocation is sealed with the secret that sealed the sessions it ended, or with a newer
    /// one, so where that secret has been dropped, the sessions do not open either.
    ///
    /// Instants are added to what is known, never taken away before their time: the answer of the store may be older
    /// than a revocation that was made in this process meanwhile.
    pub async fn refresh(&self) -> Result<usize, VaultError> {
        let mut unreadable = 0;
        for revoked in self.vault.list().await? {
            match revoked {
                Ok(Revoked { user, not_before }) => {
                    self.learn(&user, not_before);
                }
                Err(_) => unreadable += 1,
            }
        }
        let now = self.vault.now();
        self.known().retain(|_, not_before| not_before.plus_seconds(self.keep_seconds) > now);
        Ok(unreadable)
    }

    /// Whether a session has been revoked.
    pub fn covers(&self, session: &Session) -> bool {
        let Some(user) = &session.user else { return false };
        let known = self.known.read().expect("no holder of this lock panics");
        known.get(user).is_some_and(|not_before| session.issued <= *not_before)
    }

    /// Takes an instant in and gives the one that counts: a clock that was set back gives nobody a session back.
    fn learn(&self, user: &ZoomUserId, not_before: UnixMillis) -> UnixMillis {
        let mut known = self.known();
        let latest = known.get(user).map_or(not_before, |before| not_before.max(*before));
        known.insert(user.clone(), latest);
        latest
    }

    fn known(&self) -> RwLockWriteGuard<'_, HashMap<ZoomUserId, UnixMillis>> {
        self.known.write().expect("no holder of this lock panics")
    }
}
