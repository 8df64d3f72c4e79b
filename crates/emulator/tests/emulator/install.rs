//! The whole install, hop by hop, with a browser that a test plays.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::backend::{Backend, backend};
use crate::stage::{ADA, Answer, GRACE, Stage};
use std::sync::Arc;

async fn stage_with_backend() -> (Stage, Arc<Backend>) {
    let mut kept = None;
    let app = |at: &stagedoor_emulator::Addresses| {
        let (backend, router) = backend(at);
        kept = Some(backend);
        Some(router)
    };
    let stage = Stage::with(app, |_| {}).await;
    (stage, kept.unwrap())
}

/// Follows redirects until there is a page.
async fn follow(stage: &Stage, url: &str) -> (Vec<String>, Answer) {
    let mut hops = vec![url.to_owned()];
    loop {
        let answer = stage.http.browse(hops.last().unwrap()).await;
        if !answer.status.is_redirection() || hops.len() > 10 {
            return (hops, answer);
        }
        let base: url::Url = hops.last().unwrap().parse().unwrap();
        hops.push(base.join(answer.header("location").unwrap()).unwrap().into());
    }
}

/// Decides on the consent page, as its form does.
async fn decide(stage: &Stage, page: &Answer, user: &str, decision: &str) -> Answer {
    let html = page.text();
    let name = html.split(r#"name="request" value=""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("request", name), ("user", user), ("decision", decision)])
        .finish();
    let request = Request::post(format!("{}/oauth/consent", stage.at.zoom))
        // What Chromium sends from a page whose referrer policy is no-referrer.
        .header("origin", "null")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    stage.http.send(request.body(Body::from(form)).unwrap()).await
}

fn titles(steps: &[Value]) -> Vec<&str> {
    steps.iter().map(|step| step["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_app_is_added_consented_to_and_opened() {
    let (stage, backend) = stage_with_backend().await;
    let add = stage.post("add", json!({"from": "landing"})).await;
    assert_eq!(add["url"], format!("{}/zoom/install", stage.app));

    let (_, consent) = follow(&stage, add["url"].as_str().unwrap()).await;
    assert_eq!(consent.status, StatusCode::OK);
    let back = decide(&stage, &consent, GRACE, "allow").await;
    assert_eq!(back.status, StatusCode::FOUND);
    let code = back.location_param("code").unwrap();
    assert_eq!(code.len(), 33);

    let (hops, _) = follow(&stage, back.location().as_str()).await;
    assert!(hops[1].starts_with(&format!("{}/launch/chatapp/", stage.at.zoom)), "{hops:?}");
    assert!(hops[2].ends_with("/?view=v1"), "{hops:?}");
    assert_eq!(backend.installed.lock().unwrap().as_deref(), Some(GRACE));

    let shown = stage.read("state").await;
    assert_eq!(shown["view"]["user"], GRACE);
    let cookie = stage.bind(shown["view"]["url"].as_str().unwrap()).await;
    let home = stage.document(&cookie, "/").await;
    assert_eq!(home.status, StatusCode::OK, "{}", home.text());
    assert!(home.text().contains(GRACE) && home.text().contains(r#""act":"welcome""#), "{}", home.text());

    let steps = stage.steps().await;
    assert_eq!(
        titles(&steps),
        [
            "Begin the install",
            "Ask for consent",
            "The user decides",
            "Back with a code",
            "Code for tokens",
            "Whose tokens are these?",
            "Ask for a deep link",
            "Follow the deep link",
            "The client opens",
            "Open the Home URL",
        ]
    );
    assert!(steps.iter().all(|step| step["status"] == "ok" && step["flow"] == steps[0]["flow"]), "{steps:#?}");
    let numbers: Vec<_> = steps.iter().map(|step| step["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(shown["installed"][0]["user"], GRACE);
}

#[tokio::test]
async fn an_app_added_in_the_marketplace_gets_a_code_without_state_and_installs_silently_after_it() {
    let (stage, backend) = stage_with_backend().await;
    let add = stage.post("add", json!({"from": "marketplace"})).await;
    let url = add["url"].as_str().unwrap();
    assert!(!url.contains("state=") && !url.contains("code_challenge"), "{url}");

    let (_, consent) = follow(&stage, url).await;
    let back = decide(&stage, &consent, ADA, "allow").await;
    assert_eq!(back.location().query_pairs().map(|(name, _)| name.into_owned()).collect::<Vec<_>>(), ["code"]);

    let (hops, _) = follow(&stage, back.location().as_str()).await;
    assert!(hops[1].ends_with("/zoom/install") && hops[2].contains("/oauth/authorize"), "{hops:?}");
    assert!(hops[3].contains("code=") && hops[3].contains("state="), "no second consent page: {hops:?}");
    assert!(hops.last().unwrap().ends_with("/?view=v1"), "{hops:?}");
    assert_eq!(backend.installed.lock().unwrap().as_deref(), Some(ADA));

    let steps = stage.steps().await;
    assert!(steps.iter().all(|step| step["status"] == "ok" && step["flow"] == steps[0]["flow"]), "{steps:#?}");
}

#[tokio::test]
async fn a_user_who_declines_installs_nothing() {
    let (stage, backend) = stage_with_backend().await;
    let (_, consent) = follow(&stage, &format!("{}/zoom/install", stage.app)).await;
    let back = decide(&stage, &consent, ADA, "deny").await;
    assert_eq!(back.location_param("error").as_deref(), Some("access_denied"));
    assert!(back.location_param("state").is_some() && back.location_param("code").is_none());
    let (_, page) = follow(&stage, back.location().as_str()).await;
    assert_eq!(page.text(), "declined: access_denied");
    assert_eq!(*backend.installed.lock().unwrap(), None);
    assert_eq!(stage.read("state").await["installed"], json!([]));
}

#[tokio::test]
async fn a_consent_is_decided_once_and_only_on_the_page() {
    let (stage, _) = stage_with_backend().await;
    let (_, consent) = follow(&stage, &format!("{}/zoom/install", stage.app)).await;
    for header in
        [Some(("origin", "https://evil.example")), Some(("origin", "null")), Some(("sec-fetch-site", "none")), None]
    {
        let mut request = Request::post(format!("{}/oauth/consent", stage.at.zoom))
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = stage.http.send(request.body(Body::from("decision=allow")).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header:?}");
    }
    assert_eq!(decide(&stage, &consent, ADA, "maybe").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(decide(&stage, &consent, "nobody", "allow").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(decide(&stage, &consent, ADA, "allow").await.status, StatusCode::FOUND);
    assert_eq!(decide(&stage, &consent, ADA, "allow").await.status, StatusCode::BAD_REQUEST);
}
