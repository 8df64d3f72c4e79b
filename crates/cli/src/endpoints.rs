//! What Zoom and websites must know of a deployment that issues tokens.

use serde::Serialize;
use stagedoor_flows::port::Clock as _;
use stagedoor_gateway::SystemClock;

use crate::settings::Deployment;
use crate::wiring;

/// The addresses to enter and to call, under the names that Zoom's pages use.
#[derive(Debug, Serialize)]
pub(crate) struct Endpoints {
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<ConsumerEndpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cobrowse: Option<CobrowseEndpoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connect: Vec<ConnectEndpoint>,
}

#[derive(Debug, Serialize)]
struct ConnectEndpoint {
    provider: String,
    redirect_url: String,
}

#[derive(Debug, Serialize)]
struct ConsumerEndpoint {
    authentication_endpoint: String,
    jwt_public_key: String,
    kid: String,
}

#[derive(Debug, Serialize)]
struct CobrowseEndpoint {
    token_endpoint: String,
}

impl Endpoints {
    /// The endpoints of a deployment.
    pub(crate) fn of(deployment: &Deployment) -> anyhow::Result<Self> {
        let at = |path: &str| {
            let mut url = deployment.gateway.public_url.clone();
            url.set_path(&format!("{}{path}", deployment.gateway.prefix));
            url.to_string()
        };
        let consumer = match &deployment.consumer {
            None => None,
            Some(consumer) => {
                let keys = wiring::signing_keys(&consumer.keys)?;
                let key = keys.at(SystemClock.now());
                Some(ConsumerEndpoint {
                    authentication_endpoint: at("/consumer-auth"),
                    jwt_public_key: key.public_pem(),
                    kid: key.kid().to_owned(),
                })
            }
        };
        let cobrowse = deployment.cobrowse.as_ref().map(|_| CobrowseEndpoint { token_endpoint: at("/cobrowse/token") });
        let connect = deployment.zoom.iter().flat_map(|zoom| zoom.providers.redirect_urls(&zoom.registration));
        let connect =
            connect.map(|(provider, url)| ConnectEndpoint { provider: provider.into(), redirect_url: url.into() });
        Ok(Self { consumer, cobrowse, connect: connect.collect() })
    }

    /// The same as text, a paragraph each.
    pub(crate) fn paragraphs(&self) -> Vec<String> {
        let consumer = self.consumer.as_ref().map(|endpoint| {
            format!(
                "In Zoom (Contact Center Management, Preferences, Consumer Authentication):\n\n  \
                 {:<24} {}\n  {:<24} key {}, as PEM:\n\n{}",
                "Authentication endpoint",
                endpoint.authentication_endpoint,
                "JWT public key",
                endpoint.kid,
                endpoint.jwt_public_key.trim_end()
            )
        });
        let cobrowse = self.cobrowse.as_ref().map(|endpoint| {
            format!("For pages and servers of Cobrowse:\n\n  {:<24} {}", "Token endpoint", endpoint.token_endpoint)
        });
        let redirects =
            self.connect.iter().map(|endpoint| format!("\n  {:<24} {}", endpoint.provider, endpoint.redirect_url));
        let redirects: String = redirects.collect();
        let connect =
            (!redirects.is_empty()).then(|| format!("Redirect URLs to register at third parties:\n{redirects}"));
        consumer.into_iter().chain(cobrowse).chain(connect).collect()
    }
}
