//! Deep links: how a browser gets back into the Zoom client.
//!
//! See <https://developers.zoom.us/docs/api/marketplace/> (`POST /zoomapp/deeplink`).

use std::fmt;

use url::{Host, Url};

/// What a deep link tells the app: 1 to 256 bytes of printable ASCII.
///
/// Zoom limits the action to 256 "characters" and does not say of which kind; bytes of ASCII are all kinds at once.
#[derive(Clone, PartialEq, Eq)]
pub struct Action(String);

/// Why a text is not an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action is 1 to {} printable ASCII characters", Action::MAX)]
pub struct InvalidAction;

impl Action {
    /// The longest action, in bytes.
    pub const MAX: usize = 256;

    /// Parses an action.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidAction> {
        let text = text.into();
        let valid = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if valid { Ok(Self(text)) } else { Err(InvalidAction) }
    }

    /// The action as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An action may carry a one-time handle, so it is not printed.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({} bytes)", self.0.len())
    }
}

/// A link that was checked to lead to Zoom's client.
#[derive(Clone, PartialEq, Eq)]
pub struct DeepLink(Url);

impl DeepLink {
    /// The link, for a redirect. Whoever holds it can open the app with its action.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for DeepLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeepLink(…)")
    }
}

/// Where a deep link may lead: the client's own schemes (`zoommtg:`, `zoomus:`), `zoom.us`, `*.zoom.us` and
/// `zoomgov.com` over https, and the configured origin of Zoom itself (which is an emulator on loopback, or a
/// government or vanity host).
#[derive(Clone, Debug)]
pub struct DeepLinkHosts {
    zoom: Url,
}

const SCHEMES: [&str; 2] = ["zoommtg", "zoomus"];

impl DeepLinkHosts {
    /// Zoom's own hosts, and `zoom`, the configured origin.
    pub fn new(zoom: Url) -> Self {
        Self { zoom }
    }

    /// Checks a link from Zoom's API before anybody is sent there.
    pub fn accept(&self, link: &str) -> Option<DeepLink> {
        if link.len() > 4096 || !link.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let url = Url::parse(link).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        (plain && self.leads_to_zoom(&url)).then_some(DeepLink(url))
    }

    fn leads_to_zoom(&self, url: &Url) -> bool {
        // The schemes are compared too, because the origin of a `blob:` URL is that of the URL inside it.
        let configured = url.scheme() == self.zoom.scheme() && url.origin() == self.zoom.origin();
        if SCHEMES.contains(&url.scheme()) || configured {
            return true;
        }
        let Some(Host::Domain(host)) = url.host() else { return false };
        let at_zoom = matches!(host, "zoom.us" | "zoomgov.com") || host.ends_with(".zoom.us");
        url.scheme() == "https" && url.port().is_none() && at_zoom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> DeepLinkHosts {
        DeepLinkHosts::new(Url::parse("http://localhost:4000/").unwrap())
    }

    #[test]
    fn zooms_own_links_are_accepted() {
        for link in [
            "https://zoom.us/launch/chatapp/Zx_cSBEZUWRUMIf454A3sRp.wEt88YlHQpzp635x",
            "https://us02web.zoom.us/launch/chatapp/x",
            "https://zoomgov.com/launch/x",
            "zoommtg://zoom.us/launch?action=go",
            "zoomus://launch",
            "http://localhost:4000/launch/chatapp/x",
        ] {
            assert!(hosts().accept(link).is_some(), "{link}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for link in [
            "",
            "/launch",
            "//zoom.us/launch",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://zoom.us/launch",
            "blob:http://localhost:4000/launch",
            "blob:https://zoom.us/launch",
            "filesystem:https://zoom.us/launch",
            "view-source:https://zoom.us/launch",
            "https://sub.zoomgov.com/launch",
            "https://evil.example/",
            "https://zoom.us.evil.example/",
            "https://evilzoom.us/",
            "https://zoom.us@evil.example/",
            "https://user:secret@zoom.us/",
            "https://zoom.us:8443/",
            "http://localhost:4001/launch",
            "https://localhost:4000/launch",
            "https://zoom.us/\r\nSet-Cookie: a=b",
            "https://zoom.us/ü",
        ] {
            assert!(hosts().accept(link).is_none(), "{link}");
        }
    }

    #[test]
    fn an_action_is_at_most_256_ascii_bytes() {
        assert!(Action::parse("go").is_ok());
        assert!(Action::parse("x".repeat(256)).is_ok());
        for bad in [String::new(), "x".repeat(257), "é".into(), "a\nb".into(), "a\0".into()] {
            assert_eq!(Action::parse(bad), Err(InvalidAction));
        }
    }
}
