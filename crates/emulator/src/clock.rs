use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use stagedoor_protocol::time::UnixMillis;

/// The emulator's clock: the machine's, moved by an offset that tests and people set.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

/// How far the clock may be moved, in milliseconds: a hundred years.
pub(crate) const MAX_OFFSET_MS: i64 = 100 * 365 * 24 * 3600 * 1000;

impl Clock {
    /// Now, by this clock.
    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis(machine_ms()).plus_millis(self.offset())
    }

    /// Now, by the machine's own clock.
    #[expect(clippy::unused_self, reason = "whoever has no clock has no time")]
    pub(crate) fn machine(&self) -> UnixMillis {
        UnixMillis(machine_ms())
    }

    /// The offset to the machine's clock, in milliseconds.
    pub(crate) fn offset(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Sets the offset to the machine's clock, in milliseconds.
    pub(crate) fn set_offset(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms.clamp(-MAX_OFFSET_MS, MAX_OFFSET_MS), Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the emulator plays the outside world; this is where its time comes from"
)]
fn machine_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
