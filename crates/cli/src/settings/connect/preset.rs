//! What is known of some providers, so that nobody has to look it up.

use stagedoor_protocol::provider::Endpoints;
use url::Url;

use super::Place;

/// What is known of a provider.
pub(super) struct Preset {
    pub(super) name: &'static str,
    place: Known,
    pub(super) auth: &'static str,
    scopes: &'static [&'static str],
    extra: &'static [(&'static str, &'static str)],
    pub(super) api: Option<&'static str>,
    /// What to add where the preset alone is not enough.
    pub(super) fix: &'static str,
}

/// Where a provider is.
enum Known {
    Issuer(&'static str),
    /// Plain OAuth: authorization and token endpoint.
    Endpoints(&'static str, &'static str),
    /// Each customer has an issuer of its own, which ends so.
    Own {
        ends_with_slash: bool,
    },
}

const PRESETS: [Preset; 7] = [
    Preset {
        name: "google",
        place: Known::Issuer("https://accounts.google.com"),
        auth: "client_secret_basic",
        scopes: &["openid", "email"],
        // A refresh token comes only with the first consent, so it is asked for each time.
        extra: &[("access_type", "offline"), ("prompt", "consent")],
        api: Some("https://www.googleapis.com"),
        fix: "",
    },
    Preset {
        name: "microsoft",
        // Any Microsoft account. Its ID tokens name the issuer of the user's own tenant, so there is none to check
        // against; a single tenant is given as the issuer.
        place: Known::Endpoints(
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        ),
        auth: "client_secret_post",
        scopes: &["offline_access", "User.Read"],
        extra: &[],
        api: Some("https://graph.microsoft.com"),
        fix: "",
    },
    Preset {
        name: "github",
        place: Known::Endpoints(
            "https://github.com/login/oauth/authorize",
            "https://github.com/login/oauth/access_token",
        ),
        auth: "client_secret_post",
        scopes: &["read:user"],
        extra: &[],
        api: Some("https://api.github.com"),
        fix: "",
    },
    Preset {
        name: "salesforce",
        place: Known::Issuer("https://login.salesforce.com"),
        auth: "client_secret_post",
        scopes: &["openid", "api", "refresh_token"],
        extra: &[],
        api: None,
        fix: "",
    },
    Preset {
        name: "hubspot",
        place: Known::Endpoints("https://app.hubspot.com/oauth/authorize", "https://api.hubapi.com/oauth/v1/token"),
        auth: "client_secret_post",
        scopes: &["oauth"],
        extra: &[],
        api: Some("https://api.hubapi.com"),
        fix: "",
    },
    Preset {
        name: "auth0",
        place: Known::Own { ends_with_slash: true },
        auth: "client_secret_post",
        scopes: &["openid", "email", "offline_access"],
        extra: &[],
        api: None,
        fix: "add issuer = \"https://YOUR-TENANT.auth0.com/\"",
    },
    Preset {
        name: "okta",
        place: Known::Own { ends_with_slash: false },
        auth: "client_secret_basic",
        scopes: &["openid", "email", "offline_access"],
        extra: &[],
        api: None,
        fix: "add issuer = \"https://YOUR-DOMAIN.okta.com/oauth2/default\"",
    },
];

impl Preset {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Their names, as a sentence has them.
    pub(super) fn names() -> String {
        PRESETS.map(|preset| preset.name).join(", ")
    }

    pub(super) fn scopes(&self) -> Vec<String> {
        self.scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    pub(super) fn extra(&self) -> Vec<(String, String)> {
        self.extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Where the provider is for everybody.
    pub(super) fn place(&self) -> Option<Place> {
        match self.place {
            Known::Issuer(issuer) => Some(Place::Issuer(issuer.into())),
            Known::Endpoints(authorize, token) => {
                let endpoints = Endpoints::plain(Url::parse(authorize).ok()?, Url::parse(token).ok()?);
                Some(Place::Endpoints(Box::new(endpoints)))
            }
            Known::Own { .. } => None,
        }
    }

    /// The issuer as the provider itself writes it: a slash more or less at the end makes another one.
    pub(super) fn issuer_as_it_says(&self, issuer: String) -> String {
        match self.place {
            Known::Own { ends_with_slash: true } if !issuer.ends_with('/') => format!("{issuer}/"),
            Known::Own { ends_with_slash: false } => issuer.trim_end_matches('/').to_owned(),
            _ => issuer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_a_place_or_says_what_to_add() {
        for preset in &PRESETS {
            assert_eq!(preset.place().is_none(), !preset.fix.is_empty(), "{}", preset.name);
            assert!(preset.api.is_none_or(|api| Url::parse(api).is_ok_and(|url| url.scheme() == "https")));
        }
    }

    #[test]
    fn an_issuer_is_written_as_its_provider_writes_it() {
        let written = |name: &str, issuer: &str| Preset::find(name).unwrap().issuer_as_it_says(issuer.into());
        assert_eq!(written("auth0", "https://a.auth0.com"), "https://a.auth0.com/");
        assert_eq!(written("auth0", "https://a.auth0.com/"), "https://a.auth0.com/");
        assert_eq!(written("okta", "https://a.okta.com/oauth2/default/"), "https://a.okta.com/oauth2/default");
        assert_eq!(written("google", "https://accounts.google.com"), "https://accounts.google.com");
    }
}
