//! What decides whether the web client (PWA) can show the app: the browser's rules for a frame on another site, in a page
//! that is cross-origin isolated. The browser enforces them; this says beforehand what it will do, and why.

use http::header::{CONTENT_SECURITY_POLICY, HeaderMap, SET_COOKIE, X_FRAME_OPTIONS};
use http::response;

use super::WebView;
use super::csp::{lets_zoom_in, says_who_frames};
use super::look::{Findings, REQUIRED};
use super::request::Trip;
use crate::world::cookies::{Attributes, ThirdParty};
use crate::world::journal::Problem;
use crate::world::views::Blank;

const EMBEDDER_POLICY: &str = "Cross-Origin-Embedder-Policy";
const RESOURCE_POLICY: &str = "Cross-Origin-Resource-Policy";

/// Looks at a document as the browser looks at it.
pub(super) fn look_at(trip: &Trip, answer: &response::Parts, findings: &mut Findings) {
    let headers = &answer.headers;
    let mut refusals = Vec::new();
    check_resource_policy(headers, findings, &mut refusals);
    if !answer.status.is_redirection() {
        check_embedder_policy(headers, findings, &mut refusals);
        check_framing(headers, findings, &mut refusals);
        check_four(headers, findings);
    }
    if trip.is_home {
        check_launch(answer, findings);
    }
    if refusals.is_empty() {
        return;
    }
    let missing = refusals.iter().map(|(name, _)| *name).collect();
    let sentences: Vec<_> = refusals.iter().map(|(_, sentence)| *sentence).collect();
    let sentence = format!("The browser shows nothing here. {}", sentences.join(" "));
    let fix = "Send what Zoom's page for the web client asks for with every answer of your app.";
    findings.problem = Some(Problem::new(&sentence, fix).with_setting("pwa.enabled"));
    findings.blank = Some(Blank { sentence, missing });
}

/// Headers that make the browser refuse, and why.
type Refusals = Vec<(&'static str, &'static str)>;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

fn check_embedder_policy(headers: &HeaderMap, findings: &mut Findings, refusals: &mut Refusals) {
    let isolated = ["require-corp", "credentialless"].contains(&text(headers, "cross-origin-embedder-policy"));
    let sentence = if isolated {
        "The page is isolated, as the page of the web client around it is."
    } else {
        "The page is not isolated, but the web client is. Send Cross-Origin-Embedder-Policy: require-corp."
    };
    findings.check("coep", "isolated (COEP)", isolated, sentence);
    if !isolated {
        refusals.push((EMBEDDER_POLICY, sentence));
    }
}

fn check_resource_policy(headers: &HeaderMap, findings: &mut Findings, refusals: &mut Refusals) {
    let shared = text(headers, "cross-origin-resource-policy") == "cross-origin";
    let sentence = if shared {
        "Pages of other sites may load this answer, so the web client may."
    } else {
        "An isolated page of another site may not load this answer. Send Cross-Origin-Resource-Policy: cross-origin, \
         with redirects, too."
    };
    findings.check("corp", "open to other sites (CORP)", shared, sentence);
    if !shared {
        refusals.push((RESOURCE_POLICY, sentence));
    }
}

fn check_framing(headers: &HeaderMap, findings: &mut Findings, refusals: &mut Refusals) {
    let policies = || headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|value| value.to_str().ok());
    let open = lets_zoom_in(policies());
    let sentence = match (open, says_who_frames(policies())) {
        (true, true) => "frame-ancestors lets Zoom's web client frame the page.",
        (true, false) => {
            "Nothing says who may frame the page, so every site can. Send frame-ancestors 'self' https://*.zoom.us \
             https://*.zoom.com in the Content-Security-Policy."
        }
        (false, _) => {
            "frame-ancestors keeps Zoom's web client out. Send frame-ancestors 'self' https://*.zoom.us \
             https://*.zoom.com in the Content-Security-Policy."
        }
    };
    findings.check("ancestors", "Zoom may frame it", open, sentence);
    if !open {
        refusals.push(("Content-Security-Policy", sentence));
    }
    let old = headers.contains_key(X_FRAME_OPTIONS);
    let sentence = if old {
        "The page sends X-Frame-Options, which cannot name Zoom. Remove it; frame-ancestors says who may frame the page."
    } else {
        "The page sends no X-Frame-Options."
    };
    findings.check("frame", "no X-Frame-Options", !old, sentence);
    if old && !says_who_frames(policies()) {
        refusals.push(("X-Frame-Options", sentence));
    } else if old {
        findings.advice =
            Some(Problem::new(sentence, "Browsers ignore it beside frame-ancestors; Zoom asks to remove it."));
    }
}

/// The web client cannot read them, but the desktop client shows nothing without them, and they are the same pages.
fn check_four(headers: &HeaderMap, findings: &mut Findings) {
    let count = REQUIRED.iter().filter(|(name, _)| headers.contains_key(name)).count();
    let sentence = match count {
        4 => "The four headers that Zoom wants on every page are there.".to_owned(),
        _ => format!(
            "Only {count} of the four headers that Zoom wants are there. The browser shows the page all the same, but the \
             desktop client would not: send all four with every page."
        ),
    };
    if count < REQUIRED.len() {
        findings.advice = Some(Problem::new(&sentence, "Send all four headers on every HTML answer."));
    }
    findings.check("headers", "four headers", count == REQUIRED.len(), sentence);
}

/// The app must answer without knowing who asks.
fn check_launch(answer: &response::Parts, findings: &mut Findings) {
    let answered = !answer.status.is_client_error() && !answer.status.is_server_error();
    let sentence = if answered {
        "The app answers although the web client sends no x-zoom-app-context."
    } else {
        "The app refuses to answer. The web client never sends x-zoom-app-context: answer with a page that calls \
         zoomSdk.config() and getAppContext(), and hands the context to your backend."
    };
    findings.check("context", "needs no header", answered, sentence);
    if !answered {
        let fix = "See step 3 of Zoom's page: get the app context token.";
        findings.problem = Some(Problem::new(sentence, fix));
    }
}

/// Passes cookies to the browser, except those that the switch takes away, and says which the browser will not keep.
pub(super) fn pass_cookies(web: &WebView, headers: &mut HeaderMap, findings: &mut Findings) {
    let set: Vec<Attributes> = headers.get_all(SET_COOKIE).iter().map(Attributes::of).collect();
    if set.is_empty() {
        return;
    }
    let mut world = web.platform.world();
    let third_party = world.frame_cookies.third_party;
    world.frame_cookies.receive(headers);
    drop(world);
    let those = |lost: fn(&Attributes) -> bool| -> Vec<&str> {
        set.iter().filter(|cookie| lost(cookie)).map(|cookie| cookie.name.as_str()).collect()
    };
    let foreign = those(|cookie| !(cookie.same_site_none && cookie.secure));
    let (ok, sentence) = if foreign.is_empty() {
        (
            true,
            "The cookies are SameSite=None and Secure, so the browser may keep them for a frame on another site."
                .into(),
        )
    } else {
        let names = foreign.join(", ");
        (false, format!("The browser throws {names} away in the web client's frame. Send SameSite=None and Secure."))
    };
    findings.check("cookies", "cookies for a frame", ok, &sentence);
    if !ok {
        findings.advice = Some(Problem::new(sentence, "Set the cookies of a session that begins in a frame so."));
    }
    let shared = those(|cookie| !cookie.partitioned);
    let names = shared.join(", ");
    let (ok, sentence) = match third_party {
        ThirdParty::Block => (
            false,
            "Third-party cookies are blocked altogether: no cookie is kept. A session needs a token in memory then."
                .into(),
        ),
        _ if shared.is_empty() => {
            (true, "The cookies are Partitioned: browsers keep them that block third-party cookies.".into())
        }
        ThirdParty::PartitionedOnly => {
            (false, format!("The browser blocks third-party cookies and throws {names} away. Send Partitioned."))
        }
        ThirdParty::Allow => {
            (true, format!("{names}: browsers that block third-party cookies throw this away. Send Partitioned."))
        }
    };
    findings.check("partitioned", "third-party cookies", ok, sentence);
}
