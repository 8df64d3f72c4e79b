//! What the webhook tests stand on: Zoom's side, which signs, and an upstream that takes, refuses, hangs or is away.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use serde_json::{Value, json};
use stagedoor_flows::port::{Http, HttpError};
use stagedoor_flows::vault::VaultError;
use stagedoor_flows::webhook::{
    Accepted, Archive, ArchiveTerms, Delivery, Erasure, Feed, Forward, Removals, Step, Swept, WebhookError, Webhooks,
    forwarding_keys,
};
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::webhook::{SIGNATURE, TIMESTAMP};
use url::Url;

use crate::world::{SECRET, TestEntropy, World, app, secret};

pub(crate) const TOKEN: &str = "canary-webhook-secret";
pub(crate) const PATIENCE_SECONDS: i64 = 259_200;
pub(crate) const KEEP: ArchiveTerms = ArchiveTerms { seconds: 604_800, events: 50 };

/// One process that takes webhooks in and delivers them.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) world: World,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) webhooks: Webhooks,
    pub(crate) delivery: Delivery,
    pub(crate) archive: Archive,
    pub(crate) feed: Feed,
}

/// What a round of deliveries came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) delivered: usize,
    pub(crate) duplicates: usize,
    pub(crate) failed: usize,
    pub(crate) buried: usize,
    pub(crate) unreachable: usize,
    pub(crate) erased: Vec<Erasure>,
}

impl Post {
    pub(crate) fn forwarding() -> Self {
        Self::process(World::new(), Arc::new(Upstream::default()), true, 1)
    }

    pub(crate) fn keeping() -> Self {
        Self::process(World::new(), Arc::new(Upstream::default()), false, 1)
    }

    /// Another process on the same store, before the same upstream.
    pub(crate) fn replica(&self, seed: u64) -> Self {
        Self::process(self.world.replica(seed), self.upstream.clone(), true, seed)
    }

    /// The same process after its settings have changed.
    pub(crate) fn restarted(&self, forwards: bool) -> Self {
        Self::process(self.world.clone(), self.upstream.clone(), forwards, 99)
    }

    fn process(world: World, upstream: Arc<Upstream>, forwards: bool, seed: u64) -> Self {
        let (vault, revocations) = (world.vault.clone(), world.revocations.clone());
        let secrets = vec![WebhookSecret::new(TOKEN)];
        let webhooks = Webhooks::new(vault.clone(), revocations.clone(), secrets, app().client_id);
        let archive = Archive::new(vault.clone(), KEEP);
        let forward = Forward {
            url: Url::parse("http://127.0.0.1:8000/hooks/zoom").unwrap(),
            keys: forwarding_keys(&secret(SECRET), &[]).unwrap().into(),
            http: upstream.clone(),
            patience_seconds: PATIENCE_SECONDS,
        };
        let removals = Removals { vault: vault.clone(), installations: world.installations.clone(), revocations };
        let entropy = TestEntropy::seeded(seed * 1_000);
        let delivery = Delivery::new(vault, removals, archive.clone(), forwards.then_some(forward), entropy);
        let feed = Feed::new(archive.clone());
        Self { world, upstream, webhooks, delivery, archive, feed }
    }

    /// Zoom sends a body, signed now.
    pub(crate) async fn takes(&self, body: &Value) -> Result<Accepted, WebhookError> {
        let body = body.to_string();
        let headers = sign(self.world.clock_now().to_seconds().0, &body);
        self.webhooks.accept(&headers, body.as_bytes()).await
    }

    /// Zoom sends an event, which must be new.
    pub(crate) async fn stores(&self, body: &Value) {
        let accepted = self.takes(body).await.unwrap();
        assert!(matches!(accepted, Accepted::Stored(_)), "{accepted:?}");
    }

    /// Delivers until nothing is due.
    pub(crate) async fn delivers(&self) -> Round {
        let mut round = Round::default();
        while self.pass(&mut round).await.unwrap() > 0 {}
        round
    }

    /// Looks at the inbox once and deals with what is due; says how many steps led somewhere.
    pub(crate) async fn pass(&self, round: &mut Round) -> Result<usize, VaultError> {
        let (mut after, mut steps) = (None, 0);
        loop {
            let Swept { due, next, .. } = self.delivery.sweep(after).await?;
            for subject in due {
                let Some(mut turn) = self.delivery.begin(subject).await? else { continue };
                while note(turn.step().await?, round) {
                    steps += 1;
                }
                turn.end().await?;
            }
            after = next;
            if after.is_none() {
                return Ok(steps);
            }
        }
    }
}

/// Counts a step; says whether another one follows.
fn note(step: Step, round: &mut Round) -> bool {
    match step {
        Step::Erased(erasure) => round.erased.push(erasure),
        Step::Delivered { .. } => round.delivered += 1,
        Step::Duplicate => round.duplicates += 1,
        Step::Failed(_) => {
            round.failed += 1;
            return false;
        }
        Step::Buried(_) => round.buried += 1,
        Step::Unreachable(_) => {
            round.unreachable += 1;
            return false;
        }
        Step::NotYet | Step::Empty | Step::Lost => return false,
    }
    true
}

/// The headers with which Zoom sends a body.
pub(crate) fn sign(seconds: i64, body: &str) -> HeaderMap {
    let key = hmac::Key::new(HMAC_SHA256, TOKEN.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{seconds}:{body}").as_bytes());
    let hex = tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let values = [(TIMESTAMP, seconds.to_string()), (SIGNATURE, format!("v0={hex}"))];
    values.into_iter().map(|(name, value)| (name, HeaderValue::try_from(value).unwrap())).collect()
}

/// The `number`th event of a meeting.
pub(crate) fn event(meeting: &str, number: i64) -> Value {
    json!({
        "event": "meeting.participant_joined", "event_ts": 1_763_769_600_000 + number,
        "payload": { "account_id": "account", "object": {
            "id": meeting, "uuid": format!("uuid-{meeting}"), "host_id": "user-1", "number": number,
            "participant": { "email": "canary@example.com" },
        } },
    })
}

/// What came to the upstream, and what it does.
#[derive(Default)]
pub(crate) struct Upstream {
    arrived: Mutex<Vec<(String, Value)>>,
    faults: Mutex<HashMap<String, Fault>>,
    away: AtomicBool,
}

/// What happens to the deliveries of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Status(u16),
    /// The event arrives, and its answer does not.
    Timeout,
}

impl Upstream {
    pub(crate) fn fails(&self, meeting: &str, fault: Fault) {
        self.faults.lock().unwrap().insert(meeting.to_owned(), fault);
    }

    pub(crate) fn heals(&self) {
        self.faults.lock().unwrap().clear();
        self.away.store(false, Ordering::SeqCst);
    }

    pub(crate) fn goes_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    /// The ids and bodies of everything that came, repetitions too.
    pub(crate) fn arrived(&self) -> Vec<(String, Value)> {
        self.arrived.lock().unwrap().clone()
    }

    /// What an upstream makes of it that knows ids: the numbers of each meeting, in the order of their first arrival.
    pub(crate) fn heard(&self) -> BTreeMap<String, Vec<i64>> {
        let (mut heard, mut known) = (BTreeMap::<_, Vec<_>>::new(), HashSet::new());
        for (id, body) in self.arrived() {
            let object = &body["payload"]["object"];
            if known.insert(id) {
                let meeting = object["id"].as_str().unwrap_or_default().to_owned();
                heard.entry(meeting).or_default().push(object["number"].as_i64().unwrap_or_default());
            }
        }
        heard
    }

    /// The numbers that came of one meeting, repetitions too.
    pub(crate) fn numbers(&self, meeting: &str) -> Vec<i64> {
        let objects = self.arrived().into_iter().map(|(_, body)| body["payload"]["object"].clone());
        objects.filter(|object| object["id"] == meeting).filter_map(|object| object["number"].as_i64()).collect()
    }
}

#[async_trait::async_trait]
impl Http for Upstream {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap().to_owned();
        tokio::task::yield_now().await;
        if self.away.load(Ordering::SeqCst) {
            return Err(HttpError::Connect { host, source: "refused".into() });
        }
        let id = believe(&request);
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let meeting = body["payload"]["object"]["id"].as_str().unwrap_or_default().to_owned();
        let fault = self.faults.lock().unwrap().get(&meeting).copied();
        if !matches!(fault, Some(Fault::Status(_))) {
            self.arrived.lock().unwrap().push((id, body));
        }
        tokio::task::yield_now().await;
        let status = match fault {
            None => 204,
            Some(Fault::Status(status)) => status,
            Some(Fault::Timeout) => return Err(HttpError::Timeout { host }),
        };
        Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
    }
}

/// Verifies a delivery as an upstream does, and gives its id.
fn believe(request: &Request<Bytes>) -> String {
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let keys = forwarding_keys(&secret(SECRET), &[]).unwrap();
    let key = STANDARD.decode(keys[0].secret().expose().strip_prefix("whsec_").unwrap()).unwrap();
    let signed = [format!("{id}.{timestamp}.").as_bytes(), request.body()].concat();
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, &key), &signed);
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(tag)));
    id
}
