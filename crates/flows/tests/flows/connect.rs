use stagedoor_flows::connect::{ATTEMPT_SECONDS, Claim, ConnectError, Disconnected, Ending, Progress, Returned};
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::launch::Launched;
use stagedoor_flows::session::Surface;
use stagedoor_protocol::provider::Callback;
use stagedoor_protocol::secret::{AuthorizationCode, State};

use crate::provider::{Back, Lie};
use crate::world::{Browser, Client, World, user};
use crate::zoom::{Answer, Endpoint};

mod attacks;
mod connection;

/// Ada has the app and has opened it.
async fn ada(world: &World) -> Client {
    Client::with_app(world, "ada").await
}

/// The action that Zoom was asked to put into a deep link last.
fn action(world: &World) -> String {
    let (_, request) = world.zoom.requests().into_iter().rfind(|(at, _)| *at == Endpoint::DeepLink).unwrap();
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    body["action"].as_str().unwrap().to_owned()
}

async fn begin(world: &World, client: &Client) -> Back {
    let location = world.connect.begin(&client.session, "acme").await.unwrap();
    world.provider.consent(&location, 40)
}

/// The browser comes back: the action of the link that it is sent to.
async fn come_back(world: &World, back: &Back) -> String {
    let returned = world.connect.returned("acme", back.callback()).await.unwrap();
    assert!(matches!(returned, Returned::Parked(_)));
    action(world)
}

async fn is_connected(world: &World, client: &Client) -> bool {
    world.connect.state(&client.session, "acme").await.unwrap().connection.is_some()
}

/// Nothing is kept: no attempt, no connection of anybody.
async fn assert_burnt(world: &World) {
    let now = world.clock_now();
    assert_eq!(world.store.shelf("connect", now).await.len(), 0);
    assert_eq!(world.store.shelf("connection", now).await.len(), 0);
}

#[tokio::test]
async fn the_thirteen_steps_end_in_a_connection_of_the_session_that_began() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let location = world.connect.begin(&ada.session, "acme").await.unwrap();
    assert!(location.as_str().starts_with("https://acme.example/authorize?response_type=code&client_id=our-client"));
    let pending = world.connect.state(&ada.session, "acme").await.unwrap();
    assert!(pending.connection.is_none() && pending.attempt == Some(Progress::Pending));

    let back = world.provider.consent(&location, 40);
    let action = come_back(&world, &back).await;
    assert_eq!(world.provider.calls("/token"), 0, "mn_08: the code is not exchanged at the callback");
    assert!(!is_connected(&world, &ada).await);

    let launched = ada.opens(&world, Some(&action));
    world.connect.claim(&launched.session, &launched.claim.unwrap()).await.unwrap();
    let state = world.connect.state(&ada.session, "acme").await.unwrap();
    let connection = state.connection.unwrap();
    assert_eq!(state.attempt, None);
    assert_eq!(connection.user, user("ada"));
    assert_eq!(connection.account.unwrap().label, "ada@acme.example");
    assert_eq!(connection.grant.scopes, ["openid", "email"]);
    assert_eq!(world.connect.connections(&user("ada")).await.unwrap().len(), 1);
    assert_eq!(world.store.shelf("connect", world.clock_now()).await.len(), 0, "the attempt is over");
}

#[tokio::test]
async fn codes_of_any_length_fit_because_the_action_does_not_carry_them() {
    for length in [20, 300, 4_000] {
        let world = World::new();
        let mut ada = ada(&world).await;
        let location = world.connect.begin(&ada.session, "acme").await.unwrap();
        let back = world.provider.consent(&location, length);
        assert_eq!(back.code.as_ref().unwrap().len(), length);
        let action = come_back(&world, &back).await;
        assert!(action.len() <= 256 && action.is_ascii(), "{}", action.len());
        assert!(!action.contains("canary"), "neither the code nor any part of it");
        ada.claims(&world, &action).await.unwrap();
        assert!(is_connected(&world, &ada).await);
    }
}

#[tokio::test]
async fn a_guest_or_a_user_without_a_grant_has_to_install_first() {
    let world = World::new();
    let guest = Client::guest(&world);
    let stranger = Client::without_app(&world, "eve");
    for client in [&guest, &stranger] {
        let refused = world.connect.begin(&client.session, "acme").await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), ("install_required", Fault::Forbidden));
    }
    assert!(!is_connected(&world, &guest).await);
    assert!(matches!(world.connect.begin(&guest.session, "nobody").await, Err(ConnectError::UnknownProvider)));
}

#[tokio::test]
async fn an_action_of_the_app_is_left_to_the_app_and_ours_is_shown_to_nobody() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let own = ada.opens(&world, Some("open:42"));
    assert_eq!((own.session.action.as_deref(), own.claim), (Some("open:42"), None));
    let action = come_back(&world, &begin(&world, &ada).await).await;
    let launched = ada.opens(&world, Some(&action));
    assert!(launched.session.action.is_none(), "mn_07: no page sees the handle");
    assert_eq!(launched.claim, Claim::parse(&action));
}

#[tokio::test]
async fn a_user_who_declines_ends_the_attempt_and_the_page_learns_it() {
    let world = World::new();
    for (error, ending, code) in [
        ("access_denied", Ending::Declined, "declined"),
        ("server_error", Ending::Failed, "authorization_refused"),
        ("<script>alert(1)</script>", Ending::Failed, "authorization_refused"),
    ] {
        let ada = ada(&world).await;
        let back = Back { error: Some(error.into()), ..begin(&world, &ada).await };
        let refused = world.connect.returned("acme", back.callback()).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(!refused.sentence().contains('<') && !format!("{refused:?}{refused}").contains("script"));
        let told = world.connect.state(&ada.session, "acme").await.unwrap();
        assert_eq!(told.attempt, Some(Progress::Ended(ending)));
        assert_burnt(&world).await;
    }
}

#[tokio::test]
async fn a_callback_with_neither_code_nor_error_ends_the_attempt() {
    let world = World::new();
    let ada = ada(&world).await;
    let back = Back { code: None, ..begin(&world, &ada).await };
    let refused = world.connect.returned("acme", back.callback()).await.unwrap_err();
    assert_eq!(refused.code(), "authorization_refused");
    assert_burnt(&world).await;
}

#[tokio::test]
async fn the_newest_attempt_of_a_session_counts_and_the_one_before_is_forgotten() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let (old, new) = (begin(&world, &ada).await, begin(&world, &ada).await);
    assert_eq!(world.store.shelf("connect", world.clock_now()).await.len(), 1, "mn_33: nothing piles up");
    assert!(matches!(world.connect.returned("acme", old.callback()).await, Err(ConnectError::UnknownState)));
    let told = world.connect.state(&ada.session, "acme").await.unwrap();
    assert_eq!(told.attempt, Some(Progress::Pending), "the old one says nothing about the new one");
    let action = come_back(&world, &new).await;
    ada.claims(&world, &action).await.unwrap();
}

#[tokio::test]
async fn two_providers_are_connected_side_by_side() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let acme = begin(&world, &ada).await;
    let location = world.connect.begin(&ada.session, "plain").await.unwrap();
    assert!(!location.as_str().contains("nonce="), "plain OAuth knows no nonce");
    let plain = Back { issuer: None, ..world.provider.consent(&location, 40) };
    let first = come_back(&world, &acme).await;
    assert!(matches!(world.connect.returned("plain", plain.callback()).await, Ok(Returned::Parked(_))));
    let second = action(&world);
    ada.claims(&world, &second).await.unwrap();
    ada.claims(&world, &first).await.unwrap();
    let connections = world.connect.connections(&user("ada")).await.unwrap();
    let names: Vec<_> = connections.iter().map(|connection| connection.provider.as_str()).collect();
    assert_eq!(names, ["acme", "plain"]);
    assert!(connections[1].account.is_none(), "nothing says who that is, and nothing is fetched to learn it");
}

#[tokio::test]
async fn every_lie_of_a_provider_is_refused_and_keeps_nothing() {
    for (lie, code) in [
        (Lie::WrongIssuer, "provider_identity_refused"),
        (Lie::WrongAudience, "provider_identity_refused"),
        (Lie::WrongNonce, "provider_identity_refused"),
        (Lie::AlgNone, "provider_identity_refused"),
        (Lie::Expired, "provider_identity_refused"),
        (Lie::OtherKey, "provider_identity_refused"),
        (Lie::NoIdToken, "provider_identity_refused"),
        (Lie::NoKeys, "provider_identity_refused"),
        (Lie::HugeIdToken, "provider_bad_answer"),
        (Lie::Html, "provider_bad_answer"),
        (Lie::Down, "provider_unreachable"),
        (Lie::Slow, "provider_timeout"),
        (Lie::Refuses("invalid_client"), "provider_client_refused"),
        (Lie::Refuses("<script>"), "provider_refused"),
    ] {
        let world = World::new();
        let mut ada = ada(&world).await;
        let back = begin(&world, &ada).await;
        let action = come_back(&world, &back).await;
        world.provider.lies([lie]);
        let refused = ada.claims(&world, &action).await.unwrap_err();
        assert_eq!(refused.code(), code, "{lie:?}");
        assert!(!refused.sentence().contains('<'));
        assert_burnt(&world).await;
        let told = world.connect.state(&ada.session, "acme").await.unwrap();
        assert_eq!(told.attempt, Some(Progress::Ended(Ending::Failed)), "{lie:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_or_lies_about_itself_is_told_at_the_beginning_and_zoom_goes_on() {
    for (lie, code) in [
        (Lie::Down, "provider_unreachable"),
        (Lie::Slow, "provider_timeout"),
        (Lie::Html, "provider_metadata_refused"),
        (Lie::OtherIssuerInMetadata, "provider_metadata_refused"),
    ] {
        let world = World::new();
        let ada = ada(&world).await;
        world.provider.lies([lie]);
        assert_eq!(world.connect.begin(&ada.session, "acme").await.unwrap_err().code(), code);
        assert_burnt(&world).await;
        assert!(world.is_installed("ada").await);
        world.provider.lies([]);
        assert!(world.connect.begin(&ada.session, "acme").await.is_ok(), "nothing of it sticks");
    }
}

#[tokio::test]
async fn metadata_is_read_once_an_hour_and_outlives_a_provider_that_is_down() {
    let world = World::new();
    let ada = ada(&world).await;
    for _ in 0..3 {
        begin(&world, &ada).await;
    }
    let reads = || world.provider.calls("/.well-known/openid-configuration");
    assert_eq!(reads(), 1);
    world.clock.advance(3_600_000);
    world.provider.lies([Lie::Down]);
    assert!(world.connect.begin(&ada.session, "acme").await.is_ok(), "yesterday's metadata will do");
    assert_eq!(reads(), 2);
    world.clock.advance(86_400_000);
    assert!(world.connect.begin(&ada.session, "acme").await.is_err(), "but not for ever");
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let world = World::new();
    let mut ada = ada(&world).await;
    for _ in 0..2 {
        let action = come_back(&world, &begin(&world, &ada).await).await;
        ada.claims(&world, &action).await.unwrap();
        world.provider.change_key();
        world.clock.advance(60_000);
    }
    assert_eq!(world.provider.calls("/keys"), 2);
    // Right after that, unknown keys cost no further call.
    world.provider.lies([Lie::OtherKey]);
    for _ in 0..3 {
        let action = come_back(&world, &begin(&world, &ada).await).await;
        ada.claims(&world, &action).await.unwrap_err();
    }
    assert_eq!(world.provider.calls("/keys"), 3);
}

#[tokio::test]
async fn a_zoom_that_gives_no_link_ends_the_attempt() {
    for (answer, code) in [
        (Answer::Timeout, "zoom_timeout"),
        (Answer::Connect, "zoom_unreachable"),
        (Answer::json(200, &serde_json::json!({"deeplink": "https://evil.example/"})), "deep_link_refused"),
    ] {
        let world = World::new();
        let ada = ada(&world).await;
        let back = begin(&world, &ada).await;
        world.zoom.script(Endpoint::DeepLink, [answer]);
        assert_eq!(world.connect.returned("acme", back.callback()).await.unwrap_err().code(), code);
        assert_burnt(&world).await;
    }
}

#[tokio::test]
async fn mn_23_a_store_that_fails_connects_nobody() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let action = come_back(&world, &begin(&world, &ada).await).await;
    world.store.down();
    for code in [
        world.connect.begin(&ada.session, "acme").await.unwrap_err().code(),
        world.connect.state(&ada.session, "acme").await.unwrap_err().code(),
        ada.claims(&world, &action).await.unwrap_err().code(),
    ] {
        assert_eq!(code, "store_unavailable");
    }
    assert_eq!(world.provider.calls("/token"), 0);
    world.store.heal();
    ada.claims(&world, &action).await.unwrap();
}

#[tokio::test]
async fn mn_12_nothing_of_a_flow_prints_a_secret() {
    let world = World::new();
    let mut ada = ada(&world).await;
    let back = begin(&world, &ada).await;
    let returned = world.connect.returned("acme", back.callback()).await;
    assert!(!format!("{returned:?}").contains("canary"));
    let action = action(&world);
    let launched: Launched = ada.opens(&world, Some(&action));
    assert!(!format!("{launched:?}").contains(&action[20..40]));
    world.connect.claim(&launched.session, &launched.claim.unwrap()).await.unwrap();
    let state = world.connect.state(&ada.session, "acme").await.unwrap();
    assert!(!format!("{state:?}").contains("canary"));
    for written in world.store.written() {
        let sealed = String::from_utf8_lossy(&written.sealed).into_owned();
        assert!(!sealed.contains("canary") && !sealed.contains("ada@"), "at rest everything is sealed");
    }
}

impl Client {
    /// Walks the thirteen steps.
    pub(crate) async fn connects(&mut self, world: &World) {
        let action = come_back(world, &begin(world, self).await).await;
        self.claims(world, &action).await.unwrap();
    }

    async fn claims(&mut self, world: &World, action: &str) -> Result<(), ConnectError> {
        let launched = self.opens(world, Some(action));
        world.connect.claim(&launched.session, &launched.claim.unwrap()).await
    }

    /// Adds the app, and opens it.
    pub(crate) async fn with_app(world: &World, id: &str) -> Self {
        Browser::default().adds_the_app(world, id).await;
        Self::without_app(world, id)
    }

    fn without_app(world: &World, id: &str) -> Self {
        let id = id.to_owned();
        let context = world.context(|claims| claims["uid"] = id.clone().into());
        let session = world.launch.open(&context, Surface::Client, None).unwrap().session;
        Self { id: Some(id), session }
    }

    fn guest(world: &World) -> Self {
        let context = world.context(|claims| drop(claims.as_object_mut().unwrap().remove("uid")));
        let session = world.launch.open(&context, Surface::Client, None).unwrap().session;
        Self { id: None, session }
    }

    /// Opens the app again, by a deep link: the client keeps its cookie.
    fn opens(&mut self, world: &World, action: Option<&str>) -> Launched {
        let context = world.context(|claims| {
            match &self.id {
                Some(id) => claims["uid"] = id.clone().into(),
                None => drop(claims.as_object_mut().unwrap().remove("uid")),
            }
            if let Some(action) = action {
                claims["act"] = action.into();
            }
        });
        let launched = world.launch.open(&context, Surface::Client, Some(&self.session)).unwrap();
        self.session = launched.session.clone();
        launched
    }
}
