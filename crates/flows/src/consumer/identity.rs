//! Who visits, and who says who that is.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use stagedoor_protocol::time::UnixSeconds;

use crate::port::BoxError;

/// Says who a visitor is.
#[async_trait::async_trait]
pub trait Identify: Send + Sync + 'static {
    /// Who the visitor is, as far as the site says so clearly. Implementations give up after a few seconds.
    async fn identify(&self, visitor: &Visitor<'_>) -> Result<Identity, Unidentified>;
}

/// A visitor of the site: the cookies that their browser sends, in its order.
#[derive(Clone, Default)]
pub struct Visitor<'a> {
    cookies: Vec<(&'a str, &'a str)>,
}

impl<'a> Visitor<'a> {
    /// A visitor with these cookies.
    pub fn new(cookies: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { cookies: cookies.into_iter().collect() }
    }

    /// The value of a cookie. One that comes twice counts as absent: nobody can say which one is meant.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        let mut values = self.cookies.iter().filter(|(other, _)| *other == name).map(|(_, value)| *value);
        values.next().filter(|value| !value.is_empty() && values.next().is_none())
    }

    /// Every cookie.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.cookies.iter().copied()
    }
}

/// Who somebody is.
#[derive(Clone, PartialEq)]
pub struct Identity {
    /// What the site says of them. Only the fields of the claim map are looked at.
    pub fields: Map<String, Value>,
    /// Until when it is true, where that is known.
    pub expires: Option<UnixSeconds>,
}

/// What is known of a person is not printed.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} fields)", self.fields.len())
    }
}

/// Why nobody knows who a visitor is.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unidentified {
    /// They are not signed in: an everyday visitor.
    #[error("the visitor is not signed in")]
    Nobody,
    /// The site gave no clear answer, which counts as not signed in.
    #[error("the site does not say who the visitor is")]
    Unclear(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Unidentified {
    /// No clear answer, with the cause for the log. It must not hold what the visitor sent.
    pub fn unclear(cause: impl Into<BoxError>) -> Self {
        Self::Unclear(Arc::from(cause.into()))
    }
}
