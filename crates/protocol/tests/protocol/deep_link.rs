use proptest::prelude::*;
use stagedoor_protocol::deeplink::{Action, DeepLinkHosts};
use url::Url;

fn hosts(zoom: &str) -> DeepLinkHosts {
    DeepLinkHosts::new(Url::parse(zoom).unwrap())
}

/// What the rule says, written once more and otherwise: by the text that a browser would be sent to.
fn leads_to_zoom(sent: &str) -> bool {
    if sent.starts_with("zoommtg:") || sent.starts_with("zoomus:") || sent.starts_with("http://localhost:4000/") {
        return true;
    }
    let Some(rest) = sent.strip_prefix("https://") else { return false };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    host == "zoom.us" || host == "zoomgov.com" || host.ends_with(".zoom.us")
}

#[test]
fn a_vanity_or_government_host_is_accepted_where_it_is_configured() {
    let link = "https://meet.example.com/launch/chatapp/x";
    assert!(hosts("https://meet.example.com/").accept(link).is_some());
    assert!(hosts("https://zoom.us/").accept(link).is_none());
    assert!(hosts("https://meet.example.com/").accept("http://meet.example.com/launch").is_none());
    assert!(hosts("https://meet.example.com/").accept("https://meet.example.com:8443/launch").is_none());
}

#[test]
fn a_link_is_sent_on_as_it_was_understood() {
    let accept = |link| hosts("https://zoom.us/").accept(link).map(|link| link.as_url().to_string());
    assert_eq!(accept(r"https:\\zoom.us\launch").as_deref(), Some("https://zoom.us/launch"));
    assert_eq!(accept("https:zoom.us/launch").as_deref(), Some("https://zoom.us/launch"));
    assert_eq!(accept("HTTPS://ZOOM.US:443/a/../b").as_deref(), Some("https://zoom.us/b"));
    assert_eq!(accept("https://%7Aoom.us/").as_deref(), Some("https://zoom.us/"));
    assert_eq!(accept(r"https://evil.example\@zoom.us/"), None);
    assert_eq!(accept(r"https://zoom.us\@evil.example/").as_deref(), Some("https://zoom.us/@evil.example/"));
}

#[test]
fn hosts_that_only_look_like_zoom_are_refused() {
    for link in [
        "https://zoom.us./",
        "https://xn--zom-8cd.us/",
        "https://zoom.us.evil.example/",
        "https://zoom.us%2eevil.example/",
        "https://zoom.us%00.evil.example/",
        "https://notzoom.us/",
        "https://zoom.us:444/",
        "https://zoom.us:0/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://zoomgov.com.evil.example/",
        "https://evil.example/https://zoom.us/",
        "https://evil.example/?zoom.us",
        "https://evil.example#zoom.us/",
        "https:///evil.example/zoom.us",
        "zoommtgx://zoom.us/",
        "zoom://zoom.us/",
        "ftp://zoom.us/",
        "intent://zoom.us/#Intent;scheme=https;end",
        "file://zoom.us/",
        " https://zoom.us/",
        "https://zoom.us/\t",
        "ht\ntps://zoom.us/",
    ] {
        assert!(hosts("https://zoom.us/").accept(link).is_none(), "{link}");
    }
}

#[test]
fn a_link_has_at_most_4096_bytes() {
    let link = |length: usize| format!("https://zoom.us/{}", "x".repeat(length - "https://zoom.us/".len()));
    assert!(hosts("https://zoom.us/").accept(&link(4096)).is_some());
    assert!(hosts("https://zoom.us/").accept(&link(4097)).is_none());
}

proptest! {
    #[test]
    fn whatever_is_accepted_leads_to_zoom(link in "[ -~]{0,60}") {
        if let Some(link) = hosts("http://localhost:4000/").accept(&link) {
            prop_assert!(leads_to_zoom(link.as_url().as_str()), "{}", link.as_url());
        }
    }

    #[test]
    fn whatever_is_put_together_from_hostile_parts_and_accepted_leads_to_zoom(
        parts in prop::collection::vec(prop::sample::select(vec![
            "https:", "http:", "blob:", "zoommtg:", "javascript:", "//", "/", "\\", "@", ":", "#", "?", ".", "%2e",
            "zoom.us", "zoomgov.com", "evil.example", "localhost:4000", "user", "443", "x", "[::1]",
        ]), 0..9),
    ) {
        if let Some(link) = hosts("http://localhost:4000/").accept(&parts.concat()) {
            prop_assert!(leads_to_zoom(link.as_url().as_str()), "{} gave {}", parts.concat(), link.as_url());
        }
    }

    #[test]
    fn an_action_is_taken_exactly_when_it_is_short_printable_ascii(text in "(?s).{0,300}") {
        let good = (1..=256).contains(&text.len()) && text.chars().all(|character| (' '..='~').contains(&character));
        prop_assert_eq!(Action::parse(text.clone()).is_ok(), good);
        if let Ok(action) = Action::parse(text.clone()) {
            prop_assert_eq!(action.as_str(), text);
        }
    }
}
