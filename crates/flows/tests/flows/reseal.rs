//! Rotation: a previous secret is needed by less and less, until nothing needs it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use stagedoor_flows::port::{Shelf, Store as _};
use stagedoor_flows::reseal::{Found, Reseal, Step, Walk};
use stagedoor_flows::seal::{Purpose, Sealer};
use stagedoor_flows::vault::{Item, Terms, Vault, VaultError};

use crate::watched::Watched;
use crate::webhook_post::Post;
use crate::world::{SECRET, START, TestClock, TestEntropy, secret, user};

const NEW: &str = "a-new-secret-after-the-rotation-0123456789";

const DAY: i64 = 86_400;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note(String);

impl Item for Note {
    const SHELF: Shelf = Shelf("note");
}

#[derive(Debug, Serialize, Deserialize)]
struct OtherNote(String);

impl Item for OtherNote {
    const SHELF: Shelf = Shelf("other");
}

/// A vault whose first secret seals.
fn vault(store: &Arc<Watched>, secrets: &[&str]) -> Vault {
    let secrets: Vec<_> = secrets.iter().map(|text| secret(text)).collect();
    let sealer = Arc::new(Sealer::new(&secrets[0], &secrets[1..], Purpose::Record).unwrap());
    Vault::new(store.clone(), sealer, TestClock::at(START), TestEntropy::seeded(3))
}

async fn walk(store: &Arc<Watched>) -> Found {
    let walk = Reseal::new(&vault(store, &[NEW, SECRET])).unwrap().begin().await.unwrap();
    to_its_end(walk).await
}

async fn to_its_end(mut walk: Walk) -> Found {
    loop {
        match walk.step().await.unwrap() {
            Step::End(found) => return found,
            Step::On | Step::Elsewhere => {}
        }
    }
}

fn anew(anew: u64) -> Found {
    Found { anew, ..Found::default() }
}

fn left(left: u64) -> Found {
    Found { left, ..Found::default() }
}

fn until(seconds: i64) -> Terms<'static> {
    Terms { owner: None, expires: Some(START.plus_seconds(seconds)) }
}

#[tokio::test]
async fn after_a_walk_the_previous_secret_is_dropped_and_nothing_is_lost() {
    let store = Arc::new(Watched::default());
    let (before, jill) = (vault(&store, &[SECRET]), user("jill"));
    for number in 0..300 {
        let terms = Terms { owner: Some(&jill), expires: None };
        before.put(&number.to_string(), &Note(number.to_string()), terms).await.unwrap();
    }
    before.put("lasting", &OtherNote("one".into()), until(2 * DAY)).await.unwrap();
    assert_eq!(walk(&store).await, anew(301));
    assert_eq!(walk(&store).await, anew(0), "nothing is sealed twice");

    let after = vault(&store, &[NEW]);
    for number in 0..300 {
        let kept = after.get::<Note>(&number.to_string()).await.unwrap().unwrap();
        assert_eq!(kept.item, Note(number.to_string()));
    }
    assert_eq!(after.get::<OtherNote>("lasting").await.unwrap().unwrap().item.0, "one");
    assert_eq!(after.remove_owned(&jill).await.unwrap(), 300);
    assert!(store.shelf("other", START.plus_seconds(2 * DAY)).await.is_empty(), "it expires as it did before");
}

#[tokio::test]
async fn where_there_is_no_previous_secret_there_is_nothing_to_walk_for() {
    assert!(Reseal::new(&vault(&Arc::default(), &[SECRET])).is_none());
}

#[tokio::test]
async fn what_somebody_writes_during_a_walk_stays() {
    let store = Arc::new(Watched::default());
    let before = vault(&store, &[SECRET]);
    for number in 0..100 {
        before.put(&number.to_string(), &Note("one".into()), Terms::default()).await.unwrap();
    }
    store.dawdle();
    let during = vault(&store, &[NEW, SECRET]);
    let write = async {
        for number in 0..100 {
            during.put(&number.to_string(), &Note("two".into()), Terms::default()).await.unwrap();
        }
    };
    let (found, ()) = tokio::join!(walk(&store), write);
    assert!(found.anew < 100, "some were written by the other one: {found:?}");
    walk(&store).await;
    for note in vault(&store, &[NEW]).list::<Note>().await.unwrap() {
        assert_eq!(note.unwrap().0, "two");
    }
}

#[tokio::test]
async fn what_is_gone_within_a_day_is_left_and_counted_until_then() {
    let store = Arc::new(Watched::default());
    let before = vault(&store, &[SECRET]);
    before.put("brief", &Note("one".into()), until(DAY - 1)).await.unwrap();
    before.put("lasting", &Note("one".into()), until(DAY)).await.unwrap();
    assert_eq!(walk(&store).await, Found { anew: 1, left: 1, unreadable: 0 });
}

#[tokio::test]
async fn webhooks_that_wait_keep_their_order_and_are_counted_until_they_have_gone() {
    let post = Post::forwarding();
    for number in 0..3 {
        let event = json!({ "event": "meeting.started", "event_ts": 1_763_769_600_000_i64, "payload": { "number": number,
            "object": { "uuid": "the same" } } });
        post.stores(&event).await;
    }
    let store = &post.world.store;
    let before = store.shelf("webhook-inbox", START).await;
    assert_eq!(walk(store).await, left(3));
    assert_eq!(store.shelf("webhook-inbox", START).await, before);
}

#[tokio::test]
async fn a_record_that_no_secret_opens_is_counted_and_stays() {
    let store = Arc::new(Watched::default());
    let other = vault(&store, &["a-secret-that-was-dropped-too-early-0123456789"]);
    other.put("key", &Note("one".into()), Terms::default()).await.unwrap();
    assert_eq!(walk(&store).await, Found { unreadable: 1, ..Found::default() });
    assert_eq!(other.get::<Note>("key").await.unwrap().unwrap().item.0, "one");
}

#[derive(Serialize, Deserialize)]
struct Turn {}

impl Item for Turn {
    const SHELF: Shelf = Shelf("reseal");
}

#[tokio::test]
async fn one_process_walks_at_a_time_and_the_others_go_on_when_it_is_done() {
    let store = Arc::new(Watched::default());
    let before = vault(&store, &[SECRET]);
    before.put("key", &Note("one".into()), Terms::default()).await.unwrap();
    let mut walk = Reseal::new(&vault(&store, &[NEW, SECRET])).unwrap().begin().await.unwrap();
    let lease = before.lease::<Turn>("", 60).await.unwrap().unwrap();
    assert_eq!(walk.step().await.unwrap(), Step::Elsewhere);
    before.release(lease).await.unwrap();
    assert_eq!(to_its_end(walk).await, anew(1));
}

#[tokio::test]
async fn a_walk_goes_on_where_a_failing_store_has_stopped_it() {
    let store = Arc::new(Watched::default());
    let before = vault(&store, &[SECRET]);
    for number in 0..200 {
        before.put(&number.to_string(), &Note("one".into()), Terms::default()).await.unwrap();
    }
    let mut walk = Reseal::new(&vault(&store, &[NEW, SECRET])).unwrap().begin().await.unwrap();
    assert_eq!(walk.step().await.unwrap(), Step::On);
    store.down();
    assert!(matches!(walk.step().await, Err(VaultError::Store(_))));
    store.heal();
    assert_eq!(to_its_end(walk).await, anew(200));
    assert_eq!(store.list(Shelf::of("note"), None, 1, START).await.unwrap().len(), 1);
}
