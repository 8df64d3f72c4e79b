//! What whoever should not be connected comes to.

use super::*;

#[tokio::test]
async fn mn_05_an_attacker_who_starts_and_lets_a_victim_finish_gets_nothing() {
    let world = World::new();
    let (attacker, mut victim) = (Client::with_app(&world, "mallory").await, ada(&world).await);
    // The victim follows the attacker's authorize URL and consents; the link opens in the victim's own client.
    let back = begin(&world, &attacker).await;
    let action = come_back(&world, &back).await;
    let refused = victim.claims(&world, &action).await.unwrap_err();
    assert!(matches!(refused, ConnectError::NotYours));
    assert_eq!(world.provider.calls("/token"), 0);
    assert_burnt(&world).await;
    let told = world.connect.state(&attacker.session, "acme").await.unwrap();
    assert!(
        told.connection.is_none() && told.attempt == Some(Progress::Ended(Ending::Failed)),
        "and no more than that"
    );
}

#[tokio::test]
async fn mn_05_a_callback_that_an_attacker_replays_gives_no_second_link() {
    let world = World::new();
    let mut victim = ada(&world).await;
    let back = begin(&world, &victim).await;
    let action = come_back(&world, &back).await;
    let links = world.zoom.calls(Endpoint::DeepLink);
    assert!(matches!(world.connect.returned("acme", back.callback()).await, Ok(Returned::Again)));
    assert_eq!(world.zoom.calls(Endpoint::DeepLink), links);
    victim.claims(&world, &action).await.unwrap();
    let late = world.connect.returned("acme", back.callback()).await.unwrap_err();
    assert!(matches!(late, ConnectError::UnknownState));
}

#[tokio::test]
async fn mn_05_a_stolen_deep_link_is_worth_nothing_to_another_user_and_is_burnt() {
    let world = World::new();
    let (mut victim, mut thief) = (ada(&world).await, Client::with_app(&world, "mallory").await);
    let back = begin(&world, &victim).await;
    let action = come_back(&world, &back).await;
    assert!(matches!(thief.claims(&world, &action).await, Err(ConnectError::NotYours)));
    assert!(matches!(victim.claims(&world, &action).await, Err(ConnectError::UnknownState)), "burnt for everybody");
    assert_eq!(world.provider.calls("/token"), 0);
    assert_burnt(&world).await;
}

#[tokio::test]
async fn mn_05_another_session_of_the_same_user_cannot_finish() {
    let world = World::new();
    let ada_here = ada(&world).await;
    let mut elsewhere = Client::without_app(&world, "ada");
    assert_ne!(ada_here.session.id, elsewhere.session.id);
    let back = begin(&world, &ada_here).await;
    let action = come_back(&world, &back).await;
    assert!(matches!(elsewhere.claims(&world, &action).await, Err(ConnectError::NotYours)));
    assert_burnt(&world).await;
}

#[tokio::test]
async fn mn_05_a_client_that_lost_its_session_or_was_handed_to_a_guest_cannot_finish() {
    let world = World::new();
    for mut other in [Client::guest(&world), Client::without_app(&world, "ada")] {
        let ada = ada(&world).await;
        let back = begin(&world, &ada).await;
        let action = come_back(&world, &back).await;
        assert!(matches!(other.claims(&world, &action).await, Err(ConnectError::NotYours)));
        assert_burnt(&world).await;
    }
}

#[tokio::test]
async fn mn_05_a_claim_is_late_ten_minutes_after_the_beginning() {
    for (late, over) in [(-1, false), (0, true)] {
        let world = World::new();
        let mut ada = ada(&world).await;
        let location = world.connect.begin(&ada.session, "plain").await.unwrap();
        let back = Back { issuer: None, ..world.provider.consent(&location, 40) };
        world.clock.advance(300_000);
        assert!(world.connect.returned("plain", back.callback()).await.is_ok());
        let action = action(&world);
        world.clock.advance(ATTEMPT_SECONDS * 1_000 - 300_000 + late);
        let claimed = ada.claims(&world, &action).await;
        assert_eq!(matches!(claimed, Err(ConnectError::UnknownState)), over, "{claimed:?}");
    }
}

#[tokio::test]
async fn mn_05_a_callback_that_comes_late_finds_nothing() {
    let world = World::new();
    let ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    world.clock.advance(ATTEMPT_SECONDS * 1_000);
    let refused = world.connect.returned("acme", back.callback()).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("state_unknown", Fault::Stale));
}

#[tokio::test]
async fn mn_05_a_claim_works_once() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    let action = come_back(&world, &back).await;
    ada.claims(&world, &action).await.unwrap();
    assert!(matches!(ada.claims(&world, &action).await, Err(ConnectError::UnknownState)));
    assert_eq!(world.provider.calls("/token"), 1);
    assert!(is_connected(&world, &ada).await, "the second try spoils nothing");
}

#[tokio::test]
async fn mn_05_of_a_thousand_parallel_claims_one_wins() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    let action = come_back(&world, &back).await;
    world.store.dawdle();
    let launched = ada.opens(&world, Some(&action));
    let claim = launched.claim.unwrap();
    let claims = (0..1_000).map(|_| {
        let (world, session, claim) = (world.clone(), launched.session.clone(), claim.clone());
        tokio::spawn(async move { world.connect.claim(&session, &claim).await.is_ok() })
    });
    let mut won = 0;
    for claimed in claims.collect::<Vec<_>>() {
        won += u32::from(claimed.await.unwrap());
    }
    assert_eq!((won, world.provider.calls("/token")), (1, 1));
    assert!(is_connected(&world, &ada).await);
}

#[tokio::test]
async fn mn_05_of_a_thousand_parallel_callbacks_one_gets_a_link() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    world.store.dawdle();
    let links = world.zoom.calls(Endpoint::DeepLink);
    let callbacks = (0..1_000).map(|_| {
        let (world, back) = (world.clone(), back.clone());
        tokio::spawn(
            async move { matches!(world.connect.returned("acme", back.callback()).await, Ok(Returned::Parked(_))) },
        )
    });
    let mut parked = 0;
    for returned in callbacks.collect::<Vec<_>>() {
        parked += u32::from(returned.await.unwrap());
    }
    assert_eq!((parked, world.zoom.calls(Endpoint::DeepLink) - links), (1, 1));
    ada.claims(&world, &action(&world)).await.unwrap();
}

#[tokio::test]
async fn mn_05_a_response_of_one_provider_is_not_taken_for_anothers() {
    let world = World::new();
    let ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    let mixed = world.connect.returned("plain", back.callback()).await.unwrap_err();
    assert!(matches!(mixed, ConnectError::Mismatch));
    assert_burnt(&world).await;
    assert!(matches!(world.connect.returned("acme", back.callback()).await, Err(ConnectError::UnknownState)));
}

#[tokio::test]
async fn mn_04_a_response_that_names_another_issuer_or_none_is_burnt() {
    for issuer in [Some("https://evil.example".to_owned()), Some(String::new()), None] {
        let world = World::new();
        let ada = ada(&world).await;
        let back = Back { issuer, ..begin(&world, &ada).await };
        let refused = world.connect.returned("acme", back.callback()).await.unwrap_err();
        assert!(matches!(refused, ConnectError::Mismatch), "{refused:?}");
        assert_burnt(&world).await;
    }
}

#[tokio::test]
async fn mn_05_a_code_that_is_injected_fails_for_want_of_its_verifier() {
    let world = World::new();
    let (mut victim, attacker) = (ada(&world).await, Client::with_app(&world, "mallory").await);
    let (mine, foreign) = (begin(&world, &victim).await, begin(&world, &attacker).await);
    let injected = Back { code: foreign.code, ..mine };
    let action = come_back(&world, &injected).await;
    let refused = victim.claims(&world, &action).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("provider_code_refused", Fault::Stale));
    assert!(!is_connected(&world, &victim).await);
}

#[tokio::test]
async fn mn_05_another_code_for_a_state_that_is_parked_burns_both() {
    let world = World::new();
    let mut victim = ada(&world).await;
    let back = begin(&world, &victim).await;
    let action = come_back(&world, &back).await;
    let injected = Back { code: Some("another".into()), ..back };
    assert!(matches!(world.connect.returned("acme", injected.callback()).await, Err(ConnectError::Mismatch)));
    assert!(matches!(victim.claims(&world, &action).await, Err(ConnectError::UnknownState)));
    assert_burnt(&world).await;
}

#[tokio::test]
async fn mn_04_a_handle_of_another_attempt_is_no_match() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let first = come_back(&world, &begin(&world, &ada).await).await;
    let second = come_back(&world, &begin(&world, &ada).await).await;
    let parts = |action: &str| action.rsplitn(2, '.').map(str::to_owned).collect::<Vec<_>>();
    let mixed = format!("{}.{}", parts(&first)[1], parts(&second)[0]);
    assert!(matches!(ada.claims(&world, &mixed).await, Err(ConnectError::NotYours)));
    assert!(matches!(ada.claims(&world, &second).await, Err(ConnectError::UnknownState)), "burnt");
}

#[tokio::test]
async fn mn_04_a_state_that_nobody_began_or_none_is_unknown() {
    let world = World::new();
    for state in [None, Some(State::new("x")), Some(State::new(""))] {
        let callback = Callback { code: Some(AuthorizationCode::new("c")), state, ..Callback::default() };
        assert!(matches!(world.connect.returned("acme", callback).await, Err(ConnectError::UnknownState)));
    }
    let mut ada = ada(&world).await;
    let made_up = format!("stagedoor.connect.{}.{}", "h".repeat(43), "s".repeat(43));
    assert!(matches!(ada.claims(&world, &made_up).await, Err(ConnectError::UnknownState)));
}
