//! Which fields of an identity become claims. Nothing else of it leaves.

use serde_json::{Map, Value};
use stagedoor_protocol::consumer::{ClaimName, ClaimValue, InvalidName, MAX_CLAIMS};

use super::error::ConsumerError;

/// The claims of a token, each with the field that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMap(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    claim: ClaimName,
    field: String,
    is_required: bool,
}

/// Why a table is no claim map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaimMap {
    /// A token without a claim identifies nobody.
    #[error("it names no claim")]
    Empty,
    /// Too many for one token.
    #[error("it names more than {MAX_CLAIMS} claims")]
    TooMany,
    /// Not a name.
    #[error("the claim {0:?} {1}")]
    Name(String, #[source] InvalidName),
    /// A JSON Pointer has a `~` that neither `0` nor `1` follows (RFC 6901 section 3), and would never find anything.
    #[error("{0:?} is no JSON Pointer: in it ~0 stands for ~ and ~1 for /")]
    Pointer(String),
    /// A claim is required that no field gives.
    #[error("the required claim {0:?} is not among the claims")]
    Required(String),
}

impl ClaimMap {
    /// Reads claims with the field of each: the name of a member, or with a slash in front a JSON Pointer (RFC 6901).
    /// Without the claims in `required` a visitor counts as not signed in; where none is required, one of all must be
    /// there.
    pub fn parse<'a>(
        claims: impl IntoIterator<Item = (&'a str, &'a str)>,
        required: &[String],
    ) -> Result<Self, InvalidClaimMap> {
        let mut rules = Vec::new();
        for (name, field) in claims {
            let claim = ClaimName::parse(name).map_err(|error| InvalidClaimMap::Name(name.into(), error))?;
            if field.starts_with('/') && field.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
                return Err(InvalidClaimMap::Pointer(field.into()));
            }
            rules.push(Rule { claim, field: field.into(), is_required: required.iter().any(|other| other == name) });
        }
        if let Some(unknown) = required.iter().find(|name| rules.iter().all(|rule| rule.claim.as_str() != **name)) {
            return Err(InvalidClaimMap::Required(unknown.clone()));
        }
        match rules.len() {
            0 => Err(InvalidClaimMap::Empty),
            1..=MAX_CLAIMS => Ok(Self(rules)),
            _ => Err(InvalidClaimMap::TooMany),
        }
    }

    /// Takes the claims out of an identity. A field that is absent, null or empty gives no claim, because sites say so
    /// of strangers; a value that no claim can be makes the whole identity doubtful, and is refused.
    pub(super) fn pick(&self, fields: &Map<String, Value>) -> Result<Vec<(ClaimName, ClaimValue)>, ConsumerError> {
        let mut picked = Vec::with_capacity(self.0.len());
        for Rule { claim, field, is_required } in &self.0 {
            let value = find(fields, field).filter(|value| !is_blank(value)).map(ClaimValue::parse).transpose();
            match value.map_err(|source| ConsumerError::Unfit { claim: claim.clone(), source })?.flatten() {
                Some(value) => picked.push((claim.clone(), value)),
                None if *is_required => return Err(ConsumerError::Missing(claim.clone())),
                None => (),
            }
        }
        if picked.is_empty() { Err(ConsumerError::Empty) } else { Ok(picked) }
    }
}

fn find<'a>(fields: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let Some(path) = field.strip_prefix('/') else { return fields.get(field) };
    let (first, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
    fields.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}
