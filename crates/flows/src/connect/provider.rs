use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::provider::{Client, Endpoints};
use url::Url;

/// A third-party provider, as the settings describe it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name, which is part of the addresses of its routes.
    pub name: ProviderName,
    /// How the provider knows this deployment.
    pub client: Client,
    /// Where it is.
    pub metadata: Metadata,
    /// Below which address its API may be called with a user's token.
    pub api: Option<Url>,
}

/// How a provider's endpoints are known.
#[derive(Clone, Debug)]
pub enum Metadata {
    /// From its discovery document, read when it is first needed.
    Discovered {
        /// The issuer identifier.
        issuer: String,
    },
    /// From the settings.
    Given(Box<Endpoints>),
}

/// The name of a provider: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

/// Why a text is not a provider's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 lower-case letters, digits and hyphens")]
pub struct InvalidName;

impl ProviderName {
    /// Parses a name.
    pub fn parse(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=32).contains(&name.len()) && name.bytes().all(is_name);
        if valid { Ok(Self(name)) } else { Err(InvalidName) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ProviderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ProviderName {
    type Error = InvalidName;
    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}
