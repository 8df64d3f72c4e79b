use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::oauth::CodeChallenge;
use stagedoor_protocol::secret::{AccessToken, AuthorizationCode, CodeVerifier, RefreshToken};
use stagedoor_protocol::time::UnixMillis;

use super::journal::{FlowId, StepId};
use crate::entropy;

/// The life of an authorization code, in seconds (Zoom error 4733).
pub(crate) const CODE_LIFE_S: i64 = 300;
/// The life of an access token, in seconds, unless a test wants another one.
pub(crate) const ACCESS_LIFE_S: i64 = 3600;
/// The life of a refresh token, in seconds: 90 days.
pub(crate) const REFRESH_LIFE_S: i64 = 90 * 24 * 3600;

/// How many codes are remembered.
const MAX_CODES: usize = 500;
/// How many unexpired access tokens of one grant work side by side.
const MAX_ACCESS: usize = 16;

/// A PKCE challenge as it was sent to the authorize page (RFC 7636 section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Plain(String),
    S256(String),
}

impl Challenge {
    /// Whether a verifier answers it. Zoom checks neither the verifier's characters nor its length.
    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        match self {
            Self::Plain(challenge) => challenge == verifier,
            Self::S256(challenge) => challenge == CodeChallenge::s256(&CodeVerifier::new(verifier)).as_str(),
        }
    }
}

/// An authorization code that was given out.
#[derive(Clone)]
pub(crate) struct Code {
    value: AuthorizationCode,
    pub(crate) user: String,
    /// The redirect URI of the authorize request. None inside the client (in-client OAuth): there the exchange may leave
    /// it out or name any of the allow list.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) flow: FlowId,
    /// The step in which the browser takes the code to the backend; settled when the code comes back.
    pub(crate) callback: Option<StepId>,
    expires: UnixMillis,
    used: bool,
}

/// Why a code is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeRefusal {
    Unknown,
    Used,
    Expired,
}

/// The live grant of one user.
pub(crate) struct Grant {
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) flow: FlowId,
    pub(crate) since: UnixMillis,
    access: VecDeque<(AccessToken, UnixMillis)>,
    refresh: (RefreshToken, UnixMillis),
}

/// A fresh pair of tokens.
pub(crate) struct Pair {
    pub(crate) access: AccessToken,
    pub(crate) refresh: RefreshToken,
    /// How long the access token lives, in seconds.
    pub(crate) access_life_s: i64,
}

/// What an access token is worth.
pub(crate) enum Access<'a> {
    Live(&'a Grant),
    Expired,
    Unknown,
}

/// Codes and tokens. There is one live grant for each user: a new authorization kills the older tokens.
pub(crate) struct Grants {
    codes: VecDeque<Code>,
    live: BTreeMap<String, Grant>,
    /// The life of the access tokens that are given from now on, in seconds.
    pub(crate) access_life_s: i64,
}

impl Default for Grants {
    fn default() -> Self {
        Self { codes: VecDeque::new(), live: BTreeMap::new(), access_life_s: ACCESS_LIFE_S }
    }
}

impl Grants {
    /// Gives out a code: 33 characters of base64url.
    pub(crate) fn issue_code(
        &mut self,
        user: &str,
        redirect_uri: Option<&str>,
        challenge: Option<Challenge>,
        (flow, now): (FlowId, UnixMillis),
    ) -> String {
        if self.codes.len() >= MAX_CODES {
            self.codes.pop_front();
        }
        let value = entropy::base64url(33);
        self.codes.push_back(Code {
            value: AuthorizationCode::new(value.clone()),
            user: user.into(),
            redirect_uri: redirect_uri.map(Into::into),
            challenge,
            flow,
            callback: None,
            expires: now.plus_seconds(CODE_LIFE_S),
            used: false,
        });
        value
    }

    /// The code as it was given out, used or not: for the diagram.
    pub(crate) fn code_mut(&mut self, value: &str) -> Option<&mut Code> {
        let value = AuthorizationCode::new(value);
        self.codes.iter_mut().find(|code| code.value == value)
    }

    /// Takes a code: whatever comes of the request, the code is used up.
    pub(crate) fn take_code(&mut self, value: &str, now: UnixMillis) -> Result<Code, CodeRefusal> {
        let code = self.code_mut(value).ok_or(CodeRefusal::Unknown)?;
        if std::mem::replace(&mut code.used, true) {
            return Err(CodeRefusal::Used);
        }
        if code.expires <= now {
            return Err(CodeRefusal::Expired);
        }
        Ok(code.clone())
    }

    /// Begins a grant, which ends the one that the user had.
    pub(crate) fn begin(&mut self, code: &Code, scopes: &[String], app: (&ClientId, UnixMillis)) -> Pair {
        let pair = Pair::mint(&code.user, self.access_life_s, app);
        let (_, now) = app;
        let grant = Grant {
            user: code.user.clone(),
            scopes: scopes.to_vec(),
            flow: code.flow,
            since: now,
            access: VecDeque::from([(pair.access.clone(), now.plus_seconds(self.access_life_s))]),
            refresh: (pair.refresh.clone(), now.plus_seconds(REFRESH_LIFE_S)),
        };
        self.live.insert(code.user.clone(), grant);
        pair
    }

    /// Rotates a refresh token: the old one is dead from now on. None if it is not the live one of a grant.
    pub(crate) fn rotate(&mut self, token: &str, app: (&ClientId, UnixMillis)) -> Option<(Pair, Vec<String>)> {
        let (_, now) = app;
        let token = RefreshToken::new(token);
        let grant = self.live.values_mut().find(|grant| grant.refresh.0 == token && grant.refresh.1 > now)?;
        let pair = Pair::mint(&grant.user, self.access_life_s, app);
        grant.access.retain(|(_, expires)| *expires > now);
        if grant.access.len() >= MAX_ACCESS {
            grant.access.pop_front();
        }
        grant.access.push_back((pair.access.clone(), now.plus_seconds(self.access_life_s)));
        grant.refresh = (pair.refresh.clone(), now.plus_seconds(REFRESH_LIFE_S));
        Some((pair, grant.scopes.clone()))
    }

    /// What an access token is worth now.
    pub(crate) fn access(&self, token: &str, now: UnixMillis) -> Access<'_> {
        let token = AccessToken::new(token);
        for grant in self.live.values() {
            if let Some((_, expires)) = grant.access.iter().find(|(known, _)| *known == token) {
                return if *expires > now { Access::Live(grant) } else { Access::Expired };
            }
        }
        Access::Unknown
    }

    /// Ends the grant that an access or refresh token belongs to; returns its user.
    pub(crate) fn revoke(&mut self, token: &str) -> Option<String> {
        let (access, refresh) = (AccessToken::new(token), RefreshToken::new(token));
        let owns = |grant: &Grant| grant.refresh.0 == refresh || grant.access.iter().any(|(known, _)| *known == access);
        let user = self.live.values().find(|grant| owns(grant)).map(|grant| grant.user.clone())?;
        self.live.remove(&user);
        Some(user)
    }

    /// Ends the grant of a user, and what could become one.
    pub(crate) fn end(&mut self, user: &str) {
        self.codes.retain(|code| code.user != user);
        self.live.remove(user);
    }

    /// Whether a user has a live grant.
    pub(crate) fn has(&self, user: &str) -> bool {
        self.live.contains_key(user)
    }

    /// The live grant of a user, to change it.
    pub(crate) fn of_mut(&mut self, user: &str) -> Option<&mut Grant> {
        self.live.get_mut(user)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Grant> {
        self.live.values()
    }
}

impl Pair {
    fn mint(user: &str, access_life_s: i64, (client, now): (&ClientId, UnixMillis)) -> Self {
        let access = token(user, "access_token", client, (now, access_life_s));
        let refresh = token(user, "refresh_token", client, (now, REFRESH_LIFE_S));
        Self { access: AccessToken::new(access), refresh: RefreshToken::new(refresh), access_life_s }
    }
}

/// A token in the shape of Zoom's: it looks like a JWT, is longer than 256 characters, and is opaque by contract. Its
/// signature is noise, so that whoever verifies or relies on it finds out here.
fn token(user: &str, kind: &str, client: &ClientId, (now, life_s): (UnixMillis, i64)) -> String {
    let now = now.to_seconds().0;
    let header = serde_json::json!({"alg": "HS512", "v": "2.0", "kid": entropy::hex()});
    let payload = serde_json::json!({
        "ver": 10,
        "auid": entropy::hex(),
        "code": entropy::base64url(33),
        "iss": format!("zm:cid:{client}"),
        "gno": 0,
        "type": 0,
        "tid": 0,
        "aud": "https://oauth.zoom.us",
        "uid": user,
        "nbf": now,
        "exp": now + life_s,
        "iat": now,
        "tokenType": kind,
        "jti": entropy::hex(),
    });
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{}", part(header), part(payload), entropy::base64url(86))
}
