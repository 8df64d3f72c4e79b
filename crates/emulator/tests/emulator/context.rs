//! The app context, opened with the protocol's own key: what it says, and when.

use axum::Router;
use axum::routing::get;
use http::HeaderMap;
use serde_json::{Value, json};
use stagedoor_protocol::context::{AppContext, ContextError, ContextKey};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;

use crate::backend::page;
use crate::stage::{ADA, CLIENT_ID, CLIENT_SECRET, GRACE, Stage};

/// An app that shows the context that it got, one in a line.
pub(crate) fn mirror() -> Router {
    Router::new().fallback(get(async |headers: HeaderMap| {
        let contexts = headers.get_all("x-zoom-app-context").iter().map(|value| value.to_str().unwrap());
        page(contexts.collect::<Vec<_>>().join("\n"))
    }))
}

fn key() -> ContextKey {
    ContextKey::new(&ClientSecret::new(CLIENT_SECRET))
}

fn plaintext(context: &str) -> Value {
    serde_json::from_slice(&key().decrypt(context).unwrap()).unwrap()
}

async fn verify(stage: &Stage, context: &str) -> Result<AppContext, ContextError> {
    let now = UnixMillis(stage.read("state").await["now_ms"].as_i64().unwrap());
    key().open(context)?.verify(&ClientId::parse(CLIENT_ID).unwrap(), now)
}

/// The context of a launch by deep link.
async fn launched(stage: &Stage, action: &str) -> String {
    let tokens = stage.tokens().await;
    let link = stage.deep_link(tokens["access_token"].as_str().unwrap(), json!({"action": action})).await.json();
    let launched = stage.post("launch", json!({"deep_link": link["deeplink"]})).await;
    stage.bind(launched["url"].as_str().unwrap()).await
}

#[tokio::test]
async fn the_home_url_gets_a_context_that_stagedoor_accepts() {
    let stage = Stage::of(mirror()).await;
    let cookie = launched(&stage, r#"{"go":"there"}"#).await;
    let context = stage.document(&cookie, "/").await.text();
    assert!(!context.contains(['+', '/', '=']), "base64url without padding: {context}");
    let opened = verify(&stage, &context).await.unwrap();
    assert_eq!(opened.user.unwrap().as_str(), ADA);
    assert_eq!((opened.kind.as_str(), opened.role.as_deref()), ("meeting", Some("host")));
    assert_eq!(opened.meeting.unwrap().as_str(), stage.read("state").await["where"]["meeting"]);
    assert_eq!(opened.action.as_deref(), Some(r#"{"go":"there"}"#));
    let life = opened.expires.since(opened.issued);
    assert!((115_000..=120_000).contains(&life), "{life}");
}

#[tokio::test]
async fn the_claims_come_in_zooms_order() {
    let stage = Stage::of(mirror()).await;
    let cookie = launched(&stage, "go").await;
    let context = stage.document(&cookie, "/").await.text();
    let text = String::from_utf8(key().decrypt(&context).unwrap()).unwrap();
    let order = ["typ", "uid", "mid", "act", "attendrole", "aud", "iss", "ts", "exp", "entitlements"];
    let places: Vec<_> = order.map(|name| text.find(&format!("\"{name}\":")).unwrap()).to_vec();
    assert!(places.is_sorted(), "{text}");
}

#[tokio::test]
async fn every_document_at_the_home_url_gets_a_fresh_context_and_nothing_else_gets_one() {
    let stage = Stage::of(mirror()).await;
    let cookie = stage.open().await;
    let first = stage.document(&cookie, "/").await.text();
    let second = stage.document(&cookie, "/?again=1").await.text();
    assert_ne!(first, second);
    assert_eq!(stage.document(&cookie, "/other").await.text(), "");
}

#[tokio::test]
async fn the_action_is_gone_after_five_minutes() {
    let stage = Stage::of(mirror()).await;
    let cookie = launched(&stage, "go").await;
    stage.put("clock", json!({"advance_ms": 290_000})).await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text())["act"], "go");
    stage.put("clock", json!({"advance_ms": 10_000})).await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text()).get("act"), None);
}

#[tokio::test]
async fn a_launch_from_the_clients_own_list_has_no_action() {
    let stage = Stage::of(mirror()).await;
    let cookie = stage.open().await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text()).get("act"), None);
}

#[tokio::test]
async fn the_place_decides_type_meeting_and_role() {
    let stage = Stage::of(mirror()).await;
    let cookie = stage.open().await;
    stage.put("where", json!({"typ": "panel"})).await;
    let claims = plaintext(&stage.document(&cookie, "/").await.text());
    assert_eq!((claims["typ"].as_str(), claims.get("mid"), claims.get("attendrole")), (Some("panel"), None, None));
    stage.put("where", json!({"typ": "webinar", "role": "co-host"})).await;
    let claims = plaintext(&stage.document(&cookie, "/").await.text());
    assert_eq!((claims["typ"].as_str(), claims["attendrole"].as_str()), (Some("webinar"), Some("co-host")));
}

#[tokio::test]
async fn a_role_changes_within_the_meeting_and_a_topic_means_another_one() {
    let stage = Stage::bare().await;
    let place = async |body| stage.put("where", body).await["where"].clone();
    let first = place(json!({"typ": "meeting", "topic": "Retro"})).await;
    let again = place(json!({"typ": "meeting", "role": "participant"})).await;
    assert_eq!((&again["meeting"], &again["topic"]), (&first["meeting"], &first["topic"]));
    assert_eq!(place(json!({"typ": "meeting"})).await["role"], "participant", "what is left out stays as it is");
    assert_ne!(place(json!({"typ": "meeting", "topic": "Planning"})).await["meeting"], first["meeting"]);
    assert_ne!(place(json!({"typ": "webinar"})).await["meeting"], first["meeting"]);
}

#[tokio::test]
async fn attendees_of_a_webinar_are_guests_whoever_they_are() {
    let stage = Stage::of(mirror()).await;
    stage.tokens().await;
    stage.put("where", json!({"typ": "webinar", "role": "attendee"})).await;
    let cookie = stage.open().await;
    let claims = plaintext(&stage.document(&cookie, "/").await.text());
    assert_eq!((claims["attendrole"].as_str(), claims.get("uid")), (Some("attendee"), None));
    for api in ["authorize", "promptAuthorize"] {
        let call = json!({"view": "v1", "api": api, "data": {"codeChallenge": "x"}});
        assert_eq!(stage.post("sdk-call", call).await["errorCode"], "80004", "{api}");
    }
    stage.put("where", json!({"typ": "webinar", "role": "panelist"})).await;
    let cookie = stage.open().await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text())["uid"], ADA);
}

#[tokio::test]
async fn a_guest_and_a_user_who_removed_the_app_have_no_uid() {
    let stage = Stage::of(mirror()).await;
    let launched = stage.post("launch", json!({"guest": true})).await;
    let cookie = stage.bind(launched["url"].as_str().unwrap()).await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text()).get("uid"), None);
    stage.post("uninstall", json!({})).await;
    let cookie = stage.open().await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text()).get("uid"), None);
    stage.tokens().await;
    let cookie = stage.open().await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text())["uid"], ADA);
}

#[tokio::test]
async fn the_page_cannot_bring_a_context_of_its_own() {
    let stage = Stage::of(mirror()).await;
    let cookie = stage.open().await;
    let request = http::Request::get(format!("{}/data", stage.at.web_view))
        .header("cookie", cookie)
        .header("x-zoom-app-context", "planted");
    let answer = stage.http.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.text(), "");
}

#[tokio::test]
async fn contexts_are_minted_to_order() {
    let stage = Stage::bare().await;
    let order = json!({"user": GRACE, "typ": "chat", "act": "a", "mid": "m", "role": "participant", "exp_ms": 1});
    let minted = stage.post("context", order).await;
    assert_eq!(plaintext(minted["context"].as_str().unwrap()), minted["claims"]);
    let claims = &minted["claims"];
    assert_eq!(
        (claims["uid"].as_str(), claims["typ"].as_str(), claims["exp"].as_i64()),
        (Some(GRACE), Some("chat"), Some(1))
    );
    let guest = stage.post("context", json!({"guest": true, "typ": "panel"})).await;
    assert_eq!((guest["claims"].get("uid"), guest["claims"].get("mid")), (None, None));
    assert!(verify(&stage, guest["context"].as_str().unwrap()).await.is_ok());
}

#[tokio::test]
async fn faults_of_the_client_spoil_the_context() {
    let stage = Stage::of(mirror()).await;
    let cookie = stage.open().await;
    let mut outcomes = Vec::new();
    for fault in ["expired", "other_app", "other_secret", "no_context", "two_contexts"] {
        stage.put("faults", json!({"client": {"id": fault, "times": 1}})).await;
        let shown = stage.document(&cookie, "/").await.text();
        outcomes.push(match shown.split('\n').collect::<Vec<_>>()[..] {
            [""] => "none",
            [context] => verify(&stage, context).await.map_or_else(|error| error.code(), |_| "fine"),
            _ => "several",
        });
        let shown = stage.document(&cookie, "/").await.text();
        assert!(verify(&stage, &shown).await.is_ok(), "the fault strikes once");
    }
    assert_eq!(outcomes, ["context_expired", "context_audience", "context_seal", "none", "several"]);
}

#[tokio::test]
async fn an_old_deep_link_brings_no_action() {
    let stage = Stage::of(mirror()).await;
    stage.put("faults", json!({"client": "old_link"})).await;
    let cookie = launched(&stage, "go").await;
    assert_eq!(plaintext(&stage.document(&cookie, "/").await.text()).get("act"), None);
}
