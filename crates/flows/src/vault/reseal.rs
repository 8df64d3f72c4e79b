//! Records that a previous secret has sealed, sealed anew as they are: nobody has to know what they hold.

use stagedoor_protocol::time::UnixMillis;
use zeroize::Zeroizing;

use super::{Vault, VaultError, associated, until};
use crate::port::{Draft, Key, Record, Shelf, Version, Write};

/// Where to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) shelf: Shelf,
    /// The last key that was read.
    pub(crate) after: Option<Key>,
}

/// What became of some records of a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealing {
    /// How many were sealed anew.
    pub(crate) anew: u64,
    /// How many are still sealed with a previous secret.
    pub(crate) left: u64,
    /// How many no configured secret opens.
    pub(crate) unreadable: u64,
    /// Where to go on; `None` at the end of the shelf.
    pub(crate) next: Option<Resume>,
}

impl Vault {
    /// Whether something may still be sealed with a previous secret.
    pub(crate) fn has_previous_secrets(&self) -> bool {
        self.sealer.has_previous()
    }

    /// Every shelf on which something lies.
    pub(crate) async fn shelves(&self) -> Result<Vec<Shelf>, VaultError> {
        Ok(self.store.shelves().await?.iter().map(|name| Shelf::of(name)).collect())
    }

    /// Seals anew what a previous secret has sealed, of up to `limit` records. Those that expire before `lasting`, or all
    /// of them where that is `None`, are only counted.
    pub(crate) async fn seal_anew(
        &self,
        at: Resume,
        limit: usize,
        lasting: Option<UnixMillis>,
    ) -> Result<Sealing, VaultError> {
        let records = self.store.list(at.shelf, at.after, limit, self.now()).await?;
        let last = records.last().filter(|_| records.len() == limit);
        let next = last.map(|record| Resume { after: Some(record.draft.place.key), ..at });
        let mut sealing = Sealing { next, ..Sealing::default() };
        for Record { draft, version } in records.into_iter().filter(|record| self.is_outdated(record)) {
            let Some(plaintext) = self.opened(&draft) else {
                sealing.unreadable += 1;
                continue;
            };
            let lasts = lasting.is_some_and(|lasting| draft.expires.is_none_or(|expires| expires >= lasting));
            let is_anew = lasts && self.sealed_anew(draft, version, &plaintext).await?;
            *(if is_anew { &mut sealing.anew } else { &mut sealing.left }) += 1;
        }
        Ok(sealing)
    }

    fn is_outdated(&self, record: &Record) -> bool {
        self.sealer.is_outdated(&record.draft.sealed)
    }

    fn opened(&self, draft: &Draft) -> Option<Zeroizing<Vec<u8>>> {
        self.sealer.open(&associated(draft, &until(draft)), &draft.sealed).ok().map(Zeroizing::new)
    }

    /// Says `false` where somebody has written the record meanwhile.
    async fn sealed_anew(&self, mut draft: Draft, version: Version, plaintext: &[u8]) -> Result<bool, VaultError> {
        draft.sealed = self.sealer.seal(&associated(&draft, &until(&draft)), plaintext, &*self.entropy);
        Ok(matches!(self.store.replace(draft, version, self.now()).await?, Write::Done(_)))
    }
}
