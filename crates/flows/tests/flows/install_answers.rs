use serde_json::json;
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::install::{Finished, InstallError};

use crate::world::{Arrival, Browser, World, link};
use crate::zoom::{Answer, Endpoint};

/// A browser at the moment Zoom sends it back.
async fn arrived() -> (World, Browser, Arrival) {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    (world, browser, arrival)
}

fn refusal(status: u16, error: &str, reason: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "reason": reason}))
}

#[tokio::test]
async fn every_refusal_of_the_token_endpoint_has_its_code_fault_and_sentence_and_ends_the_attempt() {
    let rows = [
        (refusal(400, "invalid_grant", "Invalid Token!"), "code_refused", Fault::Stale, "works once"),
        (Answer::json(400, &json!({"error": "invalid_grant"})), "code_refused", Fault::Stale, "works once"),
        (refusal(400, "invalid_request", "Invalid authorization code x"), "code_refused", Fault::Stale, "works once"),
        (refusal(400, "invalid_grant", "Invalid authorization code"), "code_refused", Fault::Stale, "works once"),
        (
            Answer::json(400, &json!({"error": "invalid_grant", "code": 4733})),
            "code_refused",
            Fault::Stale,
            "the authorization code has expired after five minutes; start again.",
        ),
        (
            refusal(400, "invalid_client", "Invalid client_id or client_secret"),
            "client_refused",
            Fault::Operator,
            "client id and secret",
        ),
        (refusal(401, "invalid_client", ""), "client_refused", Fault::Operator, "client id and secret"),
        (
            Answer::json(400, &json!({"error": "invalid_client", "code": 4717})),
            "client_refused",
            Fault::Operator,
            "the app is disabled.",
        ),
        (
            refusal(400, "unsupported_grant_type", "unsupported grant type"),
            "zoom_refused",
            Fault::Operator,
            "refused to give tokens",
        ),
        (refusal(401, "invalid_request", "Invalid Token!"), "zoom_refused", Fault::Operator, "refused to give tokens"),
        (
            Answer::json(400, &json!({"status": false, "errorCode": 4709, "errorMessage": "…", "result": null})),
            "zoom_refused",
            Fault::Operator,
            "the redirect URL differs from the one that the authorization began with.",
        ),
        (Answer::Status(400, "<html>".into()), "zoom_bad_answer", Fault::Zoom, "makes no sense"),
        (Answer::Status(200, "<html>".into()), "zoom_bad_answer", Fault::Zoom, "makes no sense"),
        (Answer::Status(200, "{}".into()), "zoom_bad_answer", Fault::Zoom, "makes no sense"),
        (Answer::Status(302, String::new()), "zoom_bad_answer", Fault::Zoom, "makes no sense"),
    ];
    for (answer, code, fault, sentence) in rows {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Token, [answer.clone()]);
        let refused = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), (code, fault), "{answer:?}");
        assert!(refused.sentence().contains(sentence), "{answer:?}: {}", refused.sentence());
        assert!(refused.advice().ends_with('.'));
        assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)), "{answer:?}");
        assert_eq!(world.zoom.calls(Endpoint::Token), 1, "{answer:?}");
        assert!(!world.is_installed("jill").await);
    }
}

#[tokio::test]
async fn after_a_passing_trouble_a_reload_succeeds() {
    let rows = [
        (Answer::Status(429, "{}".into()), "zoom_rate_limited", Fault::ZoomBusy),
        (Answer::Status(500, "<html>".into()), "zoom_unavailable", Fault::ZoomBusy),
        (Answer::Status(503, String::new()), "zoom_unavailable", Fault::ZoomBusy),
        (Answer::Connect, "zoom_unreachable", Fault::Zoom),
        (Answer::TooLarge, "zoom_bad_answer", Fault::Zoom),
    ];
    for (answer, code, fault) in rows {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Token, [answer.clone(), answer.clone()]);
        for _ in 0..2 {
            let refused = browser.opens(&world, &arrival).await.unwrap_err();
            assert_eq!((refused.code(), refused.fault()), (code, fault), "{answer:?}");
            assert!(refused.advice().contains("minute"), "{}", refused.advice());
        }
        assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::Installed(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_costs_one_more_authorization() {
    for (answer, code, fault) in
        [(Answer::Timeout, "zoom_timeout", Fault::ZoomSlow), (Answer::Broken, "zoom_bad_answer", Fault::Zoom)]
    {
        let (world, mut browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Token, [answer.clone()]);
        let lost = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((lost.code(), lost.fault()), (code, fault));
        let spent = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((spent.code(), spent.advice()), ("code_refused", "Add the app again."));
        let anew = browser.consents(&world, "jill").await;
        assert!(matches!(browser.opens(&world, &anew).await, Ok(Finished::Installed(_))));
    }
}

#[tokio::test]
async fn a_passing_trouble_gives_the_state_to_no_other_browser() {
    let (world, browser, arrival) = arrived().await;
    world.zoom.script(Endpoint::Token, [Answer::Status(503, String::new())]);
    browser.opens(&world, &arrival).await.unwrap_err();
    assert!(matches!(Browser::default().opens(&world, &arrival).await, Err(InstallError::WrongBrowser)));
    assert!(browser.opens(&world, &arrival).await.is_ok());
}

#[tokio::test]
async fn a_missing_scope_is_named_and_installs_nobody() {
    let success = |scope: &str| {
        Answer::json(
            200,
            &json!({
                "access_token": "a.jill", "refresh_token": "r", "token_type": "bearer", "expires_in": 3599, "scope": scope
            }),
        )
    };
    for scope in ["", "user:read:user", "zoomapp:inmeeting:admin", "zoomapp:inmeeting2 xzoomapp:inmeeting"] {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Token, [success(scope)]);
        let refused = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), ("scope_missing", Fault::Forbidden), "{scope}");
        assert!(refused.sentence().contains("zoomapp:inmeeting"));
        assert!(!world.is_installed("jill").await);
        assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)));
    }
    let (world, browser, arrival) = arrived().await;
    world.zoom.script(Endpoint::Token, [success("zoomapp:inmeeting")]);
    assert!(browser.opens(&world, &arrival).await.is_ok());
}

#[tokio::test]
async fn the_user_is_asked_for_once_more_after_a_trouble_of_zooms_own() {
    for answer in [Answer::Status(500, String::new()), Answer::Status(503, "<html>".into()), Answer::Connect] {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Me, [answer]);
        assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::Installed(_))));
        assert_eq!(world.zoom.calls(Endpoint::Me), 2);
    }
}

#[tokio::test]
async fn without_the_user_nobody_is_installed_and_the_spent_code_is_not_offered_again() {
    let rows = [
        (Answer::Status(503, String::new()), 2, "zoom_unavailable", Fault::ZoomBusy),
        (Answer::Connect, 2, "zoom_unreachable", Fault::Zoom),
        (Answer::Timeout, 1, "zoom_timeout", Fault::ZoomSlow),
        (Answer::Status(429, String::new()), 1, "zoom_rate_limited", Fault::ZoomBusy),
    ];
    for (answer, calls, code, fault) in rows {
        let (world, mut browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Me, [answer.clone(), answer.clone()]);
        let refused = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), (code, fault), "{answer:?}");
        assert_eq!(world.zoom.calls(Endpoint::Me), calls, "{answer:?}");
        assert!(!world.is_installed("jill").await);
        world.zoom.heal();
        assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::BeginAgain)), "{answer:?}");
        assert_eq!(world.zoom.calls(Endpoint::Token), 1, "{answer:?}");
        let anew = browser.consents(&world, "jill").await;
        assert!(matches!(browser.opens(&world, &anew).await, Ok(Finished::Installed(_))));
    }
}

#[tokio::test]
async fn an_answer_without_a_user_ends_the_attempt() {
    let rows = [
        (Answer::Status(200, "<html>".into()), "zoom_bad_answer", Fault::Zoom),
        (Answer::json(200, &json!({"id": "a\r\nb"})), "zoom_bad_answer", Fault::Zoom),
        (Answer::json(401, &json!({"code": 124})), "token_refused", Fault::Zoom),
        (Answer::json(400, &json!({"code": 4711})), "scope_missing", Fault::Operator),
        (Answer::json(404, &json!({"code": 1001})), "zoom_refused", Fault::Zoom),
    ];
    for (answer, code, fault) in rows {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Me, [answer.clone()]);
        let refused = browser.opens(&world, &arrival).await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), (code, fault), "{answer:?}");
        assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)));
        assert!(!world.is_installed("jill").await);
    }
}

#[tokio::test]
async fn without_a_deep_link_the_user_is_installed_all_the_same() {
    let rows = [
        (Answer::json(400, &json!({"code": 124})), "token_refused"),
        (Answer::json(401, &json!({"code": 124})), "token_refused"),
        (Answer::json(400, &json!({"code": 300})), "zoom_refused"),
        (Answer::json(400, &json!({"code": 4711})), "scope_missing"),
        (Answer::json(404, &json!({"code": 1001})), "zoom_refused"),
        (Answer::Status(429, String::new()), "zoom_rate_limited"),
        (Answer::Status(500, "<html>".into()), "zoom_unavailable"),
        (Answer::Status(200, "<html>".into()), "zoom_bad_answer"),
        (Answer::Status(200, "{}".into()), "zoom_bad_answer"),
        (Answer::Timeout, "zoom_timeout"),
        (Answer::Connect, "zoom_unreachable"),
        (Answer::Broken, "zoom_bad_answer"),
        (Answer::TooLarge, "zoom_bad_answer"),
    ];
    for (answer, code) in rows {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::DeepLink, [answer.clone()]);
        let finished = browser.opens(&world, &arrival).await;
        let Ok(Finished::InstalledWithoutLink(error)) = finished else { panic!("{answer:?}: {finished:?}") };
        assert_eq!(error.code(), code, "{answer:?}");
        assert!(world.is_installed("jill").await, "{answer:?}");
        assert!(!link(&browser.opens(&world, &arrival).await).is_empty(), "a reload asks again");
        assert_eq!(world.zoom.calls(Endpoint::Token), 1);
    }
}

#[tokio::test]
async fn mn_11_nobody_is_sent_along_a_hostile_deep_link() {
    for hostile in [
        "https://evil.example/",
        "https://zoom.us.evil.example/",
        "https://zoom.us@evil.example/",
        "http://zoom.us/launch",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:https://zoom.us/x",
        "//zoom.us/launch",
        "https://zoom.us/\r\nSet-Cookie: a=b",
        "",
    ] {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::DeepLink, [Answer::json(200, &json!({"deeplink": hostile}))]);
        let finished = browser.opens(&world, &arrival).await;
        let Ok(Finished::InstalledWithoutLink(error)) = finished else { panic!("{hostile}: {finished:?}") };
        assert_eq!(error.code(), "deep_link_refused", "{hostile}");
        assert!(world.is_installed("jill").await);
    }
}

#[tokio::test]
async fn a_refused_call_of_the_api_says_so_and_why() {
    for (code, sentence) in [
        (
            4700,
            "Zoom refused this call: the redirect URL is not registered in the Marketplace, or the token is empty or may not do this.",
        ),
        (1001, "Zoom refused this call."),
    ] {
        let (world, browser, arrival) = arrived().await;
        world.zoom.script(Endpoint::Me, [Answer::json(400, &json!({"code": code}))]);
        assert_eq!(browser.opens(&world, &arrival).await.unwrap_err().sentence(), sentence);
    }
}
