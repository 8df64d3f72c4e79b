//! What must be closed, and what must be open.

use crate::doctor::ask::{Answer, Asked};
use crate::doctor::expected::Expected;
use crate::doctor::finding::{Finding, Rule};

static CLIENT: Rule = Rule {
    check: "routes",
    why: "the routes of stagedoor lie under one prefix, and Zoom is told their addresses",
    source: "https://developers.zoom.us/docs/build-flow/basic-info/oauth-info/",
};

static FORGED: Rule = Rule {
    check: "context",
    why: "only a context that Zoom has sealed for this app may open a session",
    source: "https://developers.zoom.us/docs/zoom-apps/zoom-app-context/",
};

static WEBHOOK: Rule = Rule {
    check: "webhook",
    why: "Zoom does not send an event again that was answered with 3xx or 4xx, and anybody may post here",
    source: "https://developers.zoom.us/docs/api/webhooks/",
};

static ADMIN: Rule = Rule {
    check: "admin",
    why: "health, readiness and metrics are for the operator; a review takes them for a leak",
    source: "https://developers.zoom.us/docs/distribute/security-requirements/",
};

static DOMAIN: Rule = Rule {
    check: "domain",
    why: "Zoom verifies who has the domain by a file under /zoomverify/, without a session",
    source: "https://developers.zoom.us/docs/build-flow/verify-domains/",
};

/// Whether the gateway answers under its prefix.
pub(super) fn client(expected: &Expected, answer: &Answer) -> Finding {
    let asked = expected.own("/client.js").path().to_owned();
    if answer.status.as_u16() == 200 && answer.has_type("text/javascript") {
        return CLIENT.ok(asked, "stagedoor answers");
    }
    let fix = match answer.status.as_u16() {
        502..=504 => "see that serve runs, and that the proxy passes requests to its address (listen)",
        _ => "let the proxy pass every path on to the gateway, and see that prefix is what these settings say",
    };
    CLIENT.problem(asked, format!("{}, and not stagedoor's script", answer.said()), fix)
}

/// A context that nobody has sealed.
pub(super) fn forged(answer: &Asked) -> Finding {
    const ASKED: &str = "the Home URL, with a forged app context";
    match FORGED.answered(ASKED, answer) {
        Err(finding) => finding,
        Ok(answer) if answer.status.as_u16() == 403 && answer.code("context_").is_some() => {
            FORGED.ok(ASKED, "refused with 403")
        }
        Ok(answer) if answer.status.is_success() => FORGED.problem(
            ASKED,
            format!("{}: the context was not looked at", answer.said()),
            "let the proxy pass x-zoom-app-context on, and the app be reached through the gateway only",
        ),
        Ok(answer) => FORGED.warning(
            ASKED,
            format!("{}, and not by stagedoor", answer.said()),
            "let the proxy pass x-zoom-app-context on, with request headers of at least 16 KiB",
        ),
    }
}

/// An unsigned webhook.
pub(super) fn webhook(expected: &Expected, answer: &Asked) -> Finding {
    let asked = format!("{} without a signature", expected.own("/webhook").path());
    let answer = match WEBHOOK.answered(&asked, answer) {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    let takes = expected.app().map(|app| app.webhooks);
    match (answer.status.as_u16(), takes) {
        (401, Some(true) | None) => WEBHOOK.ok(asked, "refused with 401"),
        (404, Some(false) | None) => WEBHOOK.ok(asked, "404: no webhook is taken"),
        (404, Some(true)) => WEBHOOK.problem(
            asked,
            "404, though the settings have a secret token",
            "let the proxy pass POST on to this path, and restart the deployment with these settings",
        ),
        (401, Some(false)) => WEBHOOK.warning(
            asked,
            "refused with 401, though the settings have no secret token",
            "ask with the settings of this deployment",
        ),
        (200..=299, _) => WEBHOOK.problem(
            asked,
            format!("{}: it is taken unsigned", answer.said()),
            "let nothing but the gateway answer this path, with zoom.webhook_secrets set",
        ),
        _ => WEBHOOK.problem(asked, answer.said(), "let the proxy pass POST on to this path as it is"),
    }
}

/// The admin routes at the public address.
pub(super) fn admin(asked: &[(&str, &Asked)]) -> Finding {
    let open = asked.iter().filter(|(_, answer)| answer.as_ref().is_ok_and(is_admins)).map(|(path, _)| *path);
    let open: Vec<_> = open.collect();
    let paths: Vec<_> = asked.iter().map(|(path, _)| *path).collect();
    if open.is_empty() {
        return ADMIN.ok(paths.join(", "), "neither is open to the world");
    }
    let fix = "keep admin_listen away from the world: the proxy may only pass requests to listen";
    ADMIN.problem(paths.join(", "), format!("{} is open to the world", open.join(" and ")), fix)
}

fn is_admins(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    let is_metrics = body.contains("# TYPE ") || body.contains("stagedoor_http_requests");
    let is_ready = answer.has_type("application/json") && body.contains("\"revocations\"");
    !answer.is_html() && (is_metrics || is_ready)
}

/// The file that verifies the domain.
pub(super) fn verification(answer: &Asked) -> Finding {
    const ASKED: &str = "/zoomverify/verifyzoom.html";
    let answer = match DOMAIN.answered(ASKED, answer) {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    match answer.status.as_u16() {
        200 => DOMAIN.ok(ASKED, "200"),
        404 => DOMAIN.ok(ASKED, "404: reachable without a session, once the app has the file that Zoom gives you"),
        401 | 403 => DOMAIN.warning(ASKED, answer.said(), "add \"/zoomverify/*\" to app.public"),
        _ => DOMAIN.warning(ASKED, answer.said(), "let the proxy pass this path on, without a redirect"),
    }
}
