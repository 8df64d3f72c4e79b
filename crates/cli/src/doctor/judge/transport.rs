//! Reaching the deployment: names, connections, TLS, and http.

use stagedoor_protocol::loopback::is_loopback;
use url::Url;

use super::certificate::Validity;
use crate::doctor::ask::{Answer, Asked, Trouble};
use crate::doctor::expected::Expected;
use crate::doctor::finding::{Finding, Rule};

static REACHABLE: Rule = Rule {
    check: "reachable",
    why: "Zoom's clients and its review load the app from this address",
    source: "https://developers.zoom.us/docs/distribute/security-requirements/",
};

static TLS: Rule = Rule {
    check: "tls",
    why: "Zoom opens apps over https only, with TLS 1.2 or newer and a certificate that its clients accept",
    source: "https://developers.zoom.us/docs/distribute/security-requirements/",
};

static HTTP: Rule = Rule {
    check: "http",
    why: "what somebody opens over http must come to https before anything of it is used",
    source: "https://www.rfc-editor.org/rfc/rfc6797#section-7.2",
};

/// There is no answer at all.
pub(super) fn unreachable(expected: &Expected, trouble: &Trouble) -> Finding {
    let asked = expected.base.to_string();
    let Trouble::Connect(cause) = trouble else {
        return REACHABLE.problem(
            asked,
            trouble.to_string(),
            "see that the proxy passes requests to the gateway, and that serve runs",
        );
    };
    let is = |words: &[&str]| words.iter().any(|word| cause.to_ascii_lowercase().contains(word));
    let (rule, fix) = if is(&["notvalidforname", "not valid for name"]) {
        (&TLS, "get a certificate for this very host name")
    } else if is(&["expired"]) {
        (&TLS, "renew the certificate, and see that this happens by itself")
    } else if is(&["unknownissuer", "unknown issuer", "causedasendentity"]) {
        // The last one is what openssl req -x509 makes: signed by itself.
        (&TLS, "serve a certificate of a public authority, with its intermediate certificates")
    } else if is(&["certificate"]) {
        (&TLS, "serve a certificate that browsers accept")
    } else if is(&["protocolversion", "handshake", "corrupt message", "alert"]) {
        (&TLS, "let the proxy speak TLS 1.2 and 1.3 at this address")
    } else if is(&["lookup", "dns", "resolve", "name or service"]) {
        (&REACHABLE, "give the name an address in DNS")
    } else {
        (&REACHABLE, "see that the proxy listens here and that no firewall is in between")
    };
    rule.problem(asked, trouble.to_string(), fix)
}

/// How the public URL is reached, once it is.
pub(super) fn encrypted(expected: &Expected, first: &Answer, certificate: Option<&[u8]>) -> Finding {
    let asked = expected.base.to_string();
    match (expected.base.scheme(), is_loopback(&expected.base)) {
        ("https", _) => {
            const CAME: &str = "https, with TLS 1.2 or 1.3 and a certificate that is accepted here";
            let now = first.at.to_seconds();
            match certificate.and_then(Validity::of) {
                None => TLS.ok(asked, CAME),
                Some(validity) => {
                    let came = format!("{CAME}, for {}", days(validity.days_left(now)));
                    if validity.is_soon_over(now) {
                        TLS.warning(asked, came, "renew the certificate, and see that this happens by itself")
                    } else {
                        TLS.ok(asked, came)
                    }
                }
            }
        }
        (_, true) => TLS.ok(asked, "http, which is good enough on this machine only; a deployment needs https"),
        _ => TLS.problem(asked, "http", "put a proxy before it that speaks https (docs/deploying.md), and use its URL"),
    }
}

fn days(left: i64) -> String {
    match left {
        ..1 => "less than a day more".into(),
        1 => "one more day".into(),
        _ => format!("{left} more days"),
    }
}

/// What comes over http where the public URL is https.
pub(super) fn plain(expected: &Expected, plain: &Asked) -> Finding {
    let asked = format!("http://{}", expected.base.host_str().unwrap_or_default());
    let answer = match plain {
        Ok(answer) => answer,
        Err(Trouble::Connect(_) | Trouble::Timeout) => return HTTP.ok(asked, "nothing answers there"),
        Err(trouble) => return HTTP.warning(asked, trouble.to_string(), "redirect http to https"),
    };
    let location = answer.header("location").and_then(|location| Url::parse(location).ok());
    match location {
        Some(to) if answer.status.is_redirection() && to.origin() == expected.base.origin() => {
            HTTP.ok(asked, format!("{} to https", answer.status.as_u16()))
        }
        Some(to) if answer.status.is_redirection() => HTTP.problem(
            asked,
            format!("{} to {}", answer.status.as_u16(), to.origin().ascii_serialization()),
            format!("redirect to {}", expected.base),
        ),
        _ if answer.status.is_client_error() => HTTP.ok(asked, format!("refused with {}", answer.status.as_u16())),
        _ => HTTP.problem(asked, answer.said(), "redirect every http address to https (301 or 308)"),
    }
}
