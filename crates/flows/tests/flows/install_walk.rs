//! Whatever happens, in whatever order: random walks through installs of two browsers, with faults of Zoom and the store.

use proptest::prelude::*;
use stagedoor_flows::install::{Callback, Finished, InstallError};
use stagedoor_flows::installation::GrantError;

use crate::watched::{Fault, Plan};
use crate::world::{Arrival, Browser, World, user};
use crate::zoom::{Answer, Endpoint};

#[derive(Clone, Debug)]
enum Step {
    /// A browser opens the landing URL and consents.
    Consent {
        browser: usize,
    },
    /// A browser opens the address of a callback that was made for itself or for another one.
    Open {
        arrival: prop::sample::Index,
        browser: usize,
        denied: bool,
    },
    Wait {
        millis: i64,
    },
    /// The next answer of Zoom.
    Zoom {
        endpoint: Endpoint,
        answer: Answer,
    },
    /// The store fails during the next callback.
    Store {
        fault: Fault,
        from: usize,
        calls: usize,
    },
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    let endpoint = prop::sample::select(vec![Endpoint::Token, Endpoint::Me, Endpoint::DeepLink]);
    let answer = prop::sample::select(vec![
        Answer::Status(200, "{}".into()),
        Answer::Status(400, r#"{"error":"invalid_grant"}"#.into()),
        Answer::Status(429, String::new()),
        Answer::Status(503, "<html>".into()),
        Answer::Connect,
        Answer::Timeout,
        Answer::Broken,
    ]);
    prop_oneof![
        2 => (0..2usize).prop_map(|browser| Step::Consent { browser }),
        6 => (any::<prop::sample::Index>(), 0..2usize, prop::bool::weighted(0.1))
            .prop_map(|(arrival, browser, denied)| Step::Open { arrival, browser, denied }),
        1 => prop::sample::select(vec![1, 30_000, 240_000, 600_000, -90_000]).prop_map(|millis| Step::Wait { millis }),
        2 => (endpoint, answer).prop_map(|(endpoint, answer)| Step::Zoom { endpoint, answer }),
        2 => (prop::bool::ANY, 0..6usize, 1..4usize).prop_map(|(before, from, calls)| Step::Store {
            fault: if before { Fault::Before } else { Fault::After },
            from,
            calls,
        }),
        1 => Just(Step::Revoke),
    ]
}

async fn open(world: &World, browser: &Browser, arrival: &Arrival, denied: bool) -> Result<Finished, InstallError> {
    let error = denied.then(|| "access_denied".to_owned());
    world.install.finish(Callback { error, ..arrival.callback() }, browser.cookie.as_deref()).await
}

async fn walk(steps: Vec<Step>) {
    let world = World::new();
    let mut browsers = [Browser::default(), Browser::default()];
    let mut arrivals: Vec<(usize, Arrival)> = Vec::new();
    for step in steps {
        match step {
            Step::Consent { browser } => {
                let arrival = browsers[browser].consents(&world, "jill").await;
                arrivals.push((browser, arrival));
            }
            Step::Open { arrival, browser, denied } if !arrivals.is_empty() => {
                let (owner, arrival) = arrival.get(&arrivals);
                let calls = world.zoom.requests().len();
                let outcome = open(&world, &browsers[browser], arrival, denied).await;
                world.store.heal();
                if matches!(outcome, Ok(Finished::Installed(_) | Finished::InstalledWithoutLink(_))) {
                    assert!(world.is_installed("jill").await, "acknowledged, but not stored");
                }
                if *owner != browser {
                    let refused = matches!(
                        outcome,
                        Err(InstallError::WrongBrowser
                            | InstallError::UnknownState
                            | InstallError::Grant(GrantError::Vault(_)))
                    );
                    assert!(refused, "another browser got {outcome:?}");
                    assert_eq!(world.zoom.requests().len(), calls, "another browser made us call Zoom");
                }
            }
            Step::Wait { millis } => world.clock.advance(millis),
            Step::Zoom { endpoint, answer } => world.zoom.script(endpoint, [answer]),
            Step::Store { fault, from, calls } => {
                if !arrivals.is_empty() {
                    world.store.plan(Some(Plan { fault, from, until: from + calls }));
                    let (owner, arrival) = &arrivals[from % arrivals.len()];
                    let _ = open(&world, &browsers[*owner], arrival, false).await;
                    world.store.heal();
                }
            }
            Step::Revoke => drop(world.installations.revoke(&user("jill")).await.unwrap()),
            Step::Open { .. } => (),
        }
    }
    world.zoom.heal();
    let arrival = browsers[0].consents(&world, "jill").await;
    let finished = browsers[0].opens(&world, &arrival).await;
    assert!(matches!(finished, Ok(Finished::Installed(_))), "nothing is stuck: {finished:?}");
}

proptest! {
    #[test]
    fn whatever_happens_nothing_acknowledged_is_lost_and_nothing_gets_stuck(
        steps in prop::collection::vec(step(), 0..24),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(walk(steps));
    }
}
