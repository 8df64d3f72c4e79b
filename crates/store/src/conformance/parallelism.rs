//! The same promises between threads, and between several handles on the same data.
//!
//! Each check takes any number of handles and spreads its callers over them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stagedoor_flows::port::{Draft, Shelf, Store, Version, Write};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::{NOW, at, done, draft, expiring, get, insert, key, lease, owned, place};

/// Handles on the same data.
pub type Handles = [Arc<dyn Store>];

/// Runs every check of this part, one after the other.
pub async fn all(stores: &Handles) {
    assert!(
        Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread,
        "there is nothing parallel in a runtime of one thread"
    );
    what_one_handle_wrote_every_handle_reads(stores).await;
    of_a_thousand_takes_one_succeeds(stores).await;
    of_many_inserts_one_succeeds(stores).await;
    no_replacement_is_lost(stores).await;
    versions_never_repeat(stores).await;
    a_record_is_seen_whole(stores).await;
    an_owner_is_erased_at_once(stores).await;
    what_is_written_while_an_owner_is_erased_stays(stores).await;
    a_purge_never_removes_what_was_just_written(stores).await;
    a_lease_has_one_holder(stores).await;
}

/// What a verb has returned is there for everybody, at once.
pub async fn what_one_handle_wrote_every_handle_reads(stores: &Handles) {
    let place = place("parallel/read", 1);
    for (round, writer) in (0_u32..).zip(stores.iter().cycle().take(20)) {
        insert(&**writer, draft(place, round.to_be_bytes())).await;
        for reader in stores {
            let read = get(&**reader, place, NOW).await.expect("what another handle wrote");
            assert_eq!(read.draft.sealed, round.to_be_bytes());
        }
        let remover = &stores[round as usize % stores.len()];
        assert!(remover.remove(place, NOW).await.expect("remove"));
        for reader in stores {
            assert_eq!(get(&**reader, place, NOW).await, None, "another handle removed it");
        }
    }
}

/// A record is handed out once, however many ask for it.
pub async fn of_a_thousand_takes_one_succeeds(stores: &Handles) {
    for round in 0..3 {
        let place = place("parallel/take", round);
        insert(&*stores[0], draft(place, "once")).await;
        let taken = together(stores, 1000, move |store, _| async move { store.take(place, NOW).await }).await;
        assert_eq!(taken.into_iter().filter_map(|taken| taken.expect("take")).count(), 1);
    }
}

/// One insert wins, and its record is the one that is there.
pub async fn of_many_inserts_one_succeeds(stores: &Handles) {
    for round in 0..10 {
        let place = place("parallel/insert", round);
        let write = move |store: Arc<dyn Store>, caller: u32| async move {
            store.insert(draft(place, caller.to_be_bytes()), NOW).await.expect("insert")
        };
        let writes = together(stores, 32, write).await;
        let mut done = (0_u32..).zip(writes).filter(|(_, write)| *write != Write::Refused);
        let (winner, write) = done.next().expect("a winner");
        assert_eq!(done.next(), None, "there is one winner");
        let read = get(&*stores[0], place, NOW).await.expect("what the winner wrote");
        assert_eq!((read.draft.sealed, Write::Done(read.version)), (winner.to_be_bytes().to_vec(), write));
    }
}

/// A counter that is read and replaced by many ends at the number of successful replacements.
pub async fn no_replacement_is_lost(stores: &Handles) {
    const EACH: u64 = 25;
    let place = place("parallel/replace", 1);
    insert(&*stores[0], draft(place, 0_u64.to_be_bytes())).await;
    let count = move |store: Arc<dyn Store>, _| async move {
        let mut last = Version(0);
        for _ in 0..EACH {
            loop {
                let read = get(&*store, place, NOW).await.expect("the counter");
                let next = u64::from_be_bytes(read.draft.sealed.try_into().expect("eight bytes")) + 1;
                let new = draft(place, next.to_be_bytes());
                if let Write::Done(version) = store.replace(new, read.version, NOW).await.expect("replace") {
                    assert!(version > read.version && version > last, "versions grow");
                    last = version;
                    break;
                }
            }
        }
    };
    together(stores, 8, count).await;
    let read = get(&*stores[0], place, NOW).await.expect("the counter");
    assert_eq!(read.draft.sealed, (8 * EACH).to_be_bytes());
}

/// Records that come and go at one place, by the hands of many, never have the same version.
pub async fn versions_never_repeat(stores: &Handles) {
    let place = place("parallel/versions", 1);
    let come_and_go = move |store: Arc<dyn Store>, _| async move {
        let mut versions = Vec::new();
        for _ in 0..50 {
            if let Write::Done(version) = store.insert(draft(place, "brief"), NOW).await.expect("insert") {
                versions.push(version);
            }
            store.take(place, NOW).await.expect("take");
        }
        assert!(versions.is_sorted(), "versions grow");
        versions
    };
    let versions: Vec<_> = together(stores, 8, come_and_go).await.into_iter().flatten().collect();
    let different: BTreeSet<_> = versions.iter().collect();
    assert_eq!(different.len(), versions.len(), "no version comes twice");
}

/// Who reads while others replace sees the fields of one write, never of two.
pub async fn a_record_is_seen_whole(stores: &Handles) {
    let place = place("parallel/whole", 1);
    let written = move |number: u32| Draft {
        owner: Some(key("parallel/whole/owner", number)),
        // Larger than a page of most databases.
        ..expiring(place, vec![number.to_be_bytes()[3]; 20_000], at(1000 + i64::from(number)))
    };
    insert(&*stores[0], written(0)).await;
    let ended = Arc::new(AtomicBool::new(false));
    let use_it = move |store: Arc<dyn Store>, caller: u32| {
        let ended = Arc::clone(&ended);
        async move {
            if caller == 0 {
                let _at_end = SetAtEnd(Arc::clone(&ended));
                for number in 1..=100 {
                    let read = get(&*store, place, NOW).await.expect("the record");
                    done(store.replace(written(number), read.version, NOW).await.expect("replace"), "a replace");
                }
            }
            while !ended.load(Ordering::Relaxed) {
                let read = get(&*store, place, NOW).await.expect("the record");
                let number = u32::from(read.draft.sealed[0]);
                assert!(read.draft == written(number), "a record was read that nobody has written");
                yield_now().await;
            }
        }
    };
    together(stores, 8, use_it).await;
}

/// Is set when the writer has ended, also by a panic, so that the readers do not go on for ever.
struct SetAtEnd(Arc<AtomicBool>);

impl Drop for SetAtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A list made while an owner is erased has all of the owner's records or none.
pub async fn an_owner_is_erased_at_once(stores: &Handles) {
    const RECORDS: u32 = 20;
    for round in 0..5 {
        let (shelf, owner) = ("parallel/owner", key("parallel/owner/owner", round));
        for number in 0..RECORDS {
            insert(&*stores[0], owned(place(shelf, number), owner)).await;
        }
        let erase_and_list = move |store: Arc<dyn Store>, caller: u32| async move {
            if caller == 0 {
                return store.remove_owned(owner, NOW).await.expect("remove_owned");
            }
            loop {
                let listed = store.list(Shelf(shelf), None, usize::MAX, NOW).await.expect("list").len();
                if listed == 0 {
                    return 0;
                }
                assert_eq!(listed, RECORDS as usize, "a part of the owner's records was seen");
                yield_now().await;
            }
        };
        let erased = together(stores, 4, erase_and_list).await;
        assert_eq!(erased.iter().sum::<u64>(), u64::from(RECORDS));
    }
}

/// Of a write and an erasure that was decided on before it, one fails or the write comes after: what was written is there.
pub async fn what_is_written_while_an_owner_is_erased_stays(stores: &Handles) {
    for round in 0..60 {
        let owner = key("parallel/seen/owner", round);
        let place = place("parallel/seen", round);
        let expired = Draft { owner: Some(owner), ..expiring(place, "expired", at(1)) };
        // One is written over, one comes where there is none, one where there is none any more.
        let seen = match round % 3 {
            0 => Some(insert(&*stores[0], owned(place, owner)).await),
            1 => None,
            _ => {
                insert(&*stores[0], expired).await;
                None
            }
        };
        let write_and_erase = move |store: Arc<dyn Store>, caller: u32| async move {
            if caller > 0 {
                return store.remove_owned_if(owner, place, seen, at(1)).await.expect("remove_owned_if").is_some();
            }
            let new = Draft { sealed: b"new".to_vec(), ..owned(place, owner) };
            let write = match seen {
                Some(version) => store.replace(new, version, at(1)).await.expect("replace"),
                None => store.insert(new, at(1)).await.expect("insert"),
            };
            write != Write::Refused
        };
        let done = together(stores, 3, write_and_erase).await;
        let (is_written, is_erased) = (done[0], done[1] || done[2]);
        let is_there = get(&*stores[0], place, at(1)).await.is_some();
        assert_eq!(is_there, is_written, "what was written is there");
        assert_eq!(is_written, seen.is_none() || !is_erased, "of a replacement and an erasure one happens");
    }
}

/// A purge that runs while an expired record is written over never takes the new record.
pub async fn a_purge_never_removes_what_was_just_written(stores: &Handles) {
    for round in 0..50 {
        let place = place("parallel/purge", round);
        insert(&*stores[0], expiring(place, "old", at(10))).await;
        let purge_and_write = move |store: Arc<dyn Store>, caller: u32| async move {
            if caller.is_multiple_of(2) {
                store.purge(at(10), usize::MAX).await.expect("purge");
            } else {
                store.insert(draft(place, "new"), at(10)).await.expect("insert");
            }
        };
        together(stores, 4, purge_and_write).await;
        assert_eq!(get(&*stores[0], place, at(10)).await.expect("the new record").draft.sealed, b"new");
    }
}

/// Of many who lease a place again and again one is inside at a time, each with a larger fence.
pub async fn a_lease_has_one_holder(stores: &Handles) {
    const EACH: u32 = 10;
    let place = place("parallel/lease", 1);
    let (inside, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let enter = move |store: Arc<dyn Store>, _| {
        let (inside, last) = (Arc::clone(&inside), Arc::clone(&last));
        async move {
            for _ in 0..EACH {
                let held = loop {
                    if let Some(held) = lease(&*store, place, NOW, at(10)).await {
                        break held;
                    }
                    yield_now().await;
                };
                assert!(!inside.swap(true, Ordering::SeqCst), "two hold the same lease");
                let before = last.swap(held.fence, Ordering::SeqCst);
                assert!(held.fence > before, "fence {} came after {before}", held.fence);
                yield_now().await;
                inside.store(false, Ordering::SeqCst);
                store.release(held).await.expect("release");
            }
        }
    };
    together(stores, 8, enter).await;
}

/// Runs `callers` tasks that begin at the same moment, and waits for all.
async fn together<T, F>(stores: &Handles, callers: u32, call: impl Fn(Arc<dyn Store>, u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(callers as usize));
    let tasks: Vec<_> = (0..callers)
        .zip(stores.iter().cycle())
        .map(|(caller, store)| {
            let (start, call) = (Arc::clone(&start), call(Arc::clone(store), caller));
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        match task.await {
            Ok(answer) => answers.push(answer),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
    answers
}
