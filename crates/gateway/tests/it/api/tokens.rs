//! Which token a call goes with, and what an answer says about it.

use super::*;

#[tokio::test]
async fn whoever_has_not_added_the_app_is_told_where() {
    let api = ZoomApi::well().await;
    let house = plan(&api).build();
    let session = house.session().await;
    let reply = from_page(&house, &session, ME).await;
    assert_eq!(problem(&reply), (403, "not_installed".into()));
    assert_eq!(reply.json()["install"], format!("{PUBLIC_URL}/zoom/install"));
    let guest = house.context_with(&json!({ "uid": Value::Null }));
    let guest = house.get(&format!("/zoom/context?context={guest}")).await.cookie("__Host-stagedoor").unwrap();
    let reply = from_page(&house, &format!("__Host-stagedoor={guest}"), ME).await;
    assert_eq!(problem(&reply), (403, "not_installed".into()));
    assert_eq!(reply.json()["install"], format!("{PUBLIC_URL}/zoom/install"));
    assert_eq!(api.calls(), 0);
}

fn other_tokens(house: &House) {
    let tokens = json!({
        "access_token": "canary-access-token-renewed", "refresh_token": "canary-refresh-token-renewed",
        "token_type": "bearer", "expires_in": 3599, "scope": "user:read:user zoomapp:inmeeting",
    });
    house.zoom.answer(TOKEN, 200, &tokens);
}

#[tokio::test]
async fn a_token_that_zoom_refuses_is_renewed_and_the_call_made_again() {
    let api = ZoomApi::start(|_, request| {
        let is_renewed = request.headers()["authorization"] == "Bearer canary-access-token-renewed";
        if is_renewed { profile() } else { refusal(401, 124, "Invalid access token.") }
    })
    .await;
    let (house, session) = house(&api).await;
    other_tokens(&house);
    assert_eq!(from_page(&house, &session, ME).await.status, StatusCode::OK);
    assert_eq!((api.calls(), house.zoom.calls(TOKEN)), (2, 2));
    assert_eq!(from_page(&house, &session, ME).await.status, StatusCode::OK);
    assert_eq!((api.calls(), house.zoom.calls(TOKEN)), (3, 2), "the new token stays");
}

#[tokio::test]
async fn a_user_whose_grant_is_over_is_told_where_to_begin_anew() {
    let api = ZoomApi::start(|_, _| refusal(401, 124, "Invalid access token.")).await;
    let (house, session) = house(&api).await;
    house.zoom.answer(TOKEN, 400, &json!({ "reason": "Invalid Token!", "error": "invalid_grant" }));
    let reply = from_page(&house, &session, ME).await;
    assert_eq!(problem(&reply), (403, "needs_reauth".into()));
    assert_eq!(reply.json()["install"], format!("{PUBLIC_URL}/zoom/install"));
    assert!(!reply.body.contains("Invalid"), "mn_32: nothing of Zoom's words");
    let calls = api.calls();
    assert_eq!(from_page(&house, &session, ME).await.code(), "needs_reauth");
    assert_eq!(api.calls(), calls, "Zoom is not asked with a grant that is over");
}

#[tokio::test]
async fn mn_26_a_refusal_of_the_newest_token_ends_no_grant() {
    let api = ZoomApi::start(|_, _| refusal(401, 124, "Invalid access token.")).await;
    let (house, session) = house(&api).await;
    other_tokens(&house);
    house.clock.advance_seconds(120);
    assert_eq!(problem(&from_page(&house, &session, ME).await), (502, "token_refused".into()));
    assert_eq!(house.zoom.calls(TOKEN), 2, "one code, one refresh");
    assert!(is_usable(&house).await);
}

#[tokio::test]
async fn mn_26_a_limit_of_zoom_is_passed_on_and_ends_no_grant() {
    let limited = |wait: &str| {
        let mut answer = refusal(429, 429, "You have reached the maximum per-second rate limit for this API.");
        for (name, value) in [
            ("retry-after", wait),
            ("x-ratelimit-category", "Light"),
            ("x-ratelimit-limit", "30"),
            ("x-ratelimit-remaining", "0"),
            ("x-zm-trackingid", "v=2.0;clid=us04"),
        ] {
            answer.headers_mut().insert(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap());
        }
        answer
    };
    let in_two_hours = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(2)).unwrap().to_string();
    let api = ZoomApi::start(move |number, _| limited(if number == 0 { "1" } else { &in_two_hours })).await;
    let (house, session) = house(&api).await;
    let reply = ask_again(&house, &session).await;
    assert_eq!((reply.status, reply.json()["code"].as_i64()), (StatusCode::TOO_MANY_REQUESTS, Some(429)));
    let fields =
        ["retry-after", "x-ratelimit-category", "x-ratelimit-limit", "x-ratelimit-remaining", "x-zm-trackingid"];
    assert_eq!(fields.map(|name| reply.header(name)), ["1", "Light", "30", "0", "v=2.0;clid=us04"]);
    let wait = ask_again(&house, &session).await.header("retry-after").parse::<u64>();
    let wait = wait.expect("seconds, whatever Zoom wrote");
    assert!((7_100..=7_201).contains(&wait), "{wait}");
    assert_eq!(house.zoom.calls(TOKEN), 1, "nothing of this is about the token");
    assert!(is_usable(&house).await);
}
