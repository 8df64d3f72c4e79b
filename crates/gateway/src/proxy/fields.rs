//! Which header fields go through. Pure functions of the fields.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields of one connection, not of the message (RFC 9110 section 7.6.1). `Expect` is among them because the server
/// has answered it; `Trailer` because fields behind a body, which nobody has looked at, do not go through without it (an
/// intermediary may drop them, section 6.5.1).
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// Fields by which an upstream might be told who calls, from where, with whose rights, or for which path: only we say
/// that. `Authorization` is among them: behind the gateway identity is the gateway's.
const RESERVED: [&str; 4] = ["authorization", "forwarded", "x-real-ip", "x-zoom-app-context"];

/// The beginnings of further such names.
const RESERVED_STARTS: [&str; 4] = ["x-forwarded", "x-stagedoor", "x-original-", "x-rewrite-"];

/// Removes the fields of one connection: first those that `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes the reserved fields, in every spelling that some server could read as the same name.
pub(crate) fn remove_reserved(headers: &mut HeaderMap) {
    let reserved: Vec<HeaderName> = headers.keys().filter(|name| is_reserved(name.as_str())).cloned().collect();
    for name in reserved {
        headers.remove(name);
    }
}

/// Writes the fields of a WebSocket handshake that concern the connection.
pub(crate) fn ask_for_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether a name is one of the reserved ones. CGI and its heirs turn `-` into `_`, and some turn every other
/// character into it too.
fn is_reserved(name: &str) -> bool {
    if !matches!(name.as_bytes().first(), Some(b'a' | b'f' | b'x' | b'A' | b'F' | b'X')) {
        return false;
    }
    let starts = |start: &&str| name.len() >= start.len() && name.bytes().zip(start.bytes()).all(|(a, b)| same(a, b));
    RESERVED.iter().any(|reserved| reserved.len() == name.len() && starts(reserved))
        || RESERVED_STARTS.iter().any(starts)
}

fn same(theirs: u8, ours: u8) -> bool {
    if ours == b'-' { !theirs.is_ascii_alphanumeric() } else { theirs.eq_ignore_ascii_case(&ours) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_reserved_name_is_reserved() {
        for name in [
            "authorization",
            "forwarded",
            "x-forwarded-user",
            "x_forwarded_user",
            "x-forwarded_user",
            "x_forwarded-for",
            "x.forwarded.host",
            "x-forwarded",
            "x-stagedoor-assertion",
            "x_stagedoor_role",
            "x-real-ip",
            "x_real_ip",
            "x_zoom_app_context",
            "x-original-url",
            "x-rewrite-url",
        ] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_reserved() {
        for name in
            ["accept", "cookie", "x-requested-with", "x-api-key", "forwarded-by", "authorizations", "x-real-ips"]
        {
            assert!(!is_reserved(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_separator_and_no_case_gets_a_reserved_name_through(
            name in prop::sample::select(vec!["x-forwarded-user", "x-stagedoor-type", "x-stagedoor-assertion", "x-real-ip"]),
            separator in "[-_.!#$%&'*+^`|~]",
            upper in any::<bool>(),
        ) {
            let name = name.replace('-', &separator);
            let name = if upper { name.to_uppercase() } else { name };
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("eve"));
            remove_reserved(&mut headers);
            prop_assert!(headers.is_empty());
        }

        #[test]
        fn what_connection_names_is_gone(names in prop::collection::vec("[a-z][a-z-]{0,12}", 0..8)) {
            let mut headers = HeaderMap::new();
            for name in &names {
                headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("x"));
            }
            headers.insert(header::CONNECTION, HeaderValue::try_from(names.join(" , ")).unwrap());
            remove_hop_by_hop(&mut headers);
            prop_assert!(headers.is_empty(), "{headers:?}");
        }
    }
}
