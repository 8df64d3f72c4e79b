//! What a Content-Security-Policy allows (<https://www.w3.org/TR/CSP3/>).

/// A policy: its directives, the first of each name.
pub(super) struct Policy<'a>(Vec<(String, Vec<&'a str>)>);

/// Directives that say what runs, or what a page may be made of.
const RUNS: [&str; 7] =
    ["default-src", "script-src", "script-src-elem", "script-src-attr", "object-src", "base-uri", "frame-ancestors"];

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

    /// What of it lets in more than the app has, as `directive source`.
    pub(super) fn loose(&self) -> Vec<String> {
        let mut loose = vec![];
        if self.scripts().is_none() {
            loose.push("no script-src or default-src".to_owned());
        }
        for (name, sources) in &self.0 {
            // A nonce or a hash beside it switches 'unsafe-inline' off.
            let is_off = sources.iter().any(|source| source.starts_with("'nonce-") || source.starts_with("'sha"));
            let is_loose = |source: &&&str| match **source {
                "'unsafe-inline'" => !is_off,
                "*" | "http:" | "http://*" => true,
                "'unsafe-eval'" | "https:" | "https://*" | "data:" => RUNS.contains(&name.as_str()),
                _ => false,
            };
            loose.extend(sources.iter().filter(is_loose).map(|source| format!("{name} {source}")));
        }
        loose
    }
}
