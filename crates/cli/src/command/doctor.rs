//! `stagedoor doctor`: what Zoom would find wrong with a deployment that runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use stagedoor_flows::port::Clock as _;
use stagedoor_gateway::{HttpClient, OutboundLimits, SystemClock, SystemEntropy};
use url::Url;

use super::SettingsArgs;
use crate::doctor::{Expected, Finding, Severity, Visitor, examine, review};
use crate::failure::{Failure, Outcome};
use crate::settings::{self, Deployment, Draft, Environment, parse_origin};
use crate::{console, process};

/// Ask a running deployment what Zoom's client and review would ask, and explain what is wrong
///
/// Asks through the public URL: TLS, redirects, the headers of pages, the launch, cookies, install, webhooks, what must not
/// be open, CORS, the clock. Each finding says what was asked, what came, why Zoom cares, and the fix. With the settings
/// of the deployment it knows what to expect, and opens the app once as a guest; with a URL alone it asks what holds for
/// any deployment. No secret is sent. Exit status 1 where there is a problem.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor doctor\n  stagedoor doctor https://app.example.com\n  stagedoor doctor --config production.toml --json\n  stagedoor doctor --review > review.md"
)]
pub(super) struct Doctor {
    /// The public URL of the deployment [default: public_url of the settings].
    #[arg(value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print a page for Zoom's review, in Markdown: what was found, what Stagedoor sees to, and what is left to say.
    #[arg(long, conflicts_with = "json")]
    review: bool,
}

/// Enough for a front end in one piece; of a larger page only the headers would matter.
const LIMITS: OutboundLimits =
    OutboundLimits { connect: Duration::from_secs(5), total: Duration::from_secs(10), body: 8 * 1024 * 1024 };

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    url: &'a Url,
    findings: &'a [Finding],
}

impl Doctor {
    pub(super) fn run(self) -> Outcome {
        let expected = self.expected()?;
        let http = HttpClient::new(LIMITS).context("TLS cannot be set up")?;
        let visitor = Visitor { http, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
        let findings = process::block_on(async { Ok::<_, anyhow::Error>(examine(&visitor, &expected).await) })?;
        self.report(&expected, &findings)
    }

    /// What the settings promise, if they are those of this deployment; else what holds for any.
    fn expected(&self) -> Result<Expected, Failure> {
        let url = self.url.as_deref().map(parse_origin).transpose();
        let url = url.map_err(|wrong| Failure::Usage(format!("the URL: {}; {}", wrong.what, wrong.fix)))?;
        let flags = self.settings.flags();
        let deployment = settings::read::<Deployment>(&flags, Environment::of_process());
        match (url, deployment) {
            (None, Err(problems)) => {
                console::note("Without the settings of a deployment, name its URL: stagedoor doctor https://…\n");
                Err(problems.into())
            }
            (None, Ok(deployment)) => Ok(Expected::of(deployment)),
            (Some(url), Ok(deployment)) if url.origin() == deployment.gateway.public_url.origin() => {
                Ok(Expected::of(deployment))
            }
            (Some(url), _) => {
                let draft = settings::read::<Draft>(&flags, Environment::of_process())?;
                console::note(format_args!(
                    "The settings here are not those of {url}, so only what holds for every deployment is asked.\n"
                ));
                Ok(Expected::of_any(url, draft))
            }
        }
    }

    fn report(&self, expected: &Expected, findings: &[Finding]) -> Outcome {
        let url = &expected.base;
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
        if self.json {
            console::say_json(&Report { ok: problems == 0, url, findings });
        } else if self.review {
            let today = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
            console::say(review(expected, findings, &today.strftime("%Y-%m-%d").to_string()).trim_end());
        } else {
            for finding in findings {
                console::say(finding);
            }
            console::say(format_args!("\n{url}: {}", summary(problems, warnings)));
        }
        if problems == 0 { Ok(()) } else { Err(Failure::Told) }
    }
}

fn summary(problems: usize, warnings: usize) -> String {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (problems, warnings) {
        (0, 0) => "nothing is wrong, as far as can be seen from here".into(),
        _ => format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning")),
    }
}
