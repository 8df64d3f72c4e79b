//! The emulated website: wired so that consumer authentication and Cobrowse work out of the box. Its keys derive from the
//! secret that is kept, so a restart changes none of them.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stagedoor_emulator::{
    ApiKey as EmulatedApiKey, Config as ZoomConfig, SdkApp as EmulatedApp, SdkSecret as Emulated,
};
use stagedoor_flows::cobrowse::{ApiKey, ApiKeyTerms, CobrowseTerms, PerMinute};
use stagedoor_flows::consumer::ClaimMap;
use stagedoor_protocol::cobrowse::{Lifetime, Role};
use stagedoor_protocol::id::SdkKey;
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::secret::SdkSecret;
use url::Url;

use super::state::State;
use crate::settings::{CobrowseSettings, ConsumerKeys, ConsumerSettings, IdentitySettings, SdkApp};

/// How far the website's port is from the emulator's first.
const PORT: u16 = 4;
/// The session cookie of the website.
const SESSION: &str = "shop_session";

/// The website's address and keys.
pub(super) struct Website {
    origin: Url,
    signing: Es256Key,
    sdk_key: SdkKey,
    sdk_secret: SdkSecret,
    api_key: ApiKey,
}

impl Website {
    pub(super) fn new(state: &State, emulator_port: u16) -> anyhow::Result<Self> {
        let text = |purpose| URL_SAFE_NO_PAD.encode(state.derive(purpose));
        Ok(Self {
            origin: Url::parse(&format!("http://localhost:{}", emulator_port + PORT))?,
            signing: Es256Key::from_scalar(&state.derive("consumer key")).context("a key cannot be derived")?,
            sdk_key: SdkKey::parse(&text("cobrowse sdk key")[..22]).context("letters are a key")?,
            sdk_secret: SdkSecret::new(text("cobrowse sdk secret")),
            api_key: ApiKey::new(text("cobrowse api key")),
        })
    }

    /// What Zoom's side has to know.
    pub(super) fn enter(&self, config: &mut ZoomConfig) {
        config.website.public_key = Some(self.signing.public_pem());
        config.website.sdk =
            EmulatedApp { key: self.sdk_key.as_str().into(), secret: Emulated::new(self.sdk_secret.expose()) };
        config.website.api_key = Some(EmulatedApiKey::new(self.api_key.expose()));
    }

    pub(super) fn origins(&self) -> Vec<Url> {
        vec![self.origin.clone()]
    }

    pub(super) fn consumer(&self) -> anyhow::Result<ConsumerSettings> {
        Ok(ConsumerSettings {
            keys: ConsumerKeys { current: self.signing.to_pem(), next: None },
            origins: self.origins(),
            ttl_seconds: 300,
            identity: IdentitySettings::Forward {
                url: self.origin.join("/whoami")?,
                cookies: Some(vec![SESSION.into()]),
                timeout_ms: 2_000,
                cache_seconds: 0,
            },
            claims: ClaimMap::parse([("email", "email"), ("firstName", "given_name")], &[])?,
        })
    }

    pub(super) fn cobrowse(&self) -> CobrowseSettings {
        CobrowseSettings {
            app: SdkApp { key: self.sdk_key.clone(), secret: self.sdk_secret.clone() },
            terms: CobrowseTerms {
                origins: vec![self.origin.origin().ascii_serialization()],
                agents: vec![],
                api_keys: vec![ApiKeyTerms {
                    name: "website".into(),
                    hash: self.api_key.hash(),
                    roles: vec![Role::Agent],
                    per_minute: PerMinute::of(600),
                }],
                page_lifetime: Lifetime::DEFAULT,
                per_address: PerMinute::of(600),
                all_pages: PerMinute::of(600),
            },
            compat: false,
        }
    }
}
