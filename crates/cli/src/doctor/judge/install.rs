//! Adding the app: to Zoom, and back.

use std::collections::BTreeMap;

use stagedoor_protocol::loopback::is_loopback;
use url::Url;

use super::session::cookie;
use super::short;
use crate::doctor::ask::{Answer, Asked};
use crate::doctor::expected::Expected;
use crate::doctor::finding::{Finding, Rule};

static INSTALL: Rule = Rule {
    check: "install",
    why: "the direct landing URL sends the user to Zoom's consent page, for this app and back to this address",
    source: "https://developers.zoom.us/docs/build-flow/basic-info/oauth-info/",
};

static PKCE: Rule = Rule {
    check: "state",
    why: "without a state and a PKCE challenge of its own, an install can be begun by one person and ended by another",
    source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1",
};

static REDIRECT: Rule = Rule {
    check: "redirect",
    why: "who adds the app in the Marketplace comes back without a state and is sent to begin properly, at this address",
    source: "https://developers.zoom.us/docs/build-flow/basic-info/oauth-info/",
};

/// The address of an answer that leads to Zoom, and what it carries.
struct Authorize {
    url: Url,
    query: BTreeMap<String, String>,
}

impl Authorize {
    fn of(answer: &Answer) -> Option<Self> {
        let url = Url::parse(answer.header("location")?).ok().filter(|_| answer.status.is_redirection())?;
        let query = url.query_pairs().into_owned().collect();
        Some(Self { url, query })
    }

    fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// Judges two beginnings of an install.
pub(super) fn judge(expected: &Expected, first: &Asked, second: &Asked) -> Vec<Finding> {
    let asked = expected.own("/install").path().to_owned();
    let answer = match INSTALL.answered(&asked, first) {
        Ok(answer) => answer,
        Err(finding) => return vec![finding],
    };
    let Some(authorize) = Authorize::of(answer) else {
        let fix = match answer.status.as_u16() {
            500..=599 => "see the gateway's log: the store cannot be written, or serve does not run",
            404 => "see that the proxy passes this path on, and that prefix is what these settings say",
            _ => "let the proxy pass this path on to the gateway unchanged",
        };
        return vec![INSTALL.problem(asked, format!("{}, and no redirect to Zoom", answer.said()), fix)];
    };
    let wrong = addressed_wrongly(expected, &authorize);
    let mut findings = if wrong.is_empty() {
        vec![INSTALL.ok(&asked, format!("{} to {}", answer.status.as_u16(), place(&authorize.url)))]
    } else {
        wrong.into_iter().map(|(came, fix)| INSTALL.problem(&asked, came, fix)).collect()
    };
    let second = second.as_ref().ok().and_then(Authorize::of);
    if second.as_ref().is_some_and(|second| second.get("redirect_uri") != authorize.get("redirect_uri")) {
        let fix = "let nothing but the gateway make this redirect: it takes its address from public_url alone";
        findings.push(INSTALL.problem(&asked, "redirect_uri follows the header X-Forwarded-Host", fix));
    }
    findings.push(bound(&asked, &authorize, second.as_ref()));
    findings.push(cookie(answer, &asked, "__Host-stagedoor-install", "Lax", false));
    findings
}

fn addressed_wrongly(expected: &Expected, authorize: &Authorize) -> Vec<(String, String)> {
    let url = &authorize.url;
    let mut wrong = vec![];
    let is_zoom = match expected.app() {
        Some(app) => url.origin() == app.host.origin(),
        // On this machine Zoom may be emulated.
        None if is_loopback(&expected.base) && is_loopback(url) => true,
        None => url.scheme() == "https" && url.host_str().is_some_and(is_zooms),
    };
    if !is_zoom || url.path() != "/oauth/authorize" {
        wrong.push((
            format!("it leads to {}", place(url)),
            "set zoom.host to where Zoom is: https://zoom.us".to_owned(),
        ));
    }
    if authorize.get("response_type") != "code" {
        wrong.push(("response_type is not code".to_owned(), "let the proxy pass Location on as it is".into()));
    }
    let client_id = authorize.get("client_id");
    match expected.app() {
        Some(app) if client_id != app.client_id.as_str() => {
            wrong.push((
                "it names another client id than the settings".to_owned(),
                "restart the deployment with these settings".into(),
            ));
        }
        None if client_id.is_empty() => wrong.push(("no client_id".to_owned(), "set zoom.client_id".into())),
        _ => {}
    }
    let redirect_uri = expected.own("/callback");
    if authorize.get("redirect_uri") != redirect_uri.as_str() {
        let came = match Url::parse(authorize.get("redirect_uri")) {
            Ok(url) => format!("redirect_uri is {}", place(&url)),
            Err(_) => "no redirect_uri".to_owned(),
        };
        wrong.push((came, format!("set public_url to {}, and enter {redirect_uri} in the Marketplace", expected.base)));
    }
    wrong
}

/// Whether state and challenge are there, of the right form, and new each time.
fn bound(asked: &str, first: &Authorize, second: Option<&Authorize>) -> Finding {
    const STATE: usize = 22;
    const CHALLENGE: usize = 43;
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let (state, challenge) = (first.get("state"), first.get("code_challenge"));
    let fix = "let the gateway's own redirect through; nothing may rewrite it";
    if state.len() < STATE {
        return PKCE.problem(asked, "no state, or a short one", fix);
    }
    if first.get("code_challenge_method") != "S256" || challenge.len() != CHALLENGE || !is_word(challenge) {
        return PKCE.problem(asked, "no PKCE challenge with S256 (RFC 7636)", fix);
    }
    match second {
        Some(second) if second.get("state") == state || second.get("code_challenge") == challenge => PKCE.problem(
            asked,
            "the same state twice: the redirect comes out of a cache",
            "let the proxy or the CDN cache nothing of this host",
        ),
        _ => PKCE.ok(asked, "a state, and a PKCE challenge with S256, new each time"),
    }
}

/// Judges where somebody goes who comes back from Zoom without a state.
pub(super) fn callback(expected: &Expected, callback: &Asked) -> Finding {
    let asked = format!("{} without a state", expected.own("/callback").path());
    let answer = match REDIRECT.answered(&asked, callback) {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    let install = expected.own("/install");
    // A relative address would do, too.
    let location = answer.header("location").and_then(|location| expected.base.join(location).ok());
    match location {
        Some(to) if answer.status.is_redirection() && to == install => {
            REDIRECT.ok(asked, format!("{} to {}", answer.status.as_u16(), place(&to)))
        }
        Some(to) if answer.status.is_redirection() => REDIRECT.problem(
            asked,
            format!("it leads to {}", place(&to)),
            format!("set public_url to {}, and let the proxy pass Location on as it is", expected.base),
        ),
        _ => REDIRECT.problem(asked, answer.said(), "let the proxy pass this path and its query on to the gateway"),
    }
}

/// Without its query, which carries a state.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), short(url.path()))
}

fn is_zooms(host: &str) -> bool {
    host == "zoom.us" || host.ends_with(".zoom.us") || host == "zoomgov.com" || host.ends_with(".zoomgov.com")
}
