//! How many calls are made at once: so many in all, and so many of one user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::notice::Notice;

/// Counts calls.
pub(super) struct Gate {
    free: Arc<Semaphore>,
    shares: Arc<Shares>,
    share: usize,
}

/// The users with calls, and how many they have.
#[derive(Default)]
struct Shares(Mutex<HashMap<String, usize>>);

/// One call, until it is dropped.
pub(super) struct Pass {
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

struct Share {
    shares: Arc<Shares>,
    user: String,
}

impl Gate {
    /// At most `at_once` calls, and of one user `share`.
    pub(super) fn new(at_once: usize, share: usize) -> Self {
        let free = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
        Self { free, shares: Arc::default(), share }
    }

    /// Lets a call of a user in. It waits for others, but not behind the user's own.
    pub(super) async fn enter(&self, user: &str, patience: Duration) -> Result<Pass, Notice> {
        let share = Share::take(&self.shares, user, self.share).ok_or_else(too_many)?;
        let permit = tokio::time::timeout(patience, Arc::clone(&self.free).acquire_owned()).await;
        let permit = permit.map_err(|_| busy())?.expect("the semaphore is never closed");
        Ok(Pass { _permit: permit, _share: share })
    }
}

impl Share {
    fn take(shares: &Arc<Shares>, user: &str, limit: usize) -> Option<Self> {
        let mut counts = shares.counts();
        let count = counts.get(user).copied().unwrap_or(0);
        if count >= limit {
            return None;
        }
        counts.insert(user.to_owned(), count + 1);
        Some(Self { shares: Arc::clone(shares), user: user.to_owned() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.counts();
        match counts.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.user);
            }
        }
    }
}

impl Shares {
    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many() -> Notice {
    let sentence = "You have too many calls open at once.";
    Notice::problem(StatusCode::TOO_MANY_REQUESTS, "too_many_calls", sentence, "Wait for some of them to end.")
}

fn busy() -> Notice {
    let sentence = "Too many calls are being made at once.";
    Notice::problem(StatusCode::SERVICE_UNAVAILABLE, "api_busy", sentence, "Try again in a minute.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn one_user_does_not_take_the_place_of_others() {
        let gate = Gate::new(3, 2);
        let first = gate.enter("ada", PATIENCE).await.map_err(|notice| notice.code);
        let _second = gate.enter("ada", PATIENCE).await.map_err(|notice| notice.code).unwrap();
        assert_eq!(gate.enter("ada", PATIENCE).await.err().map(|notice| notice.code), Some("too_many_calls"));
        let _other = gate.enter("grace", PATIENCE).await.map_err(|notice| notice.code).unwrap();
        assert_eq!(gate.enter("alan", PATIENCE).await.err().map(|notice| notice.code), Some("api_busy"));
        drop(first);
        assert!(gate.enter("alan", PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn mn_33_users_without_calls_are_forgotten() {
        let gate = Gate::new(4, 2);
        for user in 0..100 {
            drop(gate.enter(&user.to_string(), PATIENCE).await);
        }
        let full = Gate::new(0, 2);
        assert!(full.enter("ada", PATIENCE).await.is_err(), "nobody gets in");
        assert!(gate.shares.counts().is_empty() && full.shares.counts().is_empty());
    }
}
