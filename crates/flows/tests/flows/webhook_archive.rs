use std::time::Duration;

use serde_json::{Value, json};
use stagedoor_flows::session::{Session, Surface};
use stagedoor_flows::webhook::{NotReplayed, Position, State};

use crate::watched::{Fault as StoreFault, Plan};
use crate::webhook_post::{Fault, KEEP, PATIENCE_SECONDS, Post, Round, event};
use crate::world::START;

const SECOND: i64 = 1_000;

fn session(post: &Post, change: impl FnOnce(&mut Value)) -> Session {
    let context = post.world.context(change);
    post.world.launch.open(&context, Surface::Client, None).unwrap().session
}

#[tokio::test]
async fn without_an_upstream_events_are_kept_for_a_while() {
    let post = Post::keeping();
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    let [found] = &post.archive.newest(10, |_| true).await.unwrap()[..] else { panic!("not one") };
    assert_eq!(
        (found.name.as_str(), found.received, &found.state),
        ("meeting.participant_joined", START, &State::Kept)
    );
    assert_eq!(found.body, event("1", 1).to_string());
    assert_eq!(post.archive.find(found.id.as_str()).await.unwrap().as_ref(), Some(found));
    post.world.clock.advance(KEEP.seconds * SECOND);
    assert_eq!(post.archive.newest(10, |_| true).await.unwrap(), []);
}

#[tokio::test]
async fn of_too_many_events_the_oldest_go() {
    let post = Post::keeping();
    for number in 0..60 {
        post.stores(&event("1", number)).await;
        post.world.clock.advance(1);
    }
    post.delivers().await;
    assert_eq!(post.archive.trim().await.unwrap(), 10);
    assert_eq!(post.archive.trim().await.unwrap(), 0);
    let kept = post.archive.newest(100, |_| true).await.unwrap();
    assert_eq!(kept.len(), 50);
    assert_eq!(kept[0].received, START.plus_millis(10));
    let newest = post.archive.newest(3, |_| true).await.unwrap();
    assert_eq!(newest, kept[47..]);
}

#[tokio::test]
async fn the_operator_sees_what_waits_and_why_it_died() {
    let post = Post::forwarding();
    post.upstream.fails("1", Fault::Status(500));
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    let waiting = post.archive.newest(10, |_| true).await.unwrap().remove(0);
    assert!(matches!(waiting.state, State::Waiting { attempts: 1, due } if due > START), "{waiting:?}");
    post.world.clock.advance(PATIENCE_SECONDS * SECOND);
    post.delivers().await;
    let dead = post.archive.newest(10, |_| true).await.unwrap().remove(0);
    assert_eq!(dead.state, State::Dead { attempts: 2, reason: "the upstream answered 500".into() });
    assert_eq!(dead.id, waiting.id);
}

#[tokio::test]
async fn only_attempts_that_reach_the_upstream_are_counted() {
    let post = Post::forwarding();
    post.upstream.goes_away();
    post.stores(&event("1", 1)).await;
    assert_eq!(post.delivers().await.unreachable, 1);
    let waiting = post.archive.newest(10, |_| true).await.unwrap().remove(0);
    assert!(matches!(waiting.state, State::Waiting { attempts: 0, .. }), "{waiting:?}");
    post.world.clock.advance(PATIENCE_SECONDS * SECOND);
    assert_eq!(post.delivers().await.buried, 1);
    let dead = post.archive.newest(10, |_| true).await.unwrap().remove(0);
    assert_eq!(dead.state, State::Dead { attempts: 0, reason: "the upstream could not be reached".into() });
}

#[tokio::test]
async fn a_dead_letter_can_be_delivered_again_with_its_id() {
    let post = Post::forwarding();
    post.upstream.fails("1", Fault::Status(500));
    post.stores(&event("1", 1)).await;
    post.world.clock.advance(PATIENCE_SECONDS * SECOND);
    assert_eq!(post.delivers().await.buried, 1);
    post.upstream.heals();
    let dead = post.archive.newest(10, |_| true).await.unwrap().remove(0);
    post.archive.replay(dead.id.as_str()).await.unwrap();
    assert_eq!(post.delivers().await.delivered, 1);
    assert_eq!(post.upstream.arrived(), [(dead.id.to_string(), event("1", 1))]);
    assert_eq!(post.archive.newest(10, |_| true).await.unwrap(), []);
    assert!(matches!(post.archive.replay(dead.id.as_str()).await, Err(NotReplayed::Unknown)));
}

/// One process keeps events, dies at any of its steps, and an operator has the event replayed.
#[tokio::test]
async fn a_replayed_event_arrives_wherever_the_process_died_that_kept_it() {
    let mut replayed = 0;
    for step in 0..30 {
        let post = Post::keeping();
        post.stores(&event("1", 1)).await;
        let id = post.archive.newest(1, |_| true).await.unwrap().remove(0).id;
        post.world.store.plan(Some(Plan { fault: StoreFault::Before, from: step, until: usize::MAX }));
        let _ = post.pass(&mut Round::default()).await;
        post.world.store.heal();
        post.world.clock.advance(60 * SECOND);
        let listed = post.archive.newest(1, |_| true).await.unwrap().pop();
        assert_eq!(post.archive.find(id.as_str()).await.unwrap(), listed, "{step}");
        let after = post.restarted(true);
        match after.archive.replay(id.as_str()).await {
            Ok(()) => replayed += 1,
            // It has not come that far: it waits.
            Err(NotReplayed::Unknown) => (),
            Err(error) => panic!("{step}: {error}"),
        }
        after.delivers().await;
        assert_eq!(after.upstream.arrived(), [(id.to_string(), event("1", 1))], "{step}");
        assert_eq!(after.archive.newest(1, |_| true).await.unwrap(), [], "{step}");
    }
    assert!((1..30).contains(&replayed), "{replayed}");
}

#[tokio::test]
async fn an_event_is_replayed_only_when_nobody_delivers_its_like() {
    let post = Post::forwarding();
    post.upstream.fails("1", Fault::Status(500));
    post.stores(&event("1", 1)).await;
    post.world.clock.advance(PATIENCE_SECONDS * SECOND);
    assert_eq!(post.delivers().await.buried, 1);
    let dead = post.archive.newest(1, |_| true).await.unwrap().remove(0);
    post.stores(&event("1", 2)).await;
    let subject = post.delivery.sweep(None).await.unwrap().due.remove(0);
    let turn = post.delivery.begin(subject).await.unwrap().unwrap();
    let archive = post.archive.clone();
    let id = dead.id.to_string();
    let replaying = tokio::spawn(async move { archive.replay(&id).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!replaying.is_finished());
    turn.end().await.unwrap();
    replaying.await.unwrap().unwrap();
    assert!(matches!(post.archive.find(dead.id.as_str()).await.unwrap().unwrap().state, State::Waiting { .. }));
}

#[tokio::test]
async fn a_page_hears_of_its_own_user_and_of_its_own_meeting_and_of_nothing_else() {
    let post = Post::keeping();
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    let [heard] = &post.feed.behind(Position::at(START), 10).await.unwrap()[..] else { panic!("not one") };
    let whole = event("1", 1).to_string();

    let own = session(&post, |claims| claims["uid"] = "user-1".into());
    assert_eq!(heard.to(&own), Some(whole.as_str()));
    let stranger = session(&post, |claims| claims["uid"] = "user-2".into());
    assert_eq!(heard.to(&stranger), None);
    let guest = session(&post, |claims| claims["uid"] = Value::Null);
    assert_eq!(heard.to(&guest), None, "no user is not the same user");
    let elsewhere = session(&post, |claims| {
        claims["uid"] = "user-2".into();
        claims["mid"] = "uuid-2".into();
        claims["attendrole"] = "host".into();
    });
    assert_eq!(heard.to(&elsewhere), None);
    let host = session(&post, |claims| {
        claims["uid"] = "user-2".into();
        claims["mid"] = "uuid-1".into();
        claims["attendrole"] = "co-host".into();
    });
    assert_eq!(heard.to(&host), Some(whole.as_str()));
    for role in [json!("participant"), json!("attendee"), Value::Null] {
        let participant = session(&post, |claims| {
            claims["uid"] = "user-2".into();
            claims["mid"] = "uuid-1".into();
            claims["attendrole"] = role;
        });
        let brief: Value = serde_json::from_str(heard.to(&participant).unwrap()).unwrap();
        assert_eq!(
            brief,
            json!({
                "event": "meeting.participant_joined", "event_ts": 1_763_769_600_001_i64,
                "payload": { "object": { "uuid": "uuid-1" } },
            })
        );
    }
}

#[tokio::test]
async fn an_event_without_a_user_or_a_meeting_is_heard_by_nobody() {
    let post = Post::keeping();
    post.stores(&json!({ "event": "account.updated", "event_ts": 1, "payload": { "account_id": "account" } })).await;
    post.delivers().await;
    let heard = post.feed.behind(Position::at(START), 10).await.unwrap().remove(0);
    let guest = session(&post, |claims| claims["uid"] = Value::Null);
    assert_eq!(heard.to(&guest), None, "absent is not the same as absent");
}

#[tokio::test]
async fn the_feed_goes_on_where_a_page_stopped() {
    let post = Post::keeping();
    for number in 0..5 {
        post.stores(&event("1", number)).await;
        post.world.clock.advance(10);
    }
    post.delivers().await;
    let all = post.feed.behind(Position::at(START), 10).await.unwrap();
    assert_eq!(all.len(), 5);
    let third: Position = all[2].position.to_string().parse().unwrap();
    let rest: Vec<_> = post.feed.behind(third, 10).await.unwrap().iter().map(|heard| heard.position).collect();
    assert_eq!(rest, [all[3].position, all[4].position]);
    for bad in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32), &format!("+{}", "0".repeat(63))] {
        assert!(bad.parse::<Position>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_body_of_several_lines_is_heard_in_one() {
    let post = Post::keeping();
    let body = "{\n \"event\": \"meeting.started\",\r\n \"payload\": {\"object\": {\"host_id\": \"user-1\"}}\n}";
    let headers = crate::webhook_post::sign(START.to_seconds().0, body);
    post.webhooks.accept(&headers, body.as_bytes()).await.unwrap();
    post.delivers().await;
    let heard = post.feed.behind(Position::at(START), 10).await.unwrap().remove(0);
    let own = session(&post, |claims| claims["uid"] = "user-1".into());
    let line = heard.to(&own).unwrap();
    assert!(!line.contains(['\r', '\n']), "{line}");
    assert_eq!(serde_json::from_str::<Value>(line).unwrap(), serde_json::from_str::<Value>(body).unwrap());
}
