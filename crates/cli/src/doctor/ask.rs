//! The questions, and sending them: each with limits on time and size, and no redirect is followed.
//!
//! What is sent is what anybody may send, and one thing more: where the settings hold the client secret, the app is
//! opened as a guest, with an app context that is sealed here. It goes to the public URL of these settings and nowhere
//! else.

use std::error::Error;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use serde_json::json;
use stagedoor_flows::launch::Guests;
use stagedoor_flows::port::{Clock, Entropy, Http as _, HttpError};
use stagedoor_gateway::HttpClient;
use stagedoor_protocol::context::{ContextKey, ISSUER};
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::expected::{Expected, KnownApp};
use super::judge::{clock, session};

/// What Zoom's client says that it is (<https://developers.zoom.us/docs/zoom-apps/architecture/>).
const ZOOM_CLIENT: &str = "Mozilla/5.0 ZoomWebKit/537.36 (KHTML, like Gecko) ZoomApps/1.0";

/// A site that nobody can have, because the name is reserved (RFC 6761 section 6.4).
pub(crate) const FOREIGN_SITE: &str = "https://stagedoor-doctor.invalid";

const CONTEXT: HeaderName = HeaderName::from_static("x-zoom-app-context");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// An answer, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Half-way between question and answer.
    pub(crate) at: UnixMillis,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No connection; how TLS and certificates fail is said in the words of the TLS library.
    Connect(String),
    Timeout,
    Broken(String),
    TooLarge,
}

/// What came of a question.
pub(crate) type Asked = Result<Answer, Trouble>;

/// Everything that came.
#[derive(Debug)]
pub(crate) struct Answers {
    /// `client.js`, which every deployment has. Where nobody can give it now, nothing else is asked.
    pub(crate) client: Asked,
    /// The certificate that came with it, in DER, if one did.
    pub(crate) certificate: Option<Bytes>,
    /// The rest.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What is asked of a deployment that answers at all.
#[derive(Debug)]
pub(crate) struct Rest {
    /// The same over http, where the public URL is https.
    pub(crate) plain: Option<Asked>,
    /// An address that does not exist.
    pub(crate) error_page: Asked,
    pub(crate) metrics: Asked,
    pub(crate) ready: Asked,
    pub(crate) app: Option<App>,
    pub(crate) preflights: Vec<Preflight>,
    /// Zoom, where its clock is needed to say whose is wrong.
    pub(crate) zoom: Option<Asked>,
}

/// What is asked of a Zoom App.
#[derive(Debug)]
pub(crate) struct App {
    /// The Home URL in a browser.
    pub(crate) home: Asked,
    /// The Home URL in a frame, as the web client loads it.
    pub(crate) framed: Option<Asked>,
    /// The Home URL, opened by Zoom's client for a guest.
    pub(crate) launch: Option<Asked>,
    /// The session, with the cookie of that launch.
    pub(crate) session: Option<Asked>,
    /// The Home URL with a context that nobody has sealed.
    pub(crate) forged: Asked,
    pub(crate) install: Asked,
    /// The same, with a host in a header that anybody can send.
    pub(crate) install_again: Asked,
    /// The callback as the Marketplace uses it: with a code and no state.
    pub(crate) callback: Asked,
    pub(crate) webhook: Asked,
    pub(crate) verification: Asked,
}

/// A preflight of a page.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) route: &'static str,
    pub(crate) method: &'static str,
    pub(crate) origin: String,
    pub(crate) is_listed: bool,
    pub(crate) with_cookies: bool,
    pub(crate) asked: Asked,
}

/// Who asks.
pub(crate) struct Visitor {
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Visitor {
    /// Asks everything.
    pub(crate) async fn ask(&self, expected: &Expected) -> Answers {
        let client = self.send(get(&expected.own("/client.js"))).await;
        let first = match &client {
            Ok(first) if !first.status.is_server_error() => first,
            _ => return Answers { client, certificate: None, rest: None },
        };
        let app = async { if expected.has_app() { Some(self.app(expected).await) } else { None } };
        let plain = async {
            match plain(expected) {
                Some(url) => Some(self.send(get(&url)).await),
                None => None,
            }
        };
        let zoom = async {
            match clock_of_zoom(expected).filter(|_| clock::is_off(first)) {
                Some(url) => Some(self.send(request(Method::HEAD, &url, &[])).await),
                None => None,
            }
        };
        let nowhere = expected.own("/doctor-asks-for-what-is-not-there");
        let (certificate, plain, error_page, metrics, ready, app, preflights, zoom) = tokio::join!(
            self.certificate(expected),
            plain,
            self.send(document(&nowhere, &[])),
            self.send(get(&expected.at("/metrics"))),
            self.send(get(&expected.at("/ready"))),
            Box::pin(app),
            self.preflights(expected),
            zoom,
        );
        let rest = Rest { plain, error_page, metrics, ready, app, preflights, zoom };
        Answers { client, certificate, rest: Some(Box::new(rest)) }
    }

    async fn certificate(&self, expected: &Expected) -> Option<Bytes> {
        let uri = expected.base.as_str().parse().ok()?;
        self.http.certificate(uri).await
    }

    async fn app(&self, expected: &Expected) -> App {
        let home = expected.at(&expected.home);
        let framed = async {
            if expected.pwa { Some(self.send(document(&home, &[(FETCH_DEST, "iframe")])).await) } else { None }
        };
        let challenge = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "doctor" } });
        let webhook = request(Method::POST, &expected.own("/webhook"), &[(header::CONTENT_TYPE, "application/json")])
            .map(|_| Bytes::from(challenge.to_string()));
        let mut callback = expected.own("/callback");
        callback.set_query(Some("code=stagedoor-doctor"));
        let install = expected.own("/install");
        let forged = self.forged();
        let (home, framed, (launch, session), forged, install, install_again, callback, webhook, verification) = tokio::join!(
            self.send(document(&home, &[(FETCH_DEST, "document")])),
            framed,
            self.launch(expected),
            self.send(document(&home, &[(CONTEXT, &forged)])),
            self.send(document(&install, &[])),
            self.send(document(&install, &[(FORWARDED_HOST, &FOREIGN_SITE["https://".len()..])])),
            self.send(document(&callback, &[])),
            self.send(webhook),
            self.send(get(&expected.at("/zoomverify/verifyzoom.html"))),
        );
        App { home, framed, launch, session, forged, install, install_again, callback, webhook, verification }
    }

    /// Opens the app as a guest, and comes back with the cookie.
    async fn launch(&self, expected: &Expected) -> (Option<Asked>, Option<Asked>) {
        let Some(app) = expected.app() else { return (None, None) };
        let context = self.guest(app);
        let launch = self.send(document(&expected.at(&expected.home), &[(CONTEXT, &context)])).await;
        let cookie = launch.as_ref().ok().and_then(session::pair);
        let session = match cookie {
            Some(cookie) if app.guests == Guests::Allow => {
                Some(self.send(request(Method::GET, &expected.own("/session"), &[(header::COOKIE, &cookie)])).await)
            }
            _ => None,
        };
        (Some(launch), session)
    }

    async fn preflights(&self, expected: &Expected) -> Vec<Preflight> {
        let Some(known) = &expected.known else { return vec![] };
        let routes = [
            (known.consumer.as_ref(), "/consumer-auth", "GET", true),
            (known.cobrowse.as_ref(), "/cobrowse/token", "POST", false),
        ];
        let mut preflights = vec![];
        for (origins, route, method, with_cookies) in routes {
            let listed = origins.into_iter().flatten().map(|origin| (origin.as_str(), true));
            let foreign = origins.map(|_| (FOREIGN_SITE, false));
            for (origin, is_listed) in listed.chain(foreign) {
                let fields = [
                    (header::ORIGIN, origin),
                    (header::ACCESS_CONTROL_REQUEST_METHOD, method),
                    (header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type"),
                ];
                let asked = self.send(request(Method::OPTIONS, &expected.own(route), &fields)).await;
                let origin = origin.to_owned();
                preflights.push(Preflight { route, method, origin, is_listed, with_cookies, asked });
            }
        }
        preflights
    }

    async fn send(&self, request: Request<Bytes>) -> Asked {
        let asked = self.clock.now();
        let answer = self.http.send(request).await.map_err(|error| trouble(&error))?;
        let at = asked.plus_millis(self.clock.now().since(asked) / 2);
        let (parts, body) = answer.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body, at })
    }

    /// A context as Zoom would seal it for somebody without an account.
    fn guest(&self, app: &KnownApp) -> String {
        self.seal(&app.client_secret, app.client_id.as_str())
    }

    /// A context of the right form, sealed by nobody.
    fn forged(&self) -> String {
        let nobody = ClientSecret::new(STANDARD.encode(self.entropy.bytes::<32>()));
        self.seal(&nobody, "stagedoor-doctor")
    }

    fn seal(&self, secret: &ClientSecret, client_id: &str) -> String {
        const LIFE_MS: i64 = 120_000;
        let now = self.clock.now();
        let (ts, exp) = (now.0, now.plus_millis(LIFE_MS).0);
        let claims = json!({ "typ": "panel", "aud": client_id, "iss": ISSUER, "ts": ts, "exp": exp });
        ContextKey::new(secret).seal(claims.to_string().as_bytes(), self.entropy.bytes())
    }
}

/// Where http would be answered; `None` where the public URL has a port of its own, or is http itself.
fn plain(expected: &Expected) -> Option<Url> {
    let mut url = expected.at(&expected.home);
    let is_usual = url.scheme() == "https" && url.port().is_none();
    (is_usual && url.set_scheme("http").is_ok()).then_some(url)
}

/// Zoom, whose clock is right; an emulator's is the one of its machine.
fn clock_of_zoom(expected: &Expected) -> Option<Url> {
    match expected.app() {
        Some(app) => Some(app.host.clone()),
        None => Url::parse("https://zoom.us").ok(),
    }
}

fn get(url: &Url) -> Request<Bytes> {
    request(Method::GET, url, &[])
}

/// A document, as Zoom's client asks for it.
fn document(url: &Url, fields: &[(HeaderName, &str)]) -> Request<Bytes> {
    request(Method::GET, url, &[fields, &[(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")]].concat())
}

fn request(method: Method, url: &Url, fields: &[(HeaderName, &str)]) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(url.as_str()).header(header::USER_AGENT, ZOOM_CLIENT);
    let request = fields.iter().fold(request, |request, (name, value)| request.header(name, *value));
    request.body(Bytes::new()).expect("addresses and fields of ours are visible ASCII")
}

/// Says how an attempt failed, with the causes: DNS, TCP and TLS tell apart what to mend.
fn trouble(error: &HttpError) -> Trouble {
    let causes = || {
        let mut words = vec![];
        let mut next = error.source();
        while let Some(cause) = next {
            words.push(cause.to_string());
            next = cause.source();
        }
        words.dedup();
        words.last().cloned().unwrap_or_default()
    };
    match error {
        HttpError::Connect { .. } => Trouble::Connect(causes()),
        HttpError::Timeout { .. } => Trouble::Timeout,
        HttpError::Broken { .. } => Trouble::Broken(causes()),
        HttpError::TooLarge { .. } => Trouble::TooLarge,
    }
}
