use serde_json::json;
use stagedoor_flows::fault::{Classified as _, Fault};
use stagedoor_flows::webhook::{Accepted, Dropped, REMEMBER_SECONDS};

use crate::webhook_post::{Post, TOKEN, event, sign};
use crate::world::START;

#[tokio::test]
async fn a_signed_challenge_is_answered_and_nothing_is_stored() {
    let post = Post::forwarding();
    let challenge =
        json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "qgg8vlvZRS6UYooatFL8Aw" } });
    let Ok(Accepted::Challenge(answer)) = post.takes(&challenge).await else { panic!("no answer") };
    assert_eq!(serde_json::to_value(answer).unwrap()["plainToken"], "qgg8vlvZRS6UYooatFL8Aw");
    assert_eq!(post.world.store.written().len(), 0);
}

#[tokio::test]
async fn what_is_not_signed_touches_no_store() {
    let post = Post::forwarding();
    post.world.store.down();
    let body = event("1", 1).to_string();
    let refused = post.webhooks.accept(&http::HeaderMap::new(), body.as_bytes()).await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Forbidden, "webhook_header_missing"));
    let refused = post.webhooks.accept(&sign(START.to_seconds().0, "{}"), body.as_bytes()).await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Forbidden, "webhook_signature_wrong"));
    let old = sign(START.to_seconds().0 - 5_401, &body);
    let refused = post.webhooks.accept(&old, body.as_bytes()).await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Forbidden, "webhook_outside_window"));
    let refused = post.webhooks.accept(&sign(START.to_seconds().0, "[]"), b"[]").await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Caller, "webhook_malformed"));
    assert_eq!(post.world.store.calls(), 0);
}

#[tokio::test]
async fn a_store_that_is_down_is_our_fault_so_that_zoom_comes_again() {
    let post = Post::forwarding();
    post.world.store.down();
    let failed = post.takes(&event("1", 1)).await.unwrap_err();
    assert_eq!((failed.fault(), failed.code()), (Fault::Store, "store_unavailable"));
    post.world.store.heal();
    post.stores(&event("1", 1)).await;
}

#[tokio::test]
async fn mn_03_of_a_thousand_parallel_replays_on_three_replicas_one_is_accepted() {
    let post = Post::forwarding();
    post.world.store.dawdle();
    let replicas: Vec<_> = (2..=4).map(|seed| post.replica(seed)).collect();
    let body = event("1", 1).to_string();
    let replays = (0..1_000).map(|number: usize| {
        let (replica, body) = (replicas[number % 3].clone(), body.clone());
        // Nobody signs the request id, so it may be any; the timestamp may be that of a retry.
        let mut headers = sign(START.to_seconds().0 - i64::try_from(number % 4).unwrap() * 300, &body);
        headers.insert("x-zm-request-id", number.into());
        tokio::spawn(async move { replica.webhooks.accept(&headers, body.as_bytes()).await.unwrap() })
    });
    let (mut stored, mut duplicates) = (0, 0);
    for replay in replays.collect::<Vec<_>>() {
        match replay.await.unwrap() {
            Accepted::Stored(_) => stored += 1,
            Accepted::Duplicate => duplicates += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((stored, duplicates), (1, 999));
    assert_eq!(post.delivers().await.delivered, 1);
    assert_eq!(post.upstream.numbers("1"), [1]);
}

#[tokio::test]
async fn mn_03_a_replay_is_recognised_after_the_event_was_delivered() {
    let post = Post::forwarding();
    let body = event("1", 1).to_string();
    let headers = sign(START.to_seconds().0, &body);
    assert!(matches!(post.webhooks.accept(&headers, body.as_bytes()).await, Ok(Accepted::Stored(_))));
    post.delivers().await;
    for seconds in [0, 60, 5_339, 1] {
        post.world.clock.advance(seconds * 1_000);
        assert!(matches!(post.webhooks.accept(&headers, body.as_bytes()).await, Ok(Accepted::Duplicate)));
    }
    post.world.clock.advance(1_000);
    let late = post.webhooks.accept(&headers, body.as_bytes()).await.unwrap_err();
    assert_eq!(late.code(), "webhook_outside_window", "from here on the window keeps it out");
    assert_eq!(post.delivers().await.delivered, 0);
}

#[tokio::test]
async fn mn_03_a_retry_that_is_signed_anew_is_the_same_event_as_long_as_its_signature_counts() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    // Zoom's last retry, and the last instant at which its signature counts.
    post.world.clock.advance(85 * 60 * 1_000);
    let body = event("1", 1).to_string();
    let retry = sign(post.world.clock_now().to_seconds().0, &body);
    assert!(matches!(post.webhooks.accept(&retry, body.as_bytes()).await, Ok(Accepted::Duplicate)));
    post.world.clock.advance(90 * 60 * 1_000);
    assert!(matches!(post.webhooks.accept(&retry, body.as_bytes()).await, Ok(Accepted::Duplicate)));
    post.world.clock.set(START.plus_seconds(REMEMBER_SECONDS - 1));
    let ahead = sign(post.world.clock_now().to_seconds().0 - 5_400, &body);
    assert!(matches!(post.webhooks.accept(&ahead, body.as_bytes()).await, Ok(Accepted::Duplicate)));
}

#[tokio::test]
async fn another_event_is_never_taken_for_a_replay() {
    let post = Post::forwarding();
    for number in 0..20 {
        post.stores(&event("1", number)).await;
    }
    // The same instant, the same object, the same request id: another body is another event.
    let mut other = event("1", 1);
    other["payload"]["object"]["topic"] = "another".into();
    post.stores(&other).await;
    assert_eq!(post.delivers().await.delivered, 21);
}

#[tokio::test]
async fn an_event_that_came_while_its_copy_was_leaving_the_inbox_is_not_delivered_twice() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    let record = post.world.store.shelf("webhook-inbox", START).await.remove(0);
    post.delivers().await;
    // A second request has looked before the event was delivered, and writes after it.
    stagedoor_flows::port::Store::insert(&*post.world.store, record.draft, START).await.unwrap();
    let round = post.delivers().await;
    assert_eq!((round.delivered, round.duplicates), (0, 1));
    assert_eq!(post.upstream.numbers("1"), [1]);
}

#[tokio::test]
async fn the_removal_of_another_app_is_acknowledged_and_means_nothing() {
    let post = Post::forwarding();
    for client in [json!("another-client"), json!(null), json!("")] {
        let body = json!({ "event": "app_deauthorized", "payload": { "user_id": "user-1", "client_id": client } });
        let accepted = post.takes(&body).await.unwrap();
        assert!(matches!(accepted, Accepted::Dropped(Dropped::OtherApp)), "{accepted:?}");
    }
    assert_eq!(post.world.store.written().len(), 0);
}

#[tokio::test]
async fn mn_12_nothing_of_an_event_lies_in_the_store_in_the_clear() {
    let post = Post::forwarding();
    post.stores(&event("canary-meeting", 1)).await;
    post.delivers().await;
    for draft in post.world.store.written() {
        let sealed = String::from_utf8_lossy(&draft.sealed).into_owned();
        for canary in ["canary", "user-1", "participant", TOKEN] {
            assert!(!sealed.contains(canary), "{canary} on shelf {:?}", draft.place.shelf);
        }
    }
}
