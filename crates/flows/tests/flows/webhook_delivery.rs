use serde_json::json;
use stagedoor_flows::port::Store as _;
use stagedoor_flows::webhook::{Accepted, Step, Subject};

use crate::webhook_post::{Fault, PATIENCE_SECONDS, Post, event};
use crate::world::START;

const SECOND: i64 = 1_000;

async fn subject(post: &Post, meeting: &str, number: i64) -> Subject {
    match post.takes(&event(meeting, number)).await.unwrap() {
        Accepted::Stored(subject) => subject,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_arrives_with_the_bytes_that_zoom_sent() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    assert_eq!(post.delivers().await.delivered, 1);
    let [(id, body)] = &post.upstream.arrived()[..] else { panic!("not once") };
    assert_eq!(*body, event("1", 1));
    assert!(id.starts_with("evt_") && id.len() == 36, "{id}");
    assert_eq!(post.delivery.count().await.unwrap(), 0);
}

#[tokio::test]
async fn events_of_a_subject_arrive_in_the_order_in_which_they_happened() {
    let post = Post::forwarding();
    for number in [3, 1, 4, 0, 2] {
        post.stores(&event("1", number)).await;
    }
    post.delivers().await;
    assert_eq!(post.upstream.numbers("1"), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn events_of_one_instant_arrive_in_the_order_of_their_arrival() {
    let post = Post::forwarding();
    for number in 0..40 {
        let mut body = event("1", number);
        body["event_ts"] = json!(1_763_769_600_000_i64);
        post.stores(&body).await;
    }
    post.upstream.fails("1", Fault::Status(500));
    for _ in 0..3 {
        assert_eq!(post.delivers().await.failed, 1, "what has been tried stays the first");
        post.world.clock.advance(600 * SECOND);
    }
    post.upstream.heals();
    post.delivers().await;
    assert_eq!(post.upstream.numbers("1"), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failing_event_holds_back_its_own_subject_and_no_other() {
    let post = Post::forwarding();
    for number in 0..3 {
        for meeting in ["1", "2", "3"] {
            post.stores(&event(meeting, number)).await;
        }
    }
    post.upstream.fails("2", Fault::Status(422));
    let round = post.delivers().await;
    assert_eq!((round.delivered, round.failed), (6, 1));
    assert_eq!(post.upstream.numbers("2"), [0; 0]);
    post.upstream.heals();
    post.world.clock.advance(SECOND);
    assert_eq!(post.delivers().await.delivered, 3);
    assert_eq!(post.upstream.numbers("2"), [0, 1, 2]);
}

#[tokio::test]
async fn pauses_double_up_to_ten_minutes_and_are_half_chance() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.fails("1", Fault::Status(503));
    for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600] {
        assert_eq!(post.delivers().await.failed, 1);
        post.world.clock.advance(pause * SECOND / 2 - 1);
        assert_eq!(post.delivers().await.failed, 0, "not before half of {pause} s");
        post.world.clock.advance(pause * SECOND / 2 + 1);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_brings_the_event_again_with_the_same_id() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.fails("1", Fault::Timeout);
    assert_eq!(post.delivers().await.failed, 1);
    post.upstream.heals();
    post.world.clock.advance(SECOND);
    assert_eq!(post.delivers().await.delivered, 1);
    let ids: Vec<_> = post.upstream.arrived().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn while_nobody_listens_no_event_is_to_blame() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.goes_away();
    for _ in 0..5 {
        assert_eq!(post.delivers().await.unreachable, 1, "due again at once");
    }
    post.upstream.heals();
    assert_eq!(post.delivers().await.delivered, 1);
}

#[tokio::test]
async fn after_three_days_an_event_is_a_dead_letter_and_the_next_one_comes() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.fails("1", Fault::Status(500));
    post.delivers().await;
    post.world.clock.advance(PATIENCE_SECONDS * SECOND - 1);
    post.stores(&event("1", 2)).await;
    assert_eq!(post.delivers().await.buried, 0);
    post.world.clock.advance(600 * SECOND);
    let round = post.delivers().await;
    assert_eq!((round.buried, round.failed), (1, 1), "the second one is tried, and fails for the first time");
    post.upstream.heals();
    post.world.clock.advance(SECOND);
    assert_eq!(post.delivers().await.delivered, 1);
    assert_eq!(post.upstream.numbers("1"), [2]);
}

#[tokio::test]
async fn an_upstream_that_stays_away_for_three_days_gets_dead_letters_too() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.goes_away();
    post.world.clock.advance(PATIENCE_SECONDS * SECOND);
    assert_eq!(post.delivers().await.buried, 1);
    assert_eq!(post.delivery.count().await.unwrap(), 0);
}

#[tokio::test]
async fn one_process_at_a_time_delivers_a_subject() {
    let post = Post::forwarding();
    let other = post.replica(2);
    let subject = subject(&post, "1", 1).await;
    let turn = post.delivery.begin(subject).await.unwrap().unwrap();
    assert!(other.delivery.begin(subject).await.unwrap().is_none());
    assert!(post.delivery.begin(subject).await.unwrap().is_none());
    turn.end().await.unwrap();
    assert!(other.delivery.begin(subject).await.unwrap().is_some());
}

#[tokio::test]
async fn a_subject_whose_process_died_is_free_after_fifteen_seconds() {
    let post = Post::forwarding();
    let other = post.replica(2);
    let subject = subject(&post, "1", 1).await;
    let dead = post.delivery.begin(subject).await.unwrap().unwrap();
    other.world.clock.advance(14_999);
    assert!(other.delivery.begin(subject).await.unwrap().is_none());
    other.world.clock.advance(1);
    let mut turn = other.delivery.begin(subject).await.unwrap().unwrap();
    assert!(matches!(turn.step().await.unwrap(), Step::Delivered { .. }));
    drop(dead);
}

#[tokio::test]
async fn a_process_that_was_asleep_does_not_go_on_where_another_one_works() {
    let post = Post::forwarding();
    let other = post.replica(2);
    let subject = subject(&post, "1", 1).await;
    let mut asleep = post.delivery.begin(subject).await.unwrap().unwrap();
    for process in [&post, &other] {
        process.world.clock.advance(20 * SECOND);
    }
    let turn = other.delivery.begin(subject).await.unwrap().unwrap();
    assert!(matches!(asleep.step().await.unwrap(), Step::Lost));
    assert_eq!(post.upstream.numbers("1"), [0; 0]);
    turn.end().await.unwrap();
    assert!(matches!(asleep.step().await.unwrap(), Step::Delivered { .. }), "it may take its turn anew");
}

#[tokio::test]
async fn a_subject_of_any_length_does_not_hide_the_others_from_a_sweep() {
    let post = Post::forwarding();
    for number in 0..1_000 {
        post.stores(&event("long", number)).await;
    }
    for meeting in 0..20 {
        post.stores(&event(&meeting.to_string(), 0)).await;
    }
    let (mut after, mut due, mut looks) = (None, 0, 0);
    loop {
        let swept = post.delivery.sweep(after).await.unwrap();
        due += swept.due.len();
        looks += 1;
        after = swept.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(due, 21);
    assert!(looks <= 3, "{looks}");
}

#[tokio::test]
async fn an_event_that_does_not_open_stays_and_holds_nothing_back() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    let mut record = post.world.store.shelf("webhook-inbox", START).await.remove(0);
    record.draft.sealed[20] ^= 1;
    post.world.store.replace(record.draft, record.version, START).await.unwrap();
    post.stores(&event("1", 2)).await;
    assert_eq!(post.delivery.sweep(None).await.unwrap().unreadable, 1);
    assert_eq!(post.delivers().await.delivered, 1);
    assert_eq!(post.upstream.numbers("1"), [2]);
    assert_eq!(post.delivery.count().await.unwrap(), 1, "with its secret it can still be delivered");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_an_event_for_years() {
    let post = Post::forwarding();
    post.stores(&event("1", 1)).await;
    post.upstream.fails("1", Fault::Status(500));
    post.delivers().await;
    post.upstream.heals();
    post.world.clock.set(START.plus_seconds(-86_400));
    assert_eq!(post.delivers().await.delivered, 1);
}

#[tokio::test]
async fn what_waited_for_an_upstream_is_kept_once_there_is_none() {
    let post = Post::forwarding();
    post.upstream.goes_away();
    post.stores(&event("1", 1)).await;
    post.delivers().await;
    let keeping = post.restarted(false);
    assert_eq!(keeping.delivers().await.delivered, 1);
    assert_eq!(keeping.archive.newest(10, |_| true).await.unwrap().len(), 1);
    assert_eq!(post.upstream.arrived(), []);
}
