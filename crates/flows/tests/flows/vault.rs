use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stagedoor_flows::port::{Draft, Key, Place, Record, Shelf, Store, Write};
use stagedoor_flows::seal::{Purpose, Sealer};
use stagedoor_flows::vault::{Item, Terms, Vault, VaultError};
use stagedoor_protocol::id::ZoomUserId;

use crate::watched::Watched;
use crate::world::{SECRET, START, TestClock, TestEntropy, secret, user};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Item for Note {
    const SHELF: Shelf = Shelf("note");
}

#[derive(Debug, Serialize, Deserialize)]
struct OtherNote {
    text: String,
}

impl Item for OtherNote {
    const SHELF: Shelf = Shelf("other");
}

struct Room {
    store: Arc<Watched>,
    clock: Arc<TestClock>,
    vault: Vault,
}

fn room() -> Room {
    room_on(Arc::default(), &[])
}

fn room_on(store: Arc<Watched>, secrets: &[&str]) -> Room {
    let secrets: Vec<_> = secrets.iter().chain([&SECRET]).map(|text| secret(text)).collect();
    let sealer = Arc::new(Sealer::new(&secrets[0], &secrets[1..], Purpose::Record).unwrap());
    let clock = TestClock::at(START);
    let vault = Vault::new(store.clone(), sealer, clock.clone(), TestEntropy::seeded(3));
    Room { store, clock, vault }
}

fn note(text: &str) -> Note {
    Note { text: text.into() }
}

fn of(owner: &ZoomUserId) -> Terms<'_> {
    Terms { owner: Some(owner), expires: None }
}

impl Room {
    async fn read(&self, key: &str) -> Result<Option<Note>, VaultError> {
        Ok(self.vault.get::<Note>(key).await?.map(|kept| kept.item))
    }

    async fn record(&self) -> Record {
        self.store.shelf("note", START).await.remove(0)
    }

    /// Changes a record behind the vault's back.
    async fn tamper(&self, record: &Record, change: impl FnOnce(&mut Draft)) {
        let mut draft = record.draft.clone();
        change(&mut draft);
        assert!(self.store.remove(record.draft.place, START).await.unwrap());
        assert!(matches!(self.store.insert(draft, START).await.unwrap(), Write::Done(_)));
    }
}

#[tokio::test]
async fn an_insert_must_be_new_and_a_put_need_not() {
    let room = room();
    assert!(room.vault.insert("key", &note("one"), Terms::default()).await.unwrap());
    assert!(!room.vault.insert("key", &note("two"), Terms::default()).await.unwrap());
    assert_eq!(room.read("key").await.unwrap(), Some(note("one")));
    room.vault.put("key", &note("three"), Terms::default()).await.unwrap();
    room.vault.put("new", &note("four"), Terms::default()).await.unwrap();
    assert_eq!(room.read("key").await.unwrap(), Some(note("three")));
    assert_eq!(room.read("new").await.unwrap(), Some(note("four")));
}

#[tokio::test]
async fn a_replace_needs_what_was_read_to_be_unchanged() {
    let room = room();
    room.vault.put("key", &note("one"), Terms::default()).await.unwrap();
    let kept = room.vault.get::<Note>("key").await.unwrap().unwrap();
    assert!(room.vault.replace(&kept, &note("two"), Terms::default()).await.unwrap());
    assert!(!room.vault.replace(&kept, &note("three"), Terms::default()).await.unwrap());
    assert_eq!(room.read("key").await.unwrap(), Some(note("two")));
}

#[tokio::test]
async fn an_item_is_taken_once_and_removed_once() {
    let room = room();
    room.vault.put("key", &note("one"), Terms::default()).await.unwrap();
    assert_eq!(room.vault.take::<Note>("key").await.unwrap(), Some(note("one")));
    assert_eq!(room.vault.take::<Note>("key").await.unwrap(), None);
    room.vault.put("key", &note("two"), Terms::default()).await.unwrap();
    assert!(room.vault.remove::<Note>("key").await.unwrap());
    assert!(!room.vault.remove::<Note>("key").await.unwrap());
}

#[tokio::test]
async fn an_item_is_gone_when_its_time_is_over() {
    let room = room();
    let terms = Terms { owner: None, expires: Some(START.plus_millis(1_000)) };
    room.vault.put("key", &note("one"), terms).await.unwrap();
    room.clock.advance(999);
    assert!(room.read("key").await.unwrap().is_some());
    room.clock.advance(1);
    assert!(room.read("key").await.unwrap().is_none());
    assert!(room.vault.insert("key", &note("two"), Terms::default()).await.unwrap());
}

#[tokio::test]
async fn what_belongs_to_a_user_goes_with_the_user() {
    let room = room();
    let (jill, jack) = (user("jill"), user("jack"));
    room.vault.put("a", &note("of jill"), of(&jill)).await.unwrap();
    room.vault.put("b", &OtherNote { text: "of jill too".into() }, of(&jill)).await.unwrap();
    room.vault.put("c", &note("of jack"), of(&jack)).await.unwrap();
    room.vault.put("d", &note("of nobody"), Terms::default()).await.unwrap();
    assert_eq!(room.vault.remove_owned(&jill).await.unwrap(), 2);
    let left: Vec<_> = room.vault.list::<Note>().await.unwrap().into_iter().map(|item| item.unwrap().text).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&"of jack".into()) && left.contains(&"of nobody".into()));
}

#[tokio::test]
async fn more_than_a_page_is_listed_whole() {
    let room = room();
    for number in 0..600 {
        room.vault.put(&number.to_string(), &note(&number.to_string()), Terms::default()).await.unwrap();
    }
    let mut texts: Vec<u32> =
        room.vault.list::<Note>().await.unwrap().into_iter().map(|item| item.unwrap().text.parse().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..600).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_record_that_does_not_open_hides_no_other() {
    let room = room();
    room.vault.put("a", &note("one"), Terms::default()).await.unwrap();
    room.vault.put("b", &note("two"), Terms::default()).await.unwrap();
    let record = room.record().await;
    room.tamper(&record, |draft| draft.sealed[20] ^= 1).await;
    let items = room.vault.list::<Note>().await.unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|item| matches!(item, Err(VaultError::Sealed { shelf: "note" }))).count(), 1);
}

#[tokio::test]
async fn mn_12_nothing_in_the_store_is_readable() {
    let room = room();
    let owner = user("canary-owner");
    room.vault.put("canary-key", &note("canary-text"), of(&owner)).await.unwrap();
    let Draft { place, owner, sealed, .. } = room.record().await.draft;
    for bytes in [&place.key.0[..], &owner.unwrap().0, &sealed] {
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}

#[tokio::test]
async fn one_key_lies_at_different_places_on_different_shelves_and_is_no_owner() {
    let room = room();
    let owner = user("same");
    room.vault.put("same", &note("one"), of(&owner)).await.unwrap();
    room.vault.put("same", &OtherNote { text: "two".into() }, of(&owner)).await.unwrap();
    let one = room.record().await.draft;
    let two = room.store.shelf("other", START).await.remove(0).draft;
    assert_ne!(one.place.key, two.place.key);
    assert_eq!(one.owner, two.owner);
    assert_ne!(Some(one.place.key), one.owner);
}

#[tokio::test]
async fn mn_15_a_record_moved_to_another_key_or_shelf_is_refused() {
    let room = room();
    room.vault.put("a", &note("of a"), Terms::default()).await.unwrap();
    room.vault.put("b", &note("of b"), Terms::default()).await.unwrap();
    let [a, b] = <[Record; 2]>::try_from(room.store.shelf("note", START).await).unwrap();
    room.tamper(&a, |draft| draft.sealed.clone_from(&b.draft.sealed)).await;
    room.tamper(&b, |draft| draft.sealed.clone_from(&a.draft.sealed)).await;
    for key in ["a", "b"] {
        assert!(matches!(room.read(key).await, Err(VaultError::Sealed { shelf: "note" })), "{key}");
        assert!(matches!(room.vault.take::<Note>(key).await, Err(VaultError::Sealed { .. })), "{key}");
    }
    room.vault.put("c", &OtherNote { text: "other".into() }, Terms::default()).await.unwrap();
    let other = room.store.shelf("other", START).await.remove(0);
    room.vault.put("c", &note("note"), Terms::default()).await.unwrap();
    let note = room.record().await;
    room.tamper(&note, |draft| draft.sealed.clone_from(&other.draft.sealed)).await;
    assert!(matches!(room.read("c").await, Err(VaultError::Sealed { .. })));
}

#[tokio::test]
async fn mn_15_a_record_given_to_another_owner_or_time_is_refused() {
    let changes: [fn(&mut Draft); 5] = [
        |draft| draft.owner = None,
        |draft| draft.owner = Some(Key([0; 32])),
        |draft| draft.expires = None,
        |draft| draft.expires = draft.expires.map(|instant| instant.plus_millis(1)),
        |draft| {
            draft.owner = None;
            draft.expires = None;
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let room = room();
        let jill = user("jill");
        let terms = Terms { owner: Some(&jill), expires: Some(START.plus_seconds(60)) };
        room.vault.put("key", &note("one"), terms).await.unwrap();
        let record = room.record().await;
        room.tamper(&record, change).await;
        assert!(matches!(room.read("key").await, Err(VaultError::Sealed { .. })), "change {number}");
    }
}

#[tokio::test]
async fn mn_14_a_record_with_any_flipped_bit_is_refused() {
    let room = room();
    room.vault.put("key", &note("x"), Terms::default()).await.unwrap();
    let record = room.record().await;
    for bit in 0..record.draft.sealed.len() * 8 {
        let mut draft = record.draft.clone();
        draft.sealed[bit / 8] ^= 1 << (bit % 8);
        room.store.remove(draft.place, START).await.unwrap();
        room.store.insert(draft, START).await.unwrap();
        assert!(matches!(room.read("key").await, Err(VaultError::Sealed { .. })), "bit {bit}");
    }
}

#[tokio::test]
async fn a_put_heals_a_record_that_does_not_open() {
    let room = room();
    room.vault.put("key", &note("one"), Terms::default()).await.unwrap();
    let record = room.record().await;
    room.tamper(&record, |draft| draft.sealed.clear()).await;
    room.vault.put("key", &note("two"), Terms::default()).await.unwrap();
    assert_eq!(room.read("key").await.unwrap(), Some(note("two")));
}

#[tokio::test]
async fn a_record_of_a_previous_secret_opens_and_of_a_dropped_one_does_not() {
    const NEW: &str = "a-new-secret-after-the-rotation-0123456789";
    let before = room();
    before.vault.put("key", &note("one"), Terms::default()).await.unwrap();
    let during = room_on(before.store.clone(), &[NEW]);
    assert_eq!(during.read("key").await.unwrap(), Some(note("one")));
    let sealer = Arc::new(Sealer::new(&secret(NEW), &[], Purpose::Record).unwrap());
    let after = Vault::new(before.store.clone(), sealer, before.clock.clone(), TestEntropy::seeded(4));
    assert!(matches!(after.get::<Note>("key").await, Err(VaultError::Sealed { .. })));
    during.vault.put("key", &note("two"), Terms::default()).await.unwrap();
    assert_eq!(after.get::<Note>("key").await.unwrap().unwrap().item, note("two"));
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_an_error_of_its_own() {
    #[derive(Serialize, Deserialize)]
    struct NewerNote {
        words: Vec<String>,
    }
    impl Item for NewerNote {
        const SHELF: Shelf = Note::SHELF;
    }
    let room = room();
    room.vault.put("key", &NewerNote { words: vec![] }, Terms::default()).await.unwrap();
    assert!(matches!(room.read("key").await, Err(VaultError::Content { shelf: "note" })));
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error_of_every_verb() {
    let room = room();
    room.vault.put("key", &note("one"), Terms::default()).await.unwrap();
    let kept = room.vault.get::<Note>("key").await.unwrap().unwrap();
    room.store.down();
    let vault = &room.vault;
    assert!(matches!(vault.insert("k", &note(""), Terms::default()).await, Err(VaultError::Store(_))));
    assert!(matches!(vault.get::<Note>("key").await, Err(VaultError::Store(_))));
    assert!(matches!(vault.replace(&kept, &note(""), Terms::default()).await, Err(VaultError::Store(_))));
    assert!(matches!(vault.put("key", &note(""), Terms::default()).await, Err(VaultError::Store(_))));
    assert!(matches!(vault.take::<Note>("key").await, Err(VaultError::Store(_))));
    assert!(matches!(vault.remove::<Note>("key").await, Err(VaultError::Store(_))));
    assert!(matches!(vault.remove_owned(&user("u")).await, Err(VaultError::Store(_))));
    assert!(matches!(vault.list::<Note>().await, Err(VaultError::Store(_))));
    assert!(matches!(vault.ready().await, Err(VaultError::Store(_))));
    assert!(matches!(vault.purge().await, Err(VaultError::Store(_))));
    room.store.heal();
    assert_eq!(room.read("key").await.unwrap(), Some(note("one")));
}

#[tokio::test]
async fn a_purge_removes_what_has_expired_and_nothing_else() {
    let room = room();
    for number in 0..3 {
        let terms = Terms { owner: None, expires: Some(START.plus_millis(number)) };
        room.vault.put(&number.to_string(), &note("x"), terms).await.unwrap();
    }
    room.vault.put("for ever", &note("x"), Terms::default()).await.unwrap();
    room.clock.advance(1);
    room.vault.purge().await.unwrap();
    let left = room.store.shelf("note", START.plus_millis(-1)).await;
    assert_eq!(left.len(), 2);
}

#[test]
fn a_key_prints_only_its_beginning() {
    let place = Place { shelf: Shelf("note"), key: Key([0xab; 32]) };
    assert_eq!(format!("{:?}", place.key), "Key(abababab…)");
}
