use std::sync::Arc;

use stagedoor_protocol::id::ZoomUserId;

use super::record::Removal;
use crate::installation::{Installation, Installations};
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
    ///
    /// The user may add the app again meanwhile: then the installation is another one than was looked at, nothing is
    /// erased, and it is looked at anew. A refresh of the grant has the same effect, and costs a second look.
    pub(super) async fn erase(&self, removal: &Removal) -> Result<Erasure, VaultError> {
        let user = removal.user.clone();
        loop {
            // Before the installation is read, so that what was read is this version or a newer one.
            let seen = self.vault.version::<Installation>(user.as_str()).await?;
            if self.is_back(removal).await? {
                self.revocations.revoke_until(&user, removal.at).await?;
                return Ok(Erasure::AddedAgain { user });
            }
            self.revocations.revoke(&user).await?;
            if let Some(records) = self.vault.remove_owned_if::<Installation>(&user, user.as_str(), seen).await? {
                return Ok(Erasure::Complete { user, records });
            }
        }
    }

    /// Whether the user has added the app again since.
    async fn is_back(&self, removal: &Removal) -> Result<bool, VaultError> {
        match self.installations.of(&removal.user).await {
            Ok(installed) => Ok(installed.is_some_and(|installation| installation.installed > removal.at)),
            Err(VaultError::Store(error)) => Err(error.into()),
            // Nobody can use what does not open, and it is the user's all the same.
            Err(VaultError::Sealed { .. } | VaultError::Content { .. }) => Ok(false),
        }
    }
}
