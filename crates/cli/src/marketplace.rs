//! What Zoom's Marketplace must know of the app: what to enter by hand, and the manifest that enters it at once.

use serde::Serialize;
use serde_json::{Value, json};
use stagedoor_flows::launch::Guests;
use url::Url;

/// The scope behind `GET /v2/users/me`, by which an install learns whose it is.
const USER_SCOPE: &str = "user:read:user";

/// Where the Apps SDK is loaded from.
const SDK_DOMAIN: &str = "appssdk.zoom.us";

/// What `client.js` and the starter app call.
const APIS: &[&str] = &[
    "authorize",
    "getAppContext",
    "getRunningContext",
    "getSupportedJsApis",
    "getUserContext",
    "onAuthorized",
    "onMyUserContextChange",
    "openUrl",
    "promptAuthorize",
];

/// What the starter app calls where an agent has it open.
const ENGAGEMENT_APIS: &[&str] =
    &["getEngagementContext", "getEngagementStatus", "onEngagementContextChange", "onEngagementStatusChange"];

/// What of the settings the Marketplace depends on.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) public_url: Url,
    pub(crate) prefix: String,
    pub(crate) home: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) guests: Guests,
    pub(crate) pwa: bool,
    /// Whether webhooks are taken.
    pub(crate) webhooks: bool,
}

/// What to enter in the Marketplace, under the names that its pages use.
#[derive(Debug, Serialize)]
pub(crate) struct Marketplace {
    home_url: String,
    direct_landing_url: String,
    oauth_redirect_url: String,
    oauth_allow_list: Vec<String>,
    domain_allow_list: Vec<String>,
    scopes: Vec<String>,
    /// Where Zoom sends events, and the word that a user has removed the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
}

impl Registration {
    /// The redirect URI.
    pub(crate) fn redirect_uri(&self) -> Url {
        self.at(&format!("{}/callback", self.prefix))
    }

    /// The redirect URI of a third-party provider.
    pub(crate) fn connect_redirect_uri(&self, provider: &str) -> Url {
        self.at(&format!("{}/connect/{provider}/callback", self.prefix))
    }

    /// The direct landing URL, where an install begins.
    pub(crate) fn landing_url(&self) -> Url {
        self.at(&format!("{}/install", self.prefix))
    }

    /// The Home URL, which the Zoom client opens.
    pub(crate) fn home_url(&self) -> Url {
        self.at(&self.home)
    }

    /// Where webhooks go, if they are taken.
    fn webhook_url(&self) -> Option<Url> {
        self.webhooks.then(|| self.at(&format!("{}/webhook", self.prefix)))
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(path);
        url
    }

    /// The scopes that the app is registered with: those a user must grant, and the one that Stagedoor needs itself.
    pub(crate) fn all_scopes(&self) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        if !scopes.iter().any(|scope| scope == USER_SCOPE) {
            scopes.push(USER_SCOPE.into());
        }
        scopes
    }

    fn host(&self) -> &str {
        self.public_url.host_str().unwrap_or_default()
    }

    /// The app manifest (<https://developers.zoom.us/docs/build-flow/manifests/>), as the Marketplace's upload takes it.
    pub(crate) fn manifest(&self) -> Value {
        let redirect = self.redirect_uri();
        let home = self.home_url();
        let scopes: Vec<_> =
            self.all_scopes().into_iter().map(|scope| json!({ "scope": scope, "optional": false })).collect();
        let mut manifest = json!({
            "display_information": { "display_name": "My Zoom App" },
            "oauth_information": {
                "usage": "USER_OPERATION",
                "development_redirect_uri": redirect.as_str(),
                "production_redirect_uri": redirect.as_str(),
                "oauth_allow_list": [redirect.as_str()],
                "strict_mode": true,
                "subdomain_strict_mode": true,
                "scopes": scopes,
            },
            "features": {
                "products": self.products(),
                "development_home_uri": home.as_str(),
                "production_home_uri": home.as_str(),
                "domain_allow_list": [
                    { "domain": self.host(), "explanation": "The app itself" },
                    { "domain": SDK_DOMAIN, "explanation": "The Zoom Apps SDK" },
                ],
                "in_client_feature": self.in_client_feature(),
                "zoom_client_support": {
                    "mobile": { "enable": false },
                    "zoom_room": { "enable": false },
                    "pwa_client": { "enable": self.pwa },
                },
            },
        });
        if self.webhooks {
            // Which events the app wants is chosen in the Marketplace; most need a scope of their own.
            manifest["features"]["event_subscription"] = json!({ "enable": true, "events": [] });
        }
        manifest
    }

    /// Contact Center is where agents run apps in the web client.
    fn products(&self) -> &'static [&'static str] {
        if self.pwa { &["ZOOM_MEETING", "ZOOM_CONTACT_CENTER"] } else { &["ZOOM_MEETING"] }
    }

    fn in_client_feature(&self) -> Value {
        let guests = self.guests == Guests::Allow;
        let apis = if self.pwa { [APIS, ENGAGEMENT_APIS].concat() } else { APIS.to_vec() };
        json!({
            "zoom_app_api": { "enable": true, "zoom_app_apis": apis },
            "guest_mode": { "enable": guests, "enable_test_guest_mode": guests },
            "in_client_oauth": { "enable": true },
            "collaborate_mode": { "enable": false },
        })
    }
}

impl Marketplace {
    /// What to enter for an app.
    pub(crate) fn of(registration: &Registration) -> Self {
        let redirect = registration.redirect_uri().to_string();
        Self {
            home_url: registration.home_url().to_string(),
            direct_landing_url: registration.landing_url().to_string(),
            oauth_allow_list: vec![redirect.clone()],
            oauth_redirect_url: redirect,
            domain_allow_list: vec![registration.host().to_owned(), SDK_DOMAIN.into()],
            scopes: registration.all_scopes(),
            webhook_url: registration.webhook_url().map(String::from),
        }
    }

    /// The same as rows of a table.
    pub(crate) fn rows(&self) -> Vec<(&'static str, &[String])> {
        use std::slice::from_ref;
        let mut rows = vec![
            ("Home URL", from_ref(&self.home_url)),
            ("Direct landing URL", from_ref(&self.direct_landing_url)),
            ("OAuth redirect URL", from_ref(&self.oauth_redirect_url)),
            ("OAuth allow list", &self.oauth_allow_list[..]),
            ("Domain allow list", &self.domain_allow_list[..]),
            ("Scopes", &self.scopes[..]),
        ];
        if let Some(url) = &self.webhook_url {
            rows.extend([("Event subscription", from_ref(url)), ("Deauthorization", from_ref(url))]);
        }
        rows
    }
}
