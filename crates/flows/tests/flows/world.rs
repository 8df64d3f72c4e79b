//! What the tests stand on: a clock that is set, entropy with a seed, and every flow wired together.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use stagedoor_flows::authorize::Authorize;
use stagedoor_flows::connect::{Connect, Metadata, Ports, Provider, ProviderName};
use stagedoor_flows::install::{Callback, Finished, Install, InstallError};
use stagedoor_flows::installation::Installations;
use stagedoor_flows::launch::{Guests, Launch};
use stagedoor_flows::port::{Clock, Entropy, Sleep};
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer};
use stagedoor_flows::session::{Session, SessionTtl, Sessions};
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::Vault;
use stagedoor_flows::zoom::{Zoom, ZoomApp};
use stagedoor_protocol::context::ContextKey;
use stagedoor_protocol::id::{ClientId, ProviderClientId, ZoomUserId};
use stagedoor_protocol::provider::{self, ClientAuth, Endpoints};
use stagedoor_protocol::secret::{AuthorizationCode, ClientSecret, ProviderSecret, State};
use stagedoor_protocol::time::UnixMillis;
use tokio::time::Instant;
use url::Url;

use crate::carried::Carried;
use crate::provider::{FakeProvider, ISSUER};
use crate::watched::Watched;
use crate::zoom::FakeZoom;

pub(crate) const START: UnixMillis = UnixMillis(1_763_769_600_000);
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret";
pub(crate) const SECRET: &str = "canary-master-secret-of-the-tests-0123456789";
pub(crate) const TTL: SessionTtl = SessionTtl { client: 86_400, pwa: 3_600 };

/// A clock that is set by hand, or one that goes on with the time of the runtime, which a test can pause.
pub(crate) struct TestClock {
    now: AtomicI64,
    since: Option<Instant>,
}

impl TestClock {
    pub(crate) fn at(now: UnixMillis) -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(now.0), since: None })
    }

    pub(crate) fn flowing(now: UnixMillis) -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(now.0), since: Some(Instant::now()) })
    }

    pub(crate) fn set(&self, now: UnixMillis) {
        self.now.store(now.0, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        let passed = self.since.map_or(0, |since| i64::try_from(since.elapsed().as_millis()).unwrap());
        UnixMillis(self.now.load(Ordering::SeqCst)).plus_millis(passed)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// SplitMix64 from a seed: different bytes with each call, the same in each run.
pub(crate) struct TestEntropy(AtomicU64);

impl TestEntropy {
    pub(crate) fn seeded(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn secret(text: &str) -> MasterSecret {
    MasterSecret::new(text)
}

pub(crate) fn sealer(purpose: Purpose) -> Sealer {
    Sealer::new(&secret(SECRET), &[], purpose).unwrap()
}

pub(crate) fn user(id: &str) -> ZoomUserId {
    ZoomUserId::parse(id).unwrap()
}

/// One process of Stagedoor.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<Watched>,
    pub(crate) zoom: Arc<FakeZoom>,
    pub(crate) vault: Vault,
    pub(crate) provider: Arc<FakeProvider>,
    pub(crate) connect: Connect,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) sessions: Sessions,
    pub(crate) installations: Installations,
    pub(crate) install: Install,
    pub(crate) authorize: Authorize,
    pub(crate) launch: Launch,
    pub(crate) tokens: Tokens,
    pub(crate) carried: Arc<Carried>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::process(Arc::default(), (Arc::default(), Arc::default()), 1, TestClock::at(START))
    }

    /// A process whose clock goes on with the time of the runtime.
    pub(crate) fn flowing() -> Self {
        Self::process(Arc::default(), (Arc::default(), Arc::default()), 1, TestClock::flowing(START))
    }

    /// Another process on the same store, with the same Zoom and the same provider.
    pub(crate) fn replica(&self, seed: u64) -> Self {
        Self::process(self.store.clone(), (self.zoom.clone(), self.provider.clone()), seed, TestClock::at(START))
    }

    /// The same, with a clock that goes on from now.
    pub(crate) fn flowing_replica(&self, seed: u64) -> Self {
        Self::process(
            self.store.clone(),
            (self.zoom.clone(), self.provider.clone()),
            seed,
            TestClock::flowing(self.clock.now()),
        )
    }

    fn process(
        store: Arc<Watched>,
        (zoom, provider): (Arc<FakeZoom>, Arc<FakeProvider>),
        seed: u64,
        clock: Arc<TestClock>,
    ) -> Self {
        let entropy = TestEntropy::seeded(seed);
        let vault = Vault::new(store.clone(), Arc::new(sealer(Purpose::Record)), clock.clone(), entropy.clone());
        let revocations = Arc::new(Revocations::new(vault.clone(), TTL.client));
        let sessions =
            Sessions::new(sealer(Purpose::Session), clock.clone(), entropy.clone(), revocations.clone(), TTL);
        let caller = Zoom::new(app(), zoom.clone());
        let installations =
            Installations::new(vault.clone(), caller.clone(), revocations.clone(), vec!["zoomapp:inmeeting".into()]);
        let home_url = Url::parse("https://app.example.com/").unwrap();
        let authorize = Authorize::new(
            vault.clone(),
            (caller.clone(), installations.clone()),
            sessions.clone(),
            entropy.clone(),
            home_url,
        );
        let carried = Arc::new(Carried::default());
        let tokens = Tokens::new(&installations, (clock.clone(), entropy.clone()), carried.clone());
        let connect = Connect::new(
            vault.clone(),
            (caller.clone(), installations.clone(), tokens.clone()),
            Ports { http: provider.clone(), clock: clock.clone(), entropy: entropy.clone(), driver: carried.clone() },
            providers(),
        );
        let install = Install::new(vault.clone(), (caller, installations.clone()), entropy, sealer(Purpose::Install));
        let launch = Launch::new(
            app().client_id,
            (&app().client_secret, &[ClientSecret::new("previous-client-secret")]),
            Guests::Allow,
            clock.clone(),
            sessions.clone(),
        );
        Self {
            clock,
            store,
            zoom,
            vault,
            provider,
            connect,
            revocations,
            sessions,
            installations,
            install,
            authorize,
            launch,
            tokens,
            carried,
        }
    }

    pub(crate) fn clock_now(&self) -> UnixMillis {
        self.clock.now()
    }

    pub(crate) async fn is_installed(&self, id: &str) -> bool {
        self.installations.usable(&user(id)).await.unwrap().is_some()
    }

    /// What Zoom's client sends when the app is opened.
    pub(crate) fn context(&self, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let now = self.clock.now().0;
        let mut claims = serde_json::json!({
            "typ": "panel", "uid": "user-1", "aud": "client-id", "iss": "marketplace.zoom.us",
            "ts": now - 1_000, "exp": now + 119_000,
        });
        change(&mut claims);
        ContextKey::new(&ClientSecret::new(CLIENT_SECRET)).seal(claims.to_string().as_bytes(), [5; 12])
    }
}

pub(crate) fn app() -> ZoomApp {
    ZoomApp {
        client_id: ClientId::parse("client-id").unwrap(),
        client_secret: ClientSecret::new(CLIENT_SECRET),
        redirect_uri: Url::parse("https://app.example.com/zoom/callback").unwrap(),
        host: Url::parse("https://zoom.us").unwrap(),
        api_host: Url::parse("https://api.zoom.us").unwrap(),
    }
}

/// A browser: it keeps its install cookie and follows Zoom's redirect.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<String>,
}

/// What the address of a callback carries. A person can open it any number of times.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) code: String,
    pub(crate) state: String,
}

impl Arrival {
    pub(crate) fn callback(&self) -> Callback {
        Callback { code: Some(AuthorizationCode::new(&*self.code)), state: Some(State::new(&*self.state)), error: None }
    }
}

impl Browser {
    /// Opens the landing URL, keeps the cookie and consents as `user` at Zoom.
    pub(crate) async fn consents(&mut self, world: &World, user: &str) -> Arrival {
        let begun = world.install.begin(self.cookie.as_deref(), None).await.unwrap();
        self.cookie = Some(begun.binding.expose().to_owned());
        world.zoom.consent(&begun.location, user)
    }

    /// Both, one after the other.
    pub(crate) async fn adds_the_app(&mut self, world: &World, user: &str) {
        let arrival = self.consents(world, user).await;
        self.opens(world, &arrival).await.unwrap();
    }

    pub(crate) async fn opens(&self, world: &World, arrival: &Arrival) -> Result<Finished, InstallError> {
        world.install.finish(arrival.callback(), self.cookie.as_deref()).await
    }
}

pub(crate) fn link(finished: &Result<Finished, InstallError>) -> String {
    match finished {
        Ok(Finished::Installed(link)) => link.as_url().to_string(),
        other => panic!("not installed with a link: {other:?}"),
    }
}

/// One that is discovered and speaks OpenID, and one of plain OAuth; both are the same fake.
fn providers() -> Vec<Provider> {
    let client = |name: &str, scopes: &[&str]| provider::Client {
        id: ProviderClientId::parse("our-client").unwrap(),
        auth: ClientAuth::Basic(ProviderSecret::new("canary-provider-secret")),
        redirect_uri: Url::parse(&format!("https://app.example.com/zoom/connect/{name}/callback")).unwrap(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        extra: vec![],
    };
    let at = |path: &str| Url::parse(&format!("{ISSUER}{path}")).unwrap();
    let acme = Provider {
        name: ProviderName::parse("acme").unwrap(),
        client: client("acme", &["openid", "email"]),
        metadata: Metadata::Discovered { issuer: ISSUER.into() },
        api: Some(at("/api")),
    };
    let plain = Provider {
        name: ProviderName::parse("plain").unwrap(),
        client: client("plain", &["read"]),
        metadata: Metadata::Given(Box::new(Endpoints::plain(at("/authorize"), at("/token")))),
        api: None,
    };
    vec![acme, plain]
}

/// Zoom's client of somebody: it has the app open, and keeps its cookie.
pub(crate) struct Client {
    pub(crate) id: Option<String>,
    pub(crate) session: Session,
}
