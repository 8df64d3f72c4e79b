//! What was found: what was asked, what came, why it matters, and what to do about it.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// It works, and should be otherwise; or it could not be told.
    Warning,
    /// Something of Zoom's does not work, or somebody else's does.
    Problem,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Something that Zoom or a standard demands.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    /// The stable name of the check.
    pub(crate) check: &'static str,
    /// Why Zoom cares, in a sentence.
    pub(crate) why: &'static str,
    /// The page of Zoom's or the RFC that it comes from.
    pub(crate) source: &'static str,
}

impl Rule {
    /// It is kept.
    pub(crate) fn ok(&'static self, asked: impl Into<String>, came: impl Into<String>) -> Finding {
        Finding { rule: self, severity: Severity::Ok, asked: asked.into(), came: came.into(), fix: None }
    }

    /// It is kept badly, or nobody can tell.
    pub(crate) fn warning(
        &'static self,
        asked: impl Into<String>,
        came: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding { severity: Severity::Warning, fix: Some(fix.into()), ..self.ok(asked, came) }
    }

    /// It is broken.
    pub(crate) fn problem(
        &'static self,
        asked: impl Into<String>,
        came: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding { severity: Severity::Problem, fix: Some(fix.into()), ..self.ok(asked, came) }
    }
}

/// One finding. It never holds a code, a state, a cookie or a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    #[serde(flatten)]
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) asked: String,
    pub(crate) came: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule: Rule { check, why, source }, severity, asked, came, fix } = self;
        write!(f, "{:<8} {check:<14} {asked}: {came}", severity.as_str())?;
        match fix {
            None => Ok(()),
            Some(fix) => write!(f, "\n{0:<24}why: {why}\n{0:<24}     {source}\n{0:<24}fix: {fix}", ""),
        }
    }
}
