//! Canaries: nothing secret appears in a log, an answer that must not hold it, or a metric.

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use stagedoor_flows::api::ApiAllow;
use tower::ServiceExt;
use url::Url;

use crate::support::{Browser, CLIENT_SECRET, Log, MASTER_SECRET, Plan, get, listen, visit};

#[tokio::test]
async fn mn_12_no_secret_is_in_the_log_the_metrics_or_a_page() {
    let (log, _guard) = Log::of_this_thread();

    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let mut pages = vec![browser.come_back(&house, &state).await];
    let binding = browser.jar["__Host-stagedoor-install"].clone();
    let context = house.context();
    let launched = house
        .send(visit("/?account=canary-query").header("x-zoom-app-context", &context).body(Body::empty()).unwrap())
        .await;
    let session = launched.cookie("__Host-stagedoor").unwrap();
    let cookie = format!("__Host-stagedoor={session}");
    pages.push(house.send(get("/zoom/session").header("cookie", &cookie).body(Body::empty()).unwrap()).await);
    pages.push(
        house.send(visit("/").header("x-zoom-app-context", format!("{context}x")).body(Body::empty()).unwrap()).await,
    );
    pages.push(house.send(Request::post("/canary-post").header("cookie", &cookie).body(Body::empty()).unwrap()).await);
    for path in ["/oauth/token", "/v2/users/me", "/v2/zoomapp/deeplink"] {
        let state = browser.begin(&house).await;
        house.zoom.answer(
            path,
            400,
            &json!({ "reason": "canary-reason", "error": "canary-error", "message": "canary-message" }),
        );
        pages.push(browser.come_back(&house, &state).await);
    }
    pages.push(browser.visit(&house, "/zoom/callback?error=canary-error-text&state=canary-state").await);

    let metrics = house.gateway.admin_router().oneshot(get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    let metrics = metrics.into_body().collect().await.unwrap().to_bytes();
    let bodies: String = pages.iter().map(|page| page.body.as_str()).collect();
    let secrets = ["canary", CLIENT_SECRET, MASTER_SECRET, &state, &context, &session, &binding];
    for (place, text) in
        [("log", log.text()), ("metrics", String::from_utf8_lossy(&metrics).into_owned()), ("pages", bodies)]
    {
        for secret in secrets {
            let hit = text.lines().find(|line| line.contains(secret) && !line.contains("path=\"/canary-post\""));
            assert!(hit.is_none(), "{place}: {hit:?}");
        }
    }
}

#[tokio::test]
async fn an_access_event_says_what_and_not_who() {
    let (log, _guard) = Log::of_this_thread();
    let house = Plan::default().build();
    let reply = house.visit("/somewhere?token=canary").await;
    house.get("/zoom/session?token=canary").await;
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("access:")).collect();
    assert!(lines[0].contains("route=\"app\" path=\"/somewhere\" status=200"), "{}", lines[0]);
    assert!(lines[0].contains(reply.header("x-request-id")), "{}", lines[0]);
    assert!(lines[1].contains("route=\"session\" status=401"), "{}", lines[1]);
    assert!(!text.contains("canary"));
}

#[tokio::test]
async fn mn_12_a_call_of_zooms_api_is_logged_by_its_rule_and_not_by_its_path() {
    let (log, _guard) = Log::of_this_thread();
    let mut plan = Plan::default().with(|config| config.api_allow = ApiAllow::parse(&["GET /v2/users/*"]).unwrap());
    let api = listen().await;
    plan.api_host = Url::parse(&format!("http://{}", api.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(api, Router::new().fallback(async || "{}")).await.unwrap() });
    let house = plan.build();
    house.install().await;
    let cookie = house.session().await;
    for path in ["/v2/users/canary@example.com?canary=1", "/v2/canary"] {
        let request = get(&format!("/zoom/api{path}")).header("cookie", &cookie).body(Body::empty()).unwrap();
        house.send(request).await;
    }
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("route=\"api\"")).collect();
    assert!(lines[0].contains("call=\"GET /v2/users/*\"") && lines[0].contains("status=200"), "{}", lines[0]);
    let hit = text.lines().find(|line| line.contains("canary"));
    assert!(hit.is_none(), "{hit:?}");
}

#[tokio::test]
async fn the_cause_of_a_failure_is_in_the_log_with_the_id_of_the_answer() {
    let (log, _guard) = Log::of_this_thread();
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    house.zoom.cut_off("/oauth/token");
    let reply = browser.come_back(&house, &state).await;
    let text = log.text();
    let line = text.lines().find(|line| line.contains("zoom_unreachable")).expect("the failure is logged");
    assert!(
        line.contains(reply.header("x-request-id")) && line.contains("cannot connect to zoom.us: refused"),
        "{line}"
    );
    assert!(!reply.body.contains("cannot connect"), "mn_32: the chain is not shown");
}
