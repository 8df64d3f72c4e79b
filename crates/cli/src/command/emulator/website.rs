//! What the emulated website has to know: where it asks who its visitors are and for Cobrowse tokens, and with which keys
//! Zoom verifies what it gets.

use clap::Args;
use stagedoor_emulator::{ApiKey, Config, SdkSecret};
use url::Url;

use super::{Needs, given, variable};
use crate::command::{generate, input};
use crate::failure::Failure;
use crate::settings::Environment;

#[derive(Debug, Args)]
pub(super) struct Website {
    /// The authentication endpoint for consumers [default: /zoom/consumer-auth beside the Home URL].
    #[arg(long, value_name = "URL")]
    consumer_auth_url: Option<Url>,
    /// The public key that consumers' tokens are verified with, PEM; @FILE, or - for standard input.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    consumer_public_key: Option<String>,
    /// Where Cobrowse tokens come from [default: /zoom/cobrowse/token beside the Home URL]. They are verified with
    /// ZOOM_SDK_KEY and ZOOM_SDK_SECRET, or random ones.
    #[arg(long, value_name = "URL")]
    cobrowse_token_url: Option<Url>,
    /// The API key with which the website's server asks for tokens of agents; @FILE, or - for standard input.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    cobrowse_api_key: Option<String>,
}

impl Website {
    /// Enters it into the configuration.
    pub(super) fn enter(
        self,
        config: &mut Config,
        environment: &Environment,
        needs: &mut Needs,
    ) -> Result<(), Failure> {
        let website = &mut config.website;
        if let Some(url) = self.consumer_auth_url {
            website.auth_endpoint = url;
        }
        if let Some(url) = self.cobrowse_token_url {
            website.token_endpoint = url;
        }
        website.public_key = self.consumer_public_key.as_deref().map(|pem| input::value(Some(pem))).transpose()?;
        let api_key = self.cobrowse_api_key.as_deref();
        website.api_key = api_key.map(|key| input::secret("--cobrowse-api-key", key)).transpose()?.map(ApiKey::new);
        let key = given("the SDK key", variable(environment, "ZOOM_SDK_KEY")?)?;
        let secret = given("the SDK secret", variable(environment, "ZOOM_SDK_SECRET")?)?;
        match (key, secret) {
            (Some(key), Some(secret)) => {
                website.sdk.key = key;
                website.sdk.secret = SdkSecret::new(secret);
            }
            (None, None) => {
                website.sdk.key = generate::letters(22);
                website.sdk.secret = SdkSecret::new(generate::letters(32));
                needs.random("ZOOM_SDK_KEY", &website.sdk.key);
                needs.random("ZOOM_SDK_SECRET", website.sdk.secret.expose());
            }
            _ => {
                let sentence = "ZOOM_SDK_KEY and ZOOM_SDK_SECRET are of one app: set both, or neither for random ones";
                return Err(Failure::Usage(sentence.into()));
            }
        }
        Ok(())
    }
}
