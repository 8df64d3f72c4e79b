//! The strongest value of each setting, parsed; every problem on the way is kept.

use super::keys::{self, Key};
use super::problem::{Origin, Problems, Wrong};
use super::secret;
use super::source::{Environment, Given, Sources};

/// Takes settings one by one and remembers what is wrong, so that all of it can be reported at once.
pub(crate) struct Reader {
    sources: Sources,
}

/// A value, and where it came from.
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
    /// How strong its source is: 0 is the strongest.
    pub(crate) layer: usize,
}

impl Reader {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources }
    }

    /// Ends reading: the value, or everything that was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if self.sources.problems.is_empty() => Ok(value),
            _ => Err(Problems::new(self.sources.problems)),
        }
    }

    /// A setting, if any source gives it. A value that does not parse is a problem and counts as absent.
    pub(crate) fn find<T: PartialEq>(
        &mut self,
        key: &Key,
        parse: impl Fn(&Given, &Environment) -> Result<T, Wrong>,
    ) -> Option<Found<T>> {
        let (layer, spellings) = self.sources.strongest(key)?;
        let mut found: Option<Found<T>> = None;
        for given in spellings {
            let origin = given.origin.clone();
            match (parse(&given, &self.sources.environment), &found) {
                (Err(wrong), _) => self.sources.problems.push(wrong.at(key.path, origin)),
                (Ok(value), None) => found = Some(Found { value, origin, layer }),
                (Ok(value), Some(first)) if value == first.value => (),
                (Ok(_), Some(first)) => {
                    let what = format!("it says something else than {}", first.origin);
                    self.sources.problems.push(Wrong::new(what, "set only one of the two").at(key.path, origin));
                }
            }
        }
        found
    }

    /// A setting that may be absent.
    pub(crate) fn optional<T: PartialEq>(
        &mut self,
        key: &Key,
        parse: impl Fn(&Given) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.find(key, |given, _| parse(given)).map(|found| found.value)
    }

    /// A setting that must be given, or that has a default.
    pub(crate) fn required<T: PartialEq>(
        &mut self,
        key: &Key,
        parse: impl Fn(&Given) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.optional(key, parse);
        if value.is_none() {
            self.missing(key);
        }
        value
    }

    /// A secret that must be given.
    pub(crate) fn required_secret<T: PartialEq>(
        &mut self,
        key: &Key,
        parse: fn(String) -> Result<T, Wrong>,
    ) -> Option<T> {
        let found = self.find(key, |given, environment| secret::text(given, environment).and_then(parse));
        if found.is_none() {
            self.missing(key);
        }
        found.map(|found| found.value)
    }

    /// A secret that may be absent.
    pub(crate) fn optional_secret<T: PartialEq>(
        &mut self,
        key: &Key,
        parse: fn(String) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.find(key, |given, environment| secret::text(given, environment).and_then(parse)).map(|found| found.value)
    }

    /// Whether a source other than the defaults has something of a section.
    pub(crate) fn is_begun(&self, section: &str) -> bool {
        self.is_begun_beside(section, &[])
    }

    /// The same, where some settings do not count if the environment gives them.
    pub(crate) fn is_begun_beside(&self, section: &str, some: &[&Key]) -> bool {
        let is_inside = |path: &str| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        let counts = |given: &Given| {
            let is_of_environment = matches!(given.origin, Origin::Environment(_) | Origin::Dotenv { .. });
            is_inside(given.key) && !(is_of_environment && some.iter().any(|key| key.path == given.key))
        };
        let (_, given) = self.sources.layers.split_last().expect("the defaults are a layer");
        given.iter().flatten().any(counts) || self.sources.meant.iter().any(|path| is_inside(path))
    }

    /// Whether any source tried to give one of these settings, which have no defaults.
    pub(crate) fn is_any_attempted(&self, keys: &[&Key]) -> bool {
        keys.iter().any(|key| self.is_attempted(key))
    }

    /// A list of secrets; empty where it is not given.
    pub(crate) fn secrets<T: PartialEq>(&mut self, key: &Key, parse: fn(String) -> Result<T, Wrong>) -> Vec<T> {
        let found = self.find(key, |given, environment| {
            secret::texts(given, environment)?.into_iter().map(parse).collect::<Result<Vec<_>, _>>()
        });
        found.map(|found| found.value).unwrap_or_default()
    }

    /// Adds a problem of a value that parsed, but does not fit the others.
    pub(crate) fn refuse(&mut self, key: &Key, origin: Origin, wrong: Wrong) {
        self.sources.problems.push(wrong.at(key.path, origin));
    }

    /// A variable that is no setting.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.sources.environment.get(name)?.ok()
    }

    /// Reports that neither of two settings is given, of which there must be one.
    pub(crate) fn missing_both(&mut self, one: &Key, other: &Key) {
        if self.is_attempted(one) || self.is_attempted(other) {
            return;
        }
        let fix =
            format!("set {} or {} in stagedoor.toml, or {} in the environment", one.path, other.path, other.env[0]);
        let key = format!("{} or {}", one.path, other.path);
        self.sources.problems.push(Wrong::new("one of them is required", fix).at(key, Origin::Nowhere));
    }

    /// Whether a source tried to give a setting and failed: by a wrong value, a wrong key, or in an unreadable part.
    fn is_attempted(&self, key: &Key) -> bool {
        self.sources.is_torn || self.sources.meant.contains(&key.path) || self.sources.strongest(key).is_some()
    }

    /// Reports that a setting is not given, unless something was wrong with it.
    pub(crate) fn missing(&mut self, key: &Key) {
        if self.is_attempted(key) {
            return;
        }
        let empty = key.env.iter().find(|name| self.sources.environment.is_empty(name));
        let what = match empty {
            Some(name) => format!("it is required; {name} is set, but empty"),
            None if *key == keys::SECRET && self.variable(keys::SESSION_SECRET).is_some() => {
                let name = keys::SESSION_SECRET;
                format!(
                    "it is required; {name} is not taken for it: users' tokens are sealed with this one, and only Stagedoor may know it"
                )
            }
            None => "it is required".to_owned(),
        };
        let fix = match key.env.first() {
            Some(name) => format!("set {} in stagedoor.toml, or {name} in the environment", key.path),
            None => format!("set {} in stagedoor.toml", key.path),
        };
        self.sources.problems.push(Wrong::new(what, fix).at(key.path, Origin::Nowhere));
    }
}

impl Sources {
    /// Every spelling of a setting in the strongest source that has one.
    fn strongest(&self, key: &Key) -> Option<(usize, Vec<Given>)> {
        self.layers.iter().enumerate().find_map(|(rank, layer)| {
            let spellings: Vec<_> = layer.iter().filter(|given| given.key == key.path).cloned().collect();
            (!spellings.is_empty()).then_some((rank, spellings))
        })
    }
}
