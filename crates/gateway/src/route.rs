//! Which route a request takes, and under which name it is counted and logged.

/// A route of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Begins an install.
    Install,
    /// Ends an install.
    Callback,
    /// The launch in the web client.
    Context,
    /// Begins an authorization inside Zoom's client.
    Authorize,
    /// Ends one.
    Authorized,
    /// Who has the app open.
    Session,
    /// The public keys of the identity assertion.
    Jwks,
    /// What an app's pages import.
    Client,
    /// The script of the boot page.
    Boot,
    /// The style of our own pages.
    Style,
    /// Under the prefix, and nothing.
    Unknown,
    /// The app's.
    App,
}

impl Route {
    /// Every route, in the order of the variants.
    pub(crate) const ALL: [Self; 12] = [
        Self::Install,
        Self::Callback,
        Self::Context,
        Self::Authorize,
        Self::Authorized,
        Self::Session,
        Self::Jwks,
        Self::Client,
        Self::Boot,
        Self::Style,
        Self::Unknown,
        Self::App,
    ];

    /// The route of a path.
    pub(crate) fn of(path: &str, prefix: &str) -> Self {
        let own = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(rest) = own else { return Self::App };
        Self::ALL.into_iter().find(|route| route.path() == Some(rest)).unwrap_or(Self::Unknown)
    }

    /// The path below the prefix.
    pub(crate) fn path(self) -> Option<&'static str> {
        Some(match self {
            Self::Install => "/install",
            Self::Callback => "/callback",
            Self::Context => "/context",
            Self::Authorize => "/authorize",
            Self::Authorized => "/authorized",
            Self::Session => "/session",
            Self::Jwks => "/jwks.json",
            Self::Client => "/client.js",
            Self::Boot => "/boot.js",
            Self::Style => "/style.css",
            Self::Unknown | Self::App => return None,
        })
    }

    /// The name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Callback => "callback",
            Self::Context => "context",
            Self::Authorize => "authorize",
            Self::Authorized => "authorized",
            Self::Session => "session",
            Self::Jwks => "jwks",
            Self::Client => "client",
            Self::Boot => "boot",
            Self::Style => "style",
            Self::Unknown => "unknown",
            Self::App => "app",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_are_the_prefix() {
        assert_eq!(Route::of("/zoom/install", "/zoom"), Route::Install);
        assert_eq!(Route::of("/zoom", "/zoom"), Route::Unknown);
        assert_eq!(Route::of("/zoom/install/", "/zoom"), Route::Unknown);
        assert_eq!(Route::of("/zoomverify/x", "/zoom"), Route::App);
        assert_eq!(Route::of("/ZOOM/install", "/zoom"), Route::App);
    }

    #[test]
    fn the_table_of_routes_is_in_the_order_of_the_variants() {
        for (at, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, at);
        }
    }
}
