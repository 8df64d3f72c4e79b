//! Which route a request takes, and under which name it is counted and logged.

macro_rules! routes {
    ($($(#[doc = $doc:literal])+ $route:ident = $name:literal at $path:literal;)+) => {
        /// A route of the gateway.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Route {
            $($(#[doc = $doc])+ $route,)+
            /// Under the prefix, and nothing.
            Unknown,
            /// The app's.
            App,
        }

        impl Route {
            /// Every route, in the order of the variants.
            pub(crate) const ALL: &[Self] = &[$(Self::$route,)+ Self::Unknown, Self::App];

            /// The path below the prefix, as the router takes it: `{…}` stands for a segment, `{*…}` for a rest.
            pub(crate) fn path(self) -> Option<&'static str> {
                match self {
                    $(Self::$route => Some($path),)+
                    Self::Unknown | Self::App => None,
                }
            }

            /// The route whose path is written like this one, without variables.
            fn spelled(path: &str) -> Option<Self> {
                match path {
                    $($path => Some(Self::$route),)+
                    _ => None,
                }
            }

            /// The name in metrics and logs.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$route => $name,)+
                    Self::Unknown => "unknown",
                    Self::App => "app",
                }
            }
        }
    };
}

routes! {
    /// Begins an install.
    Install = "install" at "/install";
    /// Ends an install.
    Callback = "callback" at "/callback";
    /// The launch in the web client.
    Context = "context" at "/context";
    /// Begins an authorization inside Zoom's client.
    Authorize = "authorize" at "/authorize";
    /// Ends one.
    Authorized = "authorized" at "/authorized";
    /// Zoom's REST API with the user's token.
    Api = "api" at "/api/{*path}";
    /// Who has the app open.
    Session = "session" at "/session";
    /// What Zoom says happened.
    Webhook = "webhook" at "/webhook";
    /// The same, for pages.
    Events = "events" at "/events";
    /// Who the visitor of a website is.
    Consumer = "consumer" at "/consumer-auth";
    /// Tokens for Cobrowse sessions.
    Cobrowse = "cobrowse" at "/cobrowse/token";
    /// Begins a third-party sign-in, shows a connection, ends it.
    Connect = "connect" at "/connect/{provider}";
    /// Where a provider sends the external browser back to.
    ConnectCallback = "connect_callback" at "/connect/{provider}/callback";
    /// Calls of a provider's API.
    ConnectApi = "connect_api" at "/connect/{provider}/api/{*path}";
    /// The public keys of the identity assertion.
    Jwks = "jwks" at "/jwks.json";
    /// What an app's pages import.
    Client = "client" at "/client.js";
    /// The script of the boot page.
    Boot = "boot" at "/boot.js";
    /// The style of our own pages.
    Style = "style" at "/style.css";
}

impl Route {
    /// The route of a path.
    pub(crate) fn of(path: &str, prefix: &str) -> Self {
        let own = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(rest) = own else { return Self::App };
        // Every request comes by here, and comparing texts costs nothing beside taking patterns apart.
        Self::spelled(rest).or_else(|| Self::patterned(rest)).unwrap_or(Self::Unknown)
    }

    fn patterned(path: &str) -> Option<Self> {
        let is_at = |pattern: &str| pattern.contains('{') && matches(pattern, path);
        Self::ALL.iter().find(|route| route.path().is_some_and(is_at)).copied()
    }

    /// Whether only people's browsers go there, so that a page is the answer unless something else is asked for.
    pub(crate) fn is_visited(self) -> bool {
        matches!(self, Self::Install | Self::Callback | Self::ConnectCallback)
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(expected), Some(segment)) if expected == segment => {}
            (Some(variable), Some(segment)) if variable.starts_with('{') && !segment.is_empty() => {}
            _ => return false,
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
    fn a_pattern_stands_for_a_segment_or_for_a_rest() {
        assert!(matches("/api/{*path}", "/api/v2/users/me"));
        assert!(!matches("/api/{*path}", "/api"));
        assert!(matches("/connect/{provider}/callback", "/connect/github/callback"));
        assert!(!matches("/connect/{provider}/callback", "/connect//callback"));
        assert!(!matches("/connect/{provider}/callback", "/connect/a/b/callback"));
        assert!(!matches("/connect/{provider}", "/connect/github/callback"));
    }

    #[test]
    fn the_table_of_routes_is_in_the_order_of_the_variants() {
        for (at, route) in Route::ALL.iter().enumerate() {
            assert_eq!(*route as usize, at);
        }
    }
}
