//! The one table of settings: every key, its names in the environment, and whether it is a secret.

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The dotted key in `stagedoor.toml`.
    pub(crate) path: &'static str,
    /// Its names in the environment, the canonical one first. The others are those of Zoom's samples, so that an app that
    /// began with one of them brings its environment along.
    pub(crate) env: &'static [&'static str],
    /// What it holds.
    pub(crate) kind: Kind,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value that may be shown.
    Plain,
    /// A secret: also as `NAME_FILE`, `{ file = … }` and `{ env = … }`, and not as a flag.
    Secret,
    /// An address that may hold a password: as a secret, and as a flag where it holds none.
    Address,
}

macro_rules! keys {
    ($($name:ident = $kind:ident($path:literal $(, $env:literal)*);)+) => {
        $(pub(crate) const $name: Key = Key { path: $path, env: &[$($env),*], kind: Kind::$kind };)+

        /// Every setting of this version.
        pub(crate) const ALL: &[Key] = &[$($name),+];
    };
}

keys! {
    PUBLIC_URL = Plain("public_url", "PUBLIC_URL", "SITE_URL", "ZOOM_APP_BASE_URL");
    LISTEN = Plain("listen", "LISTEN", "PORT");
    ADMIN_LISTEN = Plain("admin_listen", "ADMIN_LISTEN");
    PREFIX = Plain("prefix");
    SECRET = Secret("secret", "STAGEDOOR_SECRET");
    PREVIOUS_SECRETS = Secret("previous_secrets", "STAGEDOOR_PREVIOUS_SECRETS");
    TRUSTED_PROXIES = Plain("trusted_proxies");
    CONNECT = Secret("connect");
    AUTH0_ISSUER = Plain("auth0.issuer", "AUTH0_ISSUER_BASE_URL");
    AUTH0_CLIENT_ID = Plain("auth0.client_id", "AUTH0_CLIENT_ID");
    AUTH0_CLIENT_SECRET = Secret("auth0.client_secret", "AUTH0_CLIENT_SECRET");
    CLIENT_ID = Plain("zoom.client_id", "ZOOM_CLIENT_ID", "ZOOM_APP_CLIENT_ID", "ZM_CLIENT_ID");
    CLIENT_SECRET = Secret("zoom.client_secret", "ZOOM_CLIENT_SECRET", "ZOOM_APP_CLIENT_SECRET", "ZM_CLIENT_SECRET");
    PREVIOUS_CLIENT_SECRETS = Secret("zoom.previous_client_secrets");
    ZOOM_HOST = Plain("zoom.host", "ZOOM_HOST", "ZM_HOST");
    ZOOM_API_HOST = Plain("zoom.api_host", "ZOOM_API_HOST");
    WEBHOOK_SECRETS = Secret(
        "zoom.webhook_secrets",
        "ZOOM_WEBHOOK_SECRET_TOKEN",
        "ZOOM_WEBHOOK_SECRET",
        "ZOOM_WEBHOOK_TOKEN",
        "WEBHOOK_SECRET_TOKEN"
    );
    REQUIRED_SCOPES = Plain("zoom.required_scopes");
    APP_ROOT = Plain("app.root", "APP_ROOT");
    APP_UPSTREAM = Plain("app.upstream", "APP_UPSTREAM", "ZOOM_APP_CLIENT_URL", "FRONTEND_UPSTREAM_URL");
    APP_HOME = Plain("app.home");
    APP_GUESTS = Plain("app.guests");
    APP_BROWSERS = Plain("app.browsers");
    APP_PUBLIC = Plain("app.public");
    APP_API_ALLOW = Plain("app.api_allow");
    STORE_URL = Address("store.url", "DATABASE_URL", "REDIS_URL");
    WEBHOOK_FORWARD = Plain("webhook.forward", "WEBHOOK_FORWARD");
    WEBHOOK_SIGNING_SECRET = Secret("webhook.signing_secret", "WEBHOOK_SIGNING_SECRET");
    WEBHOOK_RETRY = Plain("webhook.retry_seconds");
    WEBHOOK_KEEP = Plain("webhook.keep_seconds");
    WEBHOOK_KEEP_EVENTS = Plain("webhook.keep_events");
    SESSION_TTL = Plain("session.ttl_seconds");
    SESSION_PWA_TTL = Plain("session.pwa_ttl_seconds");
    SESSION_PWA_HTTP_ONLY = Plain("session.pwa_http_only");
    TOKENS_RENEW = Plain("tokens.renew_per_second");
    TOKENS_OUTLIVE = Plain("tokens.outlive");
    PWA_ENABLED = Plain("pwa.enabled");
    HEADERS_CSP = Plain("headers.csp");
    HEADERS_REFERRER_POLICY = Plain("headers.referrer_policy");
    HEADERS_HSTS = Plain("headers.hsts_max_age");
    CONSUMER_PRIVATE_KEY = Secret("consumer.private_key", "CONSUMER_PRIVATE_KEY");
    CONSUMER_NEXT_KEY = Secret("consumer.next_key");
    CONSUMER_NEXT_KEY_AT = Plain("consumer.next_key_at");
    CONSUMER_ORIGINS = Plain("consumer.origins");
    CONSUMER_TTL = Plain("consumer.ttl_seconds");
    CONSUMER_IDENTITY = Plain("consumer.identity");
    CONSUMER_CLAIMS = Plain("consumer.claims");
    CONSUMER_REQUIRED_CLAIMS = Plain("consumer.required_claims");
    COBROWSE_SDK_KEY = Plain("cobrowse.sdk_key", "ZOOM_SDK_KEY", "ZOOM_COBROWSE_SDK_KEY");
    COBROWSE_SDK_SECRET = Secret("cobrowse.sdk_secret", "ZOOM_SDK_SECRET", "ZOOM_COBROWSE_SDK_SECRET");
    COBROWSE_ORIGINS = Plain("cobrowse.origins");
    COBROWSE_AGENTS = Plain("cobrowse.agents");
    COBROWSE_API_KEYS = Plain("cobrowse.api_keys");
    COBROWSE_PAGE_MAX = Plain("cobrowse.page_max_seconds");
    COBROWSE_PER_ADDRESS = Plain("cobrowse.per_address_per_minute");
    COBROWSE_PER_MINUTE = Plain("cobrowse.per_minute");
    COBROWSE_COMPAT = Plain("cobrowse.compat");
    LOG_LEVEL = Plain("log.level", "LOG_LEVEL");
}

/// What Zoom's samples call the redirect URL. Here it is made of `public_url`, so that the two cannot differ.
pub(crate) const REDIRECTS: [&str; 4] =
    ["ZOOM_REDIRECT_URI", "ZOOM_REDIRECT_URL", "ZOOM_APP_REDIRECT_URI", "ZM_REDIRECT_URL"];

/// What Zoom's samples, and many others, sign their sessions with. It is not taken for `secret`: other programs know it, and
/// tokens are sealed with ours.
pub(crate) const SESSION_SECRET: &str = "SESSION_SECRET";

/// The setting with this dotted key.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.path == path)
}

/// Whether settings lie below this dotted key.
pub(crate) fn is_section(path: &str) -> bool {
    ALL.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The known key that an unknown one was probably meant to be.
pub(crate) fn closest(path: &str) -> Option<&'static str> {
    const NEAR: f64 = 0.75;
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    let nearness = |key: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(path, key.path);
        // The right name in the wrong section is a likely slip too.
        let same_name = if last(path) == last(key.path) { 0.9 } else { 0.0 };
        f64::max(whole, same_name)
    };
    let best = ALL.iter().map(|key| (nearness(key), key.path)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= NEAR).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        assert_eq!(closest("zoom.clientid"), Some("zoom.client_id"));
        assert_eq!(closest("publik_url"), Some("public_url"));
        assert_eq!(closest("client_id"), Some("zoom.client_id"));
        assert_eq!(closest("app.listen"), Some("listen"));
        assert_eq!(closest("colour"), None);
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names: Vec<_> = ALL.iter().flat_map(|key| key.env).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
