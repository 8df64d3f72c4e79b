use std::pin::pin;

use serde_json::{Value, json};
use stagedoor_flows::session::Surface;
use stagedoor_flows::vault::fingerprint;
use stagedoor_flows::webhook::{Accepted, Dropped, Erasure};
use tokio::task::yield_now;

use crate::watched::{Fault, Plan};
use crate::webhook_post::{Fault as UpstreamFault, Post, Round, event};
use crate::world::{Browser, START, user};

const SECOND: i64 = 1_000;

async fn install(post: &Post, id: &str) {
    let mut browser = Browser::default();
    let arrival = browser.consents(&post.world, id).await;
    browser.opens(&post.world, &arrival).await.unwrap();
}

/// What Zoom sends when `user` removes the app, `seconds` from now.
fn removal(post: &Post, user: &str, seconds: i64) -> Value {
    let at = post.world.clock_now().plus_seconds(seconds);
    json!({ "event": "app_deauthorized", "event_ts": at.0, "payload": {
        "account_id": "account", "user_id": user, "signature": "827edc",
        "deauthorization_time": jiff::Timestamp::from_millisecond(at.0).unwrap().to_string(),
        "client_id": "client-id",
    } })
}

fn launched(post: &Post, id: &str) -> String {
    let context = post.world.context(|claims| claims["uid"] = id.into());
    post.world.launch.open(&context, Surface::Client, None).unwrap().cookie.expose().to_owned()
}

/// Every shelf on which something of the user lies.
async fn left(post: &Post, id: &str) -> Vec<String> {
    let owner = Some(fingerprint("owner", id));
    let theirs = post.world.store.everything().await.into_iter().filter(|record| record.draft.owner == owner);
    theirs.map(|record| record.draft.place.shelf.0.to_owned()).collect()
}

#[tokio::test]
async fn a_user_who_removes_the_app_is_forgotten_everywhere_and_the_upstream_is_told() {
    let post = Post::forwarding();
    let other = post.replica(2);
    install(&post, "user-1").await;
    install(&post, "user-2").await;
    let (cookie, theirs) = (launched(&post, "user-1"), launched(&post, "user-2"));
    post.upstream.fails("1", UpstreamFault::Status(500));
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    post.world.clock.advance(SECOND);

    post.stores(&removal(&post, "user-1", 0)).await;
    let round = post.delivers().await;
    let [Erasure::Complete { user: gone, records }] = &round.erased[..] else { panic!("{round:?}") };
    assert_eq!(gone.as_str(), "user-1");
    assert!(*records >= 2, "installation, attempt and event: {records}");
    assert_eq!(left(&post, "user-1").await, [""; 0]);
    assert!(!post.world.is_installed("user-1").await && post.world.is_installed("user-2").await);
    assert!(post.world.sessions.open(&cookie).is_none());
    assert!(post.world.sessions.open(&theirs).is_some());
    other.world.revocations.refresh().await.unwrap();
    assert!(other.world.sessions.open(&cookie).is_none(), "on another replica, once it has looked");

    let told = post.upstream.arrived();
    assert_eq!(told.len(), 1, "the event of the user was never delivered");
    assert_eq!(told[0].1["payload"]["user_id"], "user-1");
    assert_eq!(post.delivery.count().await.unwrap(), 0);
}

#[tokio::test]
async fn who_removed_the_app_can_add_it_again() {
    let post = Post::forwarding();
    install(&post, "user-1").await;
    post.world.clock.advance(60 * SECOND);
    post.stores(&removal(&post, "user-1", 0)).await;
    post.delivers().await;
    post.world.clock.advance(SECOND);
    install(&post, "user-1").await;
    assert!(post.world.is_installed("user-1").await);
    let cookie = launched(&post, "user-1");
    assert!(post.world.sessions.open(&cookie).is_some());
    post.stores(&event("1", 60_001 + SECOND)).await;
    assert_eq!(post.delivers().await.delivered, 1);
}

#[tokio::test]
async fn a_removal_that_comes_late_does_not_end_what_began_after_it() {
    let post = Post::forwarding();
    install(&post, "user-1").await;
    let before = launched(&post, "user-1");
    post.world.clock.advance(60 * SECOND);
    let late = removal(&post, "user-1", 0);
    post.world.clock.advance(SECOND);
    install(&post, "user-1").await;
    let after = launched(&post, "user-1");
    // Zoom's second retry, signed anew.
    post.world.clock.advance(25 * 60 * SECOND);
    post.stores(&late).await;
    let round = post.delivers().await;
    assert_eq!(round.erased, [Erasure::AddedAgain { user: user("user-1") }]);
    assert!(post.world.is_installed("user-1").await);
    assert!(post.world.sessions.open(&after).is_some());
    assert!(post.world.sessions.open(&before).is_none(), "what was before the removal is over");
    assert_eq!(round.delivered, 1, "the upstream is told, with the time");
}

#[tokio::test]
async fn who_adds_the_app_again_at_any_moment_of_the_removal_keeps_it() {
    for number in 0.. {
        let post = Post::forwarding();
        install(&post, "user-1").await;
        let before = launched(&post, "user-1");
        post.world.clock.advance(60 * SECOND);
        post.stores(&removal(&post, "user-1", 0)).await;
        post.world.clock.advance(SECOND);
        let store = &post.world.store;
        store.plan(Some(Plan { fault: Fault::Waits, from: number, until: number + 1 }));
        let mut delivers = pin!(post.delivers());
        let is_there = async {
            while store.calls() <= number {
                yield_now().await;
            }
        };
        let ended = tokio::select! {
            biased;
            round = &mut delivers => Some(round),
            () = is_there => None,
        };
        if let Some(round) = ended {
            assert!(matches!(round.erased[..], [Erasure::Complete { .. }]), "{round:?}");
            assert!(number > 8, "only {number} moments");
            break;
        }
        install(&post, "user-1").await;
        store.heal();
        let round = delivers.await;
        assert_eq!((round.erased.len(), round.delivered), (1, 1), "{number}: {round:?}");
        assert!(post.world.is_installed("user-1").await, "{number}: {round:?}");
        assert!(post.world.sessions.open(&before).is_none(), "{number}");
    }
}

#[tokio::test]
async fn a_time_of_removal_that_no_retry_could_carry_is_not_believed() {
    for time in ["2020-06-17T13:52:28.632Z", "2099-01-01T00:00:00Z", "yesterday", ""] {
        let post = Post::forwarding();
        install(&post, "user-1").await;
        post.world.clock.advance(SECOND);
        // As Zoom's documentation shows it: years apart, and the event's time a text inside.
        let mut body = removal(&post, "user-1", 0);
        body.as_object_mut().unwrap().remove("event_ts");
        body["payload"]["event_ts"] = "2024-09-08 15:58:40".into();
        body["payload"]["deauthorization_time"] = time.into();
        post.stores(&body).await;
        post.delivers().await;
        assert!(!post.world.is_installed("user-1").await, "{time:?}");
    }
}

#[tokio::test]
async fn what_happened_before_the_removal_and_comes_after_it_is_not_kept() {
    let post = Post::forwarding();
    install(&post, "user-1").await;
    post.stores(&event("1", 1)).await;
    post.world.clock.advance(60 * SECOND);
    post.stores(&removal(&post, "user-1", 0)).await;
    post.delivers().await;
    // A retry of one that never got through, and a replay of one that was erased.
    for number in [1, 2] {
        let accepted = post.replica(2).takes(&event("1", number)).await.unwrap();
        assert!(matches!(accepted, Accepted::Dropped(Dropped::UserIsGone) | Accepted::Duplicate), "{accepted:?}");
    }
    assert_eq!(post.delivery.count().await.unwrap(), 0);
}

#[tokio::test]
async fn mn_03_a_removal_counts_once() {
    let post = Post::forwarding();
    install(&post, "user-1").await;
    post.world.clock.advance(SECOND);
    let body = removal(&post, "user-1", 0);
    post.stores(&body).await;
    post.delivers().await;
    assert!(matches!(post.takes(&body).await.unwrap(), Accepted::Duplicate));
    assert_eq!(post.delivers().await.erased, []);
}

#[tokio::test]
async fn without_an_upstream_nothing_of_the_removal_is_kept() {
    let post = Post::keeping();
    install(&post, "user-1").await;
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    assert_eq!(post.archive.newest(10, |_| true).await.unwrap().len(), 1);
    post.world.clock.advance(SECOND);
    post.stores(&removal(&post, "user-1", 0)).await;
    assert_eq!(post.delivers().await.erased.len(), 1);
    assert_eq!(post.archive.newest(10, |_| true).await.unwrap(), []);
    assert_eq!(left(&post, "user-1").await, [""; 0]);
}

#[tokio::test]
async fn the_upstream_is_told_of_a_removal_however_long_that_takes() {
    let post = Post::forwarding();
    install(&post, "user-1").await;
    post.world.clock.advance(SECOND);
    post.upstream.goes_away();
    post.stores(&removal(&post, "user-1", 0)).await;
    let round = post.delivers().await;
    assert!(round.erased.len() == 1 && round.unreachable > 0, "{round:?}");
    assert!(!post.world.is_installed("user-1").await, "erased at once");
    // The user comes back before the upstream does.
    post.world.clock.advance(3_600 * SECOND);
    install(&post, "user-1").await;
    assert_eq!(post.delivers().await.erased, [], "erased once");
    post.upstream.heals();
    assert_eq!(post.delivers().await.delivered, 1);
    assert!(post.world.is_installed("user-1").await);
}

#[tokio::test]
async fn whatever_fails_in_between_the_user_is_forgotten_in_the_end() {
    for fault in [Fault::Before, Fault::After] {
        for number in 0.. {
            let post = Post::forwarding();
            install(&post, "user-1").await;
            let cookie = launched(&post, "user-1");
            post.world.clock.advance(SECOND);
            let body = removal(&post, "user-1", 0);
            post.world.store.plan(Some(Plan { fault, from: number, until: number + 1 }));
            let accepted = post.takes(&body).await;
            let passed = post.pass(&mut Round::default()).await;
            let reached = post.world.store.calls() > number;
            post.world.store.heal();
            if accepted.is_err() {
                let retried = post.takes(&body).await.unwrap();
                assert!(matches!(retried, Accepted::Stored(_) | Accepted::Duplicate), "{retried:?}");
            }
            // Another process finishes what this one has left.
            let other = post.replica(2);
            other.world.clock.set(START.plus_seconds(61));
            other.delivers().await;
            assert!(!post.world.is_installed("user-1").await, "{fault:?} {number}");
            assert_eq!(left(&post, "user-1").await, [""; 0], "{fault:?} {number}");
            post.world.revocations.refresh().await.unwrap();
            assert!(post.world.sessions.open(&cookie).is_none(), "{fault:?} {number}");
            assert!(!post.upstream.arrived().is_empty(), "{fault:?} {number}");
            if !reached {
                assert!(accepted.is_ok() && passed.is_ok());
                break;
            }
        }
    }
}
