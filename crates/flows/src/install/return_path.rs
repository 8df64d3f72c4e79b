use serde::{Deserialize, Serialize};
use stagedoor_protocol::deeplink::Action;
use url::Url;

/// Where in the app a user wants to be after adding it: a path of the app itself, with its query, as it stands in the
/// address of a page. It travels as the action of the deep link, so it is at most 256 characters of ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnPath(String);

/// Why a text is no [`ReturnPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a path of the app, of at most {} ASCII characters", Action::MAX)]
pub struct InvalidPath;

impl ReturnPath {
    /// Parses a path. What a browser would read as anything but exactly this path is refused: another host (`//`, `/\`),
    /// dot segments, characters that it escapes or drops.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidPath> {
        let text = text.into();
        let base = Url::parse("https://app.invalid").expect("a fixed URL parses");
        let is_plain = text.len() <= Action::MAX && text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic());
        let same = base.join(&text).is_ok_and(|url| url.as_str().strip_prefix("https://app.invalid") == Some(&text));
        if is_plain && same { Ok(Self(text)) } else { Err(InvalidPath) }
    }

    pub(super) fn action(&self) -> Action {
        Action::parse(&*self.0).expect("a path is short ASCII")
    }
}

impl TryFrom<String> for ReturnPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl From<ReturnPath> for String {
    fn from(path: ReturnPath) -> Self {
        path.0
    }
}
