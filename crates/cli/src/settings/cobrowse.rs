//! Cobrowse tokens: the section `cobrowse`.

use stagedoor_flows::cobrowse::{ApiKeyTerms, CobrowseTerms, PerMinute};
use stagedoor_protocol::cobrowse::{Lifetime, Role};
use stagedoor_protocol::id::{SdkKey, ZoomUserId};
use stagedoor_protocol::secret::SdkSecret;

use super::address::as_page_origin;
use super::parse::{as_text, expected};
use super::problem::{Origin, Wrong};
use super::reader::{Found, Reader};
use super::secret::{looks_like_placeholder, of_zoom};
use super::source::{Given, Value};
use super::table::Members;
use super::{Section, keys, parse};

/// Everything that issuing Cobrowse tokens needs.
#[derive(Debug)]
pub(crate) struct CobrowseSettings {
    pub(crate) app: SdkApp,
    pub(crate) terms: CobrowseTerms,
    pub(crate) compat: bool,
}

/// The Cobrowse app: enough to sign a token.
#[derive(Debug)]
pub(crate) struct SdkApp {
    pub(crate) key: SdkKey,
    pub(crate) secret: SdkSecret,
}

/// The most tokens a minute that can be written: more than one process can issue.
const MANY: u32 = 60_000_000;

impl Section for CobrowseSettings {
    fn read(reader: &mut Reader) -> Option<Self> {
        let app = SdkApp::read(reader);
        let origins = reader.required(&keys::COBROWSE_ORIGINS, parse::list(as_page_origin));
        let agents = agents(reader);
        let api_keys = reader.optional(&keys::COBROWSE_API_KEYS, api_keys);
        let page_max = reader.required(&keys::COBROWSE_PAGE_MAX, lifetime);
        let per_address = reader.required(&keys::COBROWSE_PER_ADDRESS, per_minute);
        let all_pages = reader.required(&keys::COBROWSE_PER_MINUTE, per_minute);
        let compat = reader.required(&keys::COBROWSE_COMPAT, parse::boolean);
        let (origins, agents, api_keys) = (origins?, agents?, api_keys.unwrap_or_default());
        if origins.is_empty()
            && agents.is_empty()
            && api_keys.is_empty()
            && !reader.is_any_attempted(&[&keys::COBROWSE_API_KEYS])
        {
            let fix =
                "set cobrowse.origins for customers' pages, cobrowse.agents for agents in Zoom, or cobrowse.api_keys";
            let wrong = Wrong::new("nobody could get a token", fix);
            reader.refuse(&keys::COBROWSE_ORIGINS, Origin::Nowhere, wrong);
        }
        let terms = CobrowseTerms {
            origins: origins.iter().map(|url| url.origin().ascii_serialization()).collect(),
            agents,
            api_keys,
            page_lifetime: page_max?,
            per_address: per_address?,
            all_pages: all_pages?,
        };
        Some(Self { app: app?, terms, compat: compat? })
    }
}

impl Section for SdkApp {
    fn read(reader: &mut Reader) -> Option<Self> {
        let key = reader.required(&keys::COBROWSE_SDK_KEY, sdk_key);
        let secret = reader.required_secret(&keys::COBROWSE_SDK_SECRET, sdk_secret);
        Some(Self { key: key?, secret: secret? })
    }
}

const CREDENTIALS: &str = "copy it from the Marketplace, App Credentials of the Cobrowse app";

fn sdk_key(given: &Given) -> Result<SdkKey, Wrong> {
    let text = as_text(&given.value)?;
    if looks_like_placeholder(text) {
        return Err(Wrong::new("it is a placeholder", CREDENTIALS));
    }
    SdkKey::parse(text).map_err(|error| Wrong::new(format!("it {error}"), CREDENTIALS))
}

fn sdk_secret(text: String) -> Result<SdkSecret, Wrong> {
    of_zoom(text, CREDENTIALS).map(SdkSecret::new)
}

/// Agents prove who they are by a session of a Zoom App.
fn agents(reader: &mut Reader) -> Option<Vec<ZoomUserId>> {
    let Found { value: agents, origin, .. } =
        reader.find(&keys::COBROWSE_AGENTS, |given, _| parse::list(agent)(given))?;
    if !agents.is_empty() && !reader.is_any_attempted(&[&keys::CLIENT_ID]) {
        let fix = "set zoom.client_id, or give the agents' desk a key in cobrowse.api_keys";
        reader.refuse(
            &keys::COBROWSE_AGENTS,
            origin,
            Wrong::new("agents come from a Zoom App, and there is none", fix),
        );
        return None;
    }
    Some(agents)
}

fn agent(text: &str) -> Result<ZoomUserId, Wrong> {
    let fix = "write the ids of Zoom users: what /zoom/session names as user.id";
    ZoomUserId::parse(text).map_err(|error| Wrong::new(format!("an agent {error}"), fix))
}

fn lifetime(given: &Given) -> Result<Lifetime, Wrong> {
    let seconds = parse::integer(Lifetime::MIN.seconds()..=Lifetime::MAX.seconds())(given)?;
    Ok(Lifetime::from_seconds(seconds).unwrap_or(Lifetime::DEFAULT))
}

fn per_minute(given: &Given) -> Result<PerMinute, Wrong> {
    let count = parse::integer(1..=i64::from(MANY))(given)?;
    Ok(PerMinute::of(u32::try_from(count).unwrap_or(MANY)))
}

fn api_keys(given: &Given) -> Result<Vec<ApiKeyTerms>, Wrong> {
    let Value::List(items) = &given.value else {
        return Err(expected("a list: [{ name = \"…\", hash = \"…\", roles = [1] }]", &given.value));
    };
    let keys = items.iter().map(api_key).collect::<Result<Vec<_>, _>>()?;
    let twice = keys
        .iter()
        .enumerate()
        .find(|(at, key)| keys[..*at].iter().any(|other| other.name == key.name || other.hash == key.hash));
    match twice {
        Some((_, key)) => {
            Err(Wrong::new(format!("the name or the hash of {} comes twice", key.name), "give each key its own"))
        }
        None => Ok(keys),
    }
}

fn api_key(value: &Value) -> Result<ApiKeyTerms, Wrong> {
    let members = Members::of(value, &["name", "hash", "roles", "per_minute"])?;
    let name = members.text("name")?;
    if name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new("name: it has spaces or more than 64 characters", "write a short name for the log"));
    }
    let hash = members.text("hash")?.parse();
    let hash = hash.map_err(|error| {
        Wrong::new(format!("hash: it {error}"), format!("make a key and its line with: stagedoor keys api {name}"))
    })?;
    let roles = members.required("roles", roles)?;
    let per_minute = members.integer("per_minute", &(1..=MANY), 600)?;
    Ok(ApiKeyTerms { name: name.to_owned(), hash, roles, per_minute: PerMinute::of(per_minute) })
}

fn roles(value: &Value) -> Result<Vec<Role>, Wrong> {
    let wrong = || Wrong::new("it is not a list of roles", "write [1] for customers, [2] for agents, or [1, 2]");
    let Value::List(items) = value else { return Err(wrong()) };
    let role = |item: &Value| match item {
        Value::Integer(number) => Role::of(*number),
        _ => None,
    };
    let roles = items.iter().map(role).collect::<Option<Vec<_>>>();
    roles.filter(|roles| !roles.is_empty()).ok_or_else(wrong)
}
