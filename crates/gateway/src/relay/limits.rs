use std::time::Duration;

/// Limits on relayed calls.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// Until there is a connection (without TLS).
    pub connect: Duration,
    /// Until there is the head of an answer, with a new token and another try if need be. An upload does not count as long
    /// as it moves.
    pub answer: Duration,
    /// For the whole call.
    pub total: Duration,
    /// The largest request body, in bytes.
    pub request: u64,
    /// The largest answer, in bytes.
    pub response: u64,
    /// The largest request body, in bytes, that is kept for another try. Larger ones, and those that do not say how large
    /// they are, are sent once.
    pub kept: u64,
    /// How many calls are made at once.
    pub at_once: usize,
    /// How many of them may be one user's.
    pub share: usize,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(15),
            total: Duration::from_mins(2),
            request: 32 * 1024 * 1024,
            response: 64 * 1024 * 1024,
            kept: 256 * 1024,
            at_once: 256,
            share: 32,
        }
    }
}
