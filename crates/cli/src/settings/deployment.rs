//! What the settings mean.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stagedoor_flows::api::ApiAllow;
use stagedoor_flows::launch::Guests;
use stagedoor_flows::port::Entropy;
use stagedoor_flows::seal::MasterSecret;
use stagedoor_flows::session::SessionTtl;
use stagedoor_flows::zoom::ZoomApp;
use stagedoor_gateway::{App, AppSource, Browsers, Config, HeaderConfig, SessionConfig, SystemEntropy};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::loopback::is_loopback;
use stagedoor_protocol::secret::ClientSecret;
use url::Url;

use super::cobrowse::CobrowseSettings;
use super::connect::Providers;
use super::consumer::ConsumerSettings;
use super::problem::Wrong;
use super::reader::Reader;
use super::store::StoreUrl;
use super::webhook::WebhookSettings;
use super::{Section, address, keys, parse, secret};
use crate::marketplace::Registration;

/// Everything that `serve` needs, valid as a whole.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    pub(crate) secrets: Secrets,
    /// The Zoom App, where there is one.
    pub(crate) zoom: Option<ZoomDeployment>,
    /// Consumer authentication, where there is one.
    pub(crate) consumer: Option<ConsumerSettings>,
    /// Cobrowse tokens, where there are any.
    pub(crate) cobrowse: Option<CobrowseSettings>,
    pub(crate) gateway: Config,
    pub(crate) store: StoreUrl,
    pub(crate) session_ttl: SessionTtl,
    /// Whether refreshes are done by a process that outlives the gateway.
    pub(crate) outlive: bool,
    pub(crate) log_level: LogLevel,
    /// What is accepted and perhaps not meant, in sentences.
    pub(crate) caveats: Vec<String>,
}

/// A Zoom App of a deployment.
#[derive(Debug)]
pub(crate) struct ZoomDeployment {
    pub(crate) registration: Registration,
    pub(crate) app: ZoomApp,
    pub(crate) previous_client_secrets: Vec<ClientSecret>,
    /// What becomes of webhooks; `None` where none is taken.
    pub(crate) webhook: Option<WebhookSettings>,
    /// The third parties that its users may connect.
    pub(crate) providers: Providers,
}

/// The secret of the deployment, and those that still open what they sealed.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) current: MasterSecret,
    pub(crate) previous: Vec<MasterSecret>,
}

/// What identifies the app: enough to open and seal app contexts.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: ClientSecret,
    pub(crate) previous: Vec<ClientSecret>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Section for Deployment {
    fn read(reader: &mut Reader) -> Option<Self> {
        let parts = Parts::wanted(reader);
        let public_url = reader.required(&keys::PUBLIC_URL, address::public_url);
        let registration = registration(reader, public_url);
        let listeners = listeners(reader);
        let secrets = parts.secrets(reader);
        let credentials = part::<Credentials>(parts.zoom, reader);
        let hosts = zoom_hosts(reader);
        let webhook = if parts.zoom { WebhookSettings::read(reader) } else { None };
        let providers = part::<Providers>(parts.zoom, reader);
        let gateway = Gateway::read(parts.zoom, reader);
        let consumer = part::<ConsumerSettings>(parts.consumer, reader);
        let cobrowse = part::<CobrowseSettings>(parts.cobrowse, reader);
        let store = StoreUrl::read(reader);
        let session_ttl = session_ttl(reader);
        let outlive = reader.required(&keys::TOKENS_OUTLIVE, parse::boolean);
        let log_level = LogLevel::read(reader);

        let webhooks = webhook.is_some();
        let registration = registration.map(|registration| Registration { webhooks, ..registration });
        let (registration, (host, api_host), consumer, cobrowse) = (registration?, hosts?, consumer?, cobrowse?);
        let ((listen, admin_listen), providers) = (listeners?, providers?.unwrap_or_default());
        let caveats = if parts.zoom { redirect_caveats(reader, &registration) } else { vec![] };
        let gateway = Config {
            consumer_origins: consumer.iter().flat_map(|consumer| consumer.origins.clone()).collect(),
            cobrowse_at_root: cobrowse.as_ref().is_some_and(|cobrowse| cobrowse.compat),
            ..gateway?.config(&registration, &host)
        };
        let zoom = credentials?.map(|Credentials { client_id, client_secret, previous }| {
            let app = ZoomApp { client_id, client_secret, redirect_uri: registration.redirect_uri(), host, api_host };
            ZoomDeployment { registration, app, previous_client_secrets: previous, webhook, providers }
        });
        Some(Self {
            gateway,
            zoom,
            consumer,
            cobrowse,
            listen,
            admin_listen,
            secrets: secrets?,
            store: store?,
            session_ttl: session_ttl?,
            outlive: outlive?,
            log_level: log_level?,
            caveats,
        })
    }
}

/// Where the two listeners are. What the admin listener says is not for the world, so they are two.
fn listeners(reader: &mut Reader) -> Option<(SocketAddr, SocketAddr)> {
    let listen = reader.required(&keys::LISTEN, parse::listen);
    let admin = reader.find(&keys::ADMIN_LISTEN, |given, _| parse::listen(given));
    let (listen, admin) = (listen?, admin?);
    let is_same_ip =
        listen.ip() == admin.value.ip() || listen.ip().is_unspecified() || admin.value.ip().is_unspecified();
    if listen.port() == admin.value.port() && listen.port() != 0 && is_same_ip {
        let wrong = Wrong::new("listen has this port, too", "choose another port; the world must not reach it");
        reader.refuse(&keys::ADMIN_LISTEN, admin.origin, wrong);
    }
    Some((listen, admin.value))
}

/// Which parts a deployment has. A Zoom App is meant where nothing else is.
struct Parts {
    zoom: bool,
    consumer: bool,
    cobrowse: bool,
}

impl Parts {
    fn wanted(reader: &mut Reader) -> Self {
        let app =
            reader.is_any_attempted(&[&keys::CLIENT_ID, &keys::CLIENT_SECRET, &keys::APP_ROOT, &keys::APP_UPSTREAM]);
        // Zoom's samples and the emulator name the SDK credentials to every app. Beside one they say nothing yet.
        let credentials: &[&keys::Key] = if app { &[&keys::COBROWSE_SDK_KEY, &keys::COBROWSE_SDK_SECRET] } else { &[] };
        let (consumer, cobrowse) = (reader.is_begun("consumer"), reader.is_begun_beside("cobrowse", credentials));
        Self { zoom: app || !(consumer || cobrowse), consumer, cobrowse }
    }

    /// Where nothing is kept, a secret that lives as long as the process is enough.
    fn secrets(&self, reader: &mut Reader) -> Option<Secrets> {
        if self.zoom || reader.is_any_attempted(&[&keys::SECRET]) {
            return Secrets::read(reader);
        }
        let current = MasterSecret::new(STANDARD.encode((&SystemEntropy as &dyn Entropy).bytes::<32>()));
        Some(Secrets { current, previous: vec![] })
    }
}

/// Reads a part that is wanted. The outer `None` is one that is wrong.
#[expect(clippy::option_option, reason = "a part is wrong, absent or there")]
fn part<S: Section>(is_wanted: bool, reader: &mut Reader) -> Option<Option<S>> {
    if is_wanted { S::read(reader).map(Some) } else { Some(None) }
}

impl Deployment {
    /// Whether nothing outlives the process, so that no store is needed.
    pub(crate) fn keeps_nothing(&self) -> bool {
        self.zoom.is_none()
    }
}

/// A registration in the making: the public URL may not be known yet.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) registration: Registration,
    /// Whether the public URL was given; otherwise an example stands there.
    pub(crate) has_url: bool,
}

impl Section for Draft {
    fn read(reader: &mut Reader) -> Option<Self> {
        let given = reader.optional(&keys::PUBLIC_URL, address::public_url);
        let has_url = given.is_some();
        let public_url = given.or_else(|| Url::parse("https://app.example.com").ok());
        registration(reader, public_url).map(|registration| Self { registration, has_url })
    }
}

fn registration(reader: &mut Reader, public_url: Option<Url>) -> Option<Registration> {
    const GUESTS: &[(&str, Guests)] = &[("allow", Guests::Allow), ("deny", Guests::Deny)];
    let prefix = reader.required(&keys::PREFIX, address::prefix);
    let home = reader.required(&keys::APP_HOME, address::url_path);
    let scopes = reader.required(&keys::REQUIRED_SCOPES, parse::list(parse::scope));
    let guests = reader.required(&keys::APP_GUESTS, parse::one_of(GUESTS));
    let pwa = reader.required(&keys::PWA_ENABLED, parse::boolean);
    Some(Registration {
        public_url: public_url?,
        prefix: prefix?,
        home: home?,
        scopes: scopes?,
        guests: guests?,
        pwa: pwa?,
        webhooks: false,
    })
}

/// Says which redirect URLs of Zoom's samples are not where users come back to.
fn redirect_caveats(reader: &Reader, registration: &Registration) -> Vec<String> {
    let ours = registration.redirect_uri();
    let differs = |name: &&&str| reader.variable(name).is_some_and(|given| Url::parse(given).as_ref() != Ok(&ours));
    let caveat = |name: &&str| {
        format!(
            "{name} is not what is used: users come back to {ours}, which is made of public_url. Enter that one in the \
             Marketplace, then remove {name}"
        )
    };
    keys::REDIRECTS.iter().filter(differs).map(caveat).collect()
}

impl Section for Secrets {
    fn read(reader: &mut Reader) -> Option<Self> {
        let previous = reader.secrets(&keys::PREVIOUS_SECRETS, secret::master);
        Some(Self { current: reader.required_secret(&keys::SECRET, secret::master)?, previous })
    }
}

impl Section for Credentials {
    fn read(reader: &mut Reader) -> Option<Self> {
        let client_id = reader.required(&keys::CLIENT_ID, parse::client_id);
        let client_secret = reader.required_secret(&keys::CLIENT_SECRET, secret::client);
        let previous = reader.secrets(&keys::PREVIOUS_CLIENT_SECRETS, secret::client);
        Some(Self { client_id: client_id?, client_secret: client_secret?, previous })
    }
}

/// Zoom's web and API origins. The API of an emulator is where its web is, and ZoomGov has its own.
fn zoom_hosts(reader: &mut Reader) -> Option<(Url, Url)> {
    let host = reader.required(&keys::ZOOM_HOST, address::zoom_host);
    let given = reader.optional(&keys::ZOOM_API_HOST, address::zoom_host);
    let host = host?;
    let api_host = match (given, host.host_str()) {
        (Some(given), _) => given,
        (None, _) if is_loopback(&host) => host.clone(),
        (None, Some("zoomgov.com")) => Url::parse("https://api.zoomgov.com").ok()?,
        (None, _) => Url::parse("https://api.zoom.us").ok()?,
    };
    Some((host, api_host))
}

/// What concerns the gateway alone.
struct Gateway {
    source: Option<AppSource>,
    browsers: Browsers,
    public: Vec<String>,
    api_allow: ApiAllow,
    session: SessionConfig,
    headers: HeaderConfig,
    trusted_proxies: Vec<stagedoor_gateway::Network>,
    renew_per_second: NonZeroU32,
}

impl Gateway {
    fn read(has_app: bool, reader: &mut Reader) -> Option<Self> {
        const BROWSERS: &[(&str, Browsers)] = &[("allow", Browsers::Allow), ("deny", Browsers::Deny)];
        let source = if has_app { app_source(reader).map(Some) } else { Some(None) };
        let browsers = reader.required(&keys::APP_BROWSERS, parse::one_of(BROWSERS));
        let public = reader.required(&keys::APP_PUBLIC, parse::list(address::as_pattern));
        let api_allow = reader.required(&keys::APP_API_ALLOW, parse::list(parse::api_rule));
        let pwa_http_only = reader.required(&keys::SESSION_PWA_HTTP_ONLY, parse::boolean);
        let headers = headers(reader);
        let trusted_proxies = reader.required(&keys::TRUSTED_PROXIES, parse::list(parse::network));
        let renew_per_second = reader.required(&keys::TOKENS_RENEW, parse::integer(1..=1000));
        Some(Self {
            source: source?,
            browsers: browsers?,
            public: public?,
            api_allow: api_allow?.into_iter().collect(),
            session: SessionConfig { pwa_http_only: pwa_http_only? },
            headers: headers?,
            trusted_proxies: trusted_proxies?,
            renew_per_second: u32::try_from(renew_per_second?).ok().and_then(NonZeroU32::new)?,
        })
    }

    fn config(self, registration: &Registration, zoom_host: &Url) -> Config {
        let Self { source, browsers, public, api_allow, session, headers, trusted_proxies, renew_per_second } = self;
        Config {
            prefix: registration.prefix.clone(),
            app: source.map(|source| App { source, browsers, public }),
            zoom_host: zoom_host.clone(),
            api_allow,
            session,
            headers,
            pwa: registration.pwa,
            trusted_proxies,
            renew_per_second,
            ..Config::new(registration.public_url.clone())
        }
    }
}

fn headers(reader: &mut Reader) -> Option<HeaderConfig> {
    const TWO_YEARS: i64 = 63_072_000;
    let csp = reader.required(&keys::HEADERS_CSP, parse::directives);
    let referrer_policy = reader.required(&keys::HEADERS_REFERRER_POLICY, parse::referrer_policy);
    let hsts_max_age = reader.required(&keys::HEADERS_HSTS, parse::integer(0..=TWO_YEARS));
    Some(HeaderConfig { csp: csp?, referrer_policy: referrer_policy?, hsts_max_age: hsts_max_age?.unsigned_abs() })
}

/// One of `app.root` and `app.upstream`; where two sources differ on which, the stronger one decides.
fn app_source(reader: &mut Reader) -> Option<AppSource> {
    let root = reader.find(&keys::APP_ROOT, |given, _| address::directory(given));
    let upstream = reader.find(&keys::APP_UPSTREAM, |given, _| address::origin(given));
    match (root, upstream) {
        (Some(root), Some(upstream)) if root.layer == upstream.layer => {
            let what = format!("app.root is set too ({})", root.origin);
            reader.refuse(&keys::APP_UPSTREAM, upstream.origin, Wrong::new(what, "set only one of the two"));
            None
        }
        (Some(root), Some(upstream)) if root.layer > upstream.layer => Some(AppSource::Upstream(upstream.value)),
        (Some(root), _) => Some(AppSource::Root(root.value)),
        (None, Some(upstream)) => Some(AppSource::Upstream(upstream.value)),
        (None, None) => {
            reader.missing_both(&keys::APP_ROOT, &keys::APP_UPSTREAM);
            None
        }
    }
}

fn session_ttl(reader: &mut Reader) -> Option<SessionTtl> {
    const HOUR: i64 = 3_600;
    let client = reader.required(&keys::SESSION_TTL, parse::integer(1..=30 * 24 * HOUR));
    let pwa = reader.required(&keys::SESSION_PWA_TTL, parse::integer(1..=HOUR));
    Some(SessionTtl { client: client?, pwa: pwa? })
}

impl LogLevel {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Section for LogLevel {
    fn read(reader: &mut Reader) -> Option<Self> {
        let words = Self::ALL.map(|level| (level.as_str(), level));
        reader.required(&keys::LOG_LEVEL, parse::one_of(&words))
    }
}
