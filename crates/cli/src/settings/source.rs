//! Where settings come from: the built-in defaults, `stagedoor.toml`, `.env`, the environment and flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::keys::{self, Key, Kind};
use super::problem::{Origin, Problem, Wrong};
use super::{dotenv, file};

/// The commented file that holds the defaults and describes every setting.
pub(crate) const DEFAULTS: &str = include_str!("stagedoor.default.toml");

/// A value as it was written, not yet understood. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(crate) enum Value {
    /// Text of the environment or of a flag, which has no types: `80` may be a number.
    Text(String),
    /// The name of a file that holds the value (`NAME_FILE`).
    FileName(String),
    /// A TOML string.
    String(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array.
    List(Vec<Value>),
    /// A TOML table.
    Table(BTreeMap<String, Value>),
    /// What no setting is: a float, a date, a number out of range.
    Other(&'static str),
}

/// A value of one setting, and where it was given.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) key: &'static str,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// All values of one source.
pub(crate) type Layer = Vec<Given>;

/// Which settings file is read, and what `--set` says.
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    /// The settings file.
    pub(crate) config: PathBuf,
    /// Whether the file was named, so that it is a mistake if it does not exist.
    pub(crate) is_named: bool,
    /// `KEY=VALUE` pairs.
    pub(crate) set: Vec<String>,
}

/// The variables of a process, or of a test.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The value of a variable; an empty one counts as not set, because compose files pass those on.
    pub(crate) fn get(&self, name: &str) -> Option<Result<&str, Wrong>> {
        let value = self.0.get(&OsString::from(name)).filter(|value| !value.is_empty())?;
        Some(value.to_str().ok_or_else(|| Wrong::new("it is not valid UTF-8", "set it to text")))
    }

    /// This environment, and what another one has beside it.
    fn over(mut self, weaker: Self) -> Self {
        for (name, value) in weaker.0 {
            let ours = self.0.entry(name).or_default();
            if ours.is_empty() {
                *ours = value;
            }
        }
        self
    }

    /// Whether a variable is set, but empty.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.0.get(&OsString::from(name)).is_some_and(|value| value.is_empty())
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Every source, read but not yet understood.
pub(crate) struct Sources {
    /// The layers, the strongest first.
    pub(crate) layers: Vec<Layer>,
    /// The environment over `.env`: what `{ env = "NAME" }` refers to.
    pub(crate) environment: Environment,
    /// What was wrong so far.
    pub(crate) problems: Vec<Problem>,
    /// Whether a part of the file could not be read, so that a missing setting may stand there.
    pub(crate) is_torn: bool,
    /// The settings that unknown keys were probably meant to be: nobody needs to be told that they are missing, too.
    pub(crate) meant: Vec<&'static str>,
}

impl Sources {
    /// Reads every source.
    pub(crate) fn read(flags: &Flags, environment: Environment) -> Self {
        let mut problems = Vec::new();
        let text = read_file(&flags.config, flags.is_named, &mut problems);
        let file = file::parse(text.as_deref().unwrap_or_default(), &flags.config, &mut problems);
        let set = read_flags(&flags.set, &mut problems);
        let dotenv = read_dotenv(&flags.config.with_file_name(".env"), &mut problems);
        let origin = |name: &str| Origin::Environment(name.into());
        let variables = read_environment(&environment, origin, &mut problems);
        Self {
            layers: vec![set, variables, dotenv.layer, file.layer, defaults()],
            environment: environment.over(dotenv.environment),
            problems,
            is_torn: file.is_torn || (flags.is_named && text.is_none()),
            meant: file.meant,
        }
    }
}

/// The embedded defaults. Their tests see to it that they have no problems.
pub(super) fn defaults() -> Layer {
    let mut layer = file::parse(DEFAULTS, Path::new(""), &mut Vec::new()).layer;
    for given in &mut layer {
        given.origin = Origin::Default;
    }
    layer
}

fn read_file(path: &Path, is_required: bool, problems: &mut Vec<Problem>) -> Option<String> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes);
            if text.is_err() {
                let wrong = Wrong::new("it is not valid UTF-8", "save it as UTF-8 text");
                problems.push(wrong.at("the file", Origin::File { path: path.into(), line: 0 }));
            }
            text.ok()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_required => None,
        Err(error) => {
            let wrong = Wrong::new(format!("it cannot be read: {error}"), "check its name and permissions");
            problems.push(wrong.at("the file", Origin::File { path: path.into(), line: 0 }));
            None
        }
    }
}

#[derive(Default)]
struct Dotenv {
    layer: Layer,
    environment: Environment,
}

fn read_dotenv(path: &Path, problems: &mut Vec<Problem>) -> Dotenv {
    let Some(text) = read_file(path, false, problems) else { return Dotenv::default() };
    let (assignments, unreadable) = dotenv::parse(&text);
    for line in unreadable {
        let wrong = Wrong::new("this line is not NAME=value", "write NAME=value, or # before a comment");
        problems.push(wrong.at("the file", Origin::File { path: path.into(), line }));
    }
    // The last assignment of a name counts, as in a shell.
    let lines: BTreeMap<_, _> = assignments.iter().map(|found| (found.name.clone(), found.line)).collect();
    let environment: Environment = assignments.into_iter().map(|found| (found.name, found.value)).collect();
    let origin = |name: &str| {
        let line = lines.get(name).copied().unwrap_or_default();
        Origin::Dotenv { path: path.into(), line, name: name.into() }
    };
    Dotenv { layer: read_environment(&environment, origin, problems), environment }
}

/// Picks the variables that are settings.
fn read_environment(environment: &Environment, origin: impl Fn(&str) -> Origin, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    let mut read = |key: &'static Key, name: &str, wrap: fn(String) -> Value| match environment.get(name) {
        None => (),
        Some(Ok(text)) => layer.push(Given { key: key.path, value: wrap(text.into()), origin: origin(name) }),
        Some(Err(wrong)) => problems.push(wrong.at(key.path, origin(name))),
    };
    for key in keys::ALL {
        for name in key.env {
            read(key, name, Value::Text);
            if key.kind != Kind::Plain {
                read(key, &format!("{name}_FILE"), Value::FileName);
            }
        }
    }
    layer
}

fn read_flags(set: &[String], problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    for pair in set {
        let (path, value) = pair.split_once('=').unwrap_or((pair, ""));
        let origin = Origin::Flag(format!("--set {path}"));
        match keys::find(path) {
            Some(key) if key.kind == Kind::Secret => {
                let fix = format!("use the environment, or {{ file = \"…\" }} in the settings file, for {path}");
                problems.push(Wrong::new("a secret does not belong on the command line", fix).at(path, origin));
            }
            Some(_) if value.is_empty() => {
                problems.push(Wrong::new("it has no value", format!("write --set {path}=VALUE")).at(path, origin));
            }
            Some(key) => layer.push(Given { key: key.path, value: Value::Text(value.into()), origin }),
            None => problems.push(file::unknown(path).at(path, origin)),
        }
    }
    layer
}
