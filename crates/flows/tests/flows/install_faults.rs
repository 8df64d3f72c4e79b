use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use stagedoor_flows::fault::{Classified, Fault as Whose};
use stagedoor_flows::install::{Finished, InstallError};
use stagedoor_flows::installation::GrantError;

use crate::watched::{Fault, Plan};
use crate::world::{Arrival, Browser, World, link, user};
use crate::zoom::{Answer, Endpoint};

const EXCHANGE_MS: i64 = 30_000;

/// A process that dies at the first thing it has to wait for.
fn killed(world: &World, browser: &Browser, arrival: &Arrival) {
    let mut running = pin!(browser.opens(world, arrival));
    let polled = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "{polled:?}");
}

/// What a person does who wants the app: reload while told to wait, add it again where that is the advice.
async fn until_installed(world: &World, browser: &mut Browser, arrival: Arrival) -> usize {
    let mut arrival = arrival;
    for step in 0..5 {
        match browser.opens(world, &arrival).await {
            Ok(Finished::Installed(_) | Finished::InstalledWithoutLink(_)) => return step,
            Ok(Finished::InProgress) => world.clock.advance(EXCHANGE_MS),
            Ok(Finished::BeginAgain) | Err(InstallError::UnknownState | InstallError::Grant(GrantError::Zoom(_))) => {
                arrival = browser.consents(world, "jill").await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("still not installed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mn_05_a_thousand_parallel_callbacks_exchange_one_code_once() {
    let world = Arc::new(World::new());
    let replica = Arc::new(world.replica(2));
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let browser = Arc::new(browser);
    world.store.dawdle();
    let callbacks: Vec<_> = (0..1_000)
        .map(|number| {
            let world = if number % 2 == 0 { world.clone() } else { replica.clone() };
            let (browser, arrival) = (browser.clone(), arrival.clone());
            tokio::spawn(async move { browser.opens(&world, &arrival).await })
        })
        .collect();
    let mut installed = 0;
    for callback in callbacks {
        match callback.await.unwrap() {
            Ok(Finished::Installed(_)) => installed += 1,
            Ok(Finished::InProgress) => (),
            other => panic!("{other:?}"),
        }
    }
    assert!(installed >= 1);
    assert_eq!(world.zoom.calls(Endpoint::Token), 1);
    assert_eq!(world.zoom.calls(Endpoint::Me), 1);
    assert!(world.is_installed("jill").await);
}

#[tokio::test]
async fn a_second_callback_waits_for_the_first() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world.zoom.script(Endpoint::Token, [Answer::Hang]);
    killed(&world, &browser, &arrival);
    assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::InProgress)));
    assert!(matches!(Browser::default().opens(&world, &arrival).await, Err(InstallError::WrongBrowser)));
    assert_eq!(world.zoom.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn a_process_that_dies_during_the_exchange_costs_one_more_authorization() {
    for endpoint in [Endpoint::Token, Endpoint::Me] {
        let world = World::new();
        let mut browser = Browser::default();
        let arrival = browser.consents(&world, "jill").await;
        world.zoom.script(endpoint, [Answer::Hang]);
        killed(&world, &browser, &arrival);
        let restarted = world.replica(2);
        restarted.clock.advance(EXCHANGE_MS - 1);
        let waiting = browser.opens(&restarted, &arrival).await;
        assert!(matches!(waiting, Ok(Finished::InProgress)), "{endpoint:?}: {waiting:?}");
        restarted.clock.advance(1);
        assert!(matches!(browser.opens(&restarted, &arrival).await, Ok(Finished::BeginAgain)), "{endpoint:?}");
        assert_eq!(until_installed(&restarted, &mut browser, arrival).await, 1, "{endpoint:?}");
    }
}

#[tokio::test]
async fn a_process_that_dies_after_the_installation_is_stored_loses_nothing() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world.zoom.script(Endpoint::DeepLink, [Answer::Hang]);
    killed(&world, &browser, &arrival);
    let restarted = world.replica(2);
    assert!(restarted.is_installed("jill").await);
    assert!(matches!(browser.opens(&restarted, &arrival).await, Ok(Finished::InProgress)));
    restarted.clock.advance(EXCHANGE_MS);
    assert!(matches!(browser.opens(&restarted, &arrival).await, Ok(Finished::BeginAgain)));
}

#[tokio::test]
async fn a_process_that_dies_before_the_callback_loses_nothing() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let restarted = world.replica(2);
    drop(world);
    assert!(matches!(browser.opens(&restarted, &arrival).await, Ok(Finished::Installed(_))));
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_an_attempt_in_progress() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world.zoom.script(Endpoint::Token, [Answer::Hang]);
    killed(&world, &browser, &arrival);
    world.clock.advance(-1_000);
    assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::InProgress)));
    world.clock.advance(-600_000);
    assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::BeginAgain)));
}

/// How many calls of the store one callback makes.
async fn calls_of_one_install() -> usize {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world.store.plan(None);
    browser.opens(&world, &arrival).await.unwrap();
    world.store.calls()
}

#[tokio::test]
async fn mn_23_a_store_that_fails_at_any_call_loses_nothing_that_was_acknowledged() {
    let calls = calls_of_one_install().await;
    assert!(calls >= 6, "{calls}");
    for fault in [Fault::Before, Fault::After] {
        for from in 0..calls {
            for until in [from + 1, usize::MAX] {
                let plan = Plan { fault, from, until };
                let world = World::new();
                let mut browser = Browser::default();
                let arrival = browser.consents(&world, "jill").await;
                world.store.plan(Some(plan));
                let outcome = browser.opens(&world, &arrival).await;
                world.store.heal();
                match &outcome {
                    Ok(Finished::Installed(_)) => assert!(world.is_installed("jill").await, "{plan:?}"),
                    Err(error) => {
                        assert!(matches!(error, InstallError::Grant(GrantError::Vault(_))), "{plan:?}: {error:?}");
                        assert_eq!((error.code(), error.fault()), ("store_unavailable", Whose::Store));
                    }
                    other => panic!("{plan:?}: {other:?}"),
                }
                assert!(world.zoom.calls(Endpoint::Token) <= 1, "{plan:?}");
                until_installed(&world, &mut browser, arrival).await;
                assert!(world.is_installed("jill").await, "{plan:?}");
            }
        }
    }
}

#[tokio::test]
async fn mn_27_a_token_that_cannot_be_stored_is_used_by_nobody() {
    let calls = calls_of_one_install().await;
    for from in 0..calls {
        let world = World::new();
        let mut browser = Browser::default();
        let arrival = browser.consents(&world, "jill").await;
        world.store.plan(Some(Plan { fault: Fault::Before, from, until: usize::MAX }));
        let outcome = browser.opens(&world, &arrival).await;
        let asked_for_a_link = world.zoom.calls(Endpoint::DeepLink) > 0;
        world.store.heal();
        assert_eq!(asked_for_a_link, world.is_installed("jill").await, "{from}");
        assert_eq!(outcome.is_ok(), world.is_installed("jill").await, "{from}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_keep_the_link_does_not_fail_the_user() {
    // The calls of one callback: read the attempt, mark it, keep the installation (read, write), keep the link.
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world.store.plan(Some(Plan { fault: Fault::Before, from: 4, until: usize::MAX }));
    assert!(link(&browser.opens(&world, &arrival).await).starts_with("https://zoom.us/"));
    world.store.heal();
    assert!(world.is_installed("jill").await);
}

#[tokio::test]
async fn a_denial_or_refusal_while_the_store_is_down_is_a_typed_error() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let denied =
        || stagedoor_flows::install::Callback { code: None, error: Some("access_denied".into()), ..arrival.callback() };
    world.store.plan(Some(Plan { fault: Fault::Before, from: 1, until: usize::MAX }));
    let refused = world.install.finish(denied(), browser.cookie.as_deref()).await.unwrap_err();
    assert_eq!(refused.code(), "store_unavailable");
    world.store.heal();
    let refused = world.install.finish(denied(), browser.cookie.as_deref()).await.unwrap_err();
    assert_eq!(refused.code(), "declined");
}

#[tokio::test]
async fn a_reload_while_the_store_is_down_is_a_typed_error_and_heals() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let first = link(&browser.opens(&world, &arrival).await);
    for from in 0..2 {
        world.store.plan(Some(Plan { fault: Fault::Before, from, until: usize::MAX }));
        assert_eq!(browser.opens(&world, &arrival).await.unwrap_err().fault(), Whose::Store);
    }
    world.store.heal();
    assert_eq!(link(&browser.opens(&world, &arrival).await), first);
    assert!(world.installations.of(&user("jill")).await.unwrap().is_some());
}
