//! What a Content-Security-Policy allows (<https://www.w3.org/TR/CSP3/>).

/// A policy: its directives, the first of each name.
pub(super) struct Policy<'a>(Vec<(String, Vec<&'a str>)>);

/// Where the SDK comes from.
const SDK: &str = "https://appssdk.zoom.us";

impl<'a> Policy<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut directives: Vec<(String, Vec<&str>)> = vec![];
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            if !directives.iter().any(|(known, _)| *known == name) {
                directives.push((name, words.collect()));
            }
        }
        Self(directives)
    }

    fn sources(&self, name: &str) -> Option<&[&'a str]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, sources)| &sources[..])
    }

    /// The sources of scripts.
    fn scripts(&self) -> Option<&[&'a str]> {
        let names = ["script-src-elem", "script-src", "default-src"];
        names.into_iter().find_map(|name| self.sources(name))
    }

    /// Who may frame the page; `None` where everybody may.
    pub(super) fn ancestors(&self) -> Option<&[&'a str]> {
        self.sources("frame-ancestors")
    }

    /// Whether Zoom's web client may frame the page.
    pub(super) fn lets_zoom_frame(&self) -> bool {
        let zoom = |source: &&str| {
            let host = source.trim_start_matches("https://");
            *source == "*" || host == "*.zoom.us" || host == "*.zoom.com" || source.starts_with("http://localhost:")
        };
        self.ancestors().is_none_or(|ancestors| ancestors.iter().any(zoom))
    }

    /// Whether the SDK may be loaded from Zoom.
    pub(super) fn lets_sdk_load(&self) -> bool {
        let Some(sources) = self.scripts() else { return true };
        let lets = |source: &&str| {
            matches!(*source, "*" | "https:" | SDK | "appssdk.zoom.us" | "*.zoom.us" | "https://*.zoom.us")
        };
        sources.iter().any(|source| lets(source) || source.starts_with("https://appssdk.zoom.us/"))
            || sources.contains(&"'strict-dynamic'")
    }

    /// What of it lets a page be taken over, as `directive source`.
    pub(super) fn loose(&self) -> Vec<String> {
        const EVERYTHING: [&str; 5] = ["*", "http:", "https:", "http://*", "https://*"];
        let scripts = self.scripts();
        let mut loose = vec![];
        if scripts.is_none() {
            loose.push("no script-src or default-src".to_owned());
        }
        for (name, sources) in &self.0 {
            let is_script =
                matches!(name.as_str(), "script-src" | "script-src-elem" | "script-src-attr" | "default-src");
            // A nonce or a hash beside it switches it off in every browser of Zoom's.
            let is_off = sources.iter().any(|source| source.starts_with("'nonce-") || source.starts_with("'sha"));
            for source in sources {
                let is_unsafe = is_script && (*source == "'unsafe-eval'" || (*source == "'unsafe-inline'" && !is_off));
                let is_everything = (is_script
                    || matches!(name.as_str(), "frame-ancestors" | "object-src" | "base-uri"))
                    && (EVERYTHING.contains(source) || (is_script && *source == "data:"));
                if is_unsafe || is_everything {
                    loose.push(format!("{name} {source}"));
                }
            }
        }
        loose
    }
}
