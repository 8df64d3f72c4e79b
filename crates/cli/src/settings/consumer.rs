//! Consumer authentication: the section `consumer`.

use std::collections::BTreeMap;

use stagedoor_flows::consumer::{ClaimMap, InvalidClaimMap, MAX_TTL_SECONDS};
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem, SharedSecret, VerifyingKeys};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::address::{as_page_origin, as_url};
use super::parse::{as_text, expected};
use super::problem::Wrong;
use super::reader::Reader;
use super::source::{Environment, Given, Value};
use super::table::Members;
use super::{Section, keys, parse, secret};

/// Everything that consumer authentication needs.
#[derive(Debug)]
pub(crate) struct ConsumerSettings {
    pub(crate) keys: ConsumerKeys,
    pub(crate) origins: Vec<Url>,
    pub(crate) ttl_seconds: u32,
    pub(crate) identity: IdentitySettings,
    pub(crate) claims: ClaimMap,
}

/// The keys that sign: enough to print and try them.
#[derive(Debug)]
pub(crate) struct ConsumerKeys {
    pub(crate) current: PrivateKeyPem,
    pub(crate) next: Option<(UnixMillis, PrivateKeyPem)>,
}

/// The same, where the settings say anything of consumer authentication.
#[derive(Debug)]
pub(crate) struct ConsumerKeysIfAny(pub(crate) Option<ConsumerKeys>);

/// How long tokens live, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerLife(pub(crate) u32);

/// Who says who a visitor is.
#[derive(Debug, PartialEq)]
pub(crate) enum IdentitySettings {
    /// The site itself.
    Forward { url: Url, cookies: Option<Vec<String>>, timeout_ms: u32, cache_seconds: u32 },
    /// A JWT in a cookie of the site.
    JwtCookie { name: String, keys: SessionKeys, issuer: String, audience: String },
}

/// What verifies the site's sessions.
#[derive(Debug, PartialEq)]
pub(crate) enum SessionKeys {
    /// A JWK Set at an address.
    Remote(Url),
    /// A public key or a set of them.
    Public(String),
    /// A secret that the site shares.
    Shared(SharedSecret),
}

impl Section for ConsumerSettings {
    fn read(reader: &mut Reader) -> Option<Self> {
        let keys = ConsumerKeys::read(reader);
        let origins = reader.required(&keys::CONSUMER_ORIGINS, parse::list(as_page_origin));
        let life = ConsumerLife::read(reader);
        let identity = reader.find(&keys::CONSUMER_IDENTITY, identity);
        if identity.is_none() {
            reader.missing(&keys::CONSUMER_IDENTITY);
        }
        let required = reader.required(&keys::CONSUMER_REQUIRED_CLAIMS, parse::list(|text| Ok(text.to_owned())));
        let required = required.unwrap_or_default();
        let claims = reader.required(&keys::CONSUMER_CLAIMS, |given| claims(given, &required));
        Some(Self { keys: keys?, origins: origins?, ttl_seconds: life?.0, identity: identity?.value, claims: claims? })
    }
}

impl Section for ConsumerLife {
    fn read(reader: &mut Reader) -> Option<Self> {
        let seconds = reader.required(&keys::CONSUMER_TTL, parse::integer(30..=i64::from(MAX_TTL_SECONDS)));
        u32::try_from(seconds?).ok().map(Self)
    }
}

impl Section for ConsumerKeys {
    fn read(reader: &mut Reader) -> Option<Self> {
        let current = reader.required_secret(&keys::CONSUMER_PRIVATE_KEY, private_key);
        let next = reader.optional_secret(&keys::CONSUMER_NEXT_KEY, private_key);
        let at = reader.optional(&keys::CONSUMER_NEXT_KEY_AT, instant);
        match (&next, &at) {
            (Some(_), None) => reader.missing(&keys::CONSUMER_NEXT_KEY_AT),
            (None, Some(_)) => reader.missing(&keys::CONSUMER_NEXT_KEY),
            _ => (),
        }
        Some(Self { current: current?, next: at.zip(next) })
    }
}

impl Section for ConsumerKeysIfAny {
    fn read(reader: &mut Reader) -> Option<Self> {
        if reader.is_begun("consumer") { ConsumerKeys::read(reader).map(Some) } else { Some(None) }.map(Self)
    }
}

/// A private key. Where it stands in a variable, its line breaks may be written as `\n`.
fn private_key(text: String) -> Result<PrivateKeyPem, Wrong> {
    let is_one_line = !text.contains('\n') && text.contains("\\n");
    let pem = PrivateKeyPem::new(if is_one_line { text.replace("\\n", "\n") } else { text });
    match Es256Key::from_pem(&pem) {
        Ok(_) => Ok(pem),
        Err(error) => Err(Wrong::new(error.to_string(), "make a key with: stagedoor keys generate")),
    }
}

fn instant(given: &Given) -> Result<UnixMillis, Wrong> {
    let timestamp: Result<jiff::Timestamp, _> = as_text(&given.value)?.parse();
    let wrong = |_| Wrong::new("it is not an instant", "write one as in \"2027-01-31T04:00:00Z\"");
    timestamp.map(|timestamp| UnixMillis(timestamp.as_millisecond())).map_err(wrong)
}

fn identity(given: &Given, environment: &Environment) -> Result<IdentitySettings, Wrong> {
    const FORWARD: &[&str] = &["forward", "cookies", "timeout_ms", "cache_seconds"];
    const JWT_COOKIE: &[&str] = &["jwt_cookie", "jwks", "secret", "issuer", "audience"];
    let Value::Table(table) = &given.value else {
        return Err(expected("a table, for example { forward = \"https://www.example.com/whoami\" }", &given.value));
    };
    match (table.contains_key("forward"), table.contains_key("jwt_cookie")) {
        (true, false) => forward(&Members::of(&given.value, FORWARD)?),
        (false, true) => jwt_cookie(&Members::of(&given.value, JWT_COOKIE)?, given, environment),
        _ => Err(Wrong::new("it is not exactly one of forward and jwt_cookie", "write one of the two")),
    }
}

fn forward(members: &Members<'_>) -> Result<IdentitySettings, Wrong> {
    let cookies = members.texts("cookies")?;
    if cookies.as_ref().is_some_and(Vec::is_empty) {
        return Err(Wrong::new("cookies: it is empty", "name the site's session cookie"));
    }
    Ok(IdentitySettings::Forward {
        url: members.required("forward", |value| as_url(as_text(value)?))?,
        cookies,
        timeout_ms: members.integer("timeout_ms", &(100..=10_000), 2_000)?,
        cache_seconds: members.integer("cache_seconds", &(0..=300), 0)?,
    })
}

fn jwt_cookie(members: &Members<'_>, given: &Given, environment: &Environment) -> Result<IdentitySettings, Wrong> {
    let text = |value| secret::as_secret(value, &given.origin, environment);
    let keys = match (members.has("jwks"), members.has("secret")) {
        (true, false) => members.required("jwks", |value| session_keys(text(value)?))?,
        (false, true) => members.required("secret", |value| shared_secret(text(value)?))?,
        _ => return Err(Wrong::new("it is not exactly one of jwks and secret", "write one of the two")),
    };
    Ok(IdentitySettings::JwtCookie {
        name: members.text("jwt_cookie")?.to_owned(),
        keys,
        issuer: members.text("issuer")?.to_owned(),
        audience: members.text("audience")?.to_owned(),
    })
}

/// An address or the keys themselves. Whoever can change the keys on their way here can be anybody, hence https.
fn session_keys(text: String) -> Result<SessionKeys, Wrong> {
    if text.starts_with("https://") || text.starts_with("http://") {
        let url = as_url(&text)?;
        let is_safe = url.scheme() == "https" || stagedoor_protocol::loopback::is_loopback(&url);
        return if is_safe {
            Ok(SessionKeys::Remote(url))
        } else {
            Err(Wrong::new("keys would travel unprotected", "write https://; http is for localhost only"))
        };
    }
    let fix = "write the address of a JWK Set, or { file = \"…\" } with a public key as PEM or JWK";
    VerifyingKeys::read(&text).map_err(|error| Wrong::new(error.to_string(), fix))?;
    Ok(SessionKeys::Public(text))
}

fn shared_secret(text: String) -> Result<SessionKeys, Wrong> {
    const FIX: &str = "copy the secret with which the site signs its sessions; it has at least 32 bytes";
    secret::refuse_weak(&text, 8, FIX)?;
    let secret = SharedSecret::new(text);
    VerifyingKeys::shared(&secret).map_err(|error| Wrong::new(error.to_string(), FIX))?;
    Ok(SessionKeys::Shared(secret))
}

fn claims(given: &Given, required: &[String]) -> Result<ClaimMap, Wrong> {
    let Value::Table(table) = &given.value else {
        return Err(expected("a table, for example { email = \"email\" }", &given.value));
    };
    let fields: BTreeMap<_, _> =
        table.iter().map(|(name, field)| Ok((name.as_str(), as_text(field)?))).collect::<Result<_, Wrong>>()?;
    ClaimMap::parse(fields, required).map_err(|error| {
        let fix = match error {
            InvalidClaimMap::Required(_) => "name in consumer.required_claims what stands left in consumer.claims",
            _ => "write field of the JWT = field of the identity, for example { email = \"email\" }",
        };
        Wrong::new(error.to_string(), fix)
    })
}
