//! What a gateway is told when it is built. Everything is checked by [`Gateway::new`](crate::Gateway::new).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use stagedoor_flows::api::ApiAllow;
use url::Url;

use crate::relay::RelayLimits;

/// The settings of a gateway. [`Config::new`] gives the defaults; every field can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach this deployment: an origin, https except on loopback. Redirects, cookies' origin checks and
    /// forwarded headers come from here, never from a request.
    pub public_url: Url,
    /// Under which path the gateway's own routes lie, without a trailing slash: `/zoom`.
    pub prefix: String,
    /// The app behind the gateway; `None` answers 404 to everything but the gateway's own routes.
    pub app: Option<App>,
    /// The origin of Zoom's web, normally `https://zoom.us`. Where it is another one (an emulator), it may frame pages.
    pub zoom_host: Url,
    /// Session cookies.
    pub session: SessionConfig,
    /// Response headers.
    pub headers: HeaderConfig,
    /// Whether pages may run in Zoom's web client, which frames them.
    pub pwa: bool,
    /// The origins whose pages may ask who their visitor is.
    pub consumer_origins: Vec<Url>,
    /// Whether `POST /` issues Cobrowse tokens too, as Zoom's sample does. The app then gets no `POST /`.
    pub cobrowse_at_root: bool,
    /// The proxies in front of the gateway whose `X-Forwarded-For` counts. Nobody by default.
    pub trusted_proxies: Vec<Network>,
    /// Which calls of Zoom's API are made for pages and the upstream. None by default.
    pub api_allow: ApiAllow,
    /// How many grants are refreshed a second at most, ahead of their expiry, by all processes on one store together.
    pub renew_per_second: NonZeroU32,
    /// Sizes and times.
    pub limits: Limits,
    /// Sizes and times of calls that are made for pages and the upstream.
    pub relay: RelayLimits,
}

impl Config {
    /// The defaults, for a public URL and Zoom itself.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            prefix: "/zoom".into(),
            app: None,
            zoom_host: Url::parse("https://zoom.us").expect("a fixed URL parses"),
            session: SessionConfig::default(),
            headers: HeaderConfig::default(),
            pwa: true,
            consumer_origins: Vec::new(),
            cobrowse_at_root: false,
            trusted_proxies: Vec::new(),
            api_allow: ApiAllow::default(),
            renew_per_second: NonZeroU32::new(20).expect("20 is not 0"),
            limits: Limits::default(),
            relay: RelayLimits::default(),
        }
    }
}

/// The app behind the gateway.
#[derive(Clone, Debug)]
pub struct App {
    /// Where it comes from.
    pub source: AppSource,
    /// What happens to requests without a session.
    pub browsers: Browsers,
    /// Paths that are reached without a session; a trailing `*` stands for any rest.
    pub public: Vec<String>,
}

impl App {
    /// The defaults, for a source.
    pub fn new(source: AppSource) -> Self {
        let public = ["/zoomverify/*", "/favicon.ico", "/robots.txt"].map(String::from).into();
        Self { source, browsers: Browsers::Deny, public }
    }
}

/// Where the app comes from.
#[derive(Clone, Debug)]
pub enum AppSource {
    /// A directory of static files.
    Root(PathBuf),
    /// A server: `http` or `https`, an origin without a path.
    Upstream(Url),
    /// Files inside this program, by their path without a leading slash.
    Embedded(&'static [(&'static str, &'static [u8])]),
}

/// What happens to requests without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browsers {
    /// Nothing of the app is shown.
    Deny,
    /// The app is reached without identity.
    Allow,
}

/// Session cookies.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionConfig {
    /// Whether scripts cannot read the cookie of a PWA session. Zoom's PWA page asks that they can.
    pub pwa_http_only: bool,
}

/// Response headers of HTML answers.
#[derive(Clone, Debug)]
pub struct HeaderConfig {
    /// Directives of the Content-Security-Policy that an app gets which sends none: name to sources. A directive
    /// replaces the default one of its name.
    pub csp: BTreeMap<String, String>,
    /// The Referrer-Policy of the app's pages.
    ///
    /// The default `same-origin` tells other origins as little as `no-referrer` does, and form posts of the app keep
    /// their `Origin`, which browsers replace by `null` under `no-referrer` (Fetch standard, "append a request
    /// `Origin` header"). Stagedoor's own pages always have `no-referrer`.
    pub referrer_policy: String,
    /// `max-age` of Strict-Transport-Security, in seconds.
    pub hsts_max_age: u64,
}

impl Default for HeaderConfig {
    fn default() -> Self {
        Self { csp: BTreeMap::new(), referrer_policy: "same-origin".into(), hsts_max_age: 31_536_000 }
    }
}

/// Sizes and times.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are served at once; further ones wait. As many WebSockets may be open.
    pub connections: usize,
    /// How long a client may take to send the head of a request.
    pub head: Duration,
    /// How long a connection may be idle between requests.
    pub idle: Duration,
    /// How long requests in flight may take to finish when the gateway stops.
    pub stop: Duration,
    /// How long connecting to the upstream may take.
    pub upstream_connect: Duration,
    /// How long the upstream may take to begin its answer.
    pub upstream_answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stop: Duration::from_secs(10),
            upstream_connect: Duration::from_secs(3),
            upstream_answer: Duration::from_mins(1),
        }
    }
}

/// A range of addresses: one address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address or a network such as 10.0.0.0/8")]
pub struct InvalidNetwork;

impl Network {
    /// Whether an address is in the range. An IPv4 address inside IPv6 counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32 - u32::from(self.prefix);
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128 - u32::from(self.prefix);
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
        };
        if prefix > longest { Err(InvalidNetwork) } else { Ok(Self { address, prefix }) }
    }
}

/// Why a gateway cannot be built from its settings. Each names the setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an origin, or not https beyond loopback.
    #[error("public_url must be an https origin without a path (http only on loopback), not {0}")]
    PublicUrl(Url),
    /// Not a path.
    #[error("prefix must be a path such as /zoom, not {0:?}")]
    Prefix(String),
    /// An app without a Zoom App.
    #[error("app needs zoom.client_id and zoom.client_secret: whoever opens the app comes from Zoom")]
    AppWithoutZoom,
    /// Not an origin.
    #[error("app.upstream must be an http or https origin without a path, not {0}")]
    Upstream(Url),
    /// The directory cannot be read.
    #[error("app.root {path} cannot be read")]
    Root {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a path pattern.
    #[error("app.public must hold paths such as /zoomverify/*, not {0:?}")]
    Public(String),
    /// Not a directive with sources, or not a policy.
    #[error("headers: {0:?} is not a valid value for {1}")]
    Header(String, String),
    /// No TLS towards the upstream.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.255".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!network.contains("10.2.0.0".parse().unwrap()));
        assert!(!network.contains("::1".parse().unwrap()));
        let everybody: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everybody.contains("192.0.2.1".parse().unwrap()));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()) && !one.contains("::2".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8junk", "localhost", "10/8"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad:?}");
        }
    }
}
