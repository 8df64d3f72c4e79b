//! What becomes of a connection.

use super::*;

#[tokio::test]
async fn disconnecting_gives_the_tokens_back_and_erases_them() {
    let world = World::new();
    let mut ada = ada(&world).await;
    assert!(matches!(world.connect.disconnect(&ada.session, "acme").await, Ok(Disconnected::NothingToRevoke)));
    ada.connects(&world).await;
    assert_eq!(world.provider.live(), 1);
    assert!(matches!(world.connect.disconnect(&ada.session, "acme").await, Ok(Disconnected::Revoked)));
    assert_eq!(world.provider.live(), 0);
    assert!(!is_connected(&world, &ada).await);
}

#[tokio::test]
async fn disconnecting_erases_even_where_the_provider_is_down() {
    let world = World::new();
    let mut ada = ada(&world).await;
    ada.connects(&world).await;
    world.provider.lies([Lie::Down]);
    assert!(matches!(world.connect.disconnect(&ada.session, "acme").await, Ok(Disconnected::NotRevoked(_))));
    assert!(!is_connected(&world, &ada).await);
}

#[tokio::test]
async fn nobody_disconnects_anybody_else() {
    let world = World::new();
    let (mut ada, eve) = (ada(&world).await, Client::with_app(&world, "eve").await);
    ada.connects(&world).await;
    for other in [&eve, &Client::guest(&world)] {
        assert!(matches!(world.connect.disconnect(&other.session, "acme").await, Ok(Disconnected::NothingToRevoke)));
    }
    assert!(is_connected(&world, &ada).await);
}

#[tokio::test]
async fn a_deauthorised_user_leaves_no_connection_and_no_attempt() {
    let world = World::new();
    let mut ada = ada(&world).await;
    ada.connects(&world).await;
    begin(&world, &ada).await;
    world.installations.revoke(&user("ada")).await.unwrap();
    assert_burnt(&world).await;
    assert_eq!(world.store.shelf("connect-newest", world.clock_now()).await.len(), 0);
}

#[tokio::test]
async fn a_connection_is_refreshed_with_the_machine_that_zooms_tokens_have() {
    let world = World::new();
    let mut ada = ada(&world).await;
    ada.connects(&world).await;
    let name = world.connect.providers().next().unwrap().name.clone();
    let first = world.connect.fresh(&user("ada"), &name).await.unwrap();
    world.clock.advance(3_600_000);
    let second = world.connect.fresh(&user("ada"), &name).await.unwrap();
    assert_ne!(first.grant.access, second.grant.access);
    assert_ne!(first.grant.refresh, second.grant.refresh, "the provider rotates");
    let again = world.connect.fresh(&user("ada"), &name).await.unwrap();
    assert_eq!(again.grant.access, second.grant.access);
    assert_eq!(world.provider.calls("/token"), 2);
}

#[tokio::test]
async fn where_a_provider_does_not_rotate_the_refresh_token_stays() {
    let world = World::new();
    let mut ada = ada(&world).await;
    ada.connects(&world).await;
    let name = world.connect.providers().next().unwrap().name.clone();
    world.provider.lies([Lie::KeepsRefresh]);
    let mut last = world.connect.fresh(&user("ada"), &name).await.unwrap();
    assert!(last.grant.refresh.is_some());
    for _ in 0..3 {
        world.clock.advance(3_600_000);
        let next = world.connect.fresh(&user("ada"), &name).await.unwrap();
        assert_ne!(next.grant.access, last.grant.access);
        assert_eq!(next.grant.refresh, last.grant.refresh);
        assert_eq!(next.grant.scopes, ["openid", "email"], "what an answer does not name stays");
        last = next;
    }
    assert_eq!(world.provider.calls("/token"), 4);
}

#[tokio::test]
async fn mn_26_only_invalid_grant_ends_a_connection() {
    let world = World::new();
    let mut ada = ada(&world).await;
    ada.connects(&world).await;
    let name = world.connect.providers().next().unwrap().name.clone();
    world.clock.advance(3_600_000);
    for lie in [Lie::Down, Lie::Refuses("invalid_client"), Lie::Refuses("temporarily_unavailable")] {
        world.provider.lies([lie]);
        assert!(world.connect.fresh(&user("ada"), &name).await.is_err(), "{lie:?}");
        let state = world.connect.state(&ada.session, "acme").await.unwrap();
        assert!(state.connection.unwrap().grant.ended().is_none(), "{lie:?}");
        world.clock.advance(120_000);
    }
    world.provider.lies([Lie::Refuses("invalid_grant")]);
    assert!(world.connect.fresh(&user("ada"), &name).await.is_err());
    let state = world.connect.state(&ada.session, "acme").await.unwrap();
    assert!(state.connection.unwrap().grant.ended().is_some());
}
