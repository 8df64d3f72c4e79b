//! The admin listener.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::{DeadStore, House, Plan, raw, until};

async fn ask(house: &House, path: &str) -> (StatusCode, String) {
    let response = house.gateway.admin_router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    (status, String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned())
}

async fn raw_status(address: std::net::SocketAddr, path: &str) -> String {
    let answer = raw(address, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_gateway_is_ready_once_it_has_read_the_revocations() {
    let gateway = Plan::default().build().run().await;
    assert_eq!(raw_status(gateway.admin, "/health").await, "200");
    until("it is ready", async || raw_status(gateway.admin, "/ready").await == "200").await;
}

#[tokio::test]
async fn without_its_store_it_lives_but_is_not_ready() {
    let house = Plan { store: Arc::new(DeadStore), ..Plan::default() }.build();
    assert_eq!(ask(&house, "/health").await.0, StatusCode::OK);
    let (status, body) = ask(&house, "/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_snapshot!(body, @r#"{"revocations":"unread","status":"not_ready","stopping":false,"store":"unavailable"}"#);
}

#[tokio::test]
async fn launches_go_on_while_the_store_is_down_and_installs_say_so() {
    let house = Plan { store: Arc::new(DeadStore), ..Plan::default() }.build();
    assert_eq!(house.launch("/").await.status, StatusCode::OK);
    let reply = house.visit("/zoom/install").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert!(reply.body.contains("store_unavailable"));
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_class_of_status() {
    let house = Plan::default().build();
    house.launch("/").await;
    house.get("/zoom/session").await;
    house.get("/zoom/session").await;
    house.get("/made/up/by/a/client").await;
    let strange = Request::builder().method("MADEUP").uri("/").body(Body::empty()).unwrap();
    house.send(strange).await;
    let (_, metrics) = ask(&house, "/metrics").await;
    let counted: Vec<_> = metrics.lines().filter(|line| line.starts_with("stagedoor_http_requests_total")).collect();
    let mut counted: Vec<_> = counted.into_iter().map(str::to_owned).collect();
    counted.sort();
    insta::assert_snapshot!(counted.join("\n"), @r#"
    stagedoor_http_requests_total{route="app",method="get",status="2xx"} 1
    stagedoor_http_requests_total{route="app",method="get",status="4xx"} 1
    stagedoor_http_requests_total{route="app",method="other",status="4xx"} 1
    stagedoor_http_requests_total{route="session",method="get",status="4xx"} 2
    "#);
    assert!(
        metrics.contains("stagedoor_http_request_duration_seconds_bucket{le=\"0.001\",route=\"app\"}"),
        "{metrics}"
    );
    assert!(!metrics.contains("made"), "nothing that a client makes up becomes a label");
}

#[tokio::test]
async fn mn_35_the_public_listener_has_none_of_the_admin_routes() {
    let house = Plan::default().build();
    for path in ["/health", "/ready", "/metrics", "/zoom/health", "/zoom/ready", "/zoom/metrics"] {
        assert!(house.get(path).await.status.is_client_error(), "{path}");
    }
}
