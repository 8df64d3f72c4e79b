//! Where Zoom documents what a step does.

use serde::Serialize;

/// A page of Zoom's documentation.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Docs {
    title: &'static str,
    url: &'static str,
}

pub(crate) const OAUTH: Docs = Docs { title: "OAuth 2.0", url: "https://developers.zoom.us/docs/integrations/oauth/" };
pub(crate) const OAUTH_ERRORS: Docs =
    Docs { title: "OAuth error messages", url: "https://developers.zoom.us/docs/integrations/oauth-error-messages/" };
pub(crate) const ALLOW_LIST: Docs = Docs {
    title: "OAuth redirect and allow list",
    url: "https://developers.zoom.us/docs/build-flow/basic-info/oauth-info/",
};
pub(crate) const ARCHITECTURE: Docs =
    Docs { title: "Zoom Apps architecture", url: "https://developers.zoom.us/docs/zoom-apps/architecture/" };
pub(crate) const CONTEXT: Docs =
    Docs { title: "Zoom App context", url: "https://developers.zoom.us/docs/zoom-apps/zoom-app-context/" };
pub(crate) const HEADERS: Docs =
    Docs { title: "OWASP secure headers", url: "https://developers.zoom.us/docs/build-flow/security/owasp/" };
pub(crate) const DEEP_LINK: Docs = Docs {
    title: "Open Zoom Apps from native and web apps",
    url: "https://developers.zoom.us/docs/zoom-apps/guides/open-zoom-apps-from-native-web-apps/",
};
pub(crate) const MARKETPLACE_API: Docs =
    Docs { title: "Marketplace API", url: "https://developers.zoom.us/docs/api/marketplace/" };
pub(crate) const API: Docs = Docs { title: "Zoom API", url: "https://developers.zoom.us/docs/api/" };
pub(crate) const USERS_API: Docs = Docs { title: "Users API", url: "https://developers.zoom.us/docs/api/users/" };
pub(crate) const MEETINGS_API: Docs =
    Docs { title: "Meetings API", url: "https://developers.zoom.us/docs/api/meetings/" };
pub(crate) const RATE_LIMITS: Docs =
    Docs { title: "Rate limits", url: "https://developers.zoom.us/docs/api/rate-limits/" };
pub(crate) const PWA: Docs = Docs {
    title: "Create Contact Center apps for PWA",
    url: "https://developers.zoom.us/docs/contact-center/apps/zcc-pwa/",
};
pub(crate) const IN_CLIENT: Docs =
    Docs { title: "In-client OAuth", url: "https://developers.zoom.us/docs/zoom-apps/authentication/" };
pub(crate) const WEBHOOKS: Docs =
    Docs { title: "Using webhooks", url: "https://developers.zoom.us/docs/api/webhooks/" };
pub(crate) const CONSUMER: Docs =
    Docs { title: "Consumer authentication", url: "https://developers.zoom.us/docs/zcx/consumer-authentication/" };
pub(crate) const COBROWSE: Docs =
    Docs { title: "Cobrowse SDK: authorize", url: "https://developers.zoom.us/docs/cobrowse-sdk/authorize/" };
pub(crate) const OPENID: Docs =
    Docs { title: "OpenID Connect", url: "https://openid.net/specs/openid-connect-core-1_0.html" };
