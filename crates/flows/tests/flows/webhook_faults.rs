//! Processes and stores that fail at every step, and what the upstream has heard in the end.

use std::collections::BTreeMap;

use stagedoor_flows::port::Entropy as _;
use stagedoor_protocol::time::UnixMillis;

use crate::watched::{Fault, Plan};
use crate::webhook_post::{Fault as UpstreamFault, Post, Round, event};
use crate::world::{START, TestEntropy};

const SECOND: i64 = 1_000;

/// Zoom sends an event until it is acknowledged.
async fn send(post: &Post, meeting: &str, number: i64) {
    for _ in 0..20 {
        if post.takes(&event(meeting, number)).await.is_ok() {
            return;
        }
    }
    panic!("never acknowledged");
}

fn in_order(meetings: &[&str], events: i64) -> BTreeMap<String, Vec<i64>> {
    meetings.iter().map(|meeting| ((*meeting).to_owned(), (0..events).collect())).collect()
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_every_event_arrives_in_order() {
    for fault in [Fault::Before, Fault::After] {
        for number in 0..70 {
            let post = Post::forwarding();
            post.world.store.plan(Some(Plan { fault, from: number, until: number + 1 }));
            for event in 0..3 {
                for meeting in ["1", "2"] {
                    send(&post, meeting, event).await;
                }
                let _ = post.pass(&mut Round::default()).await;
            }
            post.world.store.heal();
            let other = post.replica(2);
            other.world.clock.set(START.plus_seconds(60));
            other.delivers().await;
            assert_eq!(post.upstream.heard(), in_order(&["1", "2"], 3), "{fault:?} {number}");
            assert_eq!(post.delivery.count().await.unwrap(), 0);
        }
    }
}

/// Three processes that share a store are killed at any of their steps, time and again, while events come in and the
/// upstream answers, fails and goes away.
#[tokio::test]
async fn over_hundreds_of_deaths_no_event_is_lost_and_none_overtakes() {
    const MEETINGS: [&str; 4] = ["1", "2", "3", "4"];
    const EVENTS: i64 = 60;
    for seed in 1..=5 {
        let chance = TestEntropy::seeded(seed);
        let random = |below: u64| {
            let mut bytes = [0; 8];
            chance.fill(&mut bytes);
            u64::from_le_bytes(bytes) % below
        };
        let first = Post::forwarding();
        first.world.store.dawdle();
        let (mut deaths, mut seconds) = (0, 0);
        for number in 0..EVENTS {
            for meeting in MEETINGS {
                send(&first, meeting, number).await;
            }
            match random(6) {
                0 => first.upstream.goes_away(),
                1 => first.upstream.fails(MEETINGS[usize::try_from(random(4)).unwrap()], UpstreamFault::Status(500)),
                2 => first.upstream.fails(MEETINGS[usize::try_from(random(4)).unwrap()], UpstreamFault::Timeout),
                _ => first.upstream.heals(),
            }
            let processes: Vec<_> = (0..3)
                .map(|replica| {
                    let process = first.replica(1_000 * seed + 10 * u64::try_from(number).unwrap() + replica);
                    process.world.clock.set(START.plus_seconds(seconds));
                    tokio::spawn(async move {
                        while process.pass(&mut Round::default()).await.is_ok_and(|steps| steps > 0) {}
                    })
                })
                .collect();
            for _ in 0..random(120) {
                tokio::task::yield_now().await;
            }
            for process in processes {
                deaths += usize::from(!process.is_finished());
                process.abort();
                let _ = process.await;
            }
            seconds += i64::try_from(random(8)).unwrap();
            first.world.clock.set(UnixMillis(START.0 + seconds * SECOND));
        }
        first.upstream.heals();
        first.world.clock.advance(3_600 * SECOND);
        first.delivers().await;
        assert_eq!(first.upstream.heard(), in_order(&MEETINGS, EVENTS), "seed {seed}");
        assert!(deaths > 20, "{deaths} deaths are too few to say anything");
    }
}
