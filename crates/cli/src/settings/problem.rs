//! What can be wrong with settings, where it came from, and how it is said.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The built-in defaults.
    Default,
    /// A line of the settings file.
    File { path: PathBuf, line: usize },
    /// A line of a `.env` file.
    Dotenv { path: PathBuf, line: usize, name: String },
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
    /// Nowhere: it is not set.
    Nowhere,
}

impl Origin {
    /// The directory that relative paths start from: that of the file which names them, else the working directory.
    pub(crate) fn base(&self) -> &Path {
        match self {
            Self::File { path, .. } | Self::Dotenv { path, .. } => path.parent().unwrap_or(Path::new("")),
            _ => Path::new(""),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            // Line 0 is the file as a whole.
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Dotenv { path, line, name } => write!(f, "{}:{line}, {name}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Nowhere => f.write_str("not set"),
        }
    }
}

/// What is wrong with one value, and the fix. Neither ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    /// Says which setting it is, and where its value came from.
    pub(crate) fn at(self, key: impl Into<String>, origin: Origin) -> Problem {
        Problem { key: key.into(), origin, what: self.what, fix: self.fix }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    key: String,
    origin: Origin,
    what: String,
    fix: String,
}

/// Everything that is wrong, in the order of the file, then of the table of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts and unites problems; there is at least one.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty(), "what is refused is explained");
        problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        problems.dedup();
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("The settings have a problem.")?,
            count => write!(f, "The settings have {count} problems.")?,
        }
        for Problem { key, origin, what, fix } in &self.0 {
            write!(f, "\n\n  {key} ({origin})\n    {what}\n    fix: {fix}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut object = serializer.serialize_struct("Problem", 4)?;
        object.serialize_field("key", &self.key)?;
        object.serialize_field("origin", &self.origin.to_string())?;
        object.serialize_field("problem", &self.what)?;
        object.serialize_field("fix", &self.fix)?;
        object.end()
    }
}

impl Serialize for Problems {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
