//! A gateway on a memory store, with a clock that stands still and a Zoom that answers as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::authorize::Authorize;
use stagedoor_flows::connect::{Connect, Metadata, Ports, Provider, ProviderName};
use stagedoor_flows::install::Install;
use stagedoor_flows::installation::Installations;
use stagedoor_flows::launch::{Guests, Launch};
use stagedoor_flows::port::{Clock, Entropy, Http, Sleep, Store};
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer};
use stagedoor_flows::session::{SessionTtl, Sessions};
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::Vault;
use stagedoor_flows::zoom::{Zoom, ZoomApp};
use stagedoor_gateway::{
    App, AppSource, Browsers, Config, ConfigError, Flights, Flows, Gateway, SystemEntropy, ZoomFlows,
};
use stagedoor_protocol::context::ContextKey;
use stagedoor_protocol::id::{ClientId, ProviderClientId};
use stagedoor_protocol::provider::{self, ClientAuth, Endpoints};
use stagedoor_protocol::secret::{ClientSecret, ProviderSecret};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;
use url::Url;

mod browser;
mod log;
mod post;
mod store;
mod upstream;
mod zoom;

pub(crate) use browser::Browser;
pub(crate) use log::{Log, log_to};
pub(crate) use post::{Hooks, Mood, Post, event};
pub(crate) use store::{DeadStore, SlowStore};
pub(crate) use upstream::{Upstream, raw, raw_connection};
pub(crate) use zoom::ScriptedZoom;

pub(crate) const PUBLIC_URL: &str = "https://app.example.com";
pub(crate) const CLIENT_ID: &str = "client-id-of-the-app";
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-of-the-app";
pub(crate) const MASTER_SECRET: &str = "canary-master-secret-of-the-deployment";
pub(crate) const USER: &str = "77A6G6xIS62MkqTlFWJhbg";

pub(crate) const SAMPLE: &[(&str, &[u8])] = &[
    ("index.html", b"<!doctype html><title>Sample</title><h1>Hello</h1>"),
    ("app.js", b"console.log('hello');"),
    ("deep/index.html", b"<!doctype html><title>Deep</title>"),
    ("robots.txt", b"User-agent: *"),
];

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("this never came: {what}"));
}

/// Does as a caller who goes away in the middle: drops `call` once something is so.
pub(crate) async fn leave_once<T>(what: &str, is_so: impl AsyncFnMut() -> bool, call: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = call => panic!("the call ended before this came: {what}"),
        () = until(what, is_so) => {}
    }
}

/// A clock that is moved by hand. It starts in November 2026.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The gateway and everything around it.
pub(crate) struct House {
    pub(crate) gateway: Gateway,
    pub(crate) router: Router,
    pub(crate) zoom: Arc<ScriptedZoom>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) installations: Installations,
    pub(crate) tokens: Tokens,
    pub(crate) revocations: Arc<Revocations>,
}

type Change = Box<dyn FnOnce(&mut Flows, Arc<dyn Clock>)>;

/// How a house differs from the usual one.
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) guests: Guests,
    pub(crate) store: Arc<dyn Store>,
    /// What is changed of the flows before the gateway gets them.
    pub(crate) change: Option<Change>,
    /// Where Zoom's API is.
    pub(crate) api_host: Url,
    /// Where the API of the third party is, whose name is `acme`.
    pub(crate) acme_api: Option<Url>,
}

impl Default for Plan {
    fn default() -> Self {
        let mut config = Config::new(Url::parse(PUBLIC_URL).unwrap());
        config.app = Some(App::new(AppSource::Embedded(SAMPLE)));
        let api_host = Url::parse("https://api.zoom.us").unwrap();
        Self { config, guests: Guests::Allow, store: Arc::new(Memory::new()), change: None, api_host, acme_api: None }
    }
}

impl Plan {
    pub(crate) fn app(source: AppSource) -> Self {
        let mut plan = Self::default();
        plan.config.app = Some(App::new(source));
        plan
    }

    pub(crate) fn upstream(address: SocketAddr) -> Self {
        Self::app(AppSource::Upstream(Url::parse(&format!("http://{address}")).unwrap()))
    }

    /// The app is reached without a session.
    pub(crate) fn open(self) -> Self {
        self.with(|config| config.app.as_mut().unwrap().browsers = Browsers::Allow)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Parts beside the Zoom App.
    pub(crate) fn flows(mut self, change: impl FnOnce(&mut Flows, Arc<dyn Clock>) + 'static) -> Self {
        self.change = Some(Box::new(change));
        self
    }

    /// Parts without a Zoom App.
    pub(crate) fn alone(change: impl FnOnce(&mut Flows, Arc<dyn Clock>) + 'static) -> Self {
        Self::default().with(|config| config.app = None).flows(|flows, clock| {
            flows.zoom = None;
            change(flows, clock);
        })
    }

    pub(crate) fn build(self) -> House {
        self.try_build().unwrap()
    }

    pub(crate) fn try_build(self) -> Result<House, ConfigError> {
        let clock = Arc::new(HandClock(AtomicI64::new(1_795_000_000_000)));
        let zoom = Arc::new(ScriptedZoom::default());
        let mut flows = flows(&self, &clock, &zoom);
        let zoom_flows = flows.zoom.as_ref().expect("this house has a Zoom App");
        let (installations, revocations) = (zoom_flows.installations.clone(), Arc::clone(&flows.revocations));
        let tokens = zoom_flows.tokens.clone();
        if let Some(change) = self.change {
            change(&mut flows, Arc::clone(&clock) as _);
        }
        let gateway = Gateway::new(self.config, flows)?;
        Ok(House { router: gateway.router(), gateway, zoom, clock, installations, tokens, revocations })
    }
}

fn flows(plan: &Plan, clock: &Arc<HandClock>, zoom: &Arc<ScriptedZoom>) -> Flows {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let secret = MasterSecret::new(MASTER_SECRET);
    let sealer = |purpose| Sealer::new(&secret, &[], purpose).unwrap();
    let vault = Vault::new(
        Arc::clone(&plan.store),
        Arc::new(sealer(Purpose::Record)),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );
    let revocations = Arc::new(Revocations::new(vault.clone(), 86_400));
    let client_secret = ClientSecret::new(CLIENT_SECRET);
    let app = ZoomApp {
        client_id: ClientId::parse(CLIENT_ID).unwrap(),
        client_secret: client_secret.clone(),
        redirect_uri: plan.config.public_url.join("/zoom/callback").unwrap(),
        host: Url::parse("https://zoom.us").unwrap(),
        api_host: plan.api_host.clone(),
    };
    let http: Arc<dyn Http> = Arc::clone(zoom) as _;
    let zoom = Zoom::new(app, Arc::clone(&http));
    let ttl = SessionTtl { client: 86_400, pwa: 3600 };
    let sessions = Sessions::new(
        sealer(Purpose::Session),
        Arc::clone(&clock),
        Arc::clone(&entropy),
        Arc::clone(&revocations),
        ttl,
    );
    let scopes = vec!["zoomapp:inmeeting".to_owned()];
    let installations = Installations::new(vault.clone(), zoom.clone(), Arc::clone(&revocations), scopes);
    let flights = Arc::new(Flights::new());
    let clock_and_entropy = (Arc::clone(&clock), Arc::clone(&entropy));
    let tokens = Tokens::new(&installations, clock_and_entropy, Arc::clone(&flights) as _);
    let parts = (zoom.clone(), installations.clone());
    let outward = Ports {
        http: Arc::clone(&http),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        driver: Arc::clone(&flights) as _,
    };
    let shared = (zoom.clone(), installations.clone(), tokens.clone());
    let connect = Connect::new(vault.clone(), shared, outward, vec![acme(plan)]);
    let home_url = plan.config.public_url.clone();
    let authorize = Authorize::new(vault.clone(), parts, sessions.clone(), Arc::clone(&entropy), home_url);
    let install = Install::new(vault.clone(), (zoom, installations.clone()), entropy, sealer(Purpose::Install));
    let client_id = ClientId::parse(CLIENT_ID).unwrap();
    let launch = Launch::new(client_id, (&client_secret, &[]), plan.guests, Arc::clone(&clock), sessions.clone());
    let assertions = Assertions::new(&secret, &[], &plan.config.public_url, clock).unwrap();
    let zoom =
        ZoomFlows { install, authorize, launch, sessions, installations, connect, tokens, assertions, webhook: None };
    Flows { vault, revocations, flights, zoom: Some(zoom), consumer: None, cobrowse: None }
}

/// A third party of plain OAuth. Its endpoints are among the answers of [`ScriptedZoom`].
fn acme(plan: &Plan) -> Provider {
    let at = |path: &str| Url::parse(&format!("https://acme.example/acme/{path}")).unwrap();
    let mut endpoints = Endpoints::plain(at("authorize"), at("token"));
    endpoints.revoke = Some(at("revoke"));
    Provider {
        name: ProviderName::parse("acme").unwrap(),
        client: provider::Client {
            id: ProviderClientId::parse("acme-client").unwrap(),
            auth: ClientAuth::Basic(ProviderSecret::new("canary-provider-secret")),
            redirect_uri: plan.config.public_url.join("/zoom/connect/acme/callback").unwrap(),
            scopes: vec!["notes".into()],
            extra: vec![],
        },
        metadata: Metadata::Given(Box::new(endpoints)),
        api: plan.acme_api.clone(),
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Sends a request to a router and reads the answer.
pub(crate) async fn reply(router: &Router, request: Request<Body>) -> Reply {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

impl House {
    /// Sends a request, with a `Host` if it has none.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        request.headers_mut().entry(header::HOST).or_insert_with(|| "app.example.com".parse().unwrap());
        reply(&self.router, request).await
    }

    /// A GET as a program sends it.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(get(path).body(Body::empty()).unwrap()).await
    }

    /// A GET as a person's browser sends it.
    pub(crate) async fn visit(&self, path: &str) -> Reply {
        self.send(visit(path).body(Body::empty()).unwrap()).await
    }

    /// Launches the app as `USER` and returns the answer.
    pub(crate) async fn launch(&self, path: &str) -> Reply {
        self.send(visit(path).header("x-zoom-app-context", self.context()).body(Body::empty()).unwrap()).await
    }

    /// The `Cookie` field of a session of `USER`.
    pub(crate) async fn session(&self) -> String {
        let reply = self.launch("/").await;
        format!("__Host-stagedoor={}", reply.cookie("__Host-stagedoor").expect("a launch sets the cookie"))
    }

    /// Adds the app for `USER`.
    pub(crate) async fn install(&self) {
        let mut browser = Browser::default();
        let state = browser.begin(self).await;
        assert_eq!(browser.come_back(self, &state).await.status, StatusCode::FOUND);
    }

    /// A context of `USER` that is valid now.
    pub(crate) fn context(&self) -> String {
        self.context_with(&json!({}))
    }

    /// A context with other claims; `null` removes one.
    pub(crate) fn context_with(&self, changes: &Value) -> String {
        let now = self.clock.now().0;
        let mut claims = json!({
            "typ": "meeting", "uid": USER, "mid": "wceIoD0lTySwype/12+45w==", "attendrole": "host",
            "aud": CLIENT_ID, "iss": "marketplace.zoom.us", "ts": now, "exp": now + 120_000,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut nonce = [0; 12];
        SystemEntropy.fill(&mut nonce);
        ContextKey::new(&ClientSecret::new(CLIENT_SECRET)).seal(claims.to_string().as_bytes(), nonce)
    }

    /// Serves on real sockets.
    pub(crate) async fn run(self) -> Running {
        let (public, admin) = (listen().await, listen().await);
        let (address, admin_address) = (public.local_addr().unwrap(), admin.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(self.gateway.serve(public, admin, shutdown));
        Running { address, admin: admin_address, stop: Some(stop), task }
    }
}

pub(crate) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// An address at which nobody listens, nor will as long as what is returned first is kept.
pub(crate) fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A gateway that serves.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Asks the gateway to stop.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().expect("a gateway stops once").send(());
    }

    /// Waits until it accepts no more connections.
    pub(crate) async fn closed(&self) {
        until("the listener is closed", async || TcpStream::connect(self.address).await.is_err()).await;
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("a stop that ends").unwrap().unwrap();
    }
}

pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(path)
}

pub(crate) fn visit(path: &str) -> http::request::Builder {
    Request::get(path).header("accept", "text/html,*/*").header("sec-fetch-dest", "document")
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} comes {} times", values.len());
        values.first().map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The value of a cookie that is set.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        let start = format!("{name}=");
        cookies
            .filter_map(|cookie| cookie.strip_prefix(&start))
            .map(|rest| rest.split(';').next().unwrap().to_owned())
            .next()
    }

    /// Status, headers in order, and body; what differs from run to run is replaced.
    pub(crate) fn shot(&self) -> String {
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", tame(name.as_str(), value.to_str().unwrap())))
            .collect();
        lines.sort();
        let id = self.header("x-request-id");
        let body = if id.is_empty() { self.body.clone() } else { self.body.replace(id, "[id]") };
        format!("{}\n{}\n\n{}", self.status, lines.join("\n"), body)
    }
}

fn tame(name: &str, value: &str) -> String {
    match (name, value.split_once('=')) {
        ("x-request-id", _) => "[id]".into(),
        ("set-cookie", Some((cookie, rest))) => {
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            let value = if value.len() > 1 { "[sealed]" } else { value };
            format!("{cookie}={value};{attributes}")
        }
        _ => value.to_owned(),
    }
}
