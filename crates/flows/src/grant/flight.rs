//! One refresh, from the first look at the record to the stored result.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use stagedoor_protocol::secret::{AccessToken, RefreshToken};
use stagedoor_protocol::time::UnixMillis;

use super::patience::{Patience, Watch, jittered};
use super::refresher::Inner;
use super::{
    Answer, Cause, Done, Ending, Errand, Failure, Grant, Holder, Outcome, Past, RefreshError, Renewed, Standing, due,
};
use crate::vault::{Kept, Terms};

/// After so long without a change, nobody answers for an intent any more: longer than an intent, two calls and the pause
/// between them may take. It is measured by waiting and not by the clock: two clocks may differ by more than that.
const ORPHANED: Duration = Duration::from_secs(30);

/// How long an intent may take to become durable, in milliseconds. Later on others could take it for an orphan while
/// the call is still under way.
const INTENT_MS: i64 = 5_000;

/// A call that brought nothing within so many milliseconds is repeated at once. During the second of two long
/// ones, others would take the intent for an orphan.
const REPEAT_MS: i64 = 4_000;

/// How long another process may take to begin what was handed over to it: longer than an intent, so that a slow store
/// alone does not bring it back.
const HANDED_OVER: Duration = Duration::from_secs(6);

/// How long somebody else's refresh is waited for.
const OTHERS: Duration = Duration::from_secs(90);

/// How long tokens that have arrived are offered to a store that does not take them.
const STORING: Duration = Duration::from_mins(5);

/// How long a failure is offered to a store that does not take it. It is only worth a word.
const NOTING: Duration = Duration::from_secs(15);

/// How long the next refresh waits after one that brought nothing, at first and at most, in milliseconds.
const REST_MS: (i64, i64) = (1_000, 60_000);

/// How often a token that is refused is replaced before its time at most, in milliseconds. Where the next one is refused,
/// too, it is not the token.
const REPLACED_MS: u64 = 60_000;

/// How one refresh ended.
pub(super) type Landed<T> = Result<Arc<T>, RefreshError>;

/// Why a refresh is asked for.
#[derive(Clone)]
pub(super) struct Need {
    /// The token that a server has refused, for a refresh before its time.
    pub(super) instead_of: Option<AccessToken>,
    /// Whether somebody uses the grant now.
    pub(super) used: bool,
}

/// What to do about a record.
pub(super) enum Verdict {
    /// Nothing: the token is what was asked for.
    Done,
    /// Refresh it.
    Begin,
    /// Look again: somebody refreshes it.
    Wait,
    /// Give up.
    Fail(RefreshError),
}

/// A refresh that another process was asked to do.
struct HandedOver {
    /// What it will say; `None` where it has said it, or nobody was there to ask.
    answer: Option<Answer>,
    /// After how much waiting.
    at: Duration,
}

impl HandedOver {
    /// Whether the other process may still begin.
    fn may_begin(&self, waited: Duration) -> bool {
        self.answer.is_some() && waited < self.at + HANDED_OVER
    }
}

pub(super) struct Flight<T: Holder> {
    pub(super) shared: Arc<Inner<T>>,
    pub(super) key: String,
    pub(super) need: Need,
}

impl<T: Holder> Flight<T> {
    /// Refreshes, or waits for whoever does.
    pub(super) async fn run(self) -> Landed<T> {
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_millis(500));
        let mut watch = Watch::default();
        let mut handed_over = None::<HandedOver>;
        while patience.waited < OTHERS {
            let kept = self.shared.vault.get::<T>(&self.key).await?.ok_or(RefreshError::Absent)?;
            watch.saw(kept.version(), patience.waited);
            let orphaned = watch.unchanged(patience.waited) >= ORPHANED;
            match self.shared.judge(&kept.item, &self.need, orphaned) {
                Verdict::Done => return Ok(self.landed(kept.item)),
                Verdict::Fail(error) => return Err(error),
                Verdict::Wait => {}
                Verdict::Begin => {
                    let waited = patience.waited;
                    // Another process would have to see for itself that nobody answers for it any more.
                    let is_ours =
                        orphaned || !handed_over.get_or_insert_with(|| self.hand_over(waited)).may_begin(waited);
                    if is_ours && let Some(landed) = self.refresh(&kept).await {
                        return landed;
                    }
                }
            }
            if let Some(refusal) = self.pause(&mut patience, handed_over.as_mut(), &kept.item).await {
                return Err(refusal);
            }
        }
        Err(RefreshError::Busy { retry_after: Duration::from_secs(5) })
    }

    fn hand_over(&self, waited: Duration) -> HandedOver {
        let answer = self.shared.driver.hand_over(&Errand {
            shelf: T::SHELF.0.to_owned(),
            key: self.key.clone(),
            forced: self.need.instead_of.is_some(),
            used: self.need.used,
        });
        HandedOver { answer, at: waited }
    }

    /// Waits until it is time to look again: for a while, or until the other process has done what it could. Says what
    /// the issuer has told that one.
    async fn pause(
        &self,
        patience: &mut Patience,
        handed_over: Option<&mut HandedOver>,
        item: &T,
    ) -> Option<RefreshError> {
        let pause = pin!(patience.pause(&*self.shared.clock, &*self.shared.entropy));
        let Some(HandedOver { answer: answer @ Some(_), .. }) = handed_over else {
            pause.await;
            return None;
        };
        let Either::Right((done, _)) = select(pause, answer.as_mut()?).await else { return None };
        *answer = None;
        let Done { left_alone, refusal } = done?;
        if let Some(left_alone) = left_alone {
            self.shared.pauses.set(self.shared.issuer.name(item), self.shared.vault.now(), left_alone);
        }
        refusal.map(|(told, retry_after)| RefreshError::Issuer { cause: Cause::new(told), retry_after })
    }

    /// Intent, call, result. `None` where the record has changed meanwhile: look again.
    async fn refresh(&self, kept: &Kept<T>) -> Option<Landed<T>> {
        let before = kept.item.grant().standing;
        let past = kept.item.grant().past();
        let token = kept.item.grant().refresh.clone()?;
        let began = self.shared.vault.now();
        let intent = match self.begin(kept, past).await {
            Ok(intent) => intent?,
            Err(error) => return Some(Err(error)),
        };
        if !(0..INTENT_MS).contains(&self.shared.vault.now().since(began)) {
            self.note(&intent, before).await;
            return Some(Err(RefreshError::Busy { retry_after: Duration::from_secs(1) }));
        }
        let (answer, past) = self.call_leaving_word(&intent.item, &token, past).await;
        match answer {
            Ok(renewed) => Some(self.keep(intent, (renewed, token), past).await),
            Err(failure) => self.give_up(intent, failure, past).await,
        }
    }

    /// Writes the intent, durably. It is the lease: of all that would begin, the one whose compare-and-set finds the
    /// record as it was judged does so, the new version keeps out the others, and the result ends it.
    async fn begin(&self, kept: &Kept<T>, past: Past) -> Result<Option<Kept<T>>, RefreshError> {
        let attempt = u64::from_be_bytes(self.shared.entropy.bytes());
        let standing = Standing::Refreshing { since: self.shared.vault.now(), attempt, past };
        let mut item = kept.item.clone();
        item.grant_mut().standing = standing;
        if self.need.used {
            // Already here, so that the background looks after it should this process die.
            item.grant_mut().used = self.shared.vault.now();
        }
        match self.shared.vault.advance(kept, item.clone(), terms(&item)).await {
            Ok(intent) => Ok(intent),
            Err(error) => {
                // The store may have taken it all the same, and then nobody else begins for a while.
                let found = self.shared.vault.get::<T>(&self.key).await?;
                let ours = found.filter(|found| found.item.grant().standing == standing);
                ours.map(Some).ok_or_else(|| error.into())
            }
        }
    }

    /// Calls, and meanwhile sees to it that somebody will look after the grant should this process die.
    async fn call_leaving_word(&self, item: &T, token: &RefreshToken, past: Past) -> (Result<Renewed, Failure>, Past) {
        if !self.need.used {
            return self.call(item, token, past).await;
        }
        // Nothing that the store does may hold up the answer.
        let word = pin!(due::leave_word(&self.shared.vault, &self.key, item));
        match select(pin!(self.call(item, token, past)), word).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, call)) => call.await,
        }
    }

    /// Sends the refresh token; once more where the answer is soon lost, for which it may not have been used up. A token
    /// about which there were doubts before is sent once: this is the second time.
    async fn call(&self, item: &T, token: &RefreshToken, mut past: Past) -> (Result<Renewed, Failure>, Past) {
        let asked = self.shared.vault.now();
        let first = self.shared.issuer.refresh(item, token).await;
        let Err(Failure::Unknown { .. }) = first else { return (first, past) };
        past.doubts = past.doubts.saturating_add(1);
        if past.doubts > 1 || !(0..REPEAT_MS).contains(&self.shared.vault.now().since(asked)) {
            return (first, past);
        }
        self.shared.clock.sleep(jittered(Duration::from_millis(400), &*self.shared.entropy)).await;
        let second = self.shared.issuer.refresh(item, token).await;
        if matches!(second, Err(Failure::Unknown { .. })) {
            past.doubts = past.doubts.saturating_add(1);
        }
        (second, past)
    }

    /// Stores new tokens; nobody gets them before. The old ones are dead, so this is tried for long: whatever the store
    /// says, and whatever others have written about the old ones meanwhile.
    async fn keep(&self, intent: Kept<T>, (renewed, token): (Renewed, RefreshToken), past: Past) -> Landed<T> {
        let now = self.shared.vault.now();
        let old = intent.item.grant().access.clone();
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut base = intent;
        loop {
            let mut item = base.item.clone();
            item.grant_mut().renew(renewed.clone(), &token, now);
            if self.need.instead_of.is_some() {
                item.grant_mut().replaced = now;
            }
            let written = self.shared.vault.advance(&base, item.clone(), terms(&item)).await;
            if let Ok(Some(kept)) = written {
                return Ok(self.renewed(kept.item, past).await);
            }
            match self.shared.vault.get::<T>(&self.key).await {
                Ok(Some(kept)) if kept.item.grant().access == renewed.access => {
                    return Ok(self.renewed(kept.item, past).await);
                }
                Ok(Some(kept)) if kept.item.grant().access == old => base = kept,
                // The user has authorized anew, which ended these tokens.
                Ok(Some(kept)) => return Ok(self.landed(kept.item)),
                Ok(None) => {
                    self.shared.issuer.discard(&base.item, &renewed.access).await;
                    return Err(RefreshError::Absent);
                }
                Err(error) if patience.waited >= STORING => {
                    self.shared.driver.landed(Outcome::Unstored, None);
                    return Err(error.into());
                }
                Err(_) => {}
            }
            patience.pause(&*self.shared.clock, &*self.shared.entropy).await;
        }
    }

    async fn renewed(&self, item: T, past: Past) -> Arc<T> {
        let outcome = if past.doubts > 0 { Outcome::Healed } else { Outcome::Renewed };
        self.shared.driver.landed(outcome, None);
        // Where the queue does not take it, the next use puts it there.
        let _ = self.shared.schedule(&self.key, &item).await;
        self.landed(item)
    }

    fn landed(&self, item: T) -> Arc<T> {
        let item = Arc::new(item);
        self.shared.cache.put(&self.key, Arc::clone(&item), self.shared.vault.now());
        item
    }

    /// Notes what a failure means for the grant.
    async fn give_up(&self, intent: Kept<T>, failure: Failure, past: Past) -> Option<Landed<T>> {
        let since = self.shared.vault.now();
        let (outcome, cause, pause) = match failure {
            Failure::InvalidGrant => {
                let reason = if past.doubts > 0 { Ending::AnswerLost } else { Ending::Refused };
                if !self.note(&intent, Standing::NeedsReauth { since, reason }).await {
                    return None;
                }
                self.shared.driver.landed(Outcome::Ended(reason), None);
                return Some(Err(RefreshError::NeedsReauth { since, reason }));
            }
            Failure::Refused { cause, pause } => (Outcome::Refused, cause, pause),
            Failure::Limited { cause, pause } => (Outcome::Limited, cause, Some(pause)),
            Failure::Unknown { cause } => (Outcome::Unknown, cause, None),
        };
        let past = Past { failures: past.failures.saturating_add(1), ..past };
        let rest = self.rest(past, pause);
        if let Some(pause) = pause {
            self.shared.pauses.set(self.shared.issuer.name(&intent.item), since, pause);
        }
        let until = since.plus_millis(i64::try_from(rest.as_millis()).unwrap_or(i64::MAX));
        self.note(&intent, Standing::Resting { since, until, past }).await;
        self.shared.driver.landed(outcome, Some(&cause));
        Some(Err(RefreshError::Issuer { cause, retry_after: rest }))
    }

    /// Longer with each failure.
    fn rest(&self, past: Past, pause: Option<Duration>) -> Duration {
        let (first, longest) = REST_MS;
        let doubled = first.saturating_mul(1 << (past.failures.saturating_sub(1)).min(16)).min(longest);
        let rest = jittered(Duration::from_millis(doubled.unsigned_abs()), &*self.shared.entropy);
        rest.max(pause.unwrap_or_default())
    }

    /// Writes what became of an intent of ours; says `false` where it stands in the record no more.
    async fn note(&self, intent: &Kept<T>, standing: Standing) -> bool {
        self.shared.cache.forget(&self.key);
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut base = intent.clone();
        loop {
            let mut item = base.item.clone();
            item.grant_mut().standing = standing;
            if matches!(standing, Standing::NeedsReauth { .. }) {
                item.grant_mut().refresh = None;
            }
            match self.shared.vault.advance(&base, item.clone(), terms(&item)).await {
                Ok(Some(kept)) => {
                    let _ = self.shared.schedule(&self.key, &kept.item).await;
                    return true;
                }
                // Another version of the record may still hold the intent: it was sealed anew.
                Ok(None) => match self.shared.vault.get::<T>(&self.key).await {
                    Ok(Some(kept)) if kept.item.grant().standing == intent.item.grant().standing => base = kept,
                    _ => return false,
                },
                Err(_) if patience.waited >= NOTING => return true,
                Err(_) => patience.pause(&*self.shared.clock, &*self.shared.entropy).await,
            }
        }
    }
}

impl<T: Holder> Inner<T> {
    /// What a record calls for; `orphaned` where it has not changed for long.
    pub(super) fn judge(&self, item: &T, need: &Need, orphaned: bool) -> Verdict {
        let (grant, now) = (item.grant(), self.vault.now());
        if let Some((since, reason)) = grant.ended() {
            return Verdict::Fail(RefreshError::NeedsReauth { since, reason });
        }
        let wanted = match &need.instead_of {
            Some(refused) => grant.access == *refused && now.since(grant.replaced).unsigned_abs() >= REPLACED_MS,
            None => grant.is_due(now) || !grant.serves(now),
        };
        if !wanted {
            return Verdict::Done;
        }
        if grant.refresh.is_none() {
            return without_refresh(grant, now);
        }
        match grant.standing {
            Standing::Refreshing { .. } if !orphaned => return Verdict::Wait,
            // A rest that begins in the future was written by a clock that differs; it is not waited for.
            Standing::Resting { since, until, .. } if (since..until).contains(&now) => {
                return Verdict::Fail(RefreshError::Busy { retry_after: between(now, until) });
            }
            _ => {}
        }
        match self.pauses.left(self.issuer.name(item), now) {
            Some(retry_after) => Verdict::Fail(RefreshError::Busy { retry_after }),
            None => Verdict::Begin,
        }
    }
}

fn without_refresh(grant: &Grant, now: UnixMillis) -> Verdict {
    match grant.access_expires {
        Some(since) if !grant.serves(now) => {
            Verdict::Fail(RefreshError::NeedsReauth { since, reason: Ending::Expired })
        }
        _ => Verdict::Done,
    }
}

fn between(now: UnixMillis, until: UnixMillis) -> Duration {
    Duration::from_millis(until.since(now).max(0).unsigned_abs())
}

pub(super) fn terms<T: Holder>(item: &T) -> Terms<'_> {
    Terms { owner: item.owner(), expires: None }
}
