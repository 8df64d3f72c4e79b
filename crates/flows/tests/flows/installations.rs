use stagedoor_flows::grant::Standing;
use stagedoor_flows::installation::Installation;
use stagedoor_flows::port::{Draft, Store};
use stagedoor_flows::session::Surface;
use stagedoor_flows::vault::VaultError;

use crate::world::{Browser, START, World, user};
use crate::zoom::{Answer, Endpoint};

const NINETY_DAYS_MS: i64 = 90 * 86_400_000;

async fn install(world: &World, id: &str) -> Browser {
    let mut browser = Browser::default();
    let arrival = browser.consents(world, id).await;
    browser.opens(world, &arrival).await.unwrap();
    browser
}

#[tokio::test]
async fn an_installation_holds_what_zoom_gave() {
    let world = World::new();
    install(&world, "jill").await;
    let installed = world.installations.of(&user("jill")).await.unwrap().unwrap();
    assert_eq!(installed.name.as_deref(), Some("Name of jill"));
    assert!(installed.grant.access.expose().starts_with("canary-access"));
    assert!(installed.grant.refresh.as_ref().unwrap().expose().starts_with("canary-refresh"));
    assert_eq!(installed.grant.access_expires, Some(START.plus_seconds(3_599)));
    assert_eq!((installed.installed, installed.grant.refreshed), (START, START));
    assert!(world.installations.of(&user("jack")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_is_usable_for_ninety_days() {
    let world = World::new();
    install(&world, "jill").await;
    world.clock.advance(NINETY_DAYS_MS - 1);
    assert!(world.is_installed("jill").await);
    world.clock.advance(1);
    assert!(!world.is_installed("jill").await);
    assert!(world.installations.of(&user("jill")).await.unwrap().is_some(), "still known");
}

#[tokio::test]
async fn every_installation_is_listed() {
    let world = World::new();
    for id in ["jill", "jack", "jill"] {
        install(&world, id).await;
    }
    let mut users: Vec<_> =
        world.installations.list().await.unwrap().into_iter().map(|one| one.user.to_string()).collect();
    users.sort();
    assert_eq!(users, ["jack", "jill"]);
}

#[tokio::test]
async fn a_revocation_ends_sessions_erases_everything_and_gives_the_token_back() {
    let world = World::new();
    install(&world, "jill").await;
    install(&world, "jack").await;
    let cookie = world.launch.open(&world.context(|c| c["uid"] = "jill".into()), Surface::Client, None).unwrap().cookie;
    let token = world.installations.of(&user("jill")).await.unwrap().unwrap().grant.access;
    let revoked = world.installations.revoke(&user("jill")).await.unwrap().unwrap();
    assert_eq!(revoked.erased, 3, "the installation, its place in the queue, and the finished attempt");
    assert!(revoked.at_zoom.is_ok());
    assert!(world.sessions.open(cookie.expose()).is_none());
    assert!(!world.is_installed("jill").await && world.is_installed("jack").await);
    let (endpoint, request) = world.zoom.requests().pop().unwrap();
    assert_eq!(endpoint, Endpoint::Revoke);
    assert_eq!(request.body(), &format!("token={}", token.expose()));
    assert_eq!(world.store.shelf("install", START).await.len(), 1, "that of jack");
}

#[tokio::test]
async fn a_revocation_counts_whatever_zoom_says() {
    for answer in [
        Answer::Timeout,
        Answer::Connect,
        Answer::Status(500, String::new()),
        Answer::Status(302, String::new()),
        Answer::Status(400, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#.into()),
    ] {
        let world = World::new();
        install(&world, "jill").await;
        world.zoom.script(Endpoint::Revoke, [answer.clone()]);
        let revoked = world.installations.revoke(&user("jill")).await.unwrap().unwrap();
        assert!(revoked.at_zoom.is_err(), "{answer:?}");
        assert!(!world.is_installed("jill").await, "{answer:?}");
    }
}

#[tokio::test]
async fn a_user_without_an_installation_loses_the_sessions_all_the_same() {
    let world = World::new();
    let cookie = world.launch.open(&world.context(|c| c["uid"] = "jill".into()), Surface::Client, None).unwrap().cookie;
    assert!(world.installations.revoke(&user("jill")).await.unwrap().is_none());
    assert!(world.sessions.open(cookie.expose()).is_none());
    assert_eq!(world.zoom.calls(Endpoint::Revoke), 0);
}

#[tokio::test]
async fn an_installation_that_does_not_open_is_erased_and_told() {
    let world = World::new();
    install(&world, "jill").await;
    let record = world.store.shelf("installation", START).await.remove(0);
    world.store.remove(record.draft.place, START).await.unwrap();
    world.store.insert(Draft { sealed: vec![0; 80], ..record.draft }, START).await.unwrap();
    assert!(matches!(world.installations.list().await, Err(VaultError::Sealed { shelf: "installation" })));
    assert!(matches!(world.installations.revoke(&user("jill")).await, Err(VaultError::Sealed { .. })));
    assert!(world.installations.of(&user("jill")).await.unwrap().is_none());
    assert!(world.installations.list().await.unwrap().is_empty());
}

#[test]
fn an_installation_that_an_earlier_version_wrote_is_read() {
    let written = serde_json::json!({
        "user": "jill", "name": "Jill", "access": "a", "refresh": "r", "access_expires": 3_600_000, "scopes": ["s"],
        "installed": 1_000, "refreshed": 2_000,
    });
    let installed: Installation = serde_json::from_value(written).unwrap();
    assert_eq!((installed.grant.access.expose(), installed.grant.refresh.unwrap().expose()), ("a", "r"));
    assert_eq!(installed.grant.standing, Standing::Live);
    assert_eq!((installed.installed.0, installed.grant.refreshed.0), (1_000, 2_000));
}

#[tokio::test]
async fn mn_12_an_installation_prints_no_token() {
    let world = World::new();
    install(&world, "jill").await;
    let installed = world.installations.of(&user("jill")).await.unwrap().unwrap();
    assert!(!format!("{installed:?}").contains("canary"));
}
