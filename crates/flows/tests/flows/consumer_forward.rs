//! The site's own "who am I", asked with the visitor's cookies.

use std::sync::Arc;

use serde_json::{Value, json};
use stagedoor_flows::consumer::{Forward, ForwardTerms, Identify, Identity, Unidentified, Visitor};
use url::Url;

use crate::site::{Says, Site};
use crate::world::{START, TestClock};

struct Place {
    site: Arc<Site>,
    clock: Arc<TestClock>,
    forward: Forward,
}

fn place(cookies: Option<&[&str]>, cache_seconds: u32) -> Place {
    let site = Arc::new(Site::saying(200, &json!({"email": "a@b.c"})));
    let clock = TestClock::at(START);
    let terms = ForwardTerms {
        url: Url::parse("https://www.example.com/whoami?for=chat").unwrap(),
        cookies: cookies.map(|names| names.iter().map(ToString::to_string).collect()),
        cache_seconds,
    };
    Place { forward: Forward::new(site.clone(), clock.clone(), terms), site, clock }
}

impl Place {
    async fn asks(&self, cookies: &[(&str, &str)]) -> Result<Identity, Unidentified> {
        self.forward.identify(&Visitor::new(cookies.iter().copied())).await
    }
}

fn email(identity: Result<Identity, Unidentified>) -> Value {
    identity.unwrap().fields["email"].clone()
}

const SID: &[(&str, &str)] = &[("sid", "canary-session")];

#[tokio::test]
async fn the_site_gets_the_named_cookies_and_nothing_else() {
    let place = place(Some(&["sid", "region"]), 0);
    let cookies = [("other", "1"), ("sid", "a=b"), ("region", "eu"), ("Sid", "x"), ("sid", "second")];
    assert_eq!(email(place.asks(&cookies).await), "a@b.c");
    let request = place.site.requests().remove(0);
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("GET", "https://www.example.com/whoami?for=chat")
    );
    let fields: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(fields, [("accept", "application/json"), ("cookie", "sid=a=b; region=eu; sid=second")]);
    assert!(request.body().is_empty());
    assert!(request.headers()["cookie"].is_sensitive());
}

#[tokio::test]
async fn where_none_is_named_all_are_passed_on() {
    let place = place(None, 0);
    place.asks(&[("a", "1"), ("b", "é")]).await.unwrap();
    assert_eq!(place.site.requests()[0].headers()["cookie"].as_bytes(), "a=1; b=é".as_bytes());
}

#[tokio::test]
async fn nobody_is_asked_about_a_visitor_without_cookies_of_the_site() {
    let place = place(Some(&["sid"]), 0);
    assert!(matches!(place.asks(&[]).await, Err(Unidentified::Nobody)));
    assert!(matches!(place.asks(&[("other", "1")]).await, Err(Unidentified::Nobody)));
    assert_eq!(place.site.calls(), 0);
}

#[tokio::test]
async fn mn_23_only_a_200_with_a_json_object_is_signed_in() {
    let place = place(None, 60);
    let unclear = [
        Says::Status(200, "<!doctype html><title>Sign in</title>".into()),
        Says::Status(200, String::new()),
        Says::Status(200, "null".into()),
        Says::Status(200, r#"["a@b.c"]"#.into()),
        Says::Status(200, r#"{"email":"a@b.c","email":"eve@b.c"}"#.into()),
        Says::Status(200, r#"{"email":"a@b.c""#.into()),
        Says::Status(200, "{\"email\":\"\u{0}\"}".into()),
        Says::Status(201, r#"{"email":"a@b.c"}"#.into()),
        Says::Status(404, r#"{"email":"a@b.c"}"#.into()),
        Says::Status(429, r#"{"email":"a@b.c"}"#.into()),
        Says::Status(500, r#"{"email":"a@b.c"}"#.into()),
        Says::Refused,
        Says::Timeout,
        Says::Broken,
        Says::TooLarge,
    ];
    for says in unclear {
        place.site.now_says(says.clone());
        assert!(matches!(place.asks(SID).await, Err(Unidentified::Unclear(_))), "{says:?}");
    }
    for status in [204, 302, 303, 307, 401, 403] {
        place.site.now_says(Says::Status(status, r#"{"email":"a@b.c"}"#.into()));
        assert!(matches!(place.asks(SID).await, Err(Unidentified::Nobody)), "{status}");
    }
    place.site.now_says(Says::Status(200, r#"{"email":"a@b.c"}"#.into()));
    assert_eq!(email(place.asks(SID).await), "a@b.c", "what was unclear is not remembered");
}

#[tokio::test]
async fn mn_12_no_cookie_is_in_what_is_logged() {
    let place = place(None, 0);
    let long = "canary".repeat(2_000);
    for says in [Says::Refused, Says::Timeout, Says::Status(500, "canary".into()), Says::Status(200, "canary".into())] {
        place.site.now_says(says);
        for cookies in [SID, &[("sid", long.as_str())]] {
            let error = place.asks(cookies).await.unwrap_err();
            let cause = std::error::Error::source(&error).map(|cause| format!("{cause} {cause:?}"));
            assert!(!format!("{error} {error:?} {cause:?}").contains("canary"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_given_again_for_its_time_and_to_the_same_cookies_only() {
    let place = place(Some(&["sid"]), 5);
    assert_eq!(email(place.asks(SID).await), "a@b.c");
    place.site.now_says(Says::Status(200, r#"{"email":"new@b.c"}"#.into()));
    place.clock.advance(4_999);
    assert_eq!(email(place.asks(&[("sid", "canary-session"), ("other", "x")]).await), "a@b.c");
    assert_eq!(email(place.asks(&[("sid", "another")]).await), "new@b.c");
    place.clock.advance(1);
    assert_eq!(email(place.asks(SID).await), "new@b.c");
    place.clock.advance(-60_000);
    place.site.now_says(Says::Status(401, String::new()));
    assert!(place.asks(SID).await.is_err(), "a clock that was set back does not keep an answer");
}

#[tokio::test]
async fn without_a_cache_every_visit_is_asked_about() {
    let place = place(None, 0);
    place.asks(SID).await.unwrap();
    place.site.now_says(Says::Status(401, String::new()));
    assert!(place.asks(SID).await.is_err());
    assert_eq!(place.site.calls(), 2);
}

#[tokio::test]
async fn many_requests_at_once_with_the_same_cookies_are_one_question() {
    for cache in [0, 5] {
        let place = Arc::new(place(None, cache));
        place.site.hold();
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let place = Arc::clone(&place);
                tokio::spawn(async move { email(place.asks(SID).await) })
            })
            .collect();
        tokio::task::yield_now().await;
        while place.site.calls() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        place.site.release();
        for answer in asking {
            assert_eq!(answer.await.unwrap(), "a@b.c");
        }
        assert_eq!(place.site.calls(), 1, "cache of {cache} s");
    }
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_is_asked_anew() {
    let place = place(None, 5);
    place.site.hold();
    let gone = tokio::time::timeout(std::time::Duration::from_millis(10), place.asks(SID)).await;
    assert!(gone.is_err());
    place.site.release();
    assert_eq!(email(place.asks(SID).await), "a@b.c");
    assert_eq!(place.site.calls(), 2);
}

#[tokio::test]
async fn mn_33_the_memory_of_answers_is_bounded() {
    let place = place(None, 3_600);
    for at in 0..10_050 {
        place.asks(&[("sid", &at.to_string())]).await.unwrap();
    }
    place.site.now_says(Says::Status(401, String::new()));
    assert!(place.asks(&[("sid", "1")]).await.is_ok(), "the first ones are remembered");
    assert!(place.asks(&[("sid", "10049")]).await.is_err(), "what is above the bound is not");
    place.clock.advance(3_600_000);
    place.site.now_says(Says::Status(200, r#"{"email":"new@b.c"}"#.into()));
    place.asks(&[("sid", "again")]).await.unwrap();
    place.site.now_says(Says::Status(401, String::new()));
    assert!(place.asks(&[("sid", "again")]).await.is_ok(), "old ones give way");
}
