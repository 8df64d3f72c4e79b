//! The table: what is broken, and the check, the severity and the words that tell it.

use http::HeaderValue;
use url::Url;

use super::{Case, FOREIGN_SITE, STATE, answer, certificate, edit, install, page, problem, set};
use crate::doctor::Severity;
use crate::doctor::ask::Trouble;

pub(super) type Break = fn(&mut Case);

/// What is broken, and the check, the severity and the words that tell it.
pub(super) const BROKEN: &[(Break, &str, Severity, &str)] = {
    use Severity::{Problem, Warning};
    &[
        (|case| case.expected.base = Url::parse("http://app.example.com").unwrap(), "tls", Problem, "http"),
        (
            |case| case.answers.certificate = Some(certificate("940820000000Z", "941118000000Z")),
            "tls",
            Warning,
            "for 11 more days",
        ),
        (
            |case| case.answers.certificate = Some(certificate("940820000000Z", "941106090000Z")),
            "tls",
            Warning,
            "for less than a day more",
        ),
        (|case| case.rest().plain = Some(page(200, &[], "")), "http", Problem, "200"),
        (
            |case| set(case.rest().plain.as_mut().unwrap(), "location", Some("https://evil.example/")),
            "http",
            Problem,
            "https://evil.example",
        ),
        (|case| case.answers.client = page(404, &[], ""), "routes", Problem, "404 with text/html"),
        (|case| case.answers.client = problem(502), "routes", Problem, "502"),
        (|case| set(&mut case.answers.client, "date", None), "clock", Warning, "no date"),
        (|case| set(&mut case.app().home, "strict-transport-security", None), "headers", Problem, "no Strict-Tr"),
        (|case| set(&mut case.app().home, "x-content-type-options", None), "headers", Problem, "no X-Content-Type"),
        (|case| set(&mut case.app().home, "content-security-policy", None), "headers", Problem, "no Content-Sec"),
        (|case| set(&mut case.app().home, "referrer-policy", None), "headers", Problem, "no Referrer-Policy"),
        (|case| set(&mut case.rest().error_page, "referrer-policy", None), "headers", Problem, "no Referrer-Policy"),
        (
            |case| set(case.app().launch.as_mut().unwrap(), "referrer-policy", None),
            "headers",
            Problem,
            "no Referrer-Policy",
        ),
        (
            |case| set(&mut case.app().home, "strict-transport-security", Some("max-age=0")),
            "headers",
            Warning,
            "no use",
        ),
        (|case| set(&mut case.app().home, "referrer-policy", Some("unsafe-url")), "headers", Warning, "no use"),
        (
            |case| {
                let headers = &mut case.app().home.as_mut().unwrap().headers;
                headers.append("x-content-type-options", HeaderValue::from_static("nosniff"));
            },
            "headers",
            Warning,
            "comes 2 times",
        ),
        (
            |case| edit(&mut case.app().home, "content-security-policy", "frame-ancestors", "x"),
            "csp",
            Problem,
            "no frame-ancestors",
        ),
        (
            |case| {
                let others = "'self' https://*.zoom.us https://*.zoom.com";
                edit(&mut case.app().home, "content-security-policy", others, "'none'");
            },
            "frame",
            Problem,
            "keeps Zoom's web client out",
        ),
        (
            |case| edit(&mut case.app().home, "content-security-policy", "script-src 'self'", "script-src *"),
            "csp",
            Warning,
            "script-src *",
        ),
        (
            |case| {
                let launch = case.app().launch.as_mut().unwrap();
                edit(launch, "content-security-policy", "script-src", "style-src 'unsafe-inline'; script-src");
            },
            "csp",
            Warning,
            "style-src 'unsafe-inline'",
        ),
        (
            |case| {
                let launch = case.app().launch.as_mut().unwrap();
                edit(launch, "content-security-policy", "script-src 'self'", "script-src 'unsafe-inline'");
            },
            "csp",
            Warning,
            "script-src 'unsafe-inline'",
        ),
        (
            |case| {
                let launch = case.app().launch.as_mut().unwrap();
                edit(launch, "content-security-policy", "https://appssdk.zoom.us", "");
            },
            "csp",
            Problem,
            "Zoom's SDK",
        ),
        (
            |case| set(case.app().framed.as_mut().unwrap(), "x-frame-options", Some("SAMEORIGIN")),
            "frame",
            Problem,
            "X-Frame-Options",
        ),
        (
            |case| set(case.app().framed.as_mut().unwrap(), "cross-origin-embedder-policy", None),
            "frame",
            Problem,
            "cross-origin-embedder-policy",
        ),
        (|case| set(&mut case.app().home, "cache-control", None), "cache", Warning, "no-store"),
        (|case| set(&mut case.app().home, "age", Some("7")), "cache", Problem, "out of a cache"),
        (|case| case.app().home = problem(502), "page", Problem, "502"),
        (|case| case.app().home = Err(Trouble::Timeout), "page", Problem, "no answer in time"),
        (
            |case| case.app().home = Ok(answer(302, &[("location", "https://login.example/")], "")),
            "page",
            Problem,
            "302",
        ),
        (
            |case| case.app().launch = Some(page(403, &[], "<code>context_seal</code>")),
            "launch",
            Problem,
            "403 (context_seal)",
        ),
        (
            |case| case.app().launch = Some(page(403, &[], "<code>context_expired</code>")),
            "launch",
            Problem,
            "403 (context_expired)",
        ),
        (|case| case.app().launch = Some(page(200, &[], "Open this app in Zoom")), "launch", Problem, "no session"),
        (|case| case.app().launch = Some(page(502, &[], "")), "launch", Problem, "502"),
        (|case| edit(case.app().launch.as_mut().unwrap(), "set-cookie", " Secure;", ""), "cookie", Problem, "Secure"),
        (
            |case| edit(case.app().launch.as_mut().unwrap(), "set-cookie", "SameSite=None", "SameSite=Lax"),
            "cookie",
            Problem,
            "SameSite=None",
        ),
        (
            |case| edit(case.app().launch.as_mut().unwrap(), "set-cookie", " Partitioned;", ""),
            "cookie",
            Problem,
            "Partitioned",
        ),
        (
            |case| edit(case.app().launch.as_mut().unwrap(), "set-cookie", "Path=/", "Path=/; Domain=example.com"),
            "cookie",
            Problem,
            "no Domain",
        ),
        (|case| case.app().session = Some(problem(401)), "cookie", Problem, "401"),
        (|case| case.app().forged = page(200, &[], "Hello"), "context", Problem, "not looked at"),
        (|case| case.app().forged = problem(431), "context", Warning, "431"),
        (|case| case.app().install = problem(503), "install", Problem, "503"),
        (
            |case| edit(&mut case.app().install, "location", "https://zoom.us/", "https://evil.example/"),
            "install",
            Problem,
            "https://evil.example/oauth/authorize",
        ),
        (
            |case| edit(&mut case.app().install, "location", "aClientId", "another"),
            "install",
            Problem,
            "another client id",
        ),
        (
            |case| edit(&mut case.app().install, "location", "app.example.com", "127.0.0.1"),
            "install",
            Problem,
            "redirect_uri is https://127.0.0.1/zoom/callback",
        ),
        (
            |case| edit(&mut case.app().install_again, "location", "app.example.com", "evil.example"),
            "install",
            Problem,
            "X-Forwarded-Host",
        ),
        (|case| edit(&mut case.app().install, "location", STATE, "1"), "state", Problem, "no state"),
        (|case| edit(&mut case.app().install, "location", "S256", "plain"), "state", Problem, "S256"),
        (|case| case.app().install_again = install(STATE, 'b'), "state", Problem, "out of a cache"),
        (|case| edit(&mut case.app().install, "set-cookie", " Secure;", ""), "cookie", Problem, "Secure"),
        (
            |case| set(&mut case.app().callback, "location", Some("http://127.0.0.1:3000/zoom/install")),
            "redirect",
            Problem,
            "http://127.0.0.1:3000/zoom/install",
        ),
        (|case| case.app().callback = problem(404), "redirect", Problem, "404"),
        (|case| case.app().webhook = problem(200), "webhook", Problem, "taken unsigned"),
        (|case| case.app().webhook = problem(404), "webhook", Problem, "have a secret token"),
        (|case| case.known().webhooks = false, "webhook", Warning, "have no secret token"),
        (|case| case.app().webhook = problem(405), "webhook", Problem, "405"),
        (
            |case| case.rest().metrics = Ok(answer(200, &[("content-type", "text/plain")], "# TYPE x counter")),
            "admin",
            Problem,
            "/metrics is open",
        ),
        (
            |case| {
                let ready = answer(200, &[("content-type", "application/json")], "{\"revocations\":\"ok\"}");
                case.rest().ready = Ok(ready);
            },
            "admin",
            Problem,
            "/ready is open",
        ),
        (|case| case.app().verification = problem(401), "domain", Warning, "401"),
        (
            |case| set(&mut case.rest().preflights[0].asked, "access-control-allow-origin", Some("*")),
            "cors",
            Problem,
            "not exactly",
        ),
        (
            |case| set(&mut case.rest().preflights[0].asked, "access-control-allow-credentials", None),
            "cors",
            Problem,
            "no cookies",
        ),
        (
            |case| set(&mut case.rest().preflights[1].asked, "access-control-allow-origin", Some(FOREIGN_SITE)),
            "cors",
            Problem,
            "is let in",
        ),
        (
            |case| set(&mut case.rest().preflights[2].asked, "access-control-allow-methods", None),
            "cors",
            Problem,
            "POST",
        ),
    ]
};
