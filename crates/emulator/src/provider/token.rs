//! `POST /token` and `POST /revoke`: codes and refresh tokens for tokens, each once.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::secret::ProviderSecret;

use super::refusal::Refusal;
use super::{Forgery, Ploy, instead, issuer, ploy};
use crate::entropy;
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::{ARCHITECTURE, OPENID};
use crate::world::journal::{Lane, Note};
use crate::world::provider::{Given, LIFE_S};
use crate::zoom::{Answer, Call, Params};

const LANES: (Lane, Lane) = (Lane::Backend, Lane::Provider);

pub(super) fn token(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let form = call.form();
    let mut world = platform.world();
    let note = if form.get("grant_type") == Some("refresh_token") {
        let flow = world.journal.provider_calls(now);
        Note::new(flow, LANES, "New tokens for old", OPENID)
            .says("Your backend exchanges its refresh token. The old one is dead from now on.")
    } else {
        let flow = match form.get("code").and_then(|code| world.provider.ask_of(code)).map(|ask| ask.flow) {
            Some(flow) => world.claimed(flow, &platform.config.home_url, now),
            None => world.journal.provider_calls(now),
        };
        Note::new(flow, LANES, "Code for tokens", ARCHITECTURE)
            .says("Only now your backend exchanges the code, with the verifier that it kept under the state.")
    };
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    match grant(platform, &mut world, call, &form) {
        Ok(given) => Answer::json(StatusCode::OK, &body(platform, &mut world, &given), note),
        Err(refusal) => refusal.answer(note),
    }
}

pub(super) fn revoke(platform: &Platform, call: &Call) -> Answer {
    let form = call.form();
    let mut world = platform.world();
    let flow = world.journal.provider_calls(platform.now());
    let note = Note::new(flow, LANES, "Give the tokens back", OPENID)
        .says("The user disconnects, and your backend ends the grant at the third party, too.");
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    if !is_client(platform, call, &form) {
        return unknown_client().answer(note);
    }
    // A token that is dead already is revoked already (RFC 7009 section 2.2).
    world.provider.revoke(form.get("token").unwrap_or_default());
    Answer::json(StatusCode::OK, &json!({}), note)
}

fn grant(platform: &Platform, world: &mut World, call: &Call, form: &Params) -> Result<Given, Refusal> {
    let invalid = |sentence, fix| Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", sentence, fix);
    if !call.is_form() {
        return Err(invalid("The body is not a form.", "Send application/x-www-form-urlencoded."));
    }
    if form.repeated().is_some() {
        return Err(invalid("A parameter is there twice.", "Send each parameter once."));
    }
    if !is_client(platform, call, form) {
        return Err(unknown_client());
    }
    let now = platform.now();
    let value = |name| form.get(name).unwrap_or_default();
    match form.get("grant_type") {
        Some("authorization_code") => {
            let exchange = (value("redirect_uri"), value("code_verifier"));
            world
                .provider
                .exchange(value("code"), exchange, now)
                .map_err(|(sentence, fix)| Refusal::grant(sentence, fix))
        }
        Some("refresh_token") => world.provider.rotate(value("refresh_token"), now).ok_or_else(|| {
            Refusal::grant(
                "This refresh token is unknown or was used already, which ends the whole grant.",
                "Store the new refresh token of every answer before you use it.",
            )
        }),
        _ => {
            let status = StatusCode::BAD_REQUEST;
            let fix = "Send authorization_code or refresh_token.";
            Err(Refusal::new(status, "unsupported_grant_type", "grant_type is none that Acme knows.", fix))
        }
    }
}

fn unknown_client() -> Refusal {
    let fix = "Send the client id and secret of the registration, form-encoded, with HTTP Basic or in the form.";
    Refusal::new(StatusCode::UNAUTHORIZED, "invalid_client", "The client does not prove who it is.", fix)
}

/// `client_secret_basic`, with both parts form-encoded (RFC 6749 section 2.3.1), or `client_secret_post`, and not both.
fn is_client(platform: &Platform, call: &Call, form: &Params) -> bool {
    let config = &platform.config.provider;
    let is =
        |id: &str, secret: &str| id == config.client_id.as_str() && ProviderSecret::new(secret) == config.client_secret;
    let in_form = form.get("client_id").zip(form.get("client_secret"));
    if !call.headers.contains_key(AUTHORIZATION) {
        return in_form.is_some_and(|(id, secret)| is(id, secret));
    }
    let decoded = call.authorization("Basic").and_then(|value| STANDARD.decode(value).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let plain = |part: &str| {
        let form = format!("part={part}");
        url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let pair = text.split_once(':').map(|(id, secret)| (plain(id), plain(secret)));
    form.get("client_secret").is_none() && pair.is_some_and(|(id, secret)| is(&id, &secret))
}

fn body(platform: &Platform, world: &mut World, given: &Given) -> Value {
    let mut body = json!({
        "access_token": given.access.expose(), "refresh_token": given.refresh.expose(), "token_type": "Bearer",
        "expires_in": LIFE_S, "scope": given.scopes.join(" "),
    });
    if given.is_new && given.scopes.iter().any(|scope| scope == "openid") {
        body["id_token"] = id_token(platform, world, given).into();
    }
    if ploy(world, |ploy| ploy == Ploy::Oversized).is_some() {
        body["padding"] = "x".repeat(1_100_000).into();
    }
    body
}

fn id_token(platform: &Platform, world: &mut World, given: &Given) -> String {
    let now = platform.now().to_seconds().0;
    let mut claims = json!({
        "iss": issuer(platform), "aud": platform.config.provider.client_id.as_str(), "sub": given.account.subject,
        "iat": now, "exp": now + LIFE_S,
    });
    if let Some(nonce) = &given.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    if given.scopes.iter().any(|scope| scope == "email") {
        claims["email"] = given.account.email.into();
        claims["email_verified"] = true.into();
    }
    let forgery = match ploy(world, |ploy| matches!(ploy, Ploy::IdToken(_))) {
        Some(Ploy::IdToken(forgery)) => Some(forgery),
        _ => None,
    };
    match forgery {
        None => {}
        Some(Forgery::Issuer) => claims["iss"] = "https://evil.example".into(),
        Some(Forgery::Audience) => claims["aud"] = "another-client".into(),
        Some(Forgery::Nonce) => claims["nonce"] = entropy::base64url(43).into(),
        Some(Forgery::Expired) => {
            claims["iat"] = (now - 2 * LIFE_S).into();
            claims["exp"] = (now - LIFE_S).into();
        }
        Some(Forgery::OtherKey) => {
            let other = Es256Key::from_scalar(&[7; 32]).expect("it is smaller than the order of P-256");
            return other.sign(&claims);
        }
        Some(Forgery::AlgNone) => {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            return format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims));
        }
    }
    world.provider.key.sign(&claims)
}
