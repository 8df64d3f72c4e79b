//! Reads and adapts the app's Content-Security-Policy for a document that is framed and served by the web view.

/// What has to change so that a policy means the same in the web view.
pub(super) struct Adaptation<'a> {
    /// The app's own origin, which the browser knows as the web view's.
    pub(super) app: &'a str,
    pub(super) web_view: &'a str,
    /// Whether Zoom's SDK is replaced by one on the web view's origin.
    pub(super) stand_in: bool,
}

const SDK_HOST: &str = "appssdk.zoom.us";

impl Adaptation<'_> {
    /// The policy as the browser gets it; none if nothing is left of it. `frame-ancestors` is taken out: the real client
    /// shows the app at the top level, only the emulator frames it.
    pub(super) fn apply(&self, policy: &str) -> Option<String> {
        let directives = policy.split(';').map(str::trim).filter(|directive| !directive.is_empty());
        let kept = directives.filter(|directive| !is_named(directive, "frame-ancestors"));
        let adapted: Vec<_> = kept.map(|directive| self.directive(directive)).collect();
        (!adapted.is_empty()).then(|| adapted.join("; "))
    }

    fn directive(&self, directive: &str) -> String {
        let mut sources: Vec<&str> = Vec::new();
        for source in directive.split_ascii_whitespace() {
            let own = source.strip_prefix(self.app).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            sources.push(if own { self.web_view } else { source });
            if self.stand_in && is_sdk(source) {
                sources.push(self.web_view);
            }
        }
        sources.join(" ")
    }
}

/// Whether policies let a document load Zoom's SDK: each has to.
pub(super) fn allows_sdk<'a>(policies: impl IntoIterator<Item = &'a str>) -> bool {
    policies.into_iter().all(|policy| {
        let directives: Vec<_> = policy.split(';').map(str::trim).collect();
        let named = |name: &str| directives.iter().find(|directive| is_named(directive, name));
        let scripts = named("script-src-elem").or_else(|| named("script-src")).or_else(|| named("default-src"));
        scripts.is_none_or(|directive| {
            directive.split_ascii_whitespace().skip(1).any(|source| {
                is_sdk(source)
                    || ["*", "https:", "https://*.zoom.us", "*.zoom.us"].contains(&source)
                    || source.starts_with("'nonce-")
            })
        })
    })
}

fn is_named(directive: &str, name: &str) -> bool {
    directive.split_ascii_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(name))
}

fn is_sdk(source: &str) -> bool {
    let host = source.strip_prefix("https://").unwrap_or(source);
    host.strip_prefix(SDK_HOST).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_means_the_same_in_the_web_view() {
        let adaptation = Adaptation { app: "http://localhost:3000", web_view: "http://localhost:4001", stand_in: true };
        let policy =
            "default-src 'self'; script-src https://appssdk.zoom.us http://localhost:3000/js/; Frame-Ancestors 'none';";
        let adapted =
            "default-src 'self'; script-src https://appssdk.zoom.us http://localhost:4001 http://localhost:4001";
        assert_eq!(adaptation.apply(policy).as_deref(), Some(adapted));
        assert_eq!(adaptation.apply("frame-ancestors 'none'"), None);
    }

    #[test]
    fn an_origin_that_only_begins_like_the_apps_is_not_the_apps() {
        let adaptation = Adaptation { app: "http://localhost:300", web_view: "http://localhost:4001", stand_in: false };
        assert_eq!(adaptation.apply("img-src http://localhost:3000").as_deref(), Some("img-src http://localhost:3000"));
    }

    #[test]
    fn every_policy_must_allow_the_sdk() {
        assert!(allows_sdk(["script-src 'self' https://appssdk.zoom.us"]));
        assert!(allows_sdk(["img-src 'none'"]));
        assert!(!allows_sdk(["default-src 'self'"]));
        assert!(!allows_sdk(["script-src https://appssdk.zoom.us", "script-src 'self'"]));
        assert!(!allows_sdk(["script-src https://appssdk.zoom.us.evil.example"]));
    }
}
