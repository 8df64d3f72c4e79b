//! What a page receives: security headers, once each.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use stagedoor_gateway::{App, AppSource, Config, ConfigError};
use url::Url;

use crate::support::{House, Plan, listen};

const ZOOM: &str = "frame-ancestors 'self' https://*.zoom.us https://*.zoom.com";

type Fields = &'static [(&'static str, &'static str)];

/// An app that answers `/{status}` with the headers that a test wants.
async fn app_with(headers: Fields, change: impl FnOnce(&mut Config)) -> House {
    let answer = move |Path(status): Path<u16>| async move {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        (StatusCode::from_u16(status).unwrap(), map, Body::from("<h1>app</h1>")).into_response()
    };
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/{status}", get(answer))).await });
    Plan::upstream(address).open().with(change).build()
}

async fn header_of(headers: Fields, name: &str) -> String {
    app_with(headers, |_| {}).await.get("/200").await.header(name).to_owned()
}

#[tokio::test]
async fn an_app_that_sends_nothing_gets_everything() {
    let house = app_with(&[("content-type", "text/html; charset=utf-8")], |_| {}).await;
    let reply = house.get("/200").await;
    for (name, value) in [
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    insta::assert_snapshot!(reply.header("content-security-policy").replace("; ", ";\n"), @"
    default-src 'self';
    script-src 'self' https://appssdk.zoom.us;
    style-src 'self';
    img-src 'self' data:;
    connect-src 'self';
    object-src 'none';
    base-uri 'self';
    form-action 'self';
    frame-ancestors 'self' https://*.zoom.us https://*.zoom.com
    ");
}

#[tokio::test]
async fn every_status_and_every_kind_of_html_is_covered() {
    const KINDS: [Fields; 5] = [
        &[("content-type", "text/html")],
        &[("content-type", "TEXT/HTML;charset=utf-8")],
        &[("content-type", " text/html ; charset=utf-8")],
        &[("content-type", "application/xhtml+xml")],
        &[],
    ];
    for kind in KINDS {
        let house = app_with(kind, |_| {}).await;
        for status in [200, 201, 400, 404, 500, 503] {
            let reply = house.get(&format!("/{status}")).await;
            assert_eq!(reply.status.as_u16(), status);
            for name in
                ["strict-transport-security", "x-content-type-options", "content-security-policy", "referrer-policy"]
            {
                assert_ne!(reply.header(name), "", "{kind:?} {status} {name}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_page_is_left_alone() {
    let house = app_with(&[("content-type", "image/png"), ("cache-control", "max-age=60")], |_| {}).await;
    let reply = house.get("/200").await;
    assert_eq!((reply.header("cache-control"), reply.header("content-security-policy")), ("max-age=60", ""));
    assert!(reply.headers.get("strict-transport-security").is_none());

    let house = app_with(&[], |_| {}).await;
    assert_eq!(house.get("/304").await.header("cache-control"), "");
}

#[tokio::test]
async fn x_frame_options_never_arrives() {
    for kind in [
        &[("content-type", "text/html"), ("x-frame-options", "DENY")][..],
        &[("content-type", "image/png"), ("x-frame-options", "SAMEORIGIN")],
    ] {
        assert_eq!(header_of(kind, "x-frame-options").await, "");
    }
}

#[tokio::test]
async fn an_apps_own_value_stays_where_it_is_at_least_as_strict() {
    let hsts = [
        ("max-age=31536000", true),
        ("max-age=63072000; includeSubDomains; preload", true),
        ("Max-Age=\"31536000\"", true),
        ("max-age=31535999", false),
        ("max-age=0", false),
        ("includeSubDomains", false),
        ("max-age=31536000; max-age=0", false),
        ("max-age=99999999999999999999999", false),
        ("max-age=+31536000", false),
    ];
    for (value, stays) in hsts {
        let expected = if stays { value } else { "max-age=31536000" };
        assert_eq!(
            header_of(
                leak(&[("content-type", "text/html"), ("strict-transport-security", value)]),
                "strict-transport-security"
            )
            .await,
            expected
        );
    }
    let referrer = [
        ("no-referrer", "no-referrer"),
        ("same-origin", "same-origin"),
        ("NO-REFERRER", "no-referrer"),
        ("unsafe-url, no-referrer", "no-referrer"),
        ("no-referrer, unsafe-url", "same-origin"),
        ("no-referrer, future-policy", "no-referrer"),
        ("strict-origin", "same-origin"),
        ("unsafe-url", "same-origin"),
        ("garbage", "same-origin"),
    ];
    for (value, expected) in referrer {
        assert_eq!(
            header_of(leak(&[("content-type", "text/html"), ("referrer-policy", value)]), "referrer-policy").await,
            expected
        );
    }
    let cache =
        [("no-store, max-age=0", "no-store, max-age=0"), ("No-Store", "No-Store"), ("public, max-age=60", "no-store")];
    for (value, expected) in cache {
        assert_eq!(
            header_of(leak(&[("content-type", "text/html"), ("cache-control", value)]), "cache-control").await,
            expected
        );
    }
}

fn leak(headers: &[(&'static str, &'static str)]) -> Fields {
    headers.to_vec().leak()
}

#[tokio::test]
async fn an_apps_policy_stays_with_our_frame_ancestors() {
    let cases = [
        ("default-src 'self' https://cdn.example", format!("default-src 'self' https://cdn.example; {ZOOM}")),
        ("default-src 'self'; frame-ancestors 'none'; img-src *", format!("default-src 'self'; img-src *; {ZOOM}")),
        ("Frame-Ancestors *; default-src 'self';", format!("default-src 'self'; {ZOOM}")),
        (
            "default-src 'self', script-src 'none'; frame-ancestors evil",
            format!("default-src 'self'; {ZOOM}, script-src 'none'"),
        ),
    ];
    for (theirs, expected) in cases {
        let kept = header_of(
            leak(&[("content-type", "text/html"), ("content-security-policy", theirs)]),
            "content-security-policy",
        )
        .await;
        assert_eq!(kept, expected);
    }
    let two = &[
        ("content-type", "text/html"),
        ("content-security-policy", "default-src 'self'"),
        ("content-security-policy", "img-src 'none'"),
    ];
    assert_eq!(header_of(two, "content-security-policy").await, format!("default-src 'self'; {ZOOM}, img-src 'none'"));
}

#[tokio::test]
async fn an_empty_policy_counts_as_none() {
    for theirs in ["", ";", " , ", "frame-ancestors *"] {
        let kept = header_of(
            leak(&[("content-type", "text/html"), ("content-security-policy", theirs)]),
            "content-security-policy",
        )
        .await;
        assert!(kept.starts_with("default-src 'self'; script-src") && kept.ends_with(ZOOM), "{theirs:?}: {kept}");
    }
}

#[tokio::test]
async fn without_pwa_support_only_our_own_pages_may_frame() {
    let html =
        &[("content-type", "text/html"), ("content-security-policy", "default-src 'self'; frame-ancestors 'none'")];
    let house = app_with(html, |config| config.pwa = false).await;
    let reply = house.get("/200").await;
    assert_eq!(reply.header("content-security-policy"), "default-src 'self'; frame-ancestors 'none'");
    assert_eq!(reply.header("cross-origin-embedder-policy"), "");

    let wide = &[("content-type", "text/html"), ("content-security-policy", "default-src 'self'; frame-ancestors *")];
    let house = app_with(wide, |config| config.pwa = false).await;
    assert_eq!(house.get("/200").await.header("content-security-policy"), "default-src 'self'; frame-ancestors 'self'");
}

#[tokio::test]
async fn an_emulator_may_frame_pages_too() {
    let house = app_with(&[("content-type", "text/html")], |config| {
        config.zoom_host = Url::parse("http://localhost:4000").unwrap();
    })
    .await;
    let policy = house.get("/200").await.header("content-security-policy").to_owned();
    assert!(policy.ends_with(&format!("{ZOOM} http://localhost:4000")), "{policy}");
}

#[tokio::test]
async fn directives_can_be_set_one_by_one() {
    let house = app_with(&[("content-type", "text/html")], |config| {
        config.headers.csp.insert("connect-src".into(), "'self' https://api.example.com".into());
        config.headers.csp.insert("font-src".into(), "https://fonts.example".into());
        config.headers.referrer_policy = "no-referrer".into();
        config.headers.hsts_max_age = 60;
    })
    .await;
    let reply = house.get("/200").await;
    let policy = reply.header("content-security-policy");
    assert!(policy.contains("connect-src 'self' https://api.example.com;"), "{policy}");
    assert!(policy.contains("font-src https://fonts.example;"), "{policy}");
    assert!(policy.contains("script-src 'self' https://appssdk.zoom.us;"), "{policy}");
    assert_eq!(
        (reply.header("referrer-policy"), reply.header("strict-transport-security")),
        ("no-referrer", "max-age=60")
    );
}

#[tokio::test]
async fn mn_29_our_own_pages_allow_no_script_and_no_inline_style() {
    let house = Plan::default().build();
    for path in ["/", "/zoom/nothing", "/zoom/callback"] {
        let policy = house.visit(path).await.header("content-security-policy").to_owned();
        assert_eq!(
            policy,
            format!("default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; {ZOOM}")
        );
    }
    let page = house.visit("/").await.body;
    assert!(!page.contains("<script") && !page.contains("<style") && !page.contains("style="), "{page}");
}

#[tokio::test]
async fn the_style_of_our_pages_is_a_file() {
    let house = Plan::default().build();
    let reply = house.get("/zoom/style.css").await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(reply.body.contains("prefers-color-scheme: dark"));
}

#[tokio::test]
async fn every_answer_has_its_own_id_and_none_comes_from_the_client() {
    let house = Plan::default().build();
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/", "/zoom/session", "/zoom/nothing", "/a//b"] {
        let request = crate::support::get(path).header("x-request-id", "mine").body(Body::empty()).unwrap();
        let id = house.send(request).await.header("x-request-id").to_owned();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(seen.insert(id));
    }
}

#[test]
fn wrong_settings_are_refused() {
    let build = |change: fn(&mut Config)| {
        let plan = Plan::default().with(change);
        plan.try_build().err().expect("these settings are wrong")
    };
    let url = |text: &str| Url::parse(text).unwrap();
    assert!(matches!(
        build(|c| c.public_url = Url::parse("http://app.example.com").unwrap()),
        ConfigError::PublicUrl(_)
    ));
    assert!(matches!(
        build(|c| c.public_url = Url::parse("https://app.example.com/x").unwrap()),
        ConfigError::PublicUrl(_)
    ));
    assert!(matches!(build(|c| c.prefix = "zoom".into()), ConfigError::Prefix(_)));
    assert!(matches!(build(|c| c.prefix = "/".into()), ConfigError::Prefix(_)));
    assert!(matches!(build(|c| c.prefix = "/a/../b".into()), ConfigError::Prefix(_)));
    assert!(matches!(build(|c| c.prefix = "/{a}".into()), ConfigError::Prefix(_)));
    assert!(matches!(build(|c| c.headers.referrer_policy = "loud".into()), ConfigError::Header(..)));
    assert!(matches!(
        build(|c| {
            c.headers.csp.insert("img-src".into(), "*; script-src *".into());
        }),
        ConfigError::Header(..)
    ));
    assert!(matches!(build(|c| c.app.as_mut().unwrap().public.push("x*".into())), ConfigError::Public(_)));
    assert!(matches!(build(|c| c.app.as_mut().unwrap().public.push("/a/../*".into())), ConfigError::Public(_)));
    assert!(matches!(
        build(|c| c.app = Some(App::new(AppSource::Root("/nowhere/at/all".into())))),
        ConfigError::Root { .. }
    ));
    for bad in ["ftp://a", "http://a/path", "http://user@a", "http://a?x"] {
        let plan = Plan::app(AppSource::Upstream(url(bad)));
        assert!(matches!(plan.try_build().err(), Some(ConfigError::Upstream(_))), "{bad}");
    }
}
