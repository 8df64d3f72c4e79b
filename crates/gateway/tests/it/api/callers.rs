//! Who may call.

use super::*;

#[tokio::test]
async fn another_sites_page_calls_nothing() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    let cookie = ("cookie", session.as_str());
    for fields in [
        &[cookie, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[cookie, ("sec-fetch-site", "same-site"), ("origin", "https://evil.example.com")],
        &[cookie, ("sec-fetch-site", "cross-site")],
        &[cookie, ("sec-fetch-site", "none")],
        &[cookie, ("origin", "https://evil.example")],
        &[cookie, ("origin", "null")],
        &[cookie, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    ] {
        let reply = call(&house, ME, fields).await;
        assert_eq!(problem(&reply), (403, "cross_site".into()), "{fields:?}");
        let post = Request::post("/zoom/api/v2/users/me/meetings");
        let post = fields.iter().fold(post, |request, (name, value)| request.header(*name, *value));
        assert_eq!(house.send(post.body(Body::from("{}")).unwrap()).await.code(), "cross_site", "{fields:?}");
    }
    let silent = Request::post("/zoom/api/v2/users/me/meetings").header("cookie", &session);
    assert_eq!(house.send(silent.body(Body::from("{}")).unwrap()).await.code(), "cross_site");
    assert_eq!(problem(&call(&house, ME, &[]).await), (401, "session_required".into()));
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn mn_19_no_browser_is_told_that_it_may_call_from_elsewhere() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    for (method, origin) in
        [("OPTIONS", "https://evil.example"), ("OPTIONS", PUBLIC_URL), ("GET", "https://evil.example")]
    {
        let request = Request::builder()
            .method(method)
            .uri(ME)
            .header("cookie", &session)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "x-stagedoor-assertion,authorization");
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert!(reply.status.is_client_error(), "{method} {origin}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{method} {origin}");
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn a_page_without_cookies_calls_with_its_bearer() {
    let api = ZoomApi::well().await;
    let (house, _) = house(&api).await;
    let lent = [("x-stagedoor-context", house.context()), ("x-stagedoor-session", "bearer".into())];
    let lent: Vec<_> = lent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let lent = call(&house, "/zoom/context", &lent).await.json();
    let bearer = format!("Bearer {}", lent["bearer"].as_str().unwrap());
    assert_eq!(call(&house, ME, &[("authorization", &bearer)]).await.status, StatusCode::OK);
    assert_eq!(api.last().1["authorization"], "Bearer canary-access-token", "theirs stays here");
}

/// The assertion that an upstream receives with a request of this session.
async fn assertion(house: &House, session: &str) -> String {
    let reply = call(house, "/", &[("cookie", session)]).await;
    let headers = reply.json()["headers"].clone();
    let is_it = |field: &&Value| field[0] == "x-stagedoor-assertion";
    let field = headers.as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("{}", reply.body)).clone();
    field[1].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_upstream_calls_with_the_assertion_that_it_was_given() {
    let (api, upstream) = (ZoomApi::well().await, Upstream::start().await);
    let mut plan = plan(&api);
    plan.config.app = Plan::upstream(upstream.address).config.app;
    let house = plan.build();
    house.install().await;
    let session = house.session().await;
    let assertion = assertion(&house, &session).await;
    let back = ("x-stagedoor-assertion", assertion.as_str());
    assert_eq!(call(&house, ME, &[back]).await.json(), json!({ "id": USER }));
    let post = Request::post("/zoom/api/v2/users/me/meetings").header("x-stagedoor-assertion", &assertion);
    assert_eq!(house.send(post.body(Body::from("{}")).unwrap()).await.status, StatusCode::OK);

    let calls = api.calls();
    for elsewhere in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        assert_eq!(problem(&call(&house, ME, &[back, elsewhere]).await), (403, "cross_site".into()), "{elsewhere:?}");
    }
    house.clock.advance_seconds(61);
    let late = call(&house, ME, &[back, ("cookie", &session)]).await;
    assert_eq!(problem(&late), (401, "assertion_expired".into()), "the session does not stand in for it");
    assert_eq!(api.calls(), calls);
}

#[tokio::test]
async fn mn_34_an_assertion_that_is_not_ours_proves_nothing() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    let upstream = Upstream::start().await;
    let url = Url::parse("https://other.example.com").unwrap();
    let other = Plan::upstream(upstream.address).with(|config| config.public_url = url).build();
    let of_another_app = assertion(&other, &other.session().await).await;
    for forged in ["", "x", "eyJhbGciOiJub25lIn0.e30.", "a.b.c", &of_another_app] {
        let fields =
            [("x-stagedoor-assertion", forged), ("cookie", session.as_str()), ("sec-fetch-site", "same-origin")];
        assert_eq!(problem(&call(&house, ME, &fields).await), (401, "assertion_invalid".into()), "{forged:?}");
    }
    let twice = [("x-stagedoor-assertion", "a"), ("x-stagedoor-assertion", "a"), ("cookie", session.as_str())];
    assert_eq!(problem(&call(&house, ME, &twice).await), (401, "assertion_invalid".into()));
    assert_eq!(api.calls(), 0);
}
