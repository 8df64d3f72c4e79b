//! Values that must never be printed.
//!
//! Every secret is a type of its own, so that one secret cannot be used for two purposes, and every
//! type has the same manners: a redacted `Debug`, no `Display`, no `Serialize`, equality in constant
//! time, and memory that is wiped when the value is dropped.
//!
//! ```
//! use stagedoor_protocol::secret::AccessToken;
//!
//! let token = AccessToken::new("eyJh…");
//! assert_eq!(format!("{token:?}"), "AccessToken(…)");
//! ```
//!
//! One kind does not pass for another:
//!
//! ```compile_fail,E0308
//! # use stagedoor_protocol::secret::{AccessToken, RefreshToken};
//! assert_eq!(AccessToken::new("a"), RefreshToken::new("a"));
//! ```

/// Declares secret types.
///
/// ```
/// stagedoor_protocol::secret! {
///     /// The password of the door.
///     pub struct DoorCode;
/// }
///
/// assert_eq!(format!("{:?}", DoorCode::new("1234")), "DoorCode(…)");
/// ```
///
/// Each declared type wraps a `String` and offers `new`, [`expose`](ClientSecret::expose), a redacted `Debug`,
/// constant-time equality (only the length leaks) and zeroisation on drop.
#[macro_export]
macro_rules! secret {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        $vis struct $name($crate::secret::Wiped);

        impl $name {
            /// Wraps a secret value.
            $vis fn new(value: impl Into<String>) -> Self {
                Self($crate::secret::Wiped::new(value.into()))
            }

            /// Gives the secret itself. It belongs into a request or a sealed record, never into a log,
            /// an error, a URL that is kept, or a page.
            $vis fn expose(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $crate::secret::equal(self.expose().as_bytes(), other.expose().as_bytes())
            }
        }

        impl Eq for $name {}

        impl $crate::secret::Exposed for $name {
            fn wrap(value: String) -> Self {
                Self::new(value)
            }
            fn reveal(&self) -> &str {
                self.expose()
            }
        }
    )+};
}

secret! {
    /// The client secret of the Zoom App: authenticates at the token endpoint and, hashed, opens app contexts.
    pub struct ClientSecret;
    /// An access token. Opaque by contract, even where it looks like a JWT.
    pub struct AccessToken;
    /// A refresh token. Zoom's work once, and every refresh replaces them.
    pub struct RefreshToken;
    /// An OAuth authorization code: single use, at Zoom for five minutes (error 4733).
    pub struct AuthorizationCode;
    /// The OAuth `state` of one authorization request (RFC 6749 section 10.12).
    pub struct State;
    /// A PKCE code verifier (RFC 7636 section 4.1).
    pub struct CodeVerifier;
    /// The client secret of this deployment at a third-party provider.
    pub struct ProviderSecret;
    /// An ID token (OpenID Connect Core section 2). Who has it can pretend to be its subject where it is not checked well.
    pub struct IdToken;
    /// What binds an ID token to one authorization request (OpenID Connect Core section 15.5.2).
    pub struct Nonce;
    /// The secret token of webhooks: Zoom signs events with it, and challenges are answered with it.
    pub struct WebhookSecret;
    /// The SDK secret of a Cobrowse app: signs its tokens.
    pub struct SdkSecret;
}

/// The string behind a secret, wiped on drop. Only the [`secret!`](crate::secret!) macro uses it.
#[doc(hidden)]
pub type Wiped = zeroize::Zeroizing<String>;

/// Compares two byte strings in constant time. Only the lengths leak.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// What [`exposed`] needs of a secret type.
#[doc(hidden)]
pub trait Exposed {
    fn wrap(value: String) -> Self;
    fn reveal(&self) -> &str;
}

/// Serialises a secret in the clear, for plaintext that is sealed at once.
///
/// Secrets have no `Serialize` of their own; a record that is about to be sealed says so at the field:
/// `#[serde(with = "stagedoor_protocol::secret::exposed")]`.
pub mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Exposed;

    /// Writes the secret as a plain string.
    pub fn serialize<T: Exposed, S: Serializer>(secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    /// Reads the secret from a plain string.
    pub fn deserialize<'de, T: Exposed, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer).map(T::wrap)
    }

    /// The same for a secret that may be missing.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        use super::super::Exposed;

        /// Writes the secret as a plain string, or nothing.
        pub fn serialize<T: Exposed, S: Serializer>(secret: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
            secret.as_ref().map(Exposed::reveal).serialize(serializer)
        }

        /// Reads the secret from a plain string.
        pub fn deserialize<'de, T: Exposed, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
            Ok(Option::<String>::deserialize(deserializer)?.map(T::wrap))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = ClientSecret::new("canary-value");
        assert_eq!(format!("{secret:?}"), "ClientSecret(…)");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(ClientSecret(…))");
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(State::new("a"), State::new("a"));
        assert_ne!(State::new("a"), State::new("b"));
        assert_ne!(State::new("a"), State::new("aa"));
    }
}
