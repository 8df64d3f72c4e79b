//! What a deployment should answer, as far as its settings or its URL tell.

use stagedoor_flows::launch::Guests;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use url::Url;

use crate::settings::{Deployment, Draft};

/// What is expected of a deployment.
#[derive(Debug)]
pub(crate) struct Expected {
    /// Its public URL.
    pub(crate) base: Url,
    /// Where the gateway's own routes lie.
    pub(crate) prefix: String,
    /// The path that Zoom opens.
    pub(crate) home: String,
    /// Whether Zoom's web client may frame it.
    pub(crate) pwa: bool,
    /// What only the settings of this very deployment tell.
    pub(crate) known: Option<Known>,
}

/// What the settings of the deployment say.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its Zoom App, where it has one.
    pub(crate) zoom: Option<KnownApp>,
    /// The origins of consumer authentication; `None` where there is none.
    pub(crate) consumer: Option<Vec<String>>,
    /// The origins of Cobrowse tokens; `None` where there are none.
    pub(crate) cobrowse: Option<Vec<String>>,
}

/// A Zoom App as the settings have it.
#[derive(Debug)]
pub(crate) struct KnownApp {
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: ClientSecret,
    pub(crate) host: Url,
    pub(crate) guests: Guests,
    pub(crate) webhooks: bool,
    /// Those that it is registered with.
    pub(crate) scopes: Vec<String>,
}

impl Expected {
    /// What the settings of a deployment promise.
    pub(crate) fn of(deployment: Deployment) -> Self {
        let Deployment { zoom, consumer, cobrowse, gateway, .. } = deployment;
        let home = zoom.as_ref().map_or_else(|| "/".into(), |zoom| zoom.registration.home.clone());
        let zoom = zoom.map(|zoom| KnownApp {
            client_id: zoom.app.client_id,
            client_secret: zoom.app.client_secret,
            host: zoom.app.host,
            guests: zoom.registration.guests,
            webhooks: zoom.webhook.is_some(),
            scopes: zoom.registration.all_scopes(),
        });
        let written = |origins: &[Url]| origins.iter().map(|origin| origin.origin().ascii_serialization()).collect();
        let known = Known {
            zoom,
            consumer: consumer.map(|consumer| written(&consumer.origins)),
            cobrowse: cobrowse.map(|cobrowse| cobrowse.terms.origins),
        };
        Self { base: gateway.public_url, prefix: gateway.prefix, home, pwa: gateway.pwa, known: Some(known) }
    }

    /// What holds for any deployment, with the paths of a draft.
    pub(crate) fn of_any(base: Url, draft: Draft) -> Self {
        let registration = draft.registration;
        Self { base, prefix: registration.prefix, home: registration.home, pwa: registration.pwa, known: None }
    }

    /// The Zoom App, where the settings know it.
    pub(crate) fn app(&self) -> Option<&KnownApp> {
        self.known.as_ref().and_then(|known| known.zoom.as_ref())
    }

    /// Whether there is an app to open, as far as is known.
    pub(crate) fn has_app(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.zoom.is_some())
    }

    /// The address of a path.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// The address of a route of the gateway's own.
    pub(crate) fn own(&self, route: &str) -> Url {
        self.at(&format!("{}{route}", self.prefix))
    }
}
