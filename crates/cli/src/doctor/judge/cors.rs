//! Preflights of other sites' pages (the CORS protocol, <https://fetch.spec.whatwg.org/#http-cors-protocol>).

use crate::doctor::ask::Preflight;
use crate::doctor::finding::{Finding, Rule};

static CORS: Rule = Rule {
    check: "cors",
    why: "the chat and Cobrowse run on pages of your site: exactly these may read tokens, and no other",
    source: "https://fetch.spec.whatwg.org/#http-cors-protocol",
};

/// Judges a preflight.
pub(super) fn judge(preflight: &Preflight) -> Finding {
    let Preflight { route, method, origin, is_listed, with_cookies, asked: answer } = preflight;
    let asked = format!("{route}, a page of {origin}");
    let answer = match CORS.answered(&asked, answer) {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    let allowed = answer.header("access-control-allow-origin");
    if !is_listed {
        return match allowed {
            None => CORS.ok(asked, "a site that is not listed is told nothing"),
            Some(_) => CORS.problem(
                asked,
                "a site that is not listed is let in",
                "remove CORS headers from the proxy: the gateway answers for them",
            ),
        };
    }
    let lists = |name: &str, wanted: &str| {
        let value = answer.header(name).unwrap_or_default();
        value.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let fix = "let the proxy pass OPTIONS on, and add no CORS headers of its own";
    if !answer.status.is_success() {
        return CORS.problem(asked, answer.said(), fix);
    }
    if allowed != Some(origin.as_str()) || answer.headers.get_all("access-control-allow-origin").iter().count() != 1 {
        return CORS.problem(asked, "Access-Control-Allow-Origin is not exactly this origin", fix);
    }
    if *with_cookies && answer.header("access-control-allow-credentials") != Some("true") {
        return CORS.problem(asked, "no Access-Control-Allow-Credentials: true, so no cookies come along", fix);
    }
    if *method != "GET" && !lists("access-control-allow-methods", method) {
        return CORS.problem(asked, format!("{method} is not allowed"), fix);
    }
    if *method != "GET" && !lists("access-control-allow-headers", "content-type") {
        return CORS.problem(asked, "Content-Type is not allowed", fix);
    }
    CORS.ok(asked, "let in, exactly")
}
