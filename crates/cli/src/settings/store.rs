//! Where records are kept.

use std::fmt;
use std::path::{Path, PathBuf};

use stagedoor_store::postgres::PostgresUrl;
use stagedoor_store::redis::RedisUrl;

use super::problem::{Origin, Wrong};
use super::reader::Reader;
use super::source::{Environment, Given};
use super::{Section, keys, secret};

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PostgresUrl>),
    /// A Redis or Valkey server.
    Redis(RedisUrl),
}

const FIX: &str = "write sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or redis://HOST";

impl StoreUrl {
    /// Understands an address; a relative path starts from `base`. What it says of a wrong one does not quote it.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, Wrong> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let is_file = !path.is_empty() && !path.contains(['?', '\0']) && path != ":memory:";
            let wrong = || Wrong::new("it is not a place for a SQLite file", "write sqlite:PATH");
            return is_file.then(|| Self::Sqlite(base.join(path))).ok_or_else(wrong);
        }
        match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => match PostgresUrl::parse(text) {
                Ok(url) => Ok(Self::Postgres(Box::new(url))),
                Err(error) => Err(Wrong::new(error.to_string(), "docs/stores.md says how such a URL is written")),
            },
            Some("redis" | "rediss" | "valkey" | "valkeys") => match RedisUrl::parse(text) {
                Ok(url) => Ok(Self::Redis(url)),
                Err(error) => Err(Wrong::new(error.to_string(), "docs/stores.md says how such a URL is written")),
            },
            _ => Err(Wrong::new("it is none of the stores that there are", FIX)),
        }
    }

    /// Whether the text of an address holds a password, which then does not belong on the command line.
    pub(crate) fn holds_password(text: &str) -> bool {
        let Some((_, rest)) = text.split_once("://") else { return false };
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let user = place.rsplit_once('@').map_or("", |(user, _)| user);
        user.contains(':') || options.split('&').any(|option| option.starts_with("password="))
    }
}

/// What may be shown of it.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "the file {}", path.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
            Self::Redis(_) => f.write_str("Redis"),
        }
    }
}

impl Section for StoreUrl {
    fn read(reader: &mut Reader) -> Option<Self> {
        // There is a default, so that it is never missing.
        reader.find(&keys::STORE_URL, given).map(|found| found.value)
    }
}

fn given(given: &Given, environment: &Environment) -> Result<StoreUrl, Wrong> {
    let text = secret::text(given, environment)?;
    if matches!(given.origin, Origin::Flag(_)) && StoreUrl::holds_password(&text) {
        let fix = "use the environment, or { file = \"…\" } in the settings file";
        return Err(Wrong::new("a password does not belong on the command line", fix));
    }
    StoreUrl::parse(&text, given.origin.base())
}
