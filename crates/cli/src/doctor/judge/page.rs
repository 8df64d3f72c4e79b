//! The headers of a page.

use super::csp::Policy;
use crate::doctor::ask::{Answer, Asked};
use crate::doctor::expected::Expected;
use crate::doctor::finding::{Finding, Rule};

static PAGE: Rule = Rule {
    check: "page",
    why: "Zoom's client opens a page here, and its review looks at it",
    source: "https://developers.zoom.us/docs/distribute/security-requirements/",
};

static HEADERS: Rule = Rule {
    check: "headers",
    why: "Zoom's client shows no page that lacks one of these four headers",
    source: "https://developers.zoom.us/docs/build-flow/security/owasp/",
};

static CSP: Rule = Rule {
    check: "csp",
    why: "the policy is what keeps a script that is not the app's out of Zoom's client, and the page out of foreign frames",
    source: "https://developers.zoom.us/docs/build-flow/security/owasp/",
};

static FRAME: Rule = Rule {
    check: "frame",
    why: "Zoom's web client shows the app in a cross-origin isolated frame",
    source: "https://developers.zoom.us/docs/zoom-apps/guides/pwa/",
};

static CACHE: Rule = Rule {
    check: "cache",
    why: "a page belongs to one session, and Zoom's client does not like a 304 for pages",
    source: "https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5",
};

/// Judges a page that should have a status.
pub(super) fn judge(asked: &str, answer: &Asked, status: u16, expected: &Expected) -> Vec<Finding> {
    let answer = match PAGE.answered(asked, answer) {
        Ok(answer) => answer,
        Err(finding) => return vec![finding],
    };
    if answer.status.is_redirection() && stays(answer, expected) {
        return vec![PAGE.ok(asked, format!("{} within the app", answer.status.as_u16()))];
    }
    if answer.status.as_u16() != status || !answer.is_html() {
        let fix = match answer.status.as_u16() {
            502..=504 => "see that serve runs, and that the proxy passes requests to its address (listen)",
            300..=399 => {
                "let nothing redirect Zoom's client to another site: enter the address that answers, or mend the proxy"
            }
            _ => "see that the proxy passes this path, its query and every header on to the gateway unchanged",
        };
        return vec![PAGE.problem(asked, format!("{}, and not {status} with text/html", answer.said()), fix)];
    }
    let mut findings = headers(asked, answer, expected);
    if findings.is_empty() {
        let came = format!("{status}, with every header that Zoom's clients ask for");
        findings.push(HEADERS.ok(asked, came));
    }
    findings
}

/// Whether a redirect leads to the same site.
fn stays(answer: &Answer, expected: &Expected) -> bool {
    let to = answer.header("location").and_then(|location| expected.base.join(location).ok());
    to.is_some_and(|to| to.origin() == expected.base.origin())
}

/// What is wrong with the headers of a page; nothing where they are right.
pub(super) fn headers(asked: &str, answer: &Answer, expected: &Expected) -> Vec<Finding> {
    let mut findings: Vec<_> = WANTED.iter().filter_map(|wanted| wanted.judge(asked, answer)).collect();
    findings.extend(policy(asked, answer, expected));
    findings.extend(frame(asked, answer, expected));
    findings.extend(cache(asked, answer));
    findings
}

/// A header that Zoom's client wants.
struct Wanted {
    name: &'static str,
    is_good: fn(&str) -> bool,
    good: &'static str,
}

const WANTED: [Wanted; 4] = [
    Wanted { name: "Strict-Transport-Security", is_good: is_hsts, good: "max-age=31536000" },
    Wanted { name: "X-Content-Type-Options", is_good: |value| value.eq_ignore_ascii_case("nosniff"), good: "nosniff" },
    Wanted { name: "Content-Security-Policy", is_good: |value| !value.is_empty(), good: "what stagedoor sends" },
    Wanted { name: "Referrer-Policy", is_good: is_referrer_policy, good: "same-origin" },
];

impl Wanted {
    fn judge(&self, asked: &str, answer: &Answer) -> Option<Finding> {
        const KEEP: &str = "stagedoor sends it on every page: let the proxy pass it on";
        let Self { name, is_good, good } = self;
        let values: Vec<_> = answer.headers.get_all(*name).iter().collect();
        match &values[..] {
            [] => Some(HEADERS.problem(asked, format!("no {name}"), KEEP)),
            [value] => match value.to_str() {
                Ok(value) if is_good(value.trim()) => None,
                // Zoom's client looks for the name alone.
                _ => Some(HEADERS.warning(asked, format!("a {name} that is no use"), format!("send {good}"))),
            },
            several => {
                let came = format!("{} comes {} times", name, several.len());
                Some(HEADERS.warning(asked, came, "stagedoor sends it already: remove it from the proxy"))
            }
        }
    }
}

/// Whether it keeps a browser on https for half a year; whoever scans headers calls less weak.
fn is_hsts(value: &str) -> bool {
    const HALF_A_YEAR: u64 = 15_768_000;
    value.split(';').any(|part| {
        let (name, seconds) = part.split_once('=').unwrap_or_default();
        let seconds = seconds.trim().trim_matches('"').parse().unwrap_or(0_u64);
        name.trim().eq_ignore_ascii_case("max-age") && seconds >= HALF_A_YEAR
    })
}

/// Whether the last policy that browsers know keeps paths from other sites.
fn is_referrer_policy(value: &str) -> bool {
    const GOOD: [&str; 6] = [
        "no-referrer",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "origin",
        "origin-when-cross-origin",
    ];
    const BAD: [&str; 2] = ["unsafe-url", "no-referrer-when-downgrade"];
    let mut words = value.split(',').map(|word| word.trim().to_ascii_lowercase());
    let known = |word: &String| GOOD.contains(&word.as_str()) || BAD.contains(&word.as_str());
    words.rfind(known).is_some_and(|word| GOOD.contains(&word.as_str()))
}

fn policy(asked: &str, answer: &Answer, expected: &Expected) -> Vec<Finding> {
    const SDK: &[u8] = b"https://appssdk.zoom.us/";
    let Some(text) = answer.header("content-security-policy") else { return vec![] };
    let policy = Policy::parse(text);
    let mut findings = vec![];
    if policy.ancestors().is_none() {
        let fix = "send frame-ancestors: stagedoor adds it to an app's own policy, unless the proxy replaces that";
        findings.push(CSP.problem(asked, "no frame-ancestors: every site may frame this page", fix));
    } else if expected.pwa && !policy.lets_zoom_frame() {
        let fix = "allow https://*.zoom.us and https://*.zoom.com in frame-ancestors (headers.csp), or set pwa.enabled = false";
        findings.push(FRAME.problem(asked, "frame-ancestors keeps Zoom's web client out", fix));
    }
    for loose in policy.loose() {
        findings.push(CSP.warning(
            asked,
            format!("a loose policy: {loose}"),
            "name the sources that the app has, and no others",
        ));
    }
    let loads_sdk = answer.body.windows(SDK.len()).any(|part| part == SDK);
    if loads_sdk && !policy.lets_sdk_load() {
        let fix = "add https://appssdk.zoom.us to script-src";
        findings.push(CSP.problem(asked, "the page loads Zoom's SDK, and the policy does not let it", fix));
    }
    findings
}

fn frame(asked: &str, answer: &Answer, expected: &Expected) -> Vec<Finding> {
    const KEEP: &str = "stagedoor sends it on every page: let the proxy pass it on, or set pwa.enabled = false";
    if !expected.pwa {
        return vec![];
    }
    let mut findings = vec![];
    if answer.headers.contains_key("x-frame-options") {
        findings.push(FRAME.problem(
            asked,
            "X-Frame-Options keeps Zoom's web client out",
            "remove it from the proxy: frame-ancestors does its work",
        ));
    }
    for (name, wanted) in
        [("cross-origin-embedder-policy", "require-corp"), ("cross-origin-resource-policy", "cross-origin")]
    {
        if answer.header(name) != Some(wanted) {
            findings.push(FRAME.problem(asked, format!("no {name}: {wanted}"), KEEP));
        }
    }
    findings
}

fn cache(asked: &str, answer: &Answer) -> Vec<Finding> {
    let is_no_store = answer
        .headers
        .get_all("cache-control")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("no-store")));
    let is_old = answer.header("age").is_some_and(|age| age.trim().parse().unwrap_or(0_u64) > 0);
    if is_old {
        return vec![CACHE.problem(
            asked,
            "this page comes out of a cache",
            "let the proxy or the CDN cache nothing of this host",
        )];
    }
    if is_no_store {
        vec![]
    } else {
        vec![CACHE.warning(asked, "no Cache-Control: no-store", "let the proxy pass Cache-Control on")]
    }
}
