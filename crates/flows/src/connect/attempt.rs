use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::provider::{Callback, Issuer};
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, Nonce, State};
use stagedoor_protocol::time::UnixMillis;

use super::claim::{Claim, Handle};
use super::error::ConnectError;
use super::provider::ProviderName;
use crate::port::Shelf;
use crate::session::{Session, SessionId};
use crate::vault::{Item, Terms};

/// One attempt, under its state.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) user: ZoomUserId,
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    pub(super) session: SessionId,
    pub(super) provider: ProviderName,
    /// Who is expected to answer: what the provider said of itself when the attempt began.
    pub(super) issuer: Option<Issuer>,
    /// Only for OpenID.
    #[serde(with = "stagedoor_protocol::secret::exposed::option")]
    pub(super) nonce: Option<Nonce>,
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    pub(super) verifier: CodeVerifier,
    /// Ten minutes after the beginning, whatever happens in between.
    pub(super) expires: UnixMillis,
    pub(super) stage: Stage,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The user is at the provider.
    Pending,
    /// The code has arrived and waits for the launch that claims it.
    Parked {
        #[serde(with = "stagedoor_protocol::secret::exposed")]
        code: AuthorizationCode,
        #[serde(with = "stagedoor_protocol::secret::exposed")]
        handle: Handle,
    },
}

impl Item for Attempt {
    const SHELF: Shelf = Shelf("connect");
}

/// Which attempt of a session with a provider is the newest, and how it ended.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Newest {
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    pub(super) state: State,
    pub(super) ended: Option<Ending>,
}

impl Item for Newest {
    const SHELF: Shelf = Shelf("connect-newest");
}

/// How an attempt ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The user said no at the provider.
    Declined,
    /// Something went wrong; who was in front of it has been told what.
    Failed,
}

impl Attempt {
    /// Examines a callback: the code, or `None` where this code is parked already. An error ends the attempt.
    pub(super) fn accept(
        &self,
        provider: &ProviderName,
        callback: &Callback,
    ) -> Result<Option<AuthorizationCode>, ConnectError> {
        let is_issuer = self.issuer.as_ref().is_none_or(|issuer| issuer.accepts(callback.issuer.as_deref()));
        if self.provider != *provider || !is_issuer {
            return Err(ConnectError::Mismatch);
        }
        match (&self.stage, &callback.code, &callback.error) {
            (_, _, Some(error)) => Err(ConnectError::Refused { declined: error == "access_denied" }),
            (_, None, None) => Err(ConnectError::Refused { declined: false }),
            (Stage::Pending, Some(code), None) => Ok(Some(code.clone())),
            (Stage::Parked { code: parked, .. }, Some(code), None) if parked == code => Ok(None),
            (Stage::Parked { .. }, Some(_), None) => Err(ConnectError::Mismatch),
        }
    }

    /// The parked code, for the user and session that began, and who holds the handle.
    pub(super) fn claimed_by(&self, session: &Session, claim: &Claim) -> Option<&AuthorizationCode> {
        let Stage::Parked { code, handle } = &self.stage else { return None };
        let is_theirs =
            *handle == claim.handle && session.user.as_ref() == Some(&self.user) && session.id == self.session;
        is_theirs.then_some(code)
    }

    pub(super) fn terms(&self) -> Terms<'_> {
        Terms { owner: Some(&self.user), expires: Some(self.expires) }
    }

    pub(super) fn newest_key(&self) -> String {
        newest_key(&self.session, &self.provider)
    }
}

/// Neither part holds a space.
pub(super) fn newest_key(session: &SessionId, provider: &ProviderName) -> String {
    format!("{} {provider}", session.expose())
}
