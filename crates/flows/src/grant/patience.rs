//! Waiting that knows how long it has waited, by its own sleeps and not by a clock that somebody may set.

use std::time::Duration;

use crate::port::{Clock, Entropy, Version};

/// Pauses that grow, each somewhat longer or shorter than the other's.
pub(super) struct Patience {
    pub(super) waited: Duration,
    next: Duration,
    longest: Duration,
}

impl Patience {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { waited: Duration::ZERO, next: first, longest }
    }

    pub(super) async fn pause(&mut self, clock: &dyn Clock, entropy: &dyn Entropy) {
        let pause = jittered(self.next, entropy);
        self.next = self.next.mul_f64(1.5).min(self.longest);
        clock.sleep(pause).await;
        self.waited += pause;
    }
}

/// Between a half and one and a half of `duration`.
pub(super) fn jittered(duration: Duration, entropy: &dyn Entropy) -> Duration {
    duration.mul_f64(0.5 + f64::from(u16::from_be_bytes(entropy.bytes())) / f64::from(u16::MAX))
}

/// How long a record has been seen unchanged, by one who waits for it to change.
#[derive(Default)]
pub(super) struct Watch {
    seen: Option<(Version, Duration)>,
}

impl Watch {
    /// The record has this version, after so much waiting.
    pub(super) fn saw(&mut self, version: Version, waited: Duration) {
        if self.seen.is_none_or(|(seen, _)| seen != version) {
            self.seen = Some((version, waited));
        }
    }

    /// For how long it has not changed, after so much waiting.
    pub(super) fn unchanged(&self, waited: Duration) -> Duration {
        self.seen.map_or(Duration::ZERO, |(_, since)| waited.saturating_sub(since))
    }
}
