//! Random interleavings: processes on one store with random delays, faults, deaths and clock steps. Whatever happens, no
//! refresh token is in two requests at a time, none is sent after its answer has arrived, and no grant is lost unless
//! Zoom's answer was.

use std::time::Duration;

use proptest::prelude::*;
use stagedoor_flows::grant::Ending;
use stagedoor_flows::tokens::TokensError;

use crate::watched::{Fault, Plan};
use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

#[derive(Clone, Debug)]
enum Step {
    /// So many callers of a process ask.
    Ask { process: usize, callers: usize },
    /// Time passes.
    Pass(u64),
    /// The access token expires.
    Expire,
    /// A process dies, and another one takes its place.
    Kill(usize),
    /// Somebody sets the clock of a process.
    Set { process: usize, millis: i64 },
    /// What Zoom does next.
    Zoom(Answer),
    /// The store fails for some calls.
    Store { from: usize, length: usize, after: bool },
    /// How long Zoom takes.
    Latency(u64),
    /// A round in the background.
    Round(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let process = 0..3_usize;
    let answer = prop_oneof![
        Just(Answer::Timeout),
        Just(Answer::Unheard),
        Just(Answer::Broken),
        Just(Answer::Connect),
        Just(Answer::Status(500, String::new())),
        Just(Answer::Status(400, r#"{"error":"invalid_client"}"#.into())),
        Just(Answer::Later(2)),
    ];
    prop_oneof![
        6 => (process.clone(), 1..5_usize).prop_map(|(process, callers)| Step::Ask { process, callers }),
        5 => (1..4_000_u64).prop_map(Step::Pass),
        3 => Just(Step::Expire),
        2 => process.clone().prop_map(Step::Kill),
        1 => (process.clone(), -400_000..400_000_i64).prop_map(|(process, millis)| Step::Set { process, millis }),
        3 => answer.prop_map(Step::Zoom),
        2 => (0..8_usize, 1..10_usize, any::<bool>())
            .prop_map(|(from, length, after)| Step::Store { from, length, after }),
        2 => (0..5_000_u64).prop_map(Step::Latency),
        2 => process.prop_map(Step::Round),
    ]
}

async fn install(world: &World) {
    let mut browser = Browser::default();
    let arrival = browser.consents(world, "jill").await;
    browser.opens(world, &arrival).await.unwrap();
}

async fn walk(steps: Vec<Step>) {
    let first = World::flowing();
    install(&first).await;
    first.store.dawdle();
    let mut processes = [first.clone(), first.flowing_replica(2), first.flowing_replica(3)];
    let (mut seed, mut lost) = (4, false);
    for step in steps {
        match step {
            Step::Ask { process, callers } => {
                for _ in 0..callers {
                    let tokens = processes[process].tokens.clone();
                    tokio::spawn(async move { tokens.fresh(&user("jill")).await });
                }
            }
            Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Step::Expire => processes.iter().for_each(|process| process.clock.advance(3_600_000)),
            Step::Kill(process) => {
                lost |= !first.store.undisturbed(is_stored(&first)).await;
                processes[process].carried.kill();
                first.zoom.process_died();
                processes[process] = processes[process].flowing_replica(seed);
                seed += 1;
            }
            Step::Set { process, millis } => processes[process].clock.advance(millis),
            Step::Zoom(answer) => first.zoom.script(Endpoint::Refresh, [answer]),
            Step::Store { from, length, after } => {
                let fault = if after { Fault::After } else { Fault::Before };
                first.store.plan(Some(Plan { fault, from, until: from + length }));
            }
            Step::Latency(millis) => first.zoom.dawdle(Duration::from_millis(millis)),
            Step::Round(process) => {
                let tokens = processes[process].tokens.clone();
                tokio::spawn(async move { tokens.renew_due(std::num::NonZeroU32::MIN).await });
            }
        }
        tokio::task::yield_now().await;
    }
    come_to_rest(&first, &processes, lost).await;
}

/// Whether what Zoom honours is stored. While it is not, it lives in a process, or on the way to one.
async fn is_stored(world: &World) -> bool {
    let stored = world.installations.of(&user("jill")).await.unwrap().unwrap();
    world.zoom.good_access("jill").is_some_and(|good| stored.grant.access.expose() == good)
}

/// Everything works again: every process has the token that Zoom honours, or Zoom's answer was lost and that is told.
async fn come_to_rest(first: &World, processes: &[World; 3], lost: bool) {
    first.zoom.heal();
    first.store.heal();
    first.zoom.dawdle(Duration::from_millis(10));
    tokio::time::sleep(Duration::from_secs(400)).await;
    for process in processes {
        process.clock.advance(3_600_000);
    }
    for process in processes {
        let mut answer = process.tokens.fresh(&user("jill")).await;
        for _ in 0..200 {
            let Err(TokensError::Busy { .. } | TokensError::Zoom { .. }) = answer else { break };
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer = process.tokens.fresh(&user("jill")).await;
        }
        first.zoom.assert_rules_kept();
        match answer {
            Ok(token) => {
                let good = process.zoom.good_access("jill").unwrap();
                assert!(token.access.expose() == good, "{:?} is not {good}", token.access.expose());
            }
            Err(TokensError::NeedsReauth { reason: Ending::AnswerLost, .. }) => {
                assert!(lost || first.zoom.has_lost("jill"), "no answer was lost");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn mn_26_no_refresh_token_is_used_twice_and_no_grant_is_lost_by_us(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(walk(steps));
    }
}
