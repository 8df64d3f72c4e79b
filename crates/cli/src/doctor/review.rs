//! `doctor --review`: what was found, what Stagedoor sees to, and what is left to say, as a page for Zoom's review.
//!
//! The questions are those of <https://developers.zoom.us/docs/build-flow/technical-design> and
//! <https://developers.zoom.us/docs/distribute/security-requirements/>.

use std::fmt::Write as _;

use super::{Expected, Finding, Severity};

/// What holds for every deployment, as the review asks for it.
const SEEN_TO: [(&str, &str); 7] = [
    (
        "Transport",
        "Zoom and third parties are called with TLS 1.2 or 1.3 and verified certificates; what comes in has the TLS of the \
         proxy (above).",
    ),
    (
        "Installation",
        "OAuth with a state and PKCE (S256), bound to the browser that began; a code without a state is never exchanged.",
    ),
    (
        "App context",
        "Decrypted and authenticated (AES-256-GCM), with audience, issuer and times; nothing else opens a session.",
    ),
    (
        "Tokens",
        "Kept by the backend alone, encrypted at rest (AES-256-GCM-SIV, keys derived by HKDF); reused until they are due, \
         and refreshed once by all processes together.",
    ),
    ("Pages", "The four headers on every page; no token and no secret reaches a page."),
    ("Zoom's API", "Called by the backend only, within a list of methods and paths."),
    ("Logs", "Request ids, routes and statuses; no token, code, state, context, cookie, secret or account id."),
];

/// What holds where webhooks are taken.
const HEARD: [(&str, &str); 2] = [
    ("Webhooks", "Verified over the raw bytes with the secret token before anything is read; each is accepted once."),
    (
        "Removal",
        "app_deauthorized erases the user's tokens, connections and sessions, and leaves an audit line without them.",
    ),
];

/// What nobody but the developer can tell.
const LEFT: [&str; 7] = [
    "Privacy policy, terms of use, support and documentation pages, which say how the app is removed",
    "The domains of all of these verified in the Marketplace",
    "Every host that the app's pages contact in the domain allow list",
    "What the app's own server stores of Zoom's data, encrypted at rest, and for how long",
    "An architecture diagram, and the stack with its versions",
    "A test account and release notes for the reviewer",
    "Where Zoom asks for them: development lifecycle, static and dynamic analysis, a penetration test",
];

/// Writes the page, in Markdown.
pub(crate) fn review(expected: &Expected, findings: &[Finding], date: &str) -> String {
    let mut page = format!("# Review of {}\n\n", expected.base);
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(page, "`stagedoor doctor --review`, version {version}, {date}.\n");
    page.push_str("## What the deployment answers\n\n| | check | asked | came |\n|---|---|---|---|\n");
    for Finding { rule, severity, asked, came, .. } in findings {
        let mark = if *severity == Severity::Ok { "✓" } else { severity.as_str() };
        let _ = writeln!(page, "| {mark} | [{}]({}) | {} | {} |", rule.check, rule.source, cell(asked), cell(came));
    }
    page.push_str("\n## What Stagedoor sees to\n\n");
    let is_heard = expected.app().is_none_or(|app| app.webhooks);
    for (what, how) in SEEN_TO.iter().chain(HEARD.iter().filter(|_| is_heard)) {
        let _ = writeln!(page, "- **{what}.** {how}");
    }
    page.push_str("\n## What is left to say\n\n");
    if !is_heard {
        page.push_str(
            "- [ ] A webhook secret (zoom.webhook_secrets): without one, nobody hears that a user removes the app\n",
        );
    }
    for scope in expected.app().map(|app| app.scopes.as_slice()).unwrap_or_default() {
        let _ = writeln!(page, "- [ ] Why the app needs the scope `{scope}`");
    }
    for left in LEFT {
        let _ = writeln!(page, "- [ ] {left}");
    }
    page
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
