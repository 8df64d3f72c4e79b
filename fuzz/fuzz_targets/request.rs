//! What a request says before anybody believes it: its bytes, its path, its cookies; and what an app answers.

#![no_main]

use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use stagedoor_gateway::admission;
use stagedoor_gateway::cookie::{Cookies, SESSION};
use stagedoor_gateway::headers::rules::{ReferrerPolicy, accept_csp, is_hsts};
use stagedoor_gateway::wire::scan::Scan;

/// How somebody behind the gateway might read a path: decoded, without parameters, dot segments resolved.
fn first_segment(path: &str) -> Option<String> {
    let decoded = percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut segments = Vec::new();
    for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_owned()),
        }
    }
    segments.into_iter().next()
}

fn arrive(bytes: &[u8], piece: usize) -> Vec<u8> {
    let (mut scan, mut bytes) = (Scan::default(), bytes.to_vec());
    bytes.chunks_mut(piece).for_each(|piece| scan.check(piece));
    bytes
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let whole = arrive(bytes, bytes.len().max(1));
    assert_eq!(whole, arrive(bytes, usize::from(piece).max(1)), "it matters how the bytes arrive");

    if let Ok(text) = std::str::from_utf8(bytes) {
        let path = format!("/public/{text}");
        if admission::path(&path).is_ok() {
            assert_eq!(first_segment(&path).as_deref(), Some("public"), "{path:?}");
        }
    }

    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut headers = HeaderMap::new();
    headers.append(header::COOKIE, value.clone());
    let session = Cookies::read(&headers).session.map(str::to_owned);
    headers.append(header::COOKIE, HeaderValue::try_from(format!("{SESSION}=x")).expect("a header value"));
    let doubled = Cookies::read(&headers).session;
    assert!(session.is_none() || doubled.is_none(), "two sessions are none");

    let ancestors = "'self' https://zoom.example";
    if let Some(policy) = accept_csp([&value].into_iter(), ancestors, false) {
        let policy = policy.to_str().expect("visible ASCII").to_ascii_lowercase();
        let said = policy.split([';', ',']).map(str::trim).filter(|directive| {
            directive.split_ascii_whitespace().next() == Some("frame-ancestors")
        });
        assert_eq!(said.collect::<Vec<_>>(), [format!("frame-ancestors {ancestors}")]);
    }
    let _ = (is_hsts(bytes, 31_536_000), ReferrerPolicy::parse(bytes));
});
