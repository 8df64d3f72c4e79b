//! Third-party providers: the tables `[[connect]]`, and the `auth0` of Zoom's advanced sample.

use std::sync::Arc;

use stagedoor_flows::connect::{Metadata, Provider, ProviderName};
use stagedoor_protocol::id::ProviderClientId;
use stagedoor_protocol::jwt::Algorithm;
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem};
use stagedoor_protocol::loopback::is_loopback;
use stagedoor_protocol::provider::{Client, ClientAuth, Endpoints, Issuer, RESERVED};
use stagedoor_protocol::secret::ProviderSecret;
use url::Url;

use super::address::as_url;
use super::parse::{as_text, expected};
use super::problem::{Origin, Wrong};
use super::reader::Reader;
use super::secret::{self, looks_like_placeholder, refuse_weak};
use super::source::{Environment, Given, Value};
use super::table::Members;
use super::{Section, keys};
use crate::marketplace::Registration;

mod preset;

use preset::Preset;

/// The third-party providers of a deployment.
#[derive(Debug, Default)]
pub(crate) struct Providers(Vec<Entry>);

/// One provider.
#[derive(Debug, PartialEq)]
struct Entry {
    name: ProviderName,
    client_id: ProviderClientId,
    auth: Auth,
    place: Place,
    scopes: Vec<String>,
    extra: Vec<(String, String)>,
    api: Option<Url>,
}

#[derive(Debug, PartialEq)]
enum Auth {
    Basic(ProviderSecret),
    Post(ProviderSecret),
    PrivateKey(PrivateKeyPem),
    None,
}

#[derive(Debug, PartialEq)]
enum Place {
    Issuer(String),
    Endpoints(Box<Endpoints>),
}

const MEMBERS: [&str; 14] = [
    "name",
    "preset",
    "issuer",
    "authorize_url",
    "token_url",
    "revoke_url",
    "jwks_url",
    "client_id",
    "client_secret",
    "client_auth",
    "private_key",
    "scopes",
    "authorize",
    "api",
];

impl Section for Providers {
    fn read(reader: &mut Reader) -> Option<Self> {
        let listed = reader.find(&keys::CONNECT, entries).map(|found| found.value).unwrap_or_default();
        let mut entries = listed;
        if reader.is_begun("auth0") {
            let auth0 = auth0(reader)?;
            if entries.iter().any(|entry| entry.name == auth0.name) {
                let wrong = Wrong::new("there is a [[connect]] named auth0, too", "keep one of the two");
                reader.refuse(&keys::AUTH0_CLIENT_ID, Origin::Nowhere, wrong);
            }
            entries.push(auth0);
        }
        Some(Self(entries))
    }
}

impl Providers {
    /// The one that comes with the emulator.
    pub(crate) fn of_emulator(
        name: &str,
        issuer: &Url,
        client_id: ProviderClientId,
        client_secret: ProviderSecret,
    ) -> anyhow::Result<Self> {
        Ok(Self(vec![Entry {
            name: ProviderName::parse(name)?,
            client_id,
            auth: Auth::Basic(client_secret),
            place: Place::Issuer(issuer.origin().ascii_serialization()),
            scopes: ["openid", "email", "notes"].map(String::from).into(),
            extra: vec![],
            api: Some(issuer.join("api")?),
        }]))
    }

    /// The providers for a registration, from which their redirect URLs follow.
    pub(crate) fn build(&self, registration: &Registration) -> anyhow::Result<Vec<Provider>> {
        self.0.iter().map(|entry| entry.build(registration)).collect()
    }

    /// What the providers know the app by, besides its ids.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| match &entry.auth {
            Auth::Basic(secret) | Auth::Post(secret) => Some(secret.expose()),
            Auth::PrivateKey(pem) => Some(pem.expose()),
            Auth::None => None,
        })
    }

    /// The redirect URL of each provider, to be registered there.
    pub(crate) fn redirect_urls<'a>(
        &'a self,
        registration: &'a Registration,
    ) -> impl Iterator<Item = (&'a str, Url)> + 'a {
        self.0.iter().map(|entry| (entry.name.as_str(), registration.connect_redirect_uri(entry.name.as_str())))
    }
}

impl Entry {
    fn build(&self, registration: &Registration) -> anyhow::Result<Provider> {
        let auth = match &self.auth {
            Auth::Basic(secret) => ClientAuth::Basic(secret.clone()),
            Auth::Post(secret) => ClientAuth::Post(secret.clone()),
            Auth::PrivateKey(pem) => ClientAuth::PrivateKey(Arc::new(Es256Key::from_pem(pem)?)),
            Auth::None => ClientAuth::None,
        };
        Ok(Provider {
            name: self.name.clone(),
            client: Client {
                id: self.client_id.clone(),
                auth,
                redirect_uri: registration.connect_redirect_uri(self.name.as_str()),
                scopes: self.scopes.clone(),
                extra: self.extra.clone(),
            },
            metadata: match &self.place {
                Place::Issuer(issuer) => Metadata::Discovered { issuer: issuer.clone() },
                Place::Endpoints(endpoints) => Metadata::Given(endpoints.clone()),
            },
            api: self.api.clone(),
        })
    }
}

fn entries(given: &Given, environment: &Environment) -> Result<Vec<Entry>, Wrong> {
    let Value::List(items) = &given.value else {
        return Err(expected("a table for each provider: [[connect]]", &given.value));
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let read = Table::of(item, &given.origin, environment).and_then(|table| table.entry());
        let entry = read.map_err(|wrong| Wrong::new(format!("number {}: {}", at + 1, wrong.what), wrong.fix))?;
        if entries.iter().any(|other| other.name == entry.name) {
            return Err(Wrong::new(format!("there are two named {}", entry.name), "give each a name of its own"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// What Zoom's advanced sample has in its environment.
fn auth0(reader: &mut Reader) -> Option<Entry> {
    let issuer = reader.required(&keys::AUTH0_ISSUER, |given| issuer(as_text(&given.value)?));
    let client_id = reader.required(&keys::AUTH0_CLIENT_ID, |given| client_id(as_text(&given.value)?));
    let secret = reader.required_secret(&keys::AUTH0_CLIENT_SECRET, provider_secret);
    let preset = Preset::find("auth0")?;
    Some(Entry {
        name: ProviderName::parse("auth0").ok()?,
        client_id: client_id?,
        auth: Auth::Post(secret?),
        place: Place::Issuer(preset.issuer_as_it_says(issuer?)),
        scopes: preset.scopes(),
        extra: vec![],
        api: None,
    })
}

/// A table `[[connect]]`, with what its preset adds.
struct Table<'a> {
    members: Members<'a>,
    preset: Option<&'static Preset>,
    origin: &'a Origin,
    environment: &'a Environment,
}

impl<'a> Table<'a> {
    fn of(item: &'a Value, origin: &'a Origin, environment: &'a Environment) -> Result<Self, Wrong> {
        let members = Members::of(item, &MEMBERS)?;
        let preset = members.optional("preset", |value| {
            let name = as_text(value)?;
            Preset::find(name)
                .ok_or_else(|| Wrong::new("there is no such preset", format!("write {}", Preset::names())))
        })?;
        Ok(Self { members, preset, origin, environment })
    }

    fn entry(&self) -> Result<Entry, Wrong> {
        let name = self.members.optional("name", as_text)?.or(self.preset.map(|preset| preset.name));
        let name = name.ok_or_else(|| Wrong::new("name is missing", "add name = \"…\", or a preset"))?;
        let name = ProviderName::parse(name)
            .map_err(|error| Wrong::new(format!("name: it {error}"), "write for example name = \"github\""))?;
        let place = self.place()?;
        let given = self.members.texts("scopes")?;
        let usual = || match &place {
            Place::Issuer(_) => vec!["openid".to_owned()],
            Place::Endpoints(_) => vec![],
        };
        let scopes = given.or_else(|| self.preset.map(Preset::scopes)).unwrap_or_else(usual);
        if let Some(odd) = scopes.iter().find(|scope| !is_scope(scope)) {
            let what = format!("scopes: \"{}\" is not a scope", odd.escape_debug());
            return Err(Wrong::new(what, "write each scope as a text of its own"));
        }
        check_openid(&place, &scopes)?;
        let (client_id, auth) = (self.members.required("client_id", |value| client_id(as_text(value)?))?, self.auth()?);
        Ok(Entry { name, client_id, auth, place, scopes, extra: self.extra()?, api: self.api()? })
    }

    fn url(&self, name: &str) -> Result<Option<Url>, Wrong> {
        self.members.optional(name, |value| endpoint(as_text(value)?))
    }

    fn place(&self) -> Result<Place, Wrong> {
        let issuer = self.members.optional("issuer", |value| issuer(as_text(value)?))?;
        let (authorize, token) = (self.url("authorize_url")?, self.url("token_url")?);
        let (revoke, jwks) = (self.url("revoke_url")?, self.url("jwks_url")?);
        let endpoints = match (authorize, token) {
            (Some(authorize), Some(token)) => Some((authorize, token)),
            (None, None) => None,
            _ => return Err(Wrong::new("only one of authorize_url and token_url is there", "give both, or an issuer")),
        };
        match (endpoints, issuer) {
            (Some((authorize, token)), issuer) => {
                let issuer = issuer.map(|identifier| Issuer { identifier, is_always_named: false });
                let algorithms = vec![Algorithm::RS256, Algorithm::ES256];
                Ok(Place::Endpoints(Box::new(Endpoints { issuer, authorize, token, revoke, jwks, algorithms })))
            }
            (None, _) if revoke.is_some() || jwks.is_some() => {
                let fix = "leave revoke_url and jwks_url out: the provider names them itself";
                Err(Wrong::new("they belong to authorize_url and token_url", fix))
            }
            (None, Some(issuer)) => Ok(Place::Issuer(match self.preset {
                Some(preset) => preset.issuer_as_it_says(issuer),
                None => issuer,
            })),
            (None, None) => {
                let usual = self.preset.and_then(Preset::place);
                usual.ok_or_else(|| {
                    let fix = self
                        .preset
                        .map_or("add issuer = \"https://…\", or authorize_url and token_url", |preset| preset.fix);
                    Wrong::new("nothing says where the provider is", fix)
                })
            }
        }
    }

    fn auth(&self) -> Result<Auth, Wrong> {
        let in_this_table = |value: &Value| secret::as_secret(value, self.origin, self.environment);
        let secret = self.members.optional("client_secret", |value| in_this_table(value).and_then(provider_secret))?;
        let key = self.members.optional("private_key", |value| in_this_table(value).and_then(private_key))?;
        let usual = match (&secret, &key) {
            (_, Some(_)) => "private_key_jwt",
            (Some(_), None) => self.preset.map_or("client_secret_basic", |preset| preset.auth),
            (None, None) => return self.public(),
        };
        let named = self.members.optional("client_auth", as_text)?.unwrap_or(usual);
        match (named, secret, key) {
            ("client_secret_basic", Some(secret), None) => Ok(Auth::Basic(secret)),
            ("client_secret_post", Some(secret), None) => Ok(Auth::Post(secret)),
            ("private_key_jwt", None, Some(key)) => Ok(Auth::PrivateKey(key)),
            _ => Err(unknown_auth()),
        }
    }

    /// A client without a secret says so, so that a forgotten one is noticed.
    fn public(&self) -> Result<Auth, Wrong> {
        match self.members.optional("client_auth", as_text)? {
            Some("none") => Ok(Auth::None),
            Some(_) => Err(unknown_auth()),
            None => {
                let fix = "add client_secret = { env = \"…\" }, a private_key, or client_auth = \"none\"";
                Err(Wrong::new("client_secret is missing", fix))
            }
        }
    }

    fn extra(&self) -> Result<Vec<(String, String)>, Wrong> {
        let given = self.members.optional("authorize", |value| {
            let Value::Table(table) = value else {
                return Err(expected("a table: { prompt = \"consent\" }", value));
            };
            let pair = |(name, value): (&String, &Value)| {
                if RESERVED.contains(&name.as_str()) {
                    return Err(Wrong::new(format!("{name} is set by Stagedoor"), "leave it out"));
                }
                Ok((name.clone(), as_text(value)?.to_owned()))
            };
            table.iter().map(pair).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(given.unwrap_or_else(|| self.preset.map(Preset::extra).unwrap_or_default()))
    }

    fn api(&self) -> Result<Option<Url>, Wrong> {
        let given = self.members.optional("api", |value| {
            let url = endpoint(as_text(value)?)?;
            let is_base = url.query().is_none();
            if is_base {
                Ok(url)
            } else {
                Err(Wrong::new("it has a query", "write the address that all calls begin with"))
            }
        })?;
        Ok(given.or_else(|| self.preset.and_then(|preset| preset.api).and_then(|api| Url::parse(api).ok())))
    }
}

/// With `openid` there is an ID token, and somebody must say how it is checked.
fn check_openid(place: &Place, scopes: &[String]) -> Result<(), Wrong> {
    let is_openid = scopes.iter().any(|scope| scope == "openid");
    match place {
        Place::Endpoints(endpoints) if is_openid && (endpoints.issuer.is_none() || endpoints.jwks.is_none()) => {
            let fix = "add issuer and jwks_url, or leave the endpoints out and give the issuer alone";
            Err(Wrong::new("the scope openid needs an issuer and its keys", fix))
        }
        _ => Ok(()),
    }
}

fn unknown_auth() -> Wrong {
    let fix = "write client_secret_basic or client_secret_post with a client_secret, private_key_jwt with a private_key, or none";
    Wrong::new("client_auth: it does not fit what is given", fix)
}

/// Secrets and tokens travel there, so https except on loopback.
fn endpoint(text: &str) -> Result<Url, Wrong> {
    let url = as_url(text)?;
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    Err(Wrong::new("secrets would travel in the clear", "write https://; http is for localhost only"))
}

/// An issuer identifier is kept as it is written, because it is compared as text.
fn issuer(text: &str) -> Result<String, Wrong> {
    let url = endpoint(text)?;
    if url.query().is_none() {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("it has a query", "copy the issuer as the provider writes it"))
}

fn is_scope(scope: &str) -> bool {
    scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

const CREDENTIALS: &str = "copy it from the registration at the provider";

fn client_id(text: &str) -> Result<ProviderClientId, Wrong> {
    if looks_like_placeholder(text) {
        return Err(Wrong::new("it is a placeholder", CREDENTIALS));
    }
    ProviderClientId::parse(text).map_err(|error| Wrong::new(format!("it {error}"), CREDENTIALS))
}

/// The shortest client secret that is taken, in bytes. None of the known providers gives one as short.
const MIN_SECRET: usize = 16;

fn provider_secret(text: String) -> Result<ProviderSecret, Wrong> {
    refuse_weak(&text, 4, CREDENTIALS)?;
    if text.len() < MIN_SECRET {
        return Err(Wrong::new("it is shorter than any that a provider gives", CREDENTIALS));
    }
    Ok(ProviderSecret::new(text))
}

fn private_key(text: String) -> Result<PrivateKeyPem, Wrong> {
    let pem = PrivateKeyPem::new(text);
    let fix = "name the PEM file of the key whose public half is registered at the provider";
    Es256Key::from_pem(&pem).map_err(|error| Wrong::new(error.to_string(), fix))?;
    Ok(pem)
}
