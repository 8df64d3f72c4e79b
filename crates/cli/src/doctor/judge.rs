//! Judges answers. Pure: no I/O, no clock.

use super::ask::{Answer, Answers, App, Asked, Rest, Trouble};
use super::expected::Expected;
use super::finding::{Finding, Rule};

mod certificate;
pub(super) mod clock;
mod cors;
mod csp;
mod doors;
mod install;
mod page;
pub(super) mod session;
mod transport;

/// Everything that is found, in the order in which a request meets it.
pub(super) fn judge(expected: &Expected, answers: &Answers) -> Vec<Finding> {
    let first = match &answers.client {
        Ok(first) => first,
        Err(trouble) => return vec![transport::unreachable(expected, trouble)],
    };
    let mut findings =
        vec![transport::encrypted(expected, first, answers.certificate.as_deref()), doors::client(expected, first)];
    let Some(rest) = &answers.rest else { return findings };
    let Rest { plain, error_page, metrics, ready, app, preflights, zoom } = &**rest;
    findings.extend(plain.as_ref().map(|plain| transport::plain(expected, plain)));
    findings.push(clock::judge(first, zoom.as_ref()));
    if let Some(app) = app {
        findings.extend(judge_app(expected, app));
    }
    findings.extend(page::judge("an address that does not exist", error_page, 404, expected));
    findings.push(doors::admin(&[("/metrics", metrics), ("/ready", ready)]));
    findings.extend(preflights.iter().map(cors::judge));
    united(findings)
}

/// Says once what is wrong in several places in the same way.
fn united(findings: Vec<Finding>) -> Vec<Finding> {
    let mut united: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        let is_same = |other: &&mut Finding| {
            finding.fix.is_some()
                && (&other.came, &other.fix) == (&finding.came, &finding.fix)
                && other.rule == finding.rule
        };
        match united.iter_mut().find(is_same) {
            Some(other) => other.asked = format!("{}; {}", other.asked, finding.asked),
            None => united.push(finding),
        }
    }
    united
}

fn judge_app(expected: &Expected, app: &App) -> Vec<Finding> {
    let App { home, framed, launch, session, forged, install, install_again, callback, webhook, verification } = app;
    let mut findings = page::judge("the Home URL in a browser", home, 200, expected);
    if let Some(framed) = framed {
        findings.extend(page::judge("the Home URL in a frame", framed, 200, expected));
    }
    if let Some(launch) = launch {
        findings.extend(session::launch(expected, launch, expected.app().map(|app| app.guests)));
    }
    if let Some(session) = session {
        findings.push(session::comes_back(session));
    }
    findings.push(doors::forged(forged));
    findings.extend(install::judge(expected, install, install_again));
    findings.push(install::callback(expected, callback));
    findings.push(doors::webhook(expected, webhook));
    findings.push(doors::verification(verification));
    findings
}

impl Rule {
    /// An answer, or the finding that there is none.
    fn answered<'a>(&'static self, asked: &str, answer: &'a Asked) -> Result<&'a Answer, Finding> {
        answer.as_ref().map_err(|trouble| {
            let fix = "ask again; if it stays so, see that the proxy and the gateway are up and answer in time";
            self.problem(asked, trouble.to_string(), fix)
        })
    }
}

impl Answer {
    /// The first value of a header, if it is text.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn is_html(&self) -> bool {
        self.has_type("text/html")
    }

    fn has_type(&self, essence: &str) -> bool {
        let found = self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        found.trim().eq_ignore_ascii_case(essence)
    }

    /// Status and type, in words.
    fn said(&self) -> String {
        match self.header("content-type") {
            Some(kind) => format!("{} with {}", self.status.as_u16(), short(kind)),
            None => self.status.as_u16().to_string(),
        }
    }

    /// The code of a refusal of Stagedoor's that begins like this, wherever in the body it stands.
    fn code(&self, start: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let code = &body[body.find(start)?..];
        let end = code.find(|character: char| !character.is_ascii_lowercase() && character != '_');
        Some(code[..end.unwrap_or(code.len())].to_owned())
    }
}

/// What others have written, cut where it becomes long.
fn short(text: &str) -> &str {
    const LONG: usize = 120;
    text.get(..LONG).unwrap_or(text)
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(cause) => write!(f, "no connection ({cause})"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Broken(cause) => write!(f, "a broken answer ({cause})"),
            Self::TooLarge => f.write_str("an answer that is too large to look at"),
        }
    }
}
