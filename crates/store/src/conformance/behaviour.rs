//! What each verb means to a single caller.

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;

use super::{NOW, at, done, draft, expiring, get, insert, key, lease, owned, place};

/// Runs every check of this part, one after the other.
pub async fn all(store: &dyn Store) {
    what_is_written_is_read(store).await;
    any_content_comes_back(store).await;
    nothing_is_found_where_nothing_was_written(store).await;
    shelves_are_apart(store).await;
    an_insert_over_a_live_record_is_refused(store).await;
    an_insert_over_an_expired_record_succeeds(store).await;
    a_replace_needs_the_version(store).await;
    a_replace_writes_every_field(store).await;
    versions_of_a_place_only_grow(store).await;
    a_taken_record_is_gone(store).await;
    a_removed_record_is_gone(store).await;
    an_expired_record_does_not_exist(store).await;
    looking_too_late_destroys_nothing(store).await;
    an_owner_is_erased_everywhere(store).await;
    an_owner_is_erased_only_if_a_record_is_what_was_seen(store).await;
    a_list_has_the_order_of_keys(store).await;
    a_list_is_read_page_by_page(store).await;
    every_shelf_in_use_is_named(store).await;
    a_purge_removes_only_what_expired(store).await;
    a_purge_keeps_to_its_limit(store).await;
    a_lease_excludes_until_it_ends(store).await;
    a_released_lease_is_free(store).await;
    an_old_holder_releases_nothing(store).await;
    fences_only_grow(store).await;
    leases_and_records_live_apart(store).await;
    a_store_in_use_is_ready(store).await;
}

/// A record is read with all its fields and the version that its write returned.
pub async fn what_is_written_is_read(store: &dyn Store) {
    let place = place("written", 1);
    let written =
        Draft { place, owner: Some(key("written/owner", 1)), sealed: b"sealed".to_vec(), expires: Some(at(1)) };
    let version = insert(store, written.clone()).await;
    let read = get(store, place, NOW).await.expect("the record that was written");
    assert_eq!(read.draft, written);
    assert_eq!(read.version, version);
}

/// Empty, binary and large content (1 MiB), and the ends of the calendar, come back as they were.
pub async fn any_content_comes_back(store: &dyn Store) {
    let large: Vec<u8> = (0_u8..=255).cycle().take(1024 * 1024).collect();
    for (number, sealed) in (1..).zip([Vec::new(), vec![0], large]) {
        let written = expiring(place("content", number), sealed, UnixMillis(i64::MAX));
        insert(store, written.clone()).await;
        let read = get(store, written.place, NOW).await.expect("the record that was written");
        assert_eq!(read.draft.sealed.len(), written.sealed.len());
        assert!(read.draft == written, "content of {} bytes came back changed", written.sealed.len());
    }
}

/// Every verb answers for a place where nothing lies.
pub async fn nothing_is_found_where_nothing_was_written(store: &dyn Store) {
    let place = place("nothing", 1);
    assert_eq!(get(store, place, NOW).await, None);
    assert_eq!(store.take(place, NOW).await.expect("take"), None);
    assert!(!store.remove(place, NOW).await.expect("remove"));
    assert_eq!(store.remove_owned(key("nothing/owner", 1), NOW).await.expect("remove_owned"), 0);
    assert_eq!(store.replace(draft(place, "new"), Version(1), NOW).await.expect("replace"), Write::Refused);
    assert_eq!(store.replace(draft(place, "new"), Version(u64::MAX), NOW).await.expect("replace"), Write::Refused);
    assert_eq!(store.list(place.shelf, None, 10, NOW).await.expect("list"), []);
    assert_eq!(get(store, place, NOW).await, None);
}

/// The same key on two shelves names two records.
pub async fn shelves_are_apart(store: &dyn Store) {
    let one = place("shelf/one", 1);
    let two = Place { shelf: Shelf("shelf/two"), key: one.key };
    insert(store, draft(one, "one")).await;
    assert_eq!(get(store, two, NOW).await, None);
    insert(store, draft(two, "two")).await;
    assert!(store.remove(one, NOW).await.expect("remove"));
    assert_eq!(get(store, two, NOW).await.expect("the other record").draft.sealed, b"two");
}

/// A refused insert leaves the record as it was.
pub async fn an_insert_over_a_live_record_is_refused(store: &dyn Store) {
    let place = place("insert/live", 1);
    let version = insert(store, draft(place, "first")).await;
    assert_eq!(store.insert(draft(place, "second"), NOW).await.expect("insert"), Write::Refused);
    let read = get(store, place, NOW).await.expect("the first record");
    assert_eq!((read.draft.sealed.as_slice(), read.version), (b"first".as_slice(), version));
}

/// Nothing of an expired record is left in the one that is inserted over it.
pub async fn an_insert_over_an_expired_record_succeeds(store: &dyn Store) {
    let place = place("insert/expired", 1);
    let owner = key("insert/expired/owner", 1);
    let old = insert(store, Draft { owner: Some(owner), ..expiring(place, "old", at(10)) }).await;
    let write = store.insert(draft(place, "new"), at(10)).await.expect("insert");
    assert!(done(write, "an insert over an expired record") > old);
    let read = get(store, place, at(10)).await.expect("the new record");
    assert_eq!(read.draft, draft(place, "new"));
    assert_eq!(store.remove_owned(owner, at(10)).await.expect("remove_owned"), 0);
}

/// Only the version that is there now can be replaced.
pub async fn a_replace_needs_the_version(store: &dyn Store) {
    let place = place("replace/version", 1);
    let first = insert(store, draft(place, "first")).await;
    let second =
        done(store.replace(draft(place, "second"), first, NOW).await.expect("replace"), "a replace of the version");
    for wrong in [first, Version(second.0 + 1), Version(0), Version(u64::MAX)] {
        let write = store.replace(draft(place, "third"), wrong, NOW).await.expect("replace");
        assert_eq!(write, Write::Refused, "{wrong:?} is not the version");
    }
    let read = get(store, place, NOW).await.expect("the second record");
    assert_eq!((read.draft.sealed.as_slice(), read.version), (b"second".as_slice(), second));
}

/// A replace changes content, owner and expiry together.
pub async fn a_replace_writes_every_field(store: &dyn Store) {
    let place = place("replace/fields", 1);
    let (before, after) = (key("replace/fields/before", 1), key("replace/fields/after", 1));
    let version = insert(store, Draft { owner: Some(before), ..expiring(place, "before", at(10)) }).await;
    let new = Draft { owner: Some(after), ..expiring(place, "after", at(20)) };
    done(store.replace(new.clone(), version, NOW).await.expect("replace"), "a replace of the version");
    assert_eq!(get(store, place, at(19)).await.expect("the new record").draft, new);
    assert_eq!(store.remove_owned(before, NOW).await.expect("remove_owned"), 0);
    assert_eq!(store.remove_owned(after, NOW).await.expect("remove_owned"), 1);
}

/// No version of a place comes twice, not even after a removal: whoever holds an old version cannot overwrite.
pub async fn versions_of_a_place_only_grow(store: &dyn Store) {
    let place = place("versions", 1);
    let mut last = insert(store, draft(place, "0")).await;
    for round in 1..=5_i64 {
        let old = last;
        match round % 3 {
            0 => assert!(store.take(place, NOW).await.expect("take").is_some()),
            1 => assert!(store.remove(place, NOW).await.expect("remove")),
            _ => {
                let brief = expiring(place, "brief", at(round));
                last = done(store.replace(brief, last, NOW).await.expect("replace"), "a replace of the version");
                assert!(last > old, "{last:?} came after {old:?}");
                store.purge(at(round), usize::MAX).await.expect("purge");
            }
        }
        let new = insert(store, draft(place, "again")).await;
        assert!(new > last, "{new:?} came after {last:?}");
        assert_eq!(store.replace(draft(place, "stale"), last, NOW).await.expect("replace"), Write::Refused);
        last = new;
    }
}

/// The first take returns the record, the next finds nothing.
pub async fn a_taken_record_is_gone(store: &dyn Store) {
    let written = expiring(place("take", 1), "once", at(10));
    let version = insert(store, written.clone()).await;
    let taken = store.take(written.place, NOW).await.expect("take").expect("the record");
    assert_eq!((taken.draft, taken.version), (written.clone(), version));
    assert_eq!(store.take(written.place, NOW).await.expect("take"), None);
    assert_eq!(get(store, written.place, NOW).await, None);
}

/// A remove says whether it ended a life. It removes an expired record too, for every clock.
pub async fn a_removed_record_is_gone(store: &dyn Store) {
    let place = place("remove", 1);
    insert(store, draft(place, "live")).await;
    assert!(store.remove(place, NOW).await.expect("remove"));
    assert!(!store.remove(place, NOW).await.expect("remove"));
    insert(store, expiring(place, "expired", at(10))).await;
    assert!(!store.remove(place, at(10)).await.expect("remove"));
    assert_eq!(get(store, place, NOW).await, None);
}

/// `expires` is the first instant at which a record does not exist, by the caller's clock, for every verb.
pub async fn an_expired_record_does_not_exist(store: &dyn Store) {
    let (place, owner) = (place("expired", 1), key("expired/owner", 1));
    let version = insert(store, Draft { owner: Some(owner), ..expiring(place, "old", at(10)) }).await;
    assert!(get(store, place, at(9)).await.is_some(), "it lives until its last millisecond");
    assert_eq!(store.list(place.shelf, None, 10, at(9)).await.expect("list").len(), 1);
    for late in [at(10), at(11)] {
        assert_eq!(get(store, place, late).await, None);
        assert_eq!(store.take(place, late).await.expect("take"), None);
        assert_eq!(store.list(place.shelf, None, 10, late).await.expect("list"), []);
        assert_eq!(store.replace(draft(place, "new"), version, late).await.expect("replace"), Write::Refused);
    }
    assert_eq!(store.remove_owned(owner, at(10)).await.expect("remove_owned"), 0);
}

/// A caller whose clock is fast does not take a record from the others by looking for it.
pub async fn looking_too_late_destroys_nothing(store: &dyn Store) {
    let place = place("late", 1);
    let version = insert(store, expiring(place, "there", at(10))).await;
    assert_eq!(get(store, place, at(10)).await, None);
    assert_eq!(store.take(place, at(10)).await.expect("take"), None);
    assert_eq!(store.list(place.shelf, None, 10, at(10)).await.expect("list"), []);
    assert_eq!(store.replace(draft(place, "new"), version, at(10)).await.expect("replace"), Write::Refused);
    assert_eq!(get(store, place, at(9)).await.expect("the record").version, version);
}

/// Every record of the owner goes, on every shelf, expired ones without being counted; nobody else's does.
pub async fn an_owner_is_erased_everywhere(store: &dyn Store) {
    let (owner, other) = (key("owner", 1), key("owner", 2));
    for shelf in ["owned/one", "owned/two"] {
        for number in 0..3 {
            insert(store, owned(place(shelf, number), owner)).await;
        }
        insert(store, owned(place(shelf, 3), other)).await;
        insert(store, draft(place(shelf, 4), "nobody's")).await;
    }
    let expired = place("owned/three", 1);
    insert(store, Draft { owner: Some(owner), ..expiring(expired, "expired", at(10)) }).await;

    assert_eq!(store.remove_owned(owner, at(10)).await.expect("remove_owned"), 6);
    assert_eq!(get(store, expired, NOW).await, None, "an expired record of the owner goes too");
    for shelf in ["owned/one", "owned/two"] {
        let left = store.list(Shelf(shelf), None, 10, NOW).await.expect("list");
        let left: Vec<_> = left.into_iter().map(|record| record.draft.place).collect();
        assert_eq!(left, [place(shelf, 3), place(shelf, 4)]);
    }
    assert_eq!(store.remove_owned(owner, NOW).await.expect("remove_owned"), 0);
}

/// A condition that does not hold removes nothing: another version, a record where none was seen, none where one was. What
/// has expired counts as none.
pub async fn an_owner_is_erased_only_if_a_record_is_what_was_seen(store: &dyn Store) {
    let owner = key("seen/owner", 1);
    let (place, beside) = (place("seen", 1), owned(place("seen/beside", 1), owner));
    insert(store, beside.clone()).await;
    let erase = async |seen| store.remove_owned_if(owner, place, seen, at(10)).await.expect("remove_owned_if");

    let version = insert(store, Draft { owner: Some(owner), ..expiring(place, "seen", at(20)) }).await;
    assert_eq!(erase(None).await, None);
    assert_eq!(erase(Some(Version(version.0 + 1))).await, None);
    assert!(get(store, beside.place, NOW).await.is_some() && get(store, place, at(10)).await.is_some());
    assert_eq!(erase(Some(version)).await, Some(2));
    assert_eq!((get(store, beside.place, NOW).await, get(store, place, NOW).await), (None, None));

    insert(store, beside.clone()).await;
    assert_eq!(erase(Some(version)).await, None);
    let expired = insert(store, Draft { owner: Some(owner), ..expiring(place, "expired", at(10)) }).await;
    assert_eq!(erase(Some(expired)).await, None);
    assert_eq!(erase(None).await, Some(1));
    assert_eq!((get(store, beside.place, NOW).await, get(store, place, NOW).await), (None, None));
    assert_eq!(erase(None).await, Some(0));
}

/// Keys are ordered as unsigned bytes, whatever the order of writing.
pub async fn a_list_has_the_order_of_keys(store: &dyn Store) {
    let shelf = Shelf("list/order");
    let first = |byte| {
        let mut key = [7; 32];
        key[0] = byte;
        Place { shelf, key: Key(key) }
    };
    for byte in [0x80, 0x00, 0xff, 0x7f, 0x01] {
        insert(store, draft(first(byte), vec![byte])).await;
    }
    let listed = store.list(shelf, None, 10, NOW).await.expect("list");
    let order: Vec<u8> = listed.iter().map(|record| record.draft.sealed[0]).collect();
    assert_eq!(order, [0x00, 0x01, 0x7f, 0x80, 0xff]);
    assert_eq!(listed[0], get(store, first(0), NOW).await.expect("the record"), "a list reads what get reads");
}

/// Pages follow each other by the last key; expired records take no room in them; `after` need not exist.
pub async fn a_list_is_read_page_by_page(store: &dyn Store) {
    let name = "list/pages";
    for number in 0..10 {
        let place = place(name, number);
        let written = if number % 3 == 1 { expiring(place, "expired", NOW) } else { draft(place, "live") };
        done(store.insert(written, at(-1)).await.expect("insert"), "an insert at a free place");
    }
    let mut after = None;
    let mut pages = Vec::new();
    // One page more than there are, so that a store that repeats itself is caught and not followed for ever.
    for _ in 0..4 {
        let page = store.list(Shelf(name), after, 3, NOW).await.expect("list");
        let Some(last) = page.last() else { break };
        after = Some(last.draft.place.key);
        pages.push(page.iter().map(|record| record.draft.place).collect::<Vec<_>>());
    }
    let expected: Vec<Vec<_>> =
        [[0, 2, 3].as_slice(), &[5, 6, 8], &[9]].map(|page| page.iter().map(|n| place(name, *n)).collect()).into();
    assert_eq!(pages, expected);

    assert_eq!(store.list(Shelf(name), None, 0, NOW).await.expect("list"), []);
    assert_eq!(store.list(Shelf(name), None, usize::MAX, NOW).await.expect("list").len(), 7);
    let behind_nothing = store.list(Shelf(name), Some(key(name, 4)), 1, NOW).await.expect("list");
    assert_eq!(behind_nothing[0].draft.place, place(name, 5));
    let behind_all = Key([0xff; 32]);
    assert_eq!(store.list(Shelf(name), Some(behind_all), 10, NOW).await.expect("list"), []);
}

/// Each shelf with a live record is named, once, in the order of the names.
pub async fn every_shelf_in_use_is_named(store: &dyn Store) {
    for name in ["shelves/b", "shelves/a", "shelves/c"] {
        for number in 0..3 {
            insert(store, draft(place(name, number), "there")).await;
        }
    }
    assert!(store.remove(place("shelves/b", 1), NOW).await.expect("remove"));
    let named = store.shelves().await.expect("shelves");
    assert!(named.is_sorted_by(|a, b| a < b), "{named:?} repeats a shelf or has no order");
    let ours: Vec<_> = named.iter().filter(|name| name.starts_with("shelves/")).collect();
    assert_eq!(ours, ["shelves/a", "shelves/b", "shelves/c"]);
}

/// A purge counts what it removed and touches nothing that lives.
pub async fn a_purge_removes_only_what_expired(store: &dyn Store) {
    store.purge(at(100), usize::MAX).await.expect("purge");
    let name = "purge";
    let lives = [None, Some(at(99)), Some(at(100)), Some(at(101))];
    for (number, expires) in (0..).zip(lives) {
        insert(store, Draft { expires, ..draft(place(name, number), "purge") }).await;
    }
    assert_eq!(store.purge(at(100), usize::MAX).await.expect("purge"), 2);
    let left = store.list(Shelf(name), None, 10, NOW).await.expect("list");
    let left: Vec<_> = left.into_iter().map(|record| record.draft.place).collect();
    assert_eq!(left, [place(name, 0), place(name, 3)]);
    assert_eq!(store.purge(at(100), usize::MAX).await.expect("purge"), 0);
}

/// Work that is too much for one call is done in several.
pub async fn a_purge_keeps_to_its_limit(store: &dyn Store) {
    store.purge(at(100), usize::MAX).await.expect("purge");
    for number in 0..5 {
        insert(store, expiring(place("purge/limit", number), "purge", at(10))).await;
    }
    for (limit, purged) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
        assert_eq!(store.purge(at(100), limit).await.expect("purge"), purged);
    }
}

/// While a lease lives nobody gets another, not even its holder; it ends at `until` by the caller's clock.
pub async fn a_lease_excludes_until_it_ends(store: &dyn Store) {
    let place = place("lease", 1);
    let held = lease(store, place, NOW, at(10)).await.expect("a free lease");
    assert_eq!((held.place, held.until), (place, at(10)));
    assert_eq!(lease(store, place, NOW, at(20)).await, None);
    assert_eq!(lease(store, place, at(9), at(20)).await, None);
    assert!(lease(store, super::place("lease", 2), NOW, at(10)).await.is_some(), "another place is free");
    let next = lease(store, place, at(10), at(20)).await.expect("an ended lease");
    assert!(next.fence > held.fence);
    assert_eq!(lease(store, place, at(10), at(20)).await, None);
}

/// A released place can be leased at once; releasing twice does nothing.
pub async fn a_released_lease_is_free(store: &dyn Store) {
    let place = place("lease/released", 1);
    let held = lease(store, place, NOW, at(10)).await.expect("a free lease");
    store.release(held.clone()).await.expect("release");
    let next = lease(store, place, NOW, at(10)).await.expect("a released lease");
    assert!(next.fence > held.fence);
    store.release(held).await.expect("release");
    assert_eq!(lease(store, place, NOW, at(20)).await, None);
}

/// A holder who was too slow does not end the lease of the one who came after.
pub async fn an_old_holder_releases_nothing(store: &dyn Store) {
    let place = place("lease/old", 1);
    let slow = lease(store, place, NOW, at(10)).await.expect("a free lease");
    let next = lease(store, place, at(10), at(20)).await.expect("an ended lease");
    store.release(slow).await.expect("release");
    assert_eq!(lease(store, place, at(11), at(30)).await, None);
    store.release(next).await.expect("release");
    assert!(lease(store, place, at(11), at(30)).await.is_some());
}

/// Not even a purge makes the store forget how far the fences of a place have come.
pub async fn fences_only_grow(store: &dyn Store) {
    let place = place("lease/fences", 1);
    let mut last = 0;
    for round in 0..6 {
        let now = at(round * 10);
        let held = lease(store, place, now, now.plus_millis(5)).await.expect("an ended lease");
        assert!(held.fence > last, "fence {} came after {last}", held.fence);
        last = held.fence;
        match round % 3 {
            0 => store.release(held).await.expect("release"),
            1 => assert_eq!(store.purge(now.plus_millis(5), usize::MAX).await.expect("purge"), 0),
            _ => {}
        }
    }
}

/// A lease neither needs, hides nor ends with a record at the same place, and a purge leaves a live one alone.
pub async fn leases_and_records_live_apart(store: &dyn Store) {
    let (place, owner) = (place("lease/apart", 1), key("lease/apart/owner", 1));
    let held = lease(store, place, NOW, at(10)).await.expect("a free lease");
    assert_eq!(get(store, place, NOW).await, None);
    insert(store, owned(place, owner)).await;
    assert!(store.remove(place, NOW).await.expect("remove"));
    insert(store, owned(place, owner)).await;
    assert_eq!(store.remove_owned(owner, NOW).await.expect("remove_owned"), 1);
    store.purge(at(9), usize::MAX).await.expect("purge");
    assert_eq!(lease(store, place, at(9), at(20)).await, None, "the lease is still held");
    store.release(held).await.expect("release");
}

/// Readiness can be asked at any time and changes nothing.
pub async fn a_store_in_use_is_ready(store: &dyn Store) {
    let place = place("ready", 1);
    let version = insert(store, draft(place, "there")).await;
    store.ready().await.expect("ready");
    store.ready().await.expect("ready");
    assert_eq!(get(store, place, NOW).await.expect("the record").version, version);
}
