//! What one launch is made of, piece by piece.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::launch::{Guests, Launch};
use stagedoor_flows::port::{Clock, Entropy, Sleep};
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer};
use stagedoor_flows::session::{Session, SessionTtl, Sessions, Surface};
use stagedoor_flows::vault::Vault;
use stagedoor_protocol::context::ContextKey;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;

const NOW: UnixMillis = UnixMillis(1_763_769_630_000);
const CLAIMS: &str = r#"{"typ":"meeting","uid":"77A6G6xIS62MkqTlFWJhbg","mid":"wceIoD0lTySwype/12+45w==","attendrole":"host","aud":"benchClientId","iss":"marketplace.zoom.us","ts":1763769600000,"exp":1763769720000,"entitlements":[]}"#;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixMillis {
        NOW
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the system has entropy");
    }
}

fn launch() -> (Launch, Sessions, Assertions) {
    let secret = MasterSecret::new("a benchmark's secret of sufficient length");
    let sealer = |purpose| Sealer::new(&secret, &[], purpose).expect("the secret is long enough");
    let vault =
        Vault::new(Arc::new(Memory::default()), Arc::new(sealer(Purpose::Record)), Arc::new(Fixed), Arc::new(Fixed));
    let revocations = Arc::new(Revocations::new(vault, 86_400));
    let ttl = SessionTtl { client: 86_400, pwa: 3_600 };
    let sessions = Sessions::new(sealer(Purpose::Session), Arc::new(Fixed), Arc::new(Fixed), revocations, ttl);
    let client_id = ClientId::parse("benchClientId").expect("valid");
    let client_secret = ClientSecret::new("q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC");
    let launch = Launch::new(client_id, (&client_secret, &[]), Guests::Allow, Arc::new(Fixed), sessions.clone());
    let origin = url::Url::parse("https://app.example.com").expect("valid");
    let assertions = Assertions::new(&secret, &[], &origin, Arc::new(Fixed)).expect("the secret is long enough");
    (launch, sessions, assertions)
}

fn pieces(criterion: &mut Criterion) {
    let key = ContextKey::new(&ClientSecret::new("q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"));
    let context = key.seal(CLAIMS.as_bytes(), [7; 12]);
    let (launch, sessions, assertions) = launch();
    let launched = launch.open(&context, Surface::Client, None).expect("the context is valid");
    let session: Session = launched.session;
    let cookie = launched.cookie;

    criterion.bench_function("context: decrypt", |bench| bench.iter(|| key.decrypt(black_box(&context))));
    criterion.bench_function("context: open and parse", |bench| bench.iter(|| key.open(black_box(&context))));
    criterion.bench_function("session: seal", |bench| bench.iter(|| sessions.seal(black_box(&session))));
    criterion.bench_function("session: open", |bench| bench.iter(|| sessions.open(black_box(cookie.expose()))));
    criterion.bench_function("launch: context to cookie", |bench| {
        bench.iter(|| launch.open(black_box(&context), Surface::Client, None));
    });
    criterion.bench_function("assertion: sign", |bench| bench.iter(|| assertions.issue(black_box(&session))));
}

criterion_group!(benches, pieces);
criterion_main!(benches);
