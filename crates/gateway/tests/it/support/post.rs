use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::installation::Installations;
use stagedoor_flows::port::Clock as _;
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::MasterSecret;
use stagedoor_flows::vault::Vault;
use stagedoor_flows::webhook::{Archive, ArchiveTerms, Delivery, Feed, Forward, Removals, Webhooks, forwarding_keys};
use stagedoor_gateway::{HttpClient, OutboundLimits, SystemEntropy, WebhookFlows};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::WebhookSecret;
use tokio::sync::Semaphore;
use url::Url;

use super::{CLIENT_ID, HandClock, House, MASTER_SECRET, PATIENCE, Plan, Reply, Running, USER, listen, reply, until};

pub(crate) const WEBHOOK_SECRET: &str = "canary-webhook-secret-token";

impl Plan {
    /// Takes webhooks and forwards them, or keeps them.
    pub(crate) fn webhooks(forward: Option<SocketAddr>) -> Self {
        Self::default().flows(move |flows, _| {
            let zoom = flows.zoom.as_mut().unwrap();
            zoom.webhook = Some(webhook_flows((&flows.vault, &flows.revocations, &zoom.installations), forward));
        })
    }
}

fn webhook_flows(
    (vault, revocations, installations): (&Vault, &Arc<Revocations>, &Installations),
    forward: Option<SocketAddr>,
) -> WebhookFlows {
    let (vault, revocations) = (vault.clone(), Arc::clone(revocations));
    let secrets = vec![WebhookSecret::new(WEBHOOK_SECRET)];
    let client_id = ClientId::parse(CLIENT_ID).unwrap();
    let webhooks = Webhooks::new(vault.clone(), Arc::clone(&revocations), secrets, client_id);
    let archive = Archive::new(vault.clone(), ArchiveTerms { seconds: 604_800, events: 10_000 });
    let feed = forward.is_none().then(|| Feed::new(archive.clone()));
    let limits = OutboundLimits { total: PATIENCE, ..OutboundLimits::default() };
    let forward = forward.map(|address| Forward {
        url: Url::parse(&format!("http://{address}/hooks/zoom")).unwrap(),
        keys: forwarding_keys(&MasterSecret::new(MASTER_SECRET), &[]).unwrap().into(),
        http: Arc::new(HttpClient::new(limits).unwrap()),
        patience_seconds: 259_200,
    });
    let removals = Removals { vault: vault.clone(), installations: installations.clone(), revocations };
    let delivery = Delivery::new(vault, removals, archive.clone(), forward, Arc::new(SystemEntropy));
    WebhookFlows { webhooks, delivery, archive, feed }
}

/// A gateway that serves, as Zoom sees it.
pub(crate) struct Post {
    pub(crate) running: Running,
    pub(crate) admin: Router,
    router: Router,
    pub(crate) clock: Arc<HandClock>,
}

impl Post {
    pub(crate) async fn open(plan: Plan) -> Self {
        Self::of(plan.build()).await
    }

    pub(crate) async fn of(house: House) -> Self {
        let (router, clock) = (house.router.clone(), Arc::clone(&house.clock));
        let admin = house.gateway.admin_router();
        Self { running: house.run().await, admin, router, clock }
    }

    /// A request as Zoom signs it now.
    pub(crate) fn signed(&self, body: impl Into<String>) -> Request<Body> {
        let (body, seconds) = (body.into(), self.clock.now().to_seconds().0);
        let key = hmac::Key::new(HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
        let tag = hmac::sign(&key, format!("v0:{seconds}:{body}").as_bytes());
        let mut signature = String::from("v0=");
        for byte in tag.as_ref() {
            write!(signature, "{byte:02x}").unwrap();
        }
        Request::post("/zoom/webhook")
            .header("host", "app.example.com")
            .header("user-agent", "Zoom Marketplace/1.0a")
            .header("content-type", "application/json; charset=utf-8")
            .header("x-zm-request-timestamp", seconds)
            .header("x-zm-signature", signature)
            .body(Body::from(body))
            .unwrap()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Reply {
        reply(&self.router, request).await
    }

    /// Sends a body as Zoom does.
    pub(crate) async fn send(&self, body: &Value) -> Reply {
        self.ask(self.signed(body.to_string())).await
    }

    /// The metrics that begin with `name`.
    pub(crate) async fn metric(&self, name: &str) -> Vec<String> {
        let text = reply(&self.admin, Request::get("/metrics").body(Body::empty()).unwrap()).await.body;
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }
}

/// The `number`th event of a meeting of `USER`.
pub(crate) fn event(meeting: &str, number: i64) -> Value {
    json!({
        "event": "meeting.started", "event_ts": 1_795_000_000_000_i64 + number,
        "payload": { "account_id": "account", "object": {
            "id": meeting, "uuid": format!("{meeting}=="), "host_id": USER, "number": number,
        } },
    })
}

/// How an upstream takes what is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Answers once it is released.
    Held,
    Fails,
}

/// An upstream that takes webhooks.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    /// How many have come, whatever became of them.
    begun: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    arrived: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Hooks {
    pub(crate) async fn start() -> Self {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let (mood, gate) = (Arc::new(Mutex::new(Mood::Well)), Arc::new(Semaphore::new(0)));
        let this = Self { address, mood, begun: Arc::default(), gate, arrived: Arc::default() };
        let router = Router::new().route("/hooks/zoom", post(take)).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Ends [`Mood::Held`] for all that have come.
    pub(crate) fn release(&self) {
        self.gate.close();
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn arrived(&self) -> Vec<(HeaderMap, Bytes)> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until so many have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<(HeaderMap, Bytes)> {
        until("enough arrive", async || self.arrived().len() >= count).await;
        self.arrived()
    }

    /// The numbers that have arrived of a meeting, in order.
    pub(crate) fn numbers(&self, meeting: &str) -> Vec<i64> {
        let bodies = self.arrived().into_iter().map(|(_, body)| serde_json::from_slice::<Value>(&body).unwrap());
        let objects = bodies.map(|body| body["payload"]["object"].clone()).filter(|object| object["id"] == meeting);
        objects.map(|object| object["number"].as_i64().unwrap()).collect()
    }
}

async fn take(State(this): State<Hooks>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mood = *this.mood.lock().unwrap();
    this.begun.fetch_add(1, Ordering::Relaxed);
    match mood {
        Mood::Well => (),
        Mood::Held => {
            // It is closed when the answers may go.
            let _ = this.gate.acquire().await;
        }
        Mood::Fails => return StatusCode::INTERNAL_SERVER_ERROR,
    }
    this.arrived.lock().unwrap().push((headers, body));
    StatusCode::NO_CONTENT
}
