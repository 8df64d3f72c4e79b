use stagedoor_protocol::id::{ClientId, ProviderClientId};
use stagedoor_protocol::secret;
use stagedoor_protocol::secret::{ClientSecret, ProviderSecret};
use url::Url;

use crate::entropy;

secret! {
    /// The secret token of the app's event subscription.
    pub struct WebhookSecret;
    /// The SDK secret of a Cobrowse app: signs the tokens of customers and agents.
    pub struct SdkSecret;
    /// What the website's server shows to the backend to get tokens of agents.
    pub struct ApiKey;
}

/// A business's website, which asks the backend who its visitors are, and for Cobrowse tokens.
#[derive(Clone, Debug)]
pub struct Website {
    /// The authentication endpoint of Zoom's admin page, for consumer authentication.
    pub auth_endpoint: Url,
    /// The public key of that page, as PEM (`BEGIN PUBLIC KEY`); it can be pasted later.
    pub public_key: Option<String>,
    /// Where the website asks for Cobrowse tokens; must be `http`.
    pub token_endpoint: Url,
    /// The Cobrowse app whose tokens are valid.
    pub sdk: SdkApp,
    /// Sent as a bearer token by the website's server when it asks for an agent's token.
    pub api_key: Option<ApiKey>,
}

/// A Cobrowse app of the Marketplace.
#[derive(Clone, Debug)]
pub struct SdkApp {
    /// The SDK key, which is public.
    pub key: String,
    /// The SDK secret.
    pub secret: SdkSecret,
}

/// What the emulator has to know of the app and where it listens.
///
/// This is what a developer enters in the Marketplace: credentials, the Home URL, the OAuth allow list, the direct
/// landing URL and the scopes.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name that the consent page and the client show.
    pub app_name: String,
    /// What the diagram calls the backend under test.
    pub backend: String,
    /// The client id of the app.
    pub client_id: ClientId,
    /// The client secret of the app: authenticates at the token endpoint and seals app contexts.
    pub client_secret: ClientSecret,
    /// The address that the Zoom client opens. Must be `http`: the web view speaks plain HTTP to the app.
    pub home_url: Url,
    /// The OAuth allow list, matched exactly. The first entry is used where Zoom itself builds the authorize URL.
    pub redirect_urls: Vec<Url>,
    /// The direct landing URL, where an install begins.
    pub landing_url: Url,
    /// Where the app wants its events; must be `http`, too. Without it Zoom sends none.
    pub webhook_url: Option<Url>,
    /// The secret token under which events are signed.
    pub webhook_secret: WebhookSecret,
    /// The website that is played beside the app.
    pub website: Website,
    /// The scopes of the app.
    pub scopes: Vec<String>,
    /// How the bundled third-party provider knows the app.
    pub provider: ProviderRegistration,
    /// The first of six ports on loopback; 0 takes free ones.
    pub port: u16,
}

/// The registration of the app at the bundled third-party provider.
#[derive(Clone, Debug)]
pub struct ProviderRegistration {
    /// The client id.
    pub client_id: ProviderClientId,
    /// The client secret.
    pub client_secret: ProviderSecret,
    /// The redirect URL, matched exactly.
    pub redirect_url: Url,
}

impl Config {
    /// The settings of an app that lives at `home_url`: landing at `/zoom/install`, redirect to `/zoom/callback` of the
    /// same origin, the scopes `user:read:user` and `zoomapp:inmeeting`, no webhooks under a random secret, its endpoints
    /// for the website at `/zoom/consumer-auth` and `/zoom/cobrowse/token`, a provider that redirects to
    /// `/zoom/connect/acme/callback` under random credentials, free ports.
    pub fn new(client_id: ClientId, client_secret: ClientSecret, home_url: Url) -> Self {
        let beside = |path: &str| {
            let mut url = home_url.clone();
            url.set_path(path);
            url.set_query(None);
            url.set_fragment(None);
            url
        };
        let provider = ProviderRegistration {
            client_id: ProviderClientId::parse(format!("acme-{}", entropy::base64url(12)))
                .expect("base64url is visible ASCII"),
            client_secret: ProviderSecret::new(entropy::base64url(32)),
            redirect_url: beside("/zoom/connect/acme/callback"),
        };
        Self {
            app_name: "Sample app".into(),
            backend: "Your backend".into(),
            client_id,
            client_secret,
            redirect_urls: vec![beside("/zoom/callback")],
            landing_url: beside("/zoom/install"),
            website: Website {
                auth_endpoint: beside("/zoom/consumer-auth"),
                public_key: None,
                token_endpoint: beside("/zoom/cobrowse/token"),
                sdk: SdkApp { key: entropy::base64url(22), secret: SdkSecret::new(entropy::base64url(32)) },
                api_key: None,
            },
            home_url,
            webhook_url: None,
            webhook_secret: WebhookSecret::new(entropy::base64url(22)),
            provider,
            scopes: vec!["user:read:user".into(), "zoomapp:inmeeting".into()],
            port: 0,
        }
    }
}
