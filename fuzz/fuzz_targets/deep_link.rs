//! A deep link that is accepted leads to Zoom, read as the text a browser is sent to.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stagedoor_protocol::deeplink::{Action, DeepLinkHosts};
use url::Url;

static HOSTS: LazyLock<DeepLinkHosts> =
    LazyLock::new(|| DeepLinkHosts::new(Url::parse("http://localhost:4000").expect("a URL")));

fn leads_to_zoom(sent: &str) -> bool {
    if ["zoommtg:", "zoomus:", "http://localhost:4000/"].iter().any(|start| sent.starts_with(start)) {
        return true;
    }
    let Some(rest) = sent.strip_prefix("https://") else { return false };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    host == "zoom.us" || host == "zoomgov.com" || host.ends_with(".zoom.us")
}

fuzz_target!(|text: &str| {
    if let Some(link) = HOSTS.accept(text) {
        let sent = link.as_url().as_str();
        assert!(leads_to_zoom(sent), "{text:?} gave {sent:?}");
        assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent:?}");
        assert_eq!(HOSTS.accept(sent), Some(link));
    }
    if let Ok(action) = Action::parse(text) {
        assert!(action.as_str() == text && text.len() <= 256);
    }
});
