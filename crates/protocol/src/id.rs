//! Identifiers that Zoom and others give out, as types. A value that exists is safe to put into a header.

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_LENGTH} visible ASCII characters without spaces")]
pub struct InvalidId;

/// The longest identifier that is accepted, in bytes. Zoom's own are 22 to 32 characters long.
pub const MAX_LENGTH: usize = 256;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses an identifier: 1 to 256 visible ASCII characters without spaces.
            pub fn parse(value: impl Into<String>) -> Result<Self, InvalidId> {
                let value = value.into();
                let valid = (1..=MAX_LENGTH).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
                if valid { Ok(Self(value)) } else { Err(InvalidId) }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::parse(value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id! {
    /// The client id of a Zoom App. Public; it is the audience of app contexts.
    ClientId
    /// The client id of this deployment at a third-party provider. Public.
    ProviderClientId
    /// A Zoom user id: `uid` in an app context, `id` in `GET /v2/users/me`.
    ZoomUserId
    /// The UUID of one meeting instance: `mid` in an app context. May contain `/`, `+` and `=`.
    MeetingUuid
    /// The name of a webhook event: `meeting.started`.
    EventName
    /// The SDK key of a Cobrowse app. Public; it is `app_key` in its tokens.
    SdkKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_a_header_is_not_an_identifier() {
        for bad in ["", " ", "a b", "a\r\nb", "a\0", "é", &"x".repeat(257)] {
            assert_eq!(ZoomUserId::parse(bad), Err(InvalidId), "{bad:?}");
        }
        assert!(MeetingUuid::parse("wceIoD0lTySwype/12+45w==").is_ok());
    }
}
