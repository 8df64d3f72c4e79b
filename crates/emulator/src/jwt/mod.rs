//! Tokens as Zoom's side verifies them: strictly, and with code of its own.

pub(crate) mod cobrowse;
pub(crate) mod consumer;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use stagedoor_protocol::json::UniqueObject;
use stagedoor_protocol::time::UnixSeconds;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// A number of seconds above this is one of milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;

/// Why a token is refused, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) sentence: String,
    pub(crate) fix: &'static str,
}

impl Refusal {
    fn new(sentence: impl Into<String>, fix: &'static str) -> Self {
        Self { sentence: sentence.into(), fix }
    }
}

/// A token in the compact form of RFC 7515, not yet believed.
struct Jws<'a> {
    header: Value,
    payload: Value,
    /// What the signature is over.
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    fn parse(token: &'a str) -> Result<Self, Refusal> {
        let broken = |what: &str| Refusal::new(format!("The token is broken: {what}."), "Send it as it was signed.");
        if token.len() > MAX_TOKEN {
            return Err(broken("it is longer than 8 KiB"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(broken("it has not three parts"));
        };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| broken("a part is not base64url without padding"));
        let object = |part, what| {
            let UniqueObject(value) = serde_json::from_slice(&decode(part)?).map_err(|_| broken(what))?;
            Ok(value)
        };
        Ok(Self {
            header: object(header, "its header is not a JSON object with unique members")?,
            payload: object(payload, "its payload is not a JSON object with unique members")?,
            signed: &token.as_bytes()[..header.len() + 1 + payload.len()],
            signature: decode(signature)?,
        })
    }

    /// Whether the header says `algorithm`, and nothing that would have to be understood. The key decides how a token is
    /// verified; a token that says otherwise is not looked at (RFC 8725 section 3.1).
    fn is_for(&self, algorithm: &str) -> Result<(), Refusal> {
        let fix = "Sign with the algorithm that Zoom's page names.";
        match self.header["alg"].as_str() {
            Some(found) if found == algorithm => {}
            Some(found) => {
                return Err(Refusal::new(format!("The token is signed with {found}, not {algorithm}."), fix));
            }
            None => return Err(Refusal::new("The token does not say how it is signed.", fix)),
        }
        if self.header.get("crit").is_some() {
            return Err(Refusal::new("The token has a critical header that Zoom does not know.", "Leave out crit."));
        }
        Ok(())
    }

    /// A time of the payload, in whole seconds.
    fn seconds(&self, name: &str) -> Result<UnixSeconds, Refusal> {
        match self.payload[name].as_i64() {
            Some(seconds) if seconds > MILLISECONDS => {
                Err(Refusal::new(format!("{name} counts milliseconds."), "Count seconds since 1970."))
            }
            Some(seconds) => Ok(UnixSeconds(seconds)),
            None => {
                Err(Refusal::new(format!("{name} is missing, or not a whole number."), "Count seconds since 1970."))
            }
        }
    }
}
