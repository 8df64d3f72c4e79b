//! The request for a token, as Zoom's public sample defines it, read strictly: numbers are numbers, every member comes
//! once and is known, and every mistake is named in the sample's own shape.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::Value;

use super::{InvalidText, Lifetime, Role, UserId, UserName};
use crate::json::Unique;

/// The longest request, in bytes. One with everything in it, escaped, has less than a thousand.
pub const MAX_REQUEST: usize = 4 * 1024;

/// What is asked for. Nothing of it is granted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CobrowseRequest {
    /// `role`
    pub role: Role,
    /// `userId`
    pub user_id: Option<UserId>,
    /// `userName`
    pub user_name: Option<UserName>,
    /// `expirationSeconds`
    pub lifetime: Option<Lifetime>,
    /// `enableByop`
    pub byop: bool,
}

/// Everything that is wrong with a request. Serialises as `{"errors":[{"property","reason"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request has {} mistakes", .0.len())]
pub struct InvalidRequest(Vec<Mistake>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mistake {
    property: String,
    reason: String,
}

/// The members of a request, in the order in which their mistakes are named.
const PROPERTIES: [&str; 5] = ["role", "userId", "userName", "expirationSeconds", "enableByop"];

/// The most mistakes that are named, and the longest name of an unknown member that is repeated, in code points.
const MAX_MISTAKES: usize = 16;
const MAX_SHOWN: usize = 40;

impl CobrowseRequest {
    /// Reads a request.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let whole = |reason: String| InvalidRequest::one("body", reason);
        if body.len() > MAX_REQUEST {
            return Err(whole(format!("Value exceed max length. Expected less than or equal to {MAX_REQUEST} bytes")));
        }
        let Members(members) =
            serde_json::from_slice(body).map_err(|_| whole("Value is not a JSON object".to_owned()))?;
        let mut mistakes = Mistakes::default();
        mistakes.find_repeated(&members);
        let value = |property: &str| members.iter().find(|(name, _)| name == property).map(|(_, value)| value);
        let role = mistakes.note("role", read_role(value("role")));
        let user_id = mistakes.note("userId", read_text(value("userId"), UserId::parse));
        let user_name = mistakes.note("userName", read_text(value("userName"), UserName::parse));
        let lifetime = mistakes.note("expirationSeconds", read_lifetime(value("expirationSeconds")));
        let byop = mistakes.note("enableByop", read_byop(value("enableByop")));
        mistakes.find_unknown(&members);
        match (role, user_id, user_name, lifetime, byop) {
            (Some(role), Some(user_id), Some(user_name), Some(lifetime), Some(byop)) if mistakes.0.is_empty() => {
                Ok(Self { role, user_id, user_name, lifetime, byop })
            }
            _ => Err(InvalidRequest(mistakes.0)),
        }
    }
}

impl InvalidRequest {
    /// One mistake, of a rule that the caller's own place in the world sets.
    pub fn one(property: &str, reason: impl Into<String>) -> Self {
        Self(vec![Mistake { property: property.into(), reason: reason.into() }])
    }

    /// Each member that is wrong, with the reason.
    pub fn mistakes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|Mistake { property, reason }| (property.as_str(), reason.as_str()))
    }

    /// The mistake of asking for a life that is longer than somebody may have.
    pub fn too_long(longest: Lifetime) -> Self {
        Self::one("expirationSeconds", between(longest))
    }
}

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, property: &str, reason: String) {
        if self.0.len() < MAX_MISTAKES {
            self.0.push(Mistake { property: property.chars().take(MAX_SHOWN).collect(), reason });
        }
    }

    fn note<T>(&mut self, property: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.add(property, reason)).ok()
    }

    fn find_repeated(&mut self, members: &[(String, Value)]) {
        for property in PROPERTIES {
            if members.iter().filter(|(name, _)| name == property).count() > 1 {
                self.add(property, "Property present more than once".into());
            }
        }
    }

    fn find_unknown(&mut self, members: &[(String, Value)]) {
        for (name, _) in members {
            if !PROPERTIES.contains(&name.as_str()) {
                self.add(name, format!("Property not known, expected {}", PROPERTIES.join(",")));
            }
        }
    }
}

fn read_role(value: Option<&Value>) -> Result<Role, String> {
    match value {
        None => Err("Property required, but not present in request body".into()),
        Some(Value::Number(number)) => {
            number.as_i64().and_then(Role::of).ok_or_else(|| format!("Value is not valid. Got {number}, expected 1,2"))
        }
        Some(other) => Err(not_a("number", other)),
    }
}

fn read_text<T>(value: Option<&Value>, parse: fn(&str) -> Result<T, InvalidText>) -> Result<Option<T>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => parse(text).map(Some).map_err(|error| error.to_string()),
        Some(other) => Err(not_a("string", other)),
    }
}

fn read_lifetime(value: Option<&Value>) -> Result<Option<Lifetime>, String> {
    match value {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let lifetime = number.as_i64().and_then(Lifetime::from_seconds);
            lifetime.map(Some).ok_or_else(|| between(Lifetime::MAX))
        }
        Some(other) => Err(not_a("number", other)),
    }
}

fn read_byop(value: Option<&Value>) -> Result<bool, String> {
    match value {
        None => Ok(false),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(format!("Value is not valid. Got {number}, expected 0,1")),
        },
        Some(other) => Err(not_a("number", other)),
    }
}

fn between(longest: Lifetime) -> String {
    format!("Value must be a whole number between {} and {}", Lifetime::MIN.seconds(), longest.seconds())
}

/// Names the kind of a value; text, lists and objects themselves are not repeated.
fn not_a(expected: &str, value: &Value) -> String {
    let found = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "of type string".into(),
        Value::Array(_) => "of type array".into(),
        Value::Object(_) => "of type object".into(),
    };
    format!("Value {found} not allowed, must be of type {expected}")
}

/// The members of an object, repeated ones included; inside a member nothing repeats.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                /// Far more than a request has, and few enough to look through.
                const MOST: usize = 64;
                let mut members = Vec::new();
                while let Some(name) = access.next_key::<String>()? {
                    if members.len() == MOST {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push((name, access.next_value_seed(Unique)?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for InvalidRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("InvalidRequest", 1)?;
        object.serialize_field("errors", &self.0)?;
        object.end()
    }
}

impl Serialize for Mistake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Mistake", 2)?;
        object.serialize_field("property", &self.property)?;
        object.serialize_field("reason", &self.reason)?;
        object.end()
    }
}
