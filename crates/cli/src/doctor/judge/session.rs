//! The launch, and its cookie.

use http::header;
use stagedoor_flows::launch::Guests;

use super::page;
use crate::doctor::ask::{Answer, Asked};
use crate::doctor::expected::Expected;
use crate::doctor::finding::{Finding, Rule};

static LAUNCH: Rule = Rule {
    check: "launch",
    why: "Zoom's client opens the app with an app context in the header x-zoom-app-context",
    source: "https://developers.zoom.us/docs/zoom-apps/zoom-app-context/",
};

static COOKIE: Rule = Rule {
    check: "cookie",
    why: "the app runs in frames and embedded browsers, which keep a session only in a cookie with these attributes",
    source: "https://developers.zoom.us/docs/zoom-apps/guides/pwa/",
};

const ASKED: &str = "the Home URL as Zoom opens it";

/// The name of the session cookie.
const SESSION: &str = "__Host-stagedoor";

/// A cookie as it is set. Its value is not kept.
struct SetCookie {
    attributes: Vec<(String, String)>,
}

impl SetCookie {
    fn find(answer: &Answer, wanted: &str) -> Option<Self> {
        answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|text| {
            let mut parts = text.split(';');
            let (name, _) = parts.next()?.split_once('=')?;
            let attributes = parts.map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (name.trim().to_ascii_lowercase(), value.trim().to_owned())
            });
            (name.trim() == wanted).then(|| Self { attributes: attributes.collect() })
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What a cookie with the prefix `__Host-` must have, and what a frame or a redirect needs.
    fn lacks(&self, same_site: &str, is_partitioned: bool) -> Vec<String> {
        let mut lacks = vec![];
        for (name, is_wanted) in [("Secure", true), ("HttpOnly", true), ("Partitioned", is_partitioned)] {
            if is_wanted && self.get(&name.to_ascii_lowercase()).is_none() {
                lacks.push(name.to_owned());
            }
        }
        if !self.get("samesite").is_some_and(|value| value.eq_ignore_ascii_case(same_site)) {
            lacks.push(format!("SameSite={same_site}"));
        }
        if self.get("path") != Some("/") {
            lacks.push("Path=/".into());
        }
        if self.get("domain").is_some() {
            lacks.push("no Domain".into());
        }
        lacks
    }
}

/// Judges the attributes of a cookie that an answer should set.
pub(super) fn cookie(answer: &Answer, asked: &str, name: &str, same_site: &str, is_partitioned: bool) -> Finding {
    const FIX: &str =
        "let the proxy pass Set-Cookie on as it is, and the gateway be reached through its public URL only";
    let Some(cookie) = SetCookie::find(answer, name) else {
        return COOKIE.problem(asked, format!("no cookie {name}"), FIX);
    };
    let lacks = cookie.lacks(same_site, is_partitioned);
    if lacks.is_empty() {
        let partitioned = if is_partitioned { ", Partitioned" } else { "" };
        return COOKIE.ok(asked, format!("{name} with Secure, HttpOnly, SameSite={same_site}{partitioned}"));
    }
    COOKIE.problem(asked, format!("{name} lacks {}", lacks.join(", ")), FIX)
}

/// The session cookie as it is sent back; never printed.
pub(crate) fn pair(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.filter_map(|cookie| cookie.split(';').next());
    pairs.find(|pair| pair.split_once('=').is_some_and(|(name, _)| name == SESSION)).map(str::to_owned)
}

/// Judges a launch of a guest.
pub(super) fn launch(expected: &Expected, launch: &Asked, guests: Option<Guests>) -> Vec<Finding> {
    let answer = match LAUNCH.answered(ASKED, launch) {
        Ok(answer) => answer,
        Err(finding) => return vec![finding],
    };
    if guests == Some(Guests::Deny) && answer.code("guest_refused").is_some() {
        let mut findings = page::headers(ASKED, answer, expected);
        findings
            .push(LAUNCH.ok(ASKED, "refused, because app.guests is \"deny\"; so the session's cookie was not seen"));
        return findings;
    }
    if answer.status.as_u16() == 403 {
        let code = answer.code("context_").unwrap_or_else(|| "no code of stagedoor's".into());
        let fix = match code.as_str() {
            "context_seal" | "context_audience" => {
                "let the deployment and these settings have the same zoom.client_id and zoom.client_secret, restarted with them"
            }
            "context_expired" | "context_times" => "set the clocks right (see the finding about the clock)",
            "context_encoding" | "context_layout" => {
                "let the proxy pass x-zoom-app-context on unchanged, with request headers of at least 16 KiB"
            }
            _ => "see that no firewall before the gateway refuses what Zoom's client sends",
        };
        return vec![LAUNCH.problem(ASKED, format!("403 ({code})"), fix)];
    }
    if answer.status.is_server_error() {
        let fix = "see the gateway's log: the app's server does not answer, or not in time";
        return vec![LAUNCH.problem(ASKED, answer.said(), fix)];
    }
    if pair(answer).is_none() && SetCookie::find(answer, SESSION).is_none() {
        let fix = "let the proxy pass the request header x-zoom-app-context and the answer's Set-Cookie on";
        return vec![LAUNCH.problem(ASKED, format!("{}, and no session", answer.said()), fix)];
    }
    let mut findings = vec![LAUNCH.ok(ASKED, format!("{}, with a session", answer.said()))];
    if answer.is_html() {
        findings.extend(page::headers(ASKED, answer, expected));
    }
    findings.push(cookie(answer, ASKED, SESSION, "None", true));
    findings
}

/// Judges whether the session's cookie opens the session when it comes back through the public URL.
pub(super) fn comes_back(session: &Asked) -> Finding {
    const ASKED: &str = "the session, with that cookie";
    match COOKIE.answered(ASKED, session) {
        Err(finding) => finding,
        Ok(answer) if answer.status.as_u16() == 200 => {
            COOKIE.ok(ASKED, "the cookie comes back, and the session is known")
        }
        Ok(answer) => COOKIE.problem(
            ASKED,
            answer.said(),
            "let the proxy pass Cookie on as it is; where there are several gateways, give them one secret",
        ),
    }
}
