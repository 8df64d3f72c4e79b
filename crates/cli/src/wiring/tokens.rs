//! The parts that issue tokens: from their settings to their flows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use stagedoor_flows::cobrowse::Cobrowse;
use stagedoor_flows::consumer::{Consumer, Forward, ForwardTerms, Identify, JwtCookie, SigningKeys};
use stagedoor_flows::verify::{Keys, RemoteKeys, Verifier};
use stagedoor_gateway::{HttpClient, OutboundLimits};
use stagedoor_protocol::cobrowse::CobrowseKey;
use stagedoor_protocol::consumer::ConsumerKey;
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem, VerifyingKeys};

use super::{clock, entropy};
use crate::settings::{CobrowseSettings, ConsumerKeys, ConsumerSettings, IdentitySettings, SessionKeys};

/// The longest answer of a site or of an issuer of keys, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// How long connecting may take at most. The whole exchange has its own limit.
const CONNECT: Duration = Duration::from_secs(1);

/// How long fetching keys may take.
const KEYS: Duration = Duration::from_secs(2);

pub(super) fn consumer(settings: &ConsumerSettings) -> anyhow::Result<Consumer> {
    let identify = identify(&settings.identity)?;
    let keys = signing_keys(&settings.keys)?;
    Ok(Consumer::new(keys, identify, settings.claims.clone(), settings.ttl_seconds, clock()))
}

pub(super) fn cobrowse(settings: &CobrowseSettings) -> Cobrowse {
    let key = CobrowseKey::new(settings.app.key.clone(), &settings.app.secret);
    Cobrowse::new(key, settings.terms.clone(), clock(), entropy())
}

/// The keys of consumer authentication, ready to sign.
pub(crate) fn signing_keys(keys: &ConsumerKeys) -> anyhow::Result<SigningKeys> {
    let read = |pem: &PrivateKeyPem| Es256Key::from_pem(pem).map(ConsumerKey::from).context("the key cannot be read");
    let next = keys.next.as_ref().map(|(at, pem)| Ok::<_, anyhow::Error>((*at, read(pem)?))).transpose()?;
    Ok(SigningKeys::new(read(&keys.current)?, next))
}

fn identify(settings: &IdentitySettings) -> anyhow::Result<Arc<dyn Identify>> {
    Ok(match settings {
        IdentitySettings::Forward { url, cookies, timeout_ms, cache_seconds } => {
            let terms = ForwardTerms { url: url.clone(), cookies: cookies.clone(), cache_seconds: *cache_seconds };
            Arc::new(Forward::new(http(Duration::from_millis((*timeout_ms).into()))?, clock(), terms))
        }
        IdentitySettings::JwtCookie { name, keys, issuer, audience } => {
            let keys = match keys {
                SessionKeys::Remote(url) => Keys::Remote(RemoteKeys::new(http(KEYS)?, url.clone(), clock())),
                SessionKeys::Public(text) => Keys::Fixed(VerifyingKeys::read(text)?),
                SessionKeys::Shared(secret) => Keys::Fixed(VerifyingKeys::shared(secret)?),
            };
            Arc::new(JwtCookie::new(name, Verifier::new(keys, issuer, audience, clock())))
        }
    })
}

fn http(total: Duration) -> anyhow::Result<Arc<HttpClient>> {
    let limits = OutboundLimits { connect: CONNECT.min(total), total, body: MAX_ANSWER };
    Ok(Arc::new(HttpClient::new(limits).context("TLS cannot be set up")?))
}
