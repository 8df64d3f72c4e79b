//! What a provider sends the browser back with.

use std::borrow::Cow;
use std::fmt;

use crate::secret::{AuthorizationCode, State};

/// The longest code that is taken, in bytes. RFC 6749 leaves the length to the provider; some send thousands.
pub const MAX_CODE: usize = 8 * 1024;

/// The longest state that is looked at, in bytes. Ours have 43.
const MAX_STATE: usize = 512;

/// The longest issuer that is looked at, in bytes.
const MAX_ISSUER: usize = 2 * 1024;

/// The parameters of an authorization response (RFC 6749 section 4.1.2, RFC 9207 section 2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Callback {
    /// The authorization code.
    pub code: Option<AuthorizationCode>,
    /// The state that the attempt began with.
    pub state: Option<State>,
    /// Who answers.
    pub issuer: Option<String>,
    /// Why there is no code, in the provider's words. Compared, and never shown to anybody.
    pub error: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(…)")
    }
}

impl Callback {
    /// Reads the query of a callback. A parameter that comes twice (RFC 6749 section 3.1), or holds what it cannot hold,
    /// spoils all of it; parameters of the provider's own are passed over.
    pub fn read(query: &str) -> Option<Self> {
        let mut callback = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let is_new = match &*name {
                "code" => callback.code.replace(AuthorizationCode::new(printable(value, MAX_CODE)?)).is_none(),
                "state" => callback.state.replace(State::new(printable(value, MAX_STATE)?)).is_none(),
                "iss" => callback.issuer.replace(printable(value, MAX_ISSUER)?).is_none(),
                "error" => callback.error.replace(value.into_owned()).is_none(),
                _ => true,
            };
            if !is_new {
                return None;
            }
        }
        Some(callback)
    }
}

/// `1*VSCHAR` (RFC 6749 appendix A).
fn printable(value: Cow<'_, str>, longest: usize) -> Option<String> {
    let is_printable = (1..=longest).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_printable.then(|| value.into_owned())
}
