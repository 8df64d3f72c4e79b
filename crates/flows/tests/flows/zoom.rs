//! Zoom as the flows call it: codes that work once and only with their verifier, and answers that tests put in between.
//! It panics where a code is offered again after its tokens have arrived.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use stagedoor_flows::port::{Http, HttpError};
use stagedoor_protocol::oauth::CodeChallenge;
use stagedoor_protocol::secret::CodeVerifier;
use url::Url;

use crate::world::Arrival;

mod refreshes;

use refreshes::Refreshes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    Token,
    Me,
    DeepLink,
    Revoke,
    Refresh,
}

/// What comes instead of the proper answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16, String),
    /// The connection fails before Zoom hears anything.
    Connect,
    /// Zoom does its part, but the answer is lost.
    Timeout,
    /// Zoom does its part, but the answer breaks off.
    Broken,
    TooLarge,
    /// Zoom does its part, and our process dies before the answer comes.
    Hang,
    /// The request is lost, and Zoom does nothing.
    Unheard,
    /// Zoom asks for patience, for so many seconds.
    Later(u32),
}

impl Answer {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Status(status, body.to_string())
    }
}

#[derive(Default)]
pub(crate) struct FakeZoom {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Code → consent.
    codes: HashMap<String, Consent>,
    /// Codes whose tokens have arrived.
    spent: HashSet<String>,
    given: u32,
    scripted: HashMap<Endpoint, VecDeque<Answer>>,
    refreshes: Refreshes,
    requests: Vec<(Endpoint, Request<Bytes>)>,
}

/// To what a user has said yes.
struct Consent {
    challenge: String,
    user: String,
    in_client: bool,
}

impl FakeZoom {
    /// The user consents inside the client; the event of the SDK carries the code.
    pub(crate) fn consent_in_client(&self, challenge: &str, user: &str) -> String {
        let consent = Consent { challenge: challenge.to_owned(), user: user.to_owned(), in_client: true };
        self.state.lock().unwrap().give_code(consent)
    }

    /// The user consents on the page at `location`, and Zoom sends the browser back.
    pub(crate) fn consent(&self, location: &Url, user: &str) -> Arrival {
        let query: HashMap<String, String> = location.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        let challenge = query["code_challenge"].clone();
        let code = self.state.lock().unwrap().give_code(Consent { challenge, user: user.to_owned(), in_client: false });
        Arrival { code, state: query["state"].clone() }
    }

    /// The next answers of an endpoint, before it is itself again.
    pub(crate) fn script(&self, endpoint: Endpoint, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().scripted.entry(endpoint).or_default().extend(answers);
    }

    /// Nothing is in the way any more.
    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().scripted.clear();
    }

    pub(crate) fn calls(&self, endpoint: Endpoint) -> usize {
        self.requests().iter().filter(|(at, _)| *at == endpoint).count()
    }

    pub(crate) fn requests(&self) -> Vec<(Endpoint, Request<Bytes>)> {
        self.state.lock().unwrap().requests.clone()
    }
}

#[async_trait::async_trait]
impl Http for FakeZoom {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        if form(&request).get("grant_type").is_some_and(|grant| grant == "refresh_token") {
            return self.refresh(request).await;
        }
        let endpoint = match request.uri().path() {
            "/oauth/token" => Endpoint::Token,
            "/oauth/revoke" => Endpoint::Revoke,
            "/v2/users/me" => Endpoint::Me,
            "/v2/zoomapp/deeplink" => Endpoint::DeepLink,
            other => panic!("nobody should call {other}"),
        };
        let (scripted, proper) = {
            let mut state = self.state.lock().unwrap();
            state.requests.push((endpoint, request.clone()));
            let scripted = state.scripted.get_mut(&endpoint).and_then(VecDeque::pop_front);
            let heard = matches!(scripted, None | Some(Answer::Timeout | Answer::Broken | Answer::Hang));
            let proper = heard.then(|| state.answer(endpoint, &request));
            if scripted.is_none() && endpoint == Endpoint::Token {
                state.spend(&request);
            }
            (scripted, proper)
        };
        let host = || request.uri().host().unwrap().to_owned();
        match scripted {
            None => Ok(proper.unwrap()),
            Some(Answer::Status(status, body)) => Ok(reply(status, body)),
            Some(Answer::Connect) => Err(HttpError::Connect { host: host(), source: "refused".into() }),
            Some(Answer::Timeout | Answer::Unheard) => Err(HttpError::Timeout { host: host() }),
            Some(Answer::Broken) => Err(HttpError::Broken { host: host(), source: "reset".into() }),
            Some(Answer::TooLarge) => Err(HttpError::TooLarge { host: host() }),
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::Later(seconds)) => Ok(later(seconds)),
        }
    }
}

impl State {
    fn answer(&mut self, endpoint: Endpoint, request: &Request<Bytes>) -> Response<Bytes> {
        let bearer = || request.headers()["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        match endpoint {
            Endpoint::Token => self.exchange(request),
            Endpoint::Refresh => unreachable!("has a way of its own"),
            Endpoint::Revoke => reply(200, r#"{"status":"success"}"#),
            Endpoint::Me => {
                let user = bearer().rsplit('.').next().unwrap();
                reply(200, json!({"id": user, "display_name": format!("Name of {user}")}).to_string())
            }
            Endpoint::DeepLink => {
                self.given += 1;
                let link = format!("https://zoom.us/launch/chatapp/canary-link-{}", self.given);
                reply(200, json!({"deeplink": link}).to_string())
            }
        }
    }

    fn spend(&mut self, request: &Request<Bytes>) {
        let code = form(request)["code"].clone();
        assert!(self.spent.insert(code), "a spent code was offered again");
    }

    fn give_code(&mut self, consent: Consent) -> String {
        self.given += 1;
        let code = format!("canary-code-{}", self.given);
        self.codes.insert(code.clone(), consent);
        code
    }

    fn exchange(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let form = form(request);
        let verifier = CodeVerifier::new(&*form["code_verifier"]);
        let Some(Consent { challenge, user, in_client }) = self.codes.remove(&form["code"]) else { return bad_code() };
        let given = if in_client { CodeChallenge::plain(&verifier) } else { CodeChallenge::s256(&verifier) };
        if !in_client {
            assert_eq!(form["redirect_uri"], "https://app.example.com/zoom/callback");
        }
        if given.as_str() != challenge {
            return bad_code();
        }
        self.give_tokens(&user)
    }

    /// New tokens for a user; whatever the user had before is dead.
    fn give_tokens(&mut self, user: &str) -> Response<Bytes> {
        self.given += 1;
        let number = self.given;
        let (access, refresh) = (format!("canary-access-{number}.{user}"), format!("canary-refresh-{number}"));
        let body = json!({
            "access_token": access, "token_type": "bearer", "refresh_token": refresh, "expires_in": 3599,
            "scope": self.refreshes.scope,
        });
        self.refreshes.give(user, access, refresh);
        reply(200, body.to_string())
    }
}

fn later(seconds: u32) -> Response<Bytes> {
    let answer = Response::builder().status(429).header("retry-after", seconds.to_string());
    answer.body(Bytes::from_static(br#"{"reason":"Too many requests"}"#)).unwrap()
}

fn form(request: &Request<Bytes>) -> HashMap<String, String> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

fn bad_code() -> Response<Bytes> {
    reply(400, json!({"reason": "Invalid authorization code", "error": "invalid_grant"}).to_string())
}

fn reply(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}
