//! What a consumer token cannot do without, by itself: `token-work SESSION SECRET SECONDS` prints the processor time of one
//! P-256 signature of aws-lc and of one verification of the site's session, in nanoseconds.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use futures_util::FutureExt as _;
use stagedoor_flows::port::{Clock, Sleep};
use stagedoor_flows::verify::{Keys, Verifier};
use stagedoor_protocol::jwt::{SharedSecret, VerifyingKeys};
use stagedoor_protocol::time::UnixMillis;

struct Now;

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        UnixMillis(i64::try_from(since.as_millis()).expect("it is before the year 292278994"))
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

fn main() {
    let [session, secret, seconds] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("three arguments");
    let time = Duration::from_secs_f64(seconds.parse::<f64>().expect("a number of seconds") / 2.0);

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let random = SystemRandom::new();
    let sign = cost(time, || pair.sign(&random, black_box(session.as_bytes())).is_ok());

    let keys = VerifyingKeys::shared(&SharedSecret::new(secret)).expect("the secret is long enough");
    let verifier = Verifier::new(Keys::Fixed(keys), "https://login.example.com", "web", Arc::new(Now));
    let verify = cost(time, || verifier.verify(black_box(&session)).now_or_never().is_some_and(|said| said.is_ok()));
    println!("{sign} {verify}");
}

/// The processor time of one run of `work`, in nanoseconds.
fn cost(time: Duration, work: impl Fn() -> bool) -> u64 {
    let (before, from, mut runs) = (on_processor(), Instant::now(), 0);
    while from.elapsed() < time {
        for _ in 0..100 {
            assert!(work(), "the work is done");
        }
        runs += 100;
    }
    (on_processor() - before) / runs
}

/// How long this thread has had a processor, in nanoseconds (the first number of `/proc/self/schedstat`).
fn on_processor() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux says");
    schedstat.split(' ').next().and_then(|first| first.parse().ok()).expect("the first field is a number")
}
