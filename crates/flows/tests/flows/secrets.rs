use stagedoor_flows::fault::Classified;
use stagedoor_flows::install::Callback;
use stagedoor_flows::session::Surface;
use stagedoor_protocol::secret::{AuthorizationCode, State};

use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

/// What a logger could make of an error.
fn every_word(error: &(impl Classified + 'static)) -> String {
    let mut words = format!("{error:?} {error} {} {} {}", error.code(), error.sentence(), error.advice());
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words} {error} {error:?}");
        source = error.source();
    }
    words
}

#[tokio::test]
async fn mn_12_nothing_readable_is_stored_by_a_whole_life_of_an_installation() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "canary-user").await;
    browser.opens(&world, &arrival).await.unwrap();
    browser.opens(&world, &arrival).await.unwrap();
    world.launch.open(&world.context(|_| ()), Surface::Client, None).unwrap();
    world.installations.revoke(&user("canary-user")).await.unwrap();
    let secrets = ["canary", "Name of", "client-id", &arrival.state, &arrival.code, browser.cookie.as_deref().unwrap()];
    let written = world.store.written();
    assert!(written.len() >= 5, "{}", written.len());
    for draft in written {
        let owner = draft.owner.map(|owner| owner.0.to_vec()).unwrap_or_default();
        for bytes in [&draft.sealed, &draft.place.key.0.to_vec(), &owner] {
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} in a record on shelf {}", draft.place.shelf.0);
            }
        }
    }
}

#[tokio::test]
async fn mn_12_no_secret_is_in_the_address_of_a_call() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    world.installations.revoke(&user("jill")).await.unwrap();
    let requests = world.zoom.requests();
    assert_eq!(requests.len(), 4);
    for (endpoint, request) in requests {
        assert_eq!(request.uri().query(), None, "{endpoint:?}");
        assert!(!format!("{:?}", request.headers()).contains("canary"), "{endpoint:?}");
    }
}

#[tokio::test]
async fn mn_12_what_the_install_flow_returns_prints_no_secret() {
    let world = World::new();
    let begun = world.install.begin(None, None).await.unwrap();
    let arrival = world.zoom.consent(&begun.location, "jill");
    let callback = Callback { error: Some("canary".into()), ..arrival.callback() };
    let text = format!("{begun:?} {:?} {:?}", callback.code, callback.state);
    for secret in [&arrival.state, &arrival.code, begun.binding.expose(), "code_challenge"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let finished = world.install.finish(arrival.callback(), Some(begun.binding.expose())).await.unwrap();
    assert!(!format!("{finished:?}").contains("canary"));
}

#[tokio::test]
async fn mn_12_no_error_repeats_what_came_from_outside() {
    let canary = r#"{"error":"canary","reason":"canary","code":1,"message":"canary"}"#;
    let answers = [
        (Endpoint::Token, Answer::Status(400, canary.into())),
        (Endpoint::Token, Answer::Status(200, canary.into())),
        (Endpoint::Token, Answer::Status(500, "canary".into())),
        (Endpoint::Me, Answer::Status(400, canary.into())),
        (Endpoint::Me, Answer::Status(200, r#"{"id":"canary canary"}"#.into())),
    ];
    for (endpoint, answer) in answers {
        let world = World::new();
        let mut browser = Browser::default();
        let arrival = browser.consents(&world, "jill").await;
        world.zoom.script(endpoint, [answer.clone(), answer.clone()]);
        let error = browser.opens(&world, &arrival).await.unwrap_err();
        assert!(!every_word(&error).contains("canary"), "{endpoint:?} {answer:?}: {}", every_word(&error));
    }
}

#[tokio::test]
async fn mn_12_no_error_repeats_a_callback() {
    let world = World::new();
    let callbacks = [
        Callback { error: Some("canary".into()), ..Callback::default() },
        Callback { error: Some("access_denied canary 4700".into()), ..Callback::default() },
        Callback { state: Some(State::new("canary")), ..Callback::default() },
        Callback {
            state: Some(State::new("canary")),
            code: Some(AuthorizationCode::new("canary")),
            error: Some("canary".into()),
        },
    ];
    for callback in callbacks {
        let error = world.install.finish(callback, Some("canary")).await.unwrap_err();
        assert!(!every_word(&error).contains("canary"), "{}", every_word(&error));
    }
}
