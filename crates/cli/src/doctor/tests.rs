//! The judgement, as a table: a deployment as it should be, one thing broken, and what is said about it.

#![expect(clippy::unnecessary_wraps, reason = "an answer stands where trouble may stand, too")]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use stagedoor_flows::launch::Guests;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::ask::{Answer, Answers, App, Asked, FOREIGN_SITE, Preflight, Rest, Trouble};
use super::expected::{Known, KnownApp};
use super::judge::judge;
use super::{Expected, Finding, Severity, review};

mod broken;
mod hostile;

use broken::BROKEN;

const SITE: &str = "https://www.example.com";
const STATE: &str = "ntnA7k31jZXYTu6wCNJJAYCBE8tQeI9-MudDS9gc5yc";

/// What is expected and what comes.
struct Case {
    expected: Expected,
    answers: Answers,
}

fn expected() -> Expected {
    let zoom = KnownApp {
        client_id: ClientId::parse("aClientId".to_owned()).unwrap(),
        client_secret: ClientSecret::new("q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
        host: Url::parse("https://zoom.us").unwrap(),
        guests: Guests::Allow,
        webhooks: true,
        scopes: vec!["zoomapp:inmeeting".into()],
    };
    let known = Known { zoom: Some(zoom), consumer: Some(vec![SITE.into()]), cobrowse: Some(vec![SITE.into()]) };
    let base = Url::parse("https://app.example.com").unwrap();
    Expected { base, prefix: "/zoom".into(), home: "/".into(), pwa: true, known: Some(known) }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer { status: StatusCode::from_u16(status).unwrap(), headers: map, body, at: UnixMillis(784_111_777_500) }
}

fn page(status: u16, more: &[(&str, &str)], body: &str) -> Asked {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'self'; script-src 'self' https://appssdk.zoom.us; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com",
        ),
        ("referrer-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", "no-store"),
    ];
    Ok(answer(status, &[&headers, more].concat(), body))
}

fn problem(status: u16) -> Asked {
    Ok(answer(status, &[("content-type", "application/problem+json")], "{}"))
}

fn install(state: &str, challenge: char) -> Asked {
    let challenge = challenge.to_string().repeat(43);
    let location = format!(
        "https://zoom.us/oauth/authorize?response_type=code&client_id=aClientId&redirect_uri=https%3A%2F%2Fapp.example.com%2Fzoom%2Fcallback&state={state}&code_challenge={challenge}&code_challenge_method=S256"
    );
    let cookie = "__Host-stagedoor-install=c2VhbGVk; Path=/; Secure; SameSite=Lax; HttpOnly; Max-Age=86400";
    Ok(answer(302, &[("location", &location), ("set-cookie", cookie)], ""))
}

fn preflight(route: &'static str, method: &'static str, is_listed: bool) -> Preflight {
    let with_cookies = method == "GET";
    let origin = if is_listed { SITE } else { FOREIGN_SITE };
    let headers: &[_] = &[
        ("access-control-allow-origin", SITE),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", method),
        ("access-control-allow-headers", "content-type"),
    ];
    let asked = Ok(answer(if is_listed { 204 } else { 403 }, if is_listed { headers } else { &[] }, ""));
    Preflight { route, method, origin: origin.into(), is_listed, with_cookies, asked }
}

/// As much of a certificate as it takes to say when it is good.
fn certificate(from: &str, until: &str) -> Bytes {
    let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let time = |text: &str| element(0x17, text.as_bytes());
    let validity = element(0x30, &[time(from), time(until)].concat());
    let signed = [element(0x02, &[1]), element(0x30, &[]), element(0x30, &[]), validity].concat();
    element(0x30, &element(0x30, &signed)).into()
}

/// A deployment as it should be.
fn good() -> Case {
    let cookie = "__Host-stagedoor=c2VhbGVk; Path=/; Secure; SameSite=None; Partitioned; HttpOnly; Max-Age=86400";
    let app = App {
        home: page(200, &[], "Open this app in Zoom"),
        framed: Some(page(200, &[], "<script src=\"https://appssdk.zoom.us/sdk.js\">")),
        launch: Some(page(200, &[("set-cookie", cookie)], "<script src=\"https://appssdk.zoom.us/sdk.js\">")),
        session: Some(Ok(answer(200, &[("content-type", "application/json")], "{}"))),
        forged: page(403, &[], "<code>context_seal</code>"),
        install: install(STATE, 'a'),
        install_again: install("another-state-of-forty-three-characters-abc", 'b'),
        callback: Ok(answer(302, &[("location", "https://app.example.com/zoom/install")], "")),
        webhook: problem(401),
        verification: problem(404),
    };
    let rest = Rest {
        plain: Some(Ok(answer(308, &[("location", "https://app.example.com/")], ""))),
        error_page: page(404, &[], "There is nothing at this address."),
        metrics: problem(401),
        ready: problem(401),
        app: Some(app),
        preflights: vec![
            preflight("/consumer-auth", "GET", true),
            preflight("/consumer-auth", "GET", false),
            preflight("/cobrowse/token", "POST", true),
        ],
        zoom: None,
    };
    let client = Ok(answer(200, &[("content-type", "text/javascript; charset=utf-8")], "export …"));
    let certificate = Some(certificate("941001000000Z", "941230000000Z"));
    Case { expected: expected(), answers: Answers { client, certificate, rest: Some(Box::new(rest)) } }
}

impl Case {
    fn findings(&self) -> Vec<Finding> {
        judge(&self.expected, &self.answers)
    }

    fn rest(&mut self) -> &mut Rest {
        self.answers.rest.as_mut().unwrap()
    }

    fn app(&mut self) -> &mut App {
        self.rest().app.as_mut().unwrap()
    }

    fn known(&mut self) -> &mut KnownApp {
        self.expected.known.as_mut().unwrap().zoom.as_mut().unwrap()
    }
}

/// Changes a header of an answer; `None` takes it away.
fn set(asked: &mut Asked, name: &'static str, value: Option<&str>) {
    let headers = &mut asked.as_mut().unwrap().headers;
    headers.remove(name);
    if let Some(value) = value {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
}

/// Rewrites a header of an answer.
fn edit(asked: &mut Asked, name: &'static str, from: &str, to: &str) {
    let value = asked.as_ref().unwrap().headers[name].to_str().unwrap().to_owned();
    assert!(value.contains(from), "{value}");
    set(asked, name, Some(&value.replace(from, to)));
}

#[test]
fn a_deployment_as_it_should_be_has_no_finding_to_mend() {
    let findings = good().findings();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok && finding.fix.is_none()), "{findings:#?}");
    let mut checks: Vec<_> = findings.iter().map(|finding| finding.rule.check).collect();
    checks.dedup();
    insta::assert_snapshot!(checks.join(" "), @"tls routes http clock headers launch cookie context install state cookie redirect webhook domain headers admin cors");
}

#[test]
fn what_is_broken_is_told_with_the_reason_and_the_fix() {
    for (number, (break_it, check, severity, words)) in BROKEN.iter().enumerate() {
        let mut case = good();
        break_it(&mut case);
        let told: Vec<_> = case.findings().into_iter().filter(|finding| finding.severity > Severity::Ok).collect();
        let is_told = |finding: &Finding| {
            (finding.rule.check, finding.severity) == (*check, *severity) && finding.came.contains(words)
        };
        assert!(told.iter().any(is_told), "{number}: {check} {words}: {told:#?}");
        for finding in told {
            assert!(finding.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{finding:?}");
            assert!(finding.rule.source.starts_with("https://") && !finding.rule.why.is_empty(), "{finding:?}");
        }
    }
}

#[test]
fn mn_12_no_finding_holds_a_state_a_challenge_or_a_cookie() {
    let broken = BROKEN.iter().map(|(break_it, ..)| {
        let mut case = good();
        break_it(&mut case);
        case
    });
    for case in broken.chain([good()]) {
        let said = serde_json::to_string(&case.findings()).unwrap();
        for secret in [STATE, &"a".repeat(43), "c2VhbGVk"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn an_address_that_cannot_be_reached_is_one_finding_that_tells_names_ports_and_certificates_apart() {
    for (cause, check, fix) in [
        ("Connection refused (os error 111)", "reachable", "firewall"),
        ("failed to lookup address information: Name or service not known", "reachable", "DNS"),
        ("invalid peer certificate: Expired", "tls", "renew"),
        ("invalid peer certificate: certificate not valid for name \"app\"", "tls", "this very host name"),
        ("invalid peer certificate: UnknownIssuer", "tls", "intermediate"),
        ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "tls", "public authority"),
        ("received fatal alert: ProtocolVersion", "tls", "TLS 1.2"),
    ] {
        let client = Err(Trouble::Connect(cause.into()));
        let findings = judge(&expected(), &Answers { client, certificate: None, rest: None });
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.rule.check, finding.severity), (check, Severity::Problem), "{cause}");
        assert!(finding.fix.as_ref().unwrap().contains(fix), "{cause}: {finding:?}");
        assert!(finding.came.contains(cause), "{finding:?}");
    }
}

#[test]
fn a_wrong_clock_is_laid_to_whose_it_is() {
    let date = |seconds: i64| {
        let mut answer = answer(200, &[("content-type", "text/javascript")], "");
        answer.at = UnixMillis(784_111_777_500 - seconds * 1000);
        answer
    };
    for (server, zoom, severity, words) in [
        (2, None, Severity::Ok, "agrees"),
        (-30, None, Severity::Warning, "30 s behind"),
        (300, None, Severity::Problem, "300 s ahead of this machine's; whose is wrong could not be told"),
        (300, Some(1), Severity::Problem, "the server's clock is wrong"),
        (300, Some(299), Severity::Warning, "this machine's clock is wrong"),
        (300, Some(270), Severity::Warning, "30 s ahead of Zoom's: the server's clock is wrong"),
    ] {
        let mut case = good();
        case.answers.client = Ok(date(server));
        case.rest().zoom = zoom.map(|zoom| Ok(date(zoom)));
        let clock = case.findings().into_iter().find(|finding| finding.rule.check == "clock").unwrap();
        assert!(clock.severity == severity && clock.came.contains(words), "{server} {zoom:?}: {clock:?}");
    }
}

/// A deployment as it should be, without its settings.
fn unknown() -> Case {
    let mut case = good();
    case.expected.known = None;
    case.app().launch = None;
    case.app().session = None;
    case.rest().preflights = vec![];
    case
}

#[test]
fn a_url_alone_is_asked_what_holds_for_any_deployment() {
    let mut case = unknown();
    for webhook in [401, 404] {
        case.app().webhook = problem(webhook);
        assert!(case.findings().iter().all(|finding| finding.severity == Severity::Ok), "{:#?}", case.findings());
    }
    for not_zooms in ["zoom.us.evil.example", "localhost:4000", "evilzoom.us"] {
        let mut case = unknown();
        edit(&mut case.app().install, "location", "zoom.us", not_zooms);
        let is_told = |one: &Finding| one.rule.check == "install" && one.severity == Severity::Problem;
        assert!(case.findings().iter().any(is_told), "{not_zooms}");
    }
    // Beside a deployment on this machine, Zoom is emulated on it.
    let mut case = unknown();
    case.expected.base = Url::parse("http://localhost:3000").unwrap();
    edit(&mut case.app().install, "location", "https://zoom.us", "http://localhost:4000");
    let (public, local) = ("https%3A%2F%2Fapp.example.com", "http%3A%2F%2Flocalhost%3A3000");
    edit(&mut case.app().install, "location", public, local);
    edit(&mut case.app().install_again, "location", public, local);
    assert!(!case.findings().iter().any(|one| one.rule.check == "install" && one.severity == Severity::Problem));
}

#[test]
fn guests_who_are_refused_are_no_problem_where_the_settings_say_so() {
    let mut case = good();
    case.known().guests = Guests::Deny;
    case.app().launch = Some(page(403, &[], "<code>guest_refused</code>"));
    case.app().session = None;
    assert!(case.findings().iter().all(|finding| finding.severity == Severity::Ok), "{:#?}", case.findings());
}

#[test]
fn what_is_wrong_everywhere_is_said_once() {
    let mut case = good();
    set(&mut case.app().home, "x-frame-options", Some("DENY"));
    set(case.app().framed.as_mut().unwrap(), "x-frame-options", Some("DENY"));
    let told: Vec<_> = case.findings().into_iter().filter(|finding| finding.fix.is_some()).collect();
    let [finding] = &told[..] else { panic!("{told:#?}") };
    assert_eq!(finding.asked, "the Home URL in a browser; the Home URL in a frame");
}

#[test]
fn a_finding_reads_as_a_line_and_its_reasons() {
    let mut case = good();
    set(&mut case.app().home, "referrer-policy", None);
    let findings = case.findings();
    let finding = findings.iter().find(|finding| finding.severity == Severity::Problem).unwrap();
    insta::assert_snapshot!(finding, @r"
    problem  headers        the Home URL in a browser: no Referrer-Policy
                            why: Zoom's client shows no page that lacks one of these four headers
                                 https://developers.zoom.us/docs/build-flow/security/owasp/
                            fix: stagedoor sends it on every page: let the proxy pass it on
    ");
    insta::assert_snapshot!(findings[0], @"ok       tls            https://app.example.com/: https, with TLS 1.2 or 1.3 and a certificate that is accepted here, for 53 more days");
}

#[test]
fn a_review_lists_what_was_found_what_is_seen_to_and_what_is_left() {
    let mut case = good();
    case.app().verification = problem(401);
    let page = review(&case.expected, &case.findings(), "2026-11-22");
    assert!(page.starts_with("# Review of https://app.example.com/\n"), "{page}");
    let lines = |start: &str| page.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
    assert_eq!(lines("| ✓ |").len() + lines("| warning |").len(), case.findings().len(), "{page}");
    assert_eq!(lines("| warning |").len(), 1, "{page}");
    assert!(page.contains("- [ ] Why the app needs the scope `zoomapp:inmeeting`"), "{page}");
    assert!(page.contains("app_deauthorized erases"), "{page}");
    case.known().webhooks = false;
    let page = review(&case.expected, &case.findings(), "2026-11-22");
    assert!(!page.contains("app_deauthorized erases") && page.contains("- [ ] A webhook secret"), "{page}");
}
