//! An emulator and a backend on free ports, and a client that follows nothing by itself.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use stagedoor_emulator::{Addresses, Config, Emulator};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use url::Url;

pub(crate) const CLIENT_ID: &str = "test-client-id";
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-5bd1";
pub(crate) const ADA: &str = "7lVvQmTkRwGfQmX2yq1BzA";
pub(crate) const GRACE: &str = "kZ0fWq3sT9yUe1rLh5NdGw";

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("this never came: {what}"));
}

/// An emulator with an app behind it; both end when it is dropped.
pub(crate) struct Stage {
    pub(crate) at: Addresses,
    /// The app's origin.
    pub(crate) app: String,
    pub(crate) http: Http,
    tasks: Vec<JoinHandle<()>>,
    /// Where there is no app, it keeps others away from the app's address.
    _unused: Option<TcpSocket>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Stage {
    /// An emulator without an app: nothing listens at the app's address.
    pub(crate) async fn bare() -> Self {
        Self::with(|_| None, |_| {}).await
    }

    /// An emulator with this app behind it.
    pub(crate) async fn of(app: Router) -> Self {
        Self::with(|_| Some(app), |_| {}).await
    }

    pub(crate) async fn with(app: impl FnOnce(&Addresses) -> Option<Router>, adjust: impl FnOnce(&mut Config)) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let origin = format!("http://localhost:{}", socket.local_addr().unwrap().port());
        let home: Url = format!("{origin}/").parse().unwrap();
        let mut config = Config::new(ClientId::parse(CLIENT_ID).unwrap(), ClientSecret::new(CLIENT_SECRET), home);
        adjust(&mut config);
        let emulator = Emulator::bind(config).await.unwrap();
        let at = emulator.addresses().clone();
        let mut tasks = vec![tokio::spawn(async move { emulator.run(std::future::pending()).await.unwrap() })];
        let mut unused = Some(socket);
        if let Some(app) = app(&at) {
            let listener = unused.take().unwrap().listen(1024).unwrap();
            tasks.push(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }));
        }
        Self { at, app: origin, http: Http::new(), tasks, _unused: unused }
    }

    /// The redirect URL that the emulator knows.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/zoom/callback", self.app)
    }

    /// A call of the control API that must succeed.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.try_control(method, path, &body).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    pub(crate) async fn try_control(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("{}/control/{path}", self.at.control));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header(CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap();
        self.http.send(request).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        self.control(Method::PUT, path, body).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.control(Method::POST, path, body).await
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        self.control(Method::GET, path, Value::Null).await
    }

    /// How many requests of a backend have been looked at.
    pub(crate) async fn asked(&self) -> usize {
        self.read("requests").await.as_array().unwrap().len()
    }

    pub(crate) async fn steps(&self) -> Vec<Value> {
        self.read("steps").await.as_array().unwrap().clone()
    }

    /// The users consent without being asked.
    pub(crate) async fn always_allow(&self) {
        self.put("consent", json!({"mode": "allow"})).await;
    }

    /// The parameters of the authorize URL that a backend without PKCE would use.
    pub(crate) fn authorize_url(&self, more: &[(&str, &str)]) -> Url {
        let mut url: Url = format!("{}/oauth/authorize", self.at.zoom).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", CLIENT_ID)
            .append_pair("redirect_uri", &self.redirect_uri())
            .extend_pairs(more);
        url
    }

    /// A code, as the chosen user who consents at once.
    pub(crate) async fn code(&self, more: &[(&str, &str)]) -> String {
        self.always_allow().await;
        let answer = self.http.get(self.authorize_url(more).as_str()).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        answer.location_param("code").expect("the redirect carries a code")
    }

    /// A request to the token endpoint with HTTP Basic.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{}/oauth/token", self.at.zoom))
            .header("authorization", basic(CLIENT_ID, CLIENT_SECRET))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        self.http.send(request.unwrap()).await
    }

    /// A code for tokens.
    pub(crate) async fn exchange(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let redirect_uri = self.redirect_uri();
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &redirect_uri)];
        form.extend_from_slice(more);
        self.token(&form).await
    }

    /// Tokens of the chosen user.
    pub(crate) async fn tokens(&self) -> Value {
        let code = self.code(&[]).await;
        let answer = self.exchange(&code, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A call of the REST API.
    pub(crate) async fn api(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.at.zoom));
        request = request.header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.http.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn deep_link(&self, token: &str, body: Value) -> Answer {
        self.api(Method::POST, "/v2/zoomapp/deeplink", token, Some(body)).await
    }

    /// Opens the app in the client; returns the cookie that binds a browser to the view.
    pub(crate) async fn open(&self) -> String {
        let launched = self.post("launch", json!({})).await;
        self.bind(launched["url"].as_str().unwrap()).await
    }

    pub(crate) async fn bind(&self, url: &str) -> String {
        let answer = self.http.get(url).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A document in the web view, as a browser asks for it in the emulator's frame.
    pub(crate) async fn document(&self, cookie: &str, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.at.web_view))
            .header(ACCEPT, "text/html")
            .header("cookie", cookie)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "iframe")
            .header("sec-fetch-site", "same-site")
            .header("user-agent", "A browser/1.0");
        self.http.send(request.body(Body::empty()).unwrap()).await
    }
}

/// HTTP Basic of a client id and a secret.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

/// A client that follows no redirect and keeps no cookie.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpConnector, Body>);

impl Http {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.0.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        Answer { status: parts.status, headers: parts.headers, complete: body.is_ok(), body: body.unwrap_or_default() }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url).body(Body::empty()).unwrap()).await
    }

    /// As a browser asks for a page.
    pub(crate) async fn browse(&self, url: &str) -> Answer {
        self.send(Request::get(url).header(ACCEPT, "text/html,*/*").body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get_as_host(&self, url: &str, host: &str) -> Answer {
        self.send(Request::get(url).header(HOST, host).body(Body::empty()).unwrap()).await
    }
}

/// An answer, read completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the whole body arrived.
    pub(crate) complete: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn location(&self) -> Url {
        let location =
            self.headers.get(LOCATION).unwrap_or_else(|| panic!("no redirect: {} {}", self.status, self.text()));
        location.to_str().unwrap().parse().unwrap()
    }

    pub(crate) fn location_param(&self, name: &str) -> Option<String> {
        self.location().query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
