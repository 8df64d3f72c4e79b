//! A condition and its effect are one step: callers of one thread who interleave at every wait.

use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;

use stagedoor_flows::port::{Draft, Record, Store, StoreError, Version, Write};

use super::{NOW, at, draft, expiring, get, insert, key, lease, place};

/// How many callers race.
const CALLERS: u32 = 32;

/// Runs every check of this part, one after the other.
pub async fn all(store: &dyn Store) {
    a_refused_write_changes_nothing(store).await;
    of_many_inserts_one_succeeds(store).await;
    of_many_replaces_one_succeeds(store).await;
    of_many_takes_one_succeeds(store).await;
    of_many_leases_one_succeeds(store).await;
    a_take_and_a_replace_come_one_after_the_other(store).await;
    a_caller_who_leaves_breaks_nothing(store).await;
}

/// Content, owner, expiry and version stay when a write is refused.
pub async fn a_refused_write_changes_nothing(store: &dyn Store) {
    let place = place("refused", 1);
    let (owner, intruder) = (key("refused/owner", 1), key("refused/owner", 2));
    let written = Draft { owner: Some(owner), ..expiring(place, "written", at(10)) };
    let version = insert(store, written.clone()).await;
    let refused = Draft { owner: Some(intruder), ..expiring(place, "refused", at(20)) };
    assert_eq!(store.insert(refused.clone(), NOW).await.expect("insert"), Write::Refused);
    assert_eq!(store.replace(refused, Version(version.0 + 1), NOW).await.expect("replace"), Write::Refused);

    assert_eq!(get(store, place, NOW).await, Some(Record { draft: written, version }));
    assert_eq!(get(store, place, at(10)).await, None);
    assert_eq!(store.remove_owned(intruder, NOW).await.expect("remove_owned"), 0);
    assert_eq!(store.remove_owned(owner, NOW).await.expect("remove_owned"), 1);
}

/// At a free place and over an expired record one insert succeeds, and what it wrote is there.
pub async fn of_many_inserts_one_succeeds(store: &dyn Store) {
    let place = place("race/insert", 1);
    for now in [NOW, at(10)] {
        let write = |caller: u32| store.insert(expiring(place, caller.to_be_bytes(), now.plus_millis(10)), now);
        let (winner, version) = the_one_done(race(write).await);
        let read = get(store, place, now).await.expect("what the winner wrote");
        assert_eq!((read.draft.sealed, read.version), (winner.to_be_bytes().to_vec(), version));
    }
}

/// Of those who replace one version one succeeds.
pub async fn of_many_replaces_one_succeeds(store: &dyn Store) {
    let place = place("race/replace", 1);
    let first = insert(store, draft(place, "first")).await;
    let write = |caller: u32| store.replace(draft(place, caller.to_be_bytes()), first, NOW);
    let (winner, version) = the_one_done(race(write).await);
    let read = get(store, place, NOW).await.expect("what the winner wrote");
    assert_eq!((read.draft.sealed, read.version), (winner.to_be_bytes().to_vec(), version));
}

/// A record is handed out once.
pub async fn of_many_takes_one_succeeds(store: &dyn Store) {
    let place = place("race/take", 1);
    insert(store, draft(place, "once")).await;
    let taken = race(|_| store.take(place, NOW)).await;
    assert_eq!(taken.into_iter().filter_map(|taken| taken.expect("take")).count(), 1);
}

/// A free place is leased once, and so is one whose lease has ended.
pub async fn of_many_leases_one_succeeds(store: &dyn Store) {
    let place = place("race/lease", 1);
    for now in [NOW, at(10)] {
        let leases = race(|_| store.lease(place, now, now.plus_millis(10))).await;
        assert_eq!(leases.into_iter().filter_map(|lease| lease.expect("lease")).count(), 1);
    }
}

/// Either the take gets the old record and the replace is refused, or the take gets the new one.
pub async fn a_take_and_a_replace_come_one_after_the_other(store: &dyn Store) {
    for number in 0..CALLERS {
        let place = place("race/both", number);
        let old = insert(store, draft(place, "old")).await;
        let take = store.take(place, NOW);
        let replace = store.replace(draft(place, "new"), old, NOW);
        let (taken, replaced) = if number % 2 == 0 {
            tokio::join!(take, replace)
        } else {
            let (replaced, taken) = tokio::join!(replace, take);
            (taken, replaced)
        };
        let taken = taken.expect("take").expect("a record, old or new").version;
        match replaced.expect("replace") {
            Write::Done(new) => assert_eq!(taken, new, "the replaced record was taken"),
            Write::Refused => assert_eq!(taken, old, "nobody had the old record, and nobody could replace it"),
        }
        assert_eq!(get(store, place, NOW).await, None, "a taken record came back");
    }
}

/// A verb whose caller stops waiting happens or does not; either way the next caller can work.
pub async fn a_caller_who_leaves_breaks_nothing(store: &dyn Store) {
    for number in 0..CALLERS {
        let place = place("leaver", number);
        let left = draft(place, "left");
        leave(store.insert(left.clone(), NOW)).await;
        leave(store.lease(place, NOW, at(10))).await;
        let version = match store.insert(draft(place, "next"), NOW).await.expect("insert") {
            Write::Done(version) => version,
            Write::Refused => {
                let read = get(store, place, NOW).await.expect("the record that was in the way");
                assert_eq!(read.draft, left);
                read.version
            }
        };
        leave(store.take(place, NOW)).await;
        let replaced = store.replace(draft(place, "last"), version, NOW).await.expect("replace");
        let taken = store.take(place, NOW).await.expect("take");
        assert_eq!(taken.is_some(), matches!(replaced, Write::Done(_)), "a record was taken and is still there");
        assert!(lease(store, place, at(10), at(20)).await.is_some(), "an ended lease is free");
    }
}

/// Starts what many callers want before any of them gets an answer, and waits for all.
async fn race<T, F: Future<Output = T> + Unpin>(call: impl Fn(u32) -> F) -> Vec<T> {
    let mut calls: Vec<_> = (0..CALLERS).map(|caller| (call(caller), None)).collect();
    poll_fn(|context| {
        for (call, answer) in calls.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = Pin::new(call).poll(context) {
                *answer = Some(ready);
            }
        }
        if calls.iter().all(|(_, answer)| answer.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    calls.into_iter().filter_map(|(_, answer)| answer).collect()
}

fn the_one_done(writes: Vec<Result<Write, StoreError>>) -> (u32, Version) {
    let done: Vec<_> = (0..)
        .zip(writes)
        .filter_map(|(caller, write)| match write.expect("write") {
            Write::Done(version) => Some((caller, version)),
            Write::Refused => None,
        })
        .collect();
    assert_eq!(done.len(), 1, "exactly one write succeeds");
    done[0]
}

/// Begins a call and stops waiting for it.
async fn leave(call: impl Future) {
    let call = pin!(call);
    tokio::select! {
        biased;
        _ = call => {}
        () = ready(()) => {}
    }
}
