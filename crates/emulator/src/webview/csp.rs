//! Reads and adapts the app's Content-Security-Policy for a document that is framed and served by the web view.

/// What has to change so that a policy means the same in the web view.
pub(super) struct Adaptation<'a> {
    /// The app's own origin, which the browser knows as the web view's.
    pub(super) app: &'a str,
    pub(super) web_view: &'a str,
    /// Whether Zoom's SDK is replaced by one on the web view's origin.
    pub(super) stand_in: bool,
    /// The origins that stand for Zoom's where a policy lets Zoom frame the page. None for the desktop client: the real
    /// one shows the app at the top level, only the emulator frames it, so `frame-ancestors` is taken out.
    pub(super) framed_by: Option<[&'a str; 2]>,
}

const SDK_HOST: &str = "appssdk.zoom.us";
const FRAME_ANCESTORS: &str = "frame-ancestors";
const ZOOM_HOSTS: [&str; 3] = ["zoom.us", "zoom.com", "zoomgov.com"];

impl Adaptation<'_> {
    /// The policy as the browser gets it; none if nothing is left of it.
    pub(super) fn apply(&self, policy: &str) -> Option<String> {
        let directives = policy.split(';').map(str::trim).filter(|directive| !directive.is_empty());
        let kept = directives.filter(|directive| self.framed_by.is_some() || !is_named(directive, FRAME_ANCESTORS));
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
        if let Some(origins) = self.framed_by.filter(|_| is_named(directive, FRAME_ANCESTORS) && names_zoom(directive))
        {
            sources.extend(origins);
        }
        sources.join(" ")
    }
}

/// Whether policies let Zoom's web client frame a document: each has to, or say nothing about it.
pub(super) fn lets_zoom_in<'a>(policies: impl IntoIterator<Item = &'a str>) -> bool {
    let mut ancestors = policies.into_iter().flat_map(|policy| policy.split(';').map(str::trim));
    ancestors.all(|directive| !is_named(directive, FRAME_ANCESTORS) || names_zoom(directive))
}

/// Whether policies say who may frame a document; browsers then ignore `X-Frame-Options` (CSP level 3 section 6.4.2.1).
pub(super) fn says_who_frames<'a>(policies: impl IntoIterator<Item = &'a str>) -> bool {
    policies.into_iter().any(|policy| policy.split(';').any(|directive| is_named(directive.trim(), FRAME_ANCESTORS)))
}

/// Whether a directive has an origin of Zoom's among its sources. Which one frames the app is not documented.
fn names_zoom(directive: &str) -> bool {
    directive.split_ascii_whitespace().skip(1).any(|source| {
        let host = source.strip_prefix("https://").unwrap_or(source);
        let host = host.split([':', '/']).next().unwrap_or_default();
        let is_zooms = |zoom: &str| host.strip_suffix(zoom).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        ["*", "https:"].contains(&source) || ZOOM_HOSTS.into_iter().any(is_zooms)
    })
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
        let adaptation = Adaptation {
            app: "http://localhost:3000",
            web_view: "http://localhost:4001",
            stand_in: true,
            framed_by: None,
        };
        let policy =
            "default-src 'self'; script-src https://appssdk.zoom.us http://localhost:3000/js/; Frame-Ancestors 'none';";
        let adapted =
            "default-src 'self'; script-src https://appssdk.zoom.us http://localhost:4001 http://localhost:4001";
        assert_eq!(adaptation.apply(policy).as_deref(), Some(adapted));
        assert_eq!(adaptation.apply("frame-ancestors 'none'"), None);
    }

    #[test]
    fn who_lets_zoom_in_lets_the_web_client_in_and_nobody_else_does() {
        let adaptation = Adaptation {
            app: "http://localhost:3000",
            web_view: "http://localhost:4003",
            stand_in: false,
            framed_by: Some(["http://127.0.0.1:4000", "http://localhost:4000"]),
        };
        let open = "frame-ancestors 'self' https://*.zoom.us";
        let adapted = "frame-ancestors 'self' https://*.zoom.us http://127.0.0.1:4000 http://localhost:4000";
        assert_eq!(adaptation.apply(open).as_deref(), Some(adapted));
        for shut in ["frame-ancestors 'none'", "frame-ancestors 'self'", "frame-ancestors https://zoom.us.evil.example"]
        {
            assert_eq!(adaptation.apply(shut).as_deref(), Some(shut));
            assert!(!lets_zoom_in([open, shut]));
        }
        assert!(lets_zoom_in([open, "frame-ancestors app.zoom.us", "default-src 'none'", "frame-ancestors *"]));
    }

    #[test]
    fn an_origin_that_only_begins_like_the_apps_is_not_the_apps() {
        let adaptation = Adaptation {
            app: "http://localhost:300",
            web_view: "http://localhost:4001",
            stand_in: false,
            framed_by: None,
        };
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
