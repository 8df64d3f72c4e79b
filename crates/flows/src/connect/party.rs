//! A provider as the flow sees it: its metadata, fetched when needed and remembered, and the calls to it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use stagedoor_protocol::provider::{
    DiscoveryError, Endpoints, Expected, Identity, Moment, TokenSet, discovery_request, read_discovery,
    read_revocation, read_tokens,
};
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, IdToken, Nonce, RefreshToken};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::provider::{Metadata, Provider};
use crate::grant::ANSWER;
use crate::port::{Entropy, Http};
use crate::vault::Vault;
use crate::verify::RemoteKeys;

mod error;

pub use error::ProviderError;

/// How long metadata is used without a look at what it is now, in milliseconds: an hour.
const FRESH_MS: u64 = 3_600_000;

/// How long it is used where the provider does not answer, in milliseconds: a day.
const STALE_MS: u64 = 86_400_000;

/// A provider, callable.
pub(super) struct Party {
    pub(super) provider: Provider,
    http: Arc<dyn Http>,
    entropy: Arc<dyn Entropy>,
    vault: Vault,
    endpoints: Remembered<Endpoints>,
    keys: Mutex<Option<RemoteKeys>>,
}

impl Party {
    pub(super) fn new(provider: Provider, http: Arc<dyn Http>, entropy: Arc<dyn Entropy>, vault: Vault) -> Self {
        let endpoints = match &provider.metadata {
            Metadata::Given(endpoints) => Remembered::with((**endpoints).clone(), vault.now()),
            Metadata::Discovered { .. } => Remembered::default(),
        };
        Self { provider, http, entropy, vault, endpoints, keys: Mutex::default() }
    }

    /// Where the provider is.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, ProviderError> {
        let (known, age) = self.endpoints.look(self.vault.now());
        let Metadata::Discovered { issuer } = &self.provider.metadata else {
            return Ok(known.expect("given endpoints are remembered from the beginning"));
        };
        match known {
            Some(known) if age < FRESH_MS => Ok(known),
            known => match self.discover(issuer).await {
                Ok(endpoints) => Ok(self.endpoints.keep(endpoints, self.vault.now())),
                Err(error) => known.filter(|_| age < STALE_MS).ok_or(error),
            },
        }
    }

    /// Exchanges a code, and learns who the user is. Neither is repeated: a code works once.
    pub(super) async fn exchange(
        &self,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
        nonce: Option<&Nonce>,
    ) -> Result<(TokenSet, Option<Identity>), ProviderError> {
        let endpoints = self.endpoints().await?;
        let request = self.provider.client.code_request(&endpoints, code, verifier, self.moment());
        let tokens = read_tokens(&self.http.send(request).await?)?;
        let identity = match nonce {
            Some(nonce) => {
                let id_token = tokens.id_token.as_ref().ok_or(ProviderError::NoIdToken)?;
                Some(self.identify(&endpoints, id_token, nonce).await?)
            }
            None => None,
        };
        Ok((tokens, identity))
    }

    /// Refreshes a grant, once.
    pub(super) async fn refresh(&self, token: &RefreshToken) -> Result<TokenSet, ProviderError> {
        let endpoints = self.endpoints().await?;
        let mut request = self.provider.client.refresh_request(&endpoints, token, self.moment());
        request.extensions_mut().insert(ANSWER);
        Ok(read_tokens(&self.http.send(request).await?)?)
    }

    /// Gives a token back; says `false` where the provider has no way to.
    pub(super) async fn revoke(&self, token: (&str, &str)) -> Result<bool, ProviderError> {
        let endpoints = self.endpoints().await?;
        let request = self.provider.client.revoke_request(&endpoints, token, self.moment());
        let Some(request) = request else { return Ok(false) };
        read_revocation(&self.http.send(request).await?)?;
        Ok(true)
    }

    async fn discover(&self, issuer: &str) -> Result<Endpoints, ProviderError> {
        let request = discovery_request(issuer).ok_or(DiscoveryError::Endpoint)?;
        let answer = self.http.send(request).await.map_err(ProviderError::Unreachable)?;
        Ok(read_discovery(&answer, issuer)?)
    }

    async fn identify(&self, endpoints: &Endpoints, token: &IdToken, nonce: &Nonce) -> Result<Identity, ProviderError> {
        let issuer = endpoints.issuer.as_ref().ok_or(ProviderError::NoKeys)?;
        let expected = Expected {
            issuer: &issuer.identifier,
            client_id: &self.provider.client.id,
            nonce,
            algorithms: &endpoints.algorithms,
            now: self.vault.now().to_seconds(),
        };
        let token = expected.read(token)?;
        let url = endpoints.jwks.as_ref().ok_or(ProviderError::NoKeys)?;
        let keys = self.keys_at(url).fitting(&token).await?;
        Ok(expected.verify(&token, &keys)?)
    }

    /// The keys at an address, with what is known of them; the provider may have moved them since.
    fn keys_at(&self, url: &Url) -> RemoteKeys {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.take().filter(|known| known.url() == url);
        let known = known.unwrap_or_else(|| RemoteKeys::new(Arc::clone(&self.http), url.clone(), self.vault.clock()));
        keys.insert(known).clone()
    }

    fn moment(&self) -> Moment {
        Moment { now: self.vault.now().to_seconds(), unique: self.entropy.bytes() }
    }
}

/// Something that was fetched, and when.
struct Remembered<T>(RwLock<Option<(UnixMillis, Arc<T>)>>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Remembered<T> {
    fn with(value: T, now: UnixMillis) -> Self {
        Self(RwLock::new(Some((now, Arc::new(value)))))
    }

    /// What is known, and how old it is in milliseconds; counted in both directions, because a clock may be set back.
    fn look(&self, now: UnixMillis) -> (Option<Arc<T>>, u64) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()
            .map_or((None, u64::MAX), |(since, value)| (Some(Arc::clone(value)), now.since(*since).unsigned_abs()))
    }

    fn keep(&self, value: T, now: UnixMillis) -> Arc<T> {
        let value = Arc::new(value);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&value)));
        value
    }
}
