//! `/zoom/events`: pages hear what concerns them, as long as their session counts.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_protocol::id::ZoomUserId;
use tower::ServiceExt as _;

use crate::support::{Hooks, House, PATIENCE, Plan, Post, USER, event, get, until, visit};

/// A page that listens.
struct Page {
    body: BodyDataStream,
    text: String,
}

/// An event as a page hears it.
struct Heard {
    id: String,
    data: Value,
}

impl Page {
    /// Listens with a session's cookie.
    async fn opens(router: &axum::Router, cookie: &str, last: Option<&str>) -> Self {
        let mut request = get("/zoom/events").header("host", "app.example.com").header("cookie", cookie);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event.
    async fn hears(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.next()).await.expect("an event")
    }

    async fn next(&mut self) -> Heard {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                    return Heard { id, data: serde_json::from_str(&data).unwrap() };
                }
                continue;
            }
            let chunk = self.body.next().await.expect("the stream goes on").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits until the stream ends.
    async fn ends(mut self) {
        let end = async { while self.body.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, end).await.expect("the stream ends");
    }
}

async fn cookie(house: &House, changes: &Value) -> String {
    let context = house.context_with(changes);
    let reply = house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await;
    format!("__Host-stagedoor={}", reply.cookie("__Host-stagedoor").unwrap())
}

async fn status(post: &Post, request: Request<Body>) -> (StatusCode, String) {
    let reply = post.ask(request).await;
    (reply.status, reply.code())
}

#[tokio::test]
async fn nobody_listens_without_a_session_or_from_another_site() {
    let house = Plan::webhooks(None).build();
    let cookie = house.session().await;
    let post = Post::of(house).await;
    let request = || get("/zoom/events").header("host", "app.example.com");
    let refused = status(&post, request().body(Body::empty()).unwrap()).await;
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, "session_required".into()));
    let foreign = request().header("cookie", &cookie).header("sec-fetch-site", "cross-site");
    let refused = status(&post, foreign.body(Body::empty()).unwrap()).await;
    assert_eq!(refused, (StatusCode::FORBIDDEN, "cross_site".into()));
}

#[tokio::test]
async fn where_events_are_forwarded_no_page_hears_them() {
    let hooks = Hooks::start().await;
    let house = Plan::webhooks(Some(hooks.address)).build();
    let cookie = house.session().await;
    let post = Post::of(house).await;
    let request = get("/zoom/events").header("host", "app.example.com").header("cookie", cookie);
    assert_eq!(post.ask(request.body(Body::empty()).unwrap()).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_hears_its_users_events_and_resumes_where_it_stopped() {
    let house = Plan::webhooks(None).build();
    let (router, clock) = (house.router.clone(), house.clock.clone());
    let own = cookie(&house, &json!({})).await;
    let stranger = cookie(&house, &json!({ "uid": "stranger", "mid": "another" })).await;
    let post = Post::of(house).await;
    let mut page = Page::opens(&router, &own, None).await;
    let mut other = Page::opens(&router, &stranger, None).await;
    clock.advance_seconds(1);
    post.send(&event("1", 1)).await;
    let first = page.hears().await;
    assert_eq!(first.data, event("1", 1));
    drop(page);
    clock.advance_seconds(1);
    post.send(&event("1", 2)).await;
    let mut page = Page::opens(&router, &own, Some(&first.id)).await;
    assert_eq!(page.hears().await.data, event("1", 2), "the one that was missed");
    clock.advance_seconds(1);
    post.send(&event("1", 3)).await;
    assert_eq!(page.hears().await.data, event("1", 3), "the next one");
    let heard = tokio::time::timeout(Duration::from_secs(3), other.next()).await;
    assert!(heard.is_err(), "and somebody else nothing");
}

#[tokio::test]
async fn a_participant_hears_that_something_happened_in_the_meeting_and_no_more() {
    let house = Plan::webhooks(None).build();
    let (router, clock) = (house.router.clone(), house.clock.clone());
    let claims = json!({ "uid": "guest", "mid": "1==", "attendrole": "attendee" });
    let participant = cookie(&house, &claims).await;
    let post = Post::of(house).await;
    let mut page = Page::opens(&router, &participant, None).await;
    clock.advance_seconds(1);
    post.send(&event("1", 1)).await;
    let heard = page.hears().await.data;
    assert_eq!(heard["payload"], json!({ "object": { "uuid": "1==" } }));
    assert!(!heard.to_string().contains(USER));
}

#[tokio::test]
async fn a_stream_ends_soon_after_its_session_was_revoked() {
    let house = Plan::webhooks(None).build();
    let (router, revocations) = (house.router.clone(), house.revocations.clone());
    let own = cookie(&house, &json!({})).await;
    let post = Post::of(house).await;
    let page = Page::opens(&router, &own, None).await;
    revocations.revoke(&ZoomUserId::parse(USER).unwrap()).await.unwrap();
    page.ends().await;
    drop(post);
}

#[tokio::test]
async fn a_stop_ends_every_stream_at_once() {
    // Nothing is cut.
    let house = Plan::webhooks(None).with(|config| config.limits.stop = 10 * PATIENCE).build();
    let router = house.router.clone();
    let own = cookie(&house, &json!({})).await;
    let post = Post::of(house).await;
    let page = Page::opens(&router, &own, None).await;
    let mut running = post.running;
    running.stop();
    page.ends().await;
    running.stopped().await;
}

#[tokio::test]
async fn one_person_has_sixteen_streams_at_most() {
    let house = Plan::webhooks(None).build();
    let router = house.router.clone();
    let (own, stranger) = (cookie(&house, &json!({})).await, cookie(&house, &json!({ "uid": "stranger" })).await);
    let post = Post::of(house).await;
    let mut pages = Vec::new();
    for _ in 0..16 {
        pages.push(Page::opens(&router, &own, None).await);
    }
    let request = || get("/zoom/events").header("host", "app.example.com").header("cookie", &own);
    let refused = status(&post, request().body(Body::empty()).unwrap()).await;
    assert_eq!(refused, (StatusCode::SERVICE_UNAVAILABLE, "too_many_streams".into()));
    Page::opens(&router, &stranger, None).await;
    pages.pop();
    let are_open = async |count: &str| post.metric("stagedoor_event_streams").await == [count];
    until("one is closed", async || are_open("stagedoor_event_streams 15").await).await;
    let _page = Page::opens(&router, &own, None).await;
    assert!(are_open("stagedoor_event_streams 16").await);
}
