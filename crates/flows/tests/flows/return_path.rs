//! The way back after a re-authorisation.

use proptest::prelude::*;
use stagedoor_flows::install::ReturnPath;
use url::Url;

use crate::world::{Browser, World};
use crate::zoom::Endpoint;

#[tokio::test]
async fn the_deep_link_brings_the_user_back_to_the_same_screen() {
    let world = World::new();
    let path = ReturnPath::parse("/meetings/5?tab=notes").unwrap();
    let begun = world.install.begin(None, Some(path)).await.unwrap();
    let browser = Browser { cookie: Some(begun.binding.expose().to_owned()) };
    let arrival = world.zoom.consent(&begun.location, "jill");
    browser.opens(&world, &arrival).await.unwrap();
    assert_eq!(action(&world), "/meetings/5?tab=notes");
    world.clock.advance(300_000);
    browser.opens(&world, &arrival).await.unwrap();
    assert_eq!(action(&world), "/meetings/5?tab=notes", "also on a reload");
}

#[tokio::test]
async fn who_said_nothing_about_the_way_back_comes_back_installed() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    assert_eq!(action(&world), "installed");
}

fn action(world: &World) -> String {
    let requests = world.zoom.requests();
    let (_, last) = requests.iter().rfind(|(endpoint, _)| *endpoint == Endpoint::DeepLink).unwrap();
    let body: serde_json::Value = serde_json::from_slice(last.body()).unwrap();
    body["action"].as_str().unwrap().to_owned()
}

#[test]
fn only_a_path_is_a_way_back() {
    for path in ["/", "/a", "/a/b?c=d&e=%2F", "/a#b", "/~a_b-c.d"] {
        assert_eq!(String::from(ReturnPath::parse(path).unwrap()), path);
    }
    for bad in [
        "",
        "a",
        "//evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "\\/evil.example",
        "///evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a/../b",
        "/./a",
        "/%2e%2e/a",
        "/a b",
        "/a\tb",
        "/\n/evil.example",
        "/é",
        "/a\"b",
    ] {
        assert!(ReturnPath::parse(bad).is_err(), "{bad:?}");
    }
    assert!(ReturnPath::parse(format!("/{}", "x".repeat(255))).is_ok());
    assert!(ReturnPath::parse(format!("/{}", "x".repeat(256))).is_err());
}

proptest! {
    #[test]
    fn mn_11_a_way_back_never_leaves_the_app(text in "[/\\\\.:@a-z%#?&\t ]{0,20}") {
        if let Ok(path) = ReturnPath::parse(&*text) {
            let app = Url::parse("https://app.example.com/somewhere/else?x").unwrap();
            let url = app.join(&String::from(path)).unwrap();
            prop_assert_eq!(url.origin(), app.origin());
            prop_assert_eq!(url.as_str(), format!("https://app.example.com{text}"));
        }
    }
}
