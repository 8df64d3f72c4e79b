//! Refreshes that are handed over to a process that outlives the one that needs them.

use std::time::Duration;

use stagedoor_flows::fault::{self, Classified};
use stagedoor_flows::grant::{Errand, Outcome};
use stagedoor_flows::tokens::TokensError;
use tokio::time::Instant;

use crate::watched::{Fault, Plan};
use crate::world::{Browser, Client, World, user};
use crate::zoom::{Answer, Endpoint};

/// A user whose token has expired, and a process beside the first one that does its refreshes.
async fn with_company() -> (World, World) {
    let world = World::flowing();
    Browser::default().adds_the_app(&world, "jill").await;
    world.clock.advance(3_600_000);
    let company = world.flowing_replica(2);
    world.carried.hand_over_to(company.clone());
    (world, company)
}

#[tokio::test(start_paused = true)]
async fn a_refresh_is_done_by_the_process_that_outlives_this_one() {
    let (world, company) = with_company().await;
    world.zoom.dawdle(Duration::from_millis(200));
    let began = Instant::now();
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!(
        began.elapsed() < Duration::from_millis(405),
        "there and back, and not a look later: {:?}",
        began.elapsed()
    );
    assert_eq!(
        (company.carried.outcomes().as_slice(), world.carried.outcomes().as_slice()),
        (&[Outcome::Renewed][..], &[][..])
    );
    world.clock.advance(120_000);
    company.clock.advance(120_000);
    let other = world.tokens.renewed_after(&user("jill"), &token).await.unwrap();
    assert_ne!(other.access, token.access, "also before its time");
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 2);
}

#[tokio::test(start_paused = true)]
async fn the_death_of_the_process_at_any_moment_of_the_call_loses_nothing() {
    for millis in (0..1_000).step_by(20) {
        let (world, _company) = with_company().await;
        world.zoom.dawdle(Duration::from_millis(300));
        let _ = tokio::time::timeout(Duration::from_millis(millis), world.tokens.fresh(&user("jill"))).await;
        world.carried.kill();
        let next = world.flowing_replica(3);
        let token = loop {
            match next.tokens.fresh(&user("jill")).await {
                Err(TokensError::Busy { retry_after }) => tokio::time::sleep(retry_after).await,
                answer => break answer.unwrap(),
            }
        };
        assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref(), "{millis} ms");
        world.zoom.assert_rules_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_other_process_cannot_this_one_does_it_at_once() {
    let (world, company) = with_company().await;
    // Two reads here, and then the first one there.
    company.store.plan(Some(Plan { fault: Fault::Before, from: 2, until: 3 }));
    let began = Instant::now();
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!(world.carried.outcomes(), [Outcome::Renewed]);
}

#[tokio::test(start_paused = true)]
async fn where_the_other_process_does_nothing_this_one_does_it_after_six_seconds() {
    let (world, _) = with_company().await;
    world.carried.hand_over_in_vain();
    let began = Instant::now();
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!((6..8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(world.carried.outcomes(), [Outcome::Renewed]);
}

#[tokio::test(start_paused = true)]
async fn mn_26_the_patience_that_the_other_process_was_asked_for_holds_here_too() {
    let (world, company) = with_company().await;
    Browser::default().adds_the_app(&world, "john").await;
    world.clock.advance(3_600_000);
    company.clock.advance(3_600_000);
    world.zoom.script(Endpoint::Refresh, [Answer::Later(30)]);
    world.tokens.fresh(&user("jill")).await.unwrap_err();
    // Should the other process die now, nobody would remember but this one.
    world.carried.hand_over_in_vain();
    let error = world.tokens.fresh(&user("john")).await.unwrap_err();
    assert!(matches!(error, TokensError::Busy { retry_after } if retry_after > Duration::from_secs(25)), "{error:?}");
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 1);
}

#[tokio::test(start_paused = true)]
async fn connections_to_third_parties_outlive_the_process_too() {
    let world = World::flowing();
    Client::with_app(&world, "ada").await.connects(&world).await;
    let company = world.flowing_replica(2);
    world.carried.hand_over_to(company.clone());
    let name = world.connect.providers().next().unwrap().name.clone();
    let first = world.connect.fresh(&user("ada"), &name).await.unwrap();
    world.clock.advance(3_600_000);
    company.clock.advance(3_600_000);
    let second = world.connect.fresh(&user("ada"), &name).await.unwrap();
    assert_ne!(first.grant.access, second.grant.access);
    assert_eq!(world.provider.calls("/token"), 2, "for the code, and once more");
    assert_eq!((company.carried.outcomes().len(), world.carried.outcomes().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_other_process_is_refused_is_told_here() {
    let (world, company) = with_company().await;
    world.zoom.script(Endpoint::Refresh, [Answer::Later(30)]);
    let error = world.tokens.fresh(&user("jill")).await.unwrap_err();
    assert!(error.retry_after().is_some_and(|pause| pause > Duration::from_secs(25)), "{error:?}");
    assert_eq!((error.fault(), error.code()), (fault::Fault::ZoomBusy, "zoom_rate_limited"), "in Zoom's words");
    assert_eq!(company.carried.outcomes(), [Outcome::Limited]);
    world.zoom.removed("jill");
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(matches!(world.tokens.fresh(&user("jill")).await, Err(TokensError::NeedsReauth { .. })));
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_refresh_that_finds_nothing_to_do_gets_another_token_all_the_same() {
    let (world, company) = with_company().await;
    let refused = company.tokens.fresh(&user("jill")).await.unwrap();
    company.clock.advance(120_000);
    // The errand looks at the token, and while the refresh looks once more, somebody joins it.
    company.store.plan(Some(Plan { fault: Fault::Late, from: 1, until: 2 }));
    let jill = user("jill");
    let errand = Errand { shelf: "installation".into(), key: "jill".into(), forced: false, used: true };
    let (errand, other) =
        tokio::join!(company.tokens.run_errand(&errand), company.tokens.renewed_after(&jill, &refused));
    assert!(errand.refusal.is_none(), "{errand:?}");
    assert_ne!(other.unwrap().access, refused.access);
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 2);
}
