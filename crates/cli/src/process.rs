//! The process: its asynchronous runtime, the signals that end it, and what it logs.

use std::ffi::OsString;
use std::future::Future;
use std::io::IsTerminal as _;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::json_lines::JsonLines;
use crate::settings::LogLevel;

/// Runs a command that waits for the network or the disk.
pub(crate) fn block_on<T, E: From<anyhow::Error>>(command: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(command)
}

/// Completes when the process is asked to end: Ctrl-C, or SIGTERM as service managers send it.
///
/// Takes the signals over when it is called, not when it is awaited.
pub(crate) fn asked_to_end() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Compact,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// For people at a terminal, else for machines.
    pub(crate) fn fitting() -> Self {
        if std::io::stderr().is_terminal() { Self::Compact } else { Self::Json }
    }
}

/// Begins logging to standard error. The level is for Stagedoor's own crates; libraries only warn.
pub(crate) fn log(level: LogLevel, format: LogFormat) {
    let level: LevelFilter = level.as_str().parse().expect("every level of ours is one of tracing's");
    // A target covers every name that begins with it, so all of our crates; `access` is one line a request, and `audit`
    // is evidence, which no level leaves out.
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets([
        ("stagedoor", level),
        ("access", level),
        ("audit", LevelFilter::INFO),
    ]);
    // A line that cannot be written is no reason to panic: who reads them may be gone before we are.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let lines = match format {
        LogFormat::Json => lines.event_format(JsonLines).boxed(),
        LogFormat::Compact => lines.compact().with_target(false).with_ansi(has_colour()).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Whether lines for people are coloured: on a terminal whose user does not object.
fn has_colour() -> bool {
    std::io::stderr().is_terminal() && !is_objection(std::env::var_os("NO_COLOR"))
}

/// Whether `NO_COLOR` is an objection: any text is, and an empty one is none (<https://no-color.org>).
fn is_objection(no_color: Option<OsString>) -> bool {
    no_color.is_some_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::is_objection;

    #[test]
    fn any_text_objects_to_colour_and_an_empty_one_does_not() {
        for (no_color, objects) in [(None, false), (Some(""), false), (Some("1"), true), (Some("0"), true)] {
            assert_eq!(is_objection(no_color.map(Into::into)), objects, "{no_color:?}");
        }
    }
}
