//! What a consumer token and a Cobrowse token are made of, piece by piece.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use stagedoor_flows::cobrowse::{ApiKey, ApiKeyTerms, Asker, Cobrowse, CobrowseTerms, PerMinute};
use stagedoor_flows::consumer::{ClaimMap, Consumer, JwtCookie, SigningKeys, Visitor};
use stagedoor_flows::port::{Clock, Entropy, Sleep};
use stagedoor_flows::verify::{Keys, Verifier};
use stagedoor_protocol::cobrowse::{CobrowseKey, CobrowseRequest, Lifetime, Role};
use stagedoor_protocol::consumer::{ClaimName, ClaimValue, ConsumerKey};
use stagedoor_protocol::id::SdkKey;
use stagedoor_protocol::jwt::{Es256Key, SharedSecret, VerifyingKeys};
use stagedoor_protocol::secret::SdkSecret;
use stagedoor_protocol::time::{UnixMillis, UnixSeconds};

/// A session of a site: HS256, with the secret below, until the year 2100.
const SESSION: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29tIiwiYXVkIjoid2ViIiwiZXhwIjo0MTAyNDQ0ODAwLCJzdWIiOiJ1LTEiLCJlbWFpbCI6ImphbmV0LnNtaXRoQGV4YW1wbGUuY29tIiwiZ2l2ZW5fbmFtZSI6IkphbmV0In0.0kLF4j9D_90jw8wydlk4TruC-2PNGuZchFvlwOxi-0A";
const SITE_SECRET: &str = "a-session-secret-of-the-site-0123456789";
const BODY: &[u8] = br#"{"role":2,"userId":"agent-1","userName":"Agent One","expirationSeconds":1800}"#;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_763_769_600_000)
    }

    fn sleep(&self, _: std::time::Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the system has entropy");
    }
}

fn key() -> Es256Key {
    Es256Key::from_scalar(&[7; 32]).expect("the scalar is in the group")
}

fn consumer_tokens(criterion: &mut Criterion) {
    let secret = VerifyingKeys::shared(&SharedSecret::new(SITE_SECRET)).expect("the secret is long enough");
    let verifier = Verifier::new(Keys::Fixed(secret), "https://login.example.com", "web", Arc::new(Fixed));
    criterion.bench_function("consumer: verify the site's session (HS256)", |bench| {
        bench.iter(|| verifier.verify(black_box(SESSION)).now_or_never().expect("nothing is waited for").is_ok());
    });

    let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
        .expect("a key");
    let random = aws_lc_rs::rand::SystemRandom::new();
    criterion.bench_function("consumer: a bare signature of aws-lc", |bench| {
        bench.iter(|| pair.sign(&random, black_box(SESSION.as_bytes())));
    });

    let name = |name: &str| ClaimName::parse(name).expect("a name");
    let claims = [
        (name("email"), ClaimValue::Text("janet.smith@example.com".into())),
        (name("firstName"), ClaimValue::Text("Janet".into())),
    ];
    let signer = ConsumerKey::from(key());
    criterion.bench_function("consumer: sign", |bench| {
        bench.iter(|| signer.sign(black_box(&claims), UnixSeconds(1_763_769_900)));
    });

    let map = ClaimMap::parse([("email", "email"), ("firstName", "given_name")], &[]).expect("a map");
    let source = Arc::new(JwtCookie::new("session", verifier));
    let flow = Consumer::new(SigningKeys::new(key().into(), None), source, map, 300, Arc::new(Fixed));
    let visitor = Visitor::new([("theme", "dark"), ("session", SESSION)]);
    criterion.bench_function("consumer: session to token", |bench| {
        bench.iter(|| flow.issue(black_box(&visitor)).now_or_never().expect("nothing is waited for").is_ok());
    });
    assert!(flow.issue(&visitor).now_or_never().is_some_and(|issued| issued.is_ok()), "the session is valid");
}

fn cobrowse_tokens(criterion: &mut Criterion) {
    criterion.bench_function("cobrowse: parse a request", |bench| {
        bench.iter(|| CobrowseRequest::parse(black_box(BODY)));
    });
    let api_key = ApiKey::from_bytes([1; 32]);
    let terms = CobrowseTerms {
        origins: vec![],
        agents: vec![],
        api_keys: vec![ApiKeyTerms {
            name: "bench".into(),
            hash: api_key.hash(),
            roles: vec![Role::Agent],
            per_minute: PerMinute::of(u32::MAX),
        }],
        page_lifetime: Lifetime::DEFAULT,
        per_address: PerMinute::of(1),
        all_pages: PerMinute::of(1),
    };
    let key = CobrowseKey::new(SdkKey::parse("key").expect("an id"), &SdkSecret::new("a secret of the bench"));
    let flow = Cobrowse::new(key, terms, Arc::new(Fixed), Arc::new(Fixed));
    let asker = Asker { api_key: Some(&api_key), user: None, origin: None, address: IpAddr::from(Ipv4Addr::LOCALHOST) };
    criterion.bench_function("cobrowse: key and request to token", |bench| {
        bench.iter(|| flow.issue(black_box(asker), black_box(BODY)).is_ok());
    });
}

criterion_group!(benches, consumer_tokens, cobrowse_tokens);
criterion_main!(benches);
