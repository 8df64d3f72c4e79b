use std::sync::Arc;

use stagedoor_protocol::id::ZoomUserId;

use super::record::Removal;
use crate::installation::Installations;
use crate::revocation::Revocations;
use crate::vault::{Vault, VaultError};

/// Erases users who have removed the app.
#[derive(Clone)]
pub struct Removals {
    /// Where everything of a user lies.
    pub vault: Vault,
    /// Says whether the user has added the app again.
    pub installations: Installations,
    /// Ends sessions.
    pub revocations: Arc<Revocations>,
}

/// What became of a user who has removed the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing of the user is left.
    Complete {
        /// The user.
        user: ZoomUserId,
        /// How many records there were.
        records: u64,
    },
    /// The user has added the app again since, so only the sessions from before have ended.
    AddedAgain {
        /// The user.
        user: ZoomUserId,
    },
}

impl Removals {
    /// Erases what is kept of the user. Can be done again after any part of it.
    pub(super) async fn erase(&self, removal: &Removal) -> Result<Erasure, VaultError> {
        let user = removal.user.clone();
        let is_back = match self.installations.of(&user).await {
            Ok(installed) => installed.is_some_and(|installation| installation.installed > removal.at),
            Err(VaultError::Store(error)) => return Err(error.into()),
            // Nobody can use what does not open, and it is the user's all the same.
            Err(VaultError::Sealed { .. } | VaultError::Content { .. }) => false,
        };
        if is_back {
            self.revocations.revoke_until(&user, removal.at).await?;
            return Ok(Erasure::AddedAgain { user });
        }
        self.revocations.revoke(&user).await?;
        let records = self.vault.remove_owned(&user).await?;
        Ok(Erasure::Complete { user, records })
    }
}
