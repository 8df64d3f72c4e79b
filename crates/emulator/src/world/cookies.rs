use std::collections::BTreeSet;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Serialize};

/// What the browser of the web client does with the cookies of the app in its frame, which is on another site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ThirdParty {
    /// It keeps those with `SameSite=None; Secure`, as the real browser does by itself.
    #[default]
    Allow,
    /// It keeps those that are `Partitioned`, too (CHIPS): what browsers do that block third-party cookies.
    PartitionedOnly,
    /// It keeps none.
    Block,
}

/// The cookies of the frame, as far as the emulator has a say: the real browser keeps them.
#[derive(Default)]
pub(crate) struct FrameCookies {
    pub(crate) third_party: ThirdParty,
    /// The names that were set with `Partitioned`. A `Cookie` header does not say so.
    partitioned: BTreeSet<String>,
}

impl FrameCookies {
    /// Takes out of an answer what the browser would not keep.
    pub(crate) fn receive(&mut self, headers: &mut HeaderMap) {
        let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for cookie in cookies {
            let attributes = Attributes::of(&cookie);
            if attributes.partitioned {
                self.partitioned.insert(attributes.name.clone());
            } else {
                self.partitioned.remove(&attributes.name);
            }
            let kept = match self.third_party {
                ThirdParty::Allow => true,
                ThirdParty::PartitionedOnly => attributes.partitioned,
                ThirdParty::Block => false,
            };
            if kept {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }

    /// Takes out of a request what the browser would not send.
    pub(crate) fn send(&self, headers: &mut HeaderMap) {
        if self.third_party == ThirdParty::Allow {
            return;
        }
        let cookies: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
        headers.remove(COOKIE);
        if self.third_party == ThirdParty::Block {
            return;
        }
        let pairs = cookies.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split("; "));
        let name = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name).to_owned();
        let kept: Vec<&str> = pairs.filter(|pair| self.partitioned.contains(&name(pair))).collect();
        if let Some(kept) = HeaderValue::try_from(kept.join("; ")).ok().filter(|kept| !kept.is_empty()) {
            headers.insert(COOKIE, kept);
        }
    }
}

/// What decides whether a browser keeps a cookie in a frame on another site.
pub(crate) struct Attributes {
    pub(crate) name: String,
    pub(crate) same_site_none: bool,
    pub(crate) secure: bool,
    pub(crate) partitioned: bool,
}

impl Attributes {
    /// Reads one `Set-Cookie` (RFC 6265bis section 5.6).
    pub(crate) fn of(header: &HeaderValue) -> Self {
        let text = String::from_utf8_lossy(header.as_bytes());
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().and_then(|pair| pair.split_once('=')).map_or("", |(name, _)| name).trim().to_owned();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |name: &str| attributes.iter().any(|attribute| attribute == name);
        Self { name, same_site_none: has("samesite=none"), secure: has("secure"), partitioned: has("partitioned") }
    }
}
