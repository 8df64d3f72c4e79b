//! How a command ends when it does not end well, and the exit status that says so.

use std::process::ExitCode;

use crate::console;
use crate::settings::Problems;

/// What a command comes to.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The settings are wrong: status 2.
    Settings(Problems),
    /// The command was used wrongly: status 2.
    Usage(String),
    /// The thing asked for failed: status 1.
    Failed(anyhow::Error),
    /// As `Failed`, with everything said already: status 1.
    Told,
    /// As `Settings`, with everything said already: status 2.
    ToldSettings,
}

impl Failure {
    /// Says what happened, and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Settings(problems) => console::note(problems),
            Self::Usage(sentence) => console::note(format_args!("error: {sentence}")),
            // The alternate form has the causes in one line. No error of ours holds a secret.
            Self::Failed(error) => {
                console::note(format_args!("error: {error:#}"));
                return ExitCode::from(1);
            }
            Self::Told => return ExitCode::from(1),
            Self::ToldSettings => (),
        }
        ExitCode::from(2)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
