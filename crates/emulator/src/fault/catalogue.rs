//! Every fault, as one table.

use super::{Canned, Delivery, Effect, Endpoint, Fault, Twist};
use crate::provider::{self, Forgery};
use crate::webhook::Ploy;
use crate::website;

const fn canned(status: u16, content_type: &'static str, body: &'static str) -> Effect {
    Effect::Canned(Canned { status, content_type, body, retry_after: None })
}

const fn retry(status: u16, body: &'static str, seconds: &'static str) -> Effect {
    Effect::Canned(Canned { status, content_type: JSON, body, retry_after: Some(seconds) })
}

const fn twist(twist: Twist) -> Effect {
    Effect::Twisted(twist)
}

const fn webhook(ploy: Ploy) -> Effect {
    Effect::Twisted(Twist::Webhook(ploy))
}

const fn third_party(ploy: provider::Ploy) -> Effect {
    Effect::Twisted(Twist::Provider(ploy))
}

const fn forged(forgery: Forgery) -> Effect {
    third_party(provider::Ploy::IdToken(forgery))
}

const fn session(forgery: website::Forgery) -> Effect {
    twist(Twist::Website(forgery))
}

const fn page(code: u16, text: &'static str) -> Effect {
    Effect::Twisted(Twist::ErrorPage(code, text))
}

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";
const BROKEN_PAGE: &str = "<html><head><title>500 Internal Server Error</title></head><body><h1>500</h1></body></html>";
const LIMIT: &str =
    r#"{"code":429,"message":"You have reached the maximum per-second rate limit for this API. Try again later."}"#;
const TOKEN_LIMIT: &str = r#"{"reason":"Too many requests","error":"invalid_request"}"#;

macro_rules! catalogue {
    ($($endpoint:ident { $($id:literal, $title:literal, $sentence:literal, $effect:expr;)+ })+) => {
        /// Every fault there is.
        pub(crate) const CATALOGUE: &[Fault] = &[$($(Fault {
            endpoint: Endpoint::$endpoint, id: $id, title: $title, sentence: $sentence, effect: $effect,
        },)+)+];
    };
}

catalogue! {
    Authorize {
        "authorize.deny", "The user declines",
            "The redirect carries error=access_denied instead of a code.", twist(Twist::Deny);
        "authorize.state_mangled", "state comes back changed",
            "The redirect carries a code and a state that nobody made.", twist(Twist::StateMangled);
        "authorize.state_dropped", "state does not come back",
            "The redirect carries only a code.", twist(Twist::StateDropped);
        "authorize.error_4700", "Error page 4,700", "Zoom shows a page and does not redirect.",
            page(4700, "Invalid redirect url");
        "authorize.error_4702", "Error page 4,702", "Zoom says that it does not know the app.",
            page(4702, "Invalid client_id");
        "authorize.error_4709", "Error page 4,709", "Zoom says that the redirect URI does not match.",
            page(4709, "Redirect URI mismatch");
        "authorize.error_4717", "Error page 4,717", "Zoom says that the app has been disabled.",
            page(4717, "The app has been disabled");
        "authorize.error_4732", "Error page 4,732", "Zoom could not make an authorization code.",
            page(4732, "Failed to create the authorization code");
        "authorize.error_4738", "Error page 4,738", "The administrator of the account has disabled the app.",
            page(4738, "The app has been disabled by the admin");
        "authorize.hang", "No answer", "The authorize page does not answer.", Effect::Unanswered;
    }
    Token {
        "token.invalid_grant", "Invalid Token!", "400, as for a refresh token that is unknown, used or revoked.",
            canned(400, JSON, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#);
        "token.invalid_grant_bare", "invalid_grant without a reason", "400 with the error code alone.",
            canned(400, JSON, r#"{"error":"invalid_grant"}"#);
        "token.invalid_code", "Invalid authorization code", "400, as for a code that is used, expired or unknown.",
            canned(400, JSON, r#"{"reason":"Invalid authorization code","error":"invalid_grant"}"#);
        "token.invalid_code_2021", "Invalid authorization code, as of 2021",
            "400 invalid_request, and the reason repeats the code.", twist(Twist::EchoedCode);
        "token.invalid_client", "invalid_client with 400", "Zoom's form: wrong credentials are a 400.",
            canned(400, JSON, r#"{"reason":"Invalid client_id or client_secret","error":"invalid_client"}"#);
        "token.invalid_client_401", "invalid_client with 401", "The form of RFC 6749: wrong credentials are a 401.",
            canned(401, JSON, r#"{"reason":"Invalid client_id or client_secret","error":"invalid_client"}"#);
        "token.unsupported_grant_type", "unsupported_grant_type", "400, as for a request that is not a form.",
            canned(400, JSON, r#"{"reason":"unsupported grant type","error":"unsupported_grant_type"}"#);
        "token.invalid_token_401", "Invalid Token! with 401", "The form before August 2022.",
            canned(401, JSON, r#"{"reason":"Invalid Token!","error":"invalid_request"}"#);
        "token.invalid_request", "invalid_request", "400 with the code that Zoom also uses for its own errors.",
            canned(400, JSON, r#"{"reason":"Internal error","error":"invalid_request"}"#);
        "token.rate_limited", "429", "Too many requests, with Retry-After: 1.", retry(429, TOKEN_LIMIT, "1");
        "token.rate_limited_bare", "429 without Retry-After", "Too many requests.", canned(429, JSON, TOKEN_LIMIT);
        "token.server_error", "500 with HTML", "An error page instead of JSON.", canned(500, HTML, BROKEN_PAGE);
        "token.unavailable", "503", "Zoom is being maintained.", canned(503, HTML, "<html><body>503</body></html>");
        "token.garbage", "200 with garbage", "The body is not JSON.", canned(200, JSON, "\u{1f}\u{8b}}{not json");
        "token.html", "200 with HTML", "A page instead of JSON.", canned(200, HTML, "<html><body>Hello</body></html>");
        "token.truncated", "The answer is cut off", "The code or token is used, half of the answer arrives.",
            Effect::Delivered(Delivery::Truncated);
        "token.lost", "The answer is lost", "The code or token is used, nothing of the answer arrives.",
            Effect::Delivered(Delivery::Lost);
        "token.slow", "One byte a second", "The code or token is used, the answer takes minutes.",
            Effect::Delivered(Delivery::Drip);
        "token.delayed", "The answer comes late", "The code or token is used, the answer takes two seconds.",
            Effect::Delivered(Delivery::Delayed);
        "token.late", "The answer hangs", "The code or token is used, the answer does not come.",
            Effect::Delivered(Delivery::Hang);
        "token.hang", "No answer", "Nothing happens and nothing comes.", Effect::Unanswered;
        "token.no_refresh_token", "No refresh_token", "The answer has no refresh token.", twist(Twist::NoRefreshToken);
        "token.foreign_api_url", "api_url elsewhere", "The answer names https://api.evil.example as the API's host.",
            twist(Twist::ForeignApiUrl);
        "token.no_scope", "No scope", "The answer does not say which scopes were granted.", twist(Twist::NoScope);
    }
    Me {
        "me.invalid_token", "401, code 124", "The access token is refused.",
            canned(401, JSON, r#"{"code":124,"message":"Invalid access token."}"#);
        "me.not_found", "404, code 1001", "Zoom does not know the user.",
            canned(404, JSON, r#"{"code":1001,"message":"User does not exist: me"}"#);
        "me.missing_scope", "400, code 4711", "The token lacks the scope.",
            canned(400, JSON, r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[user:read:user]."}"#);
        "me.rate_limited", "429", "Too many requests, with Retry-After: 1.", retry(429, LIMIT, "1");
        "me.server_error", "500 with HTML", "An error page instead of JSON.", canned(500, HTML, BROKEN_PAGE);
        "me.hang", "No answer", "Nothing comes.", Effect::Unanswered;
    }
    Api {
        "api.invalid_token", "401, code 124", "The access token is refused.",
            canned(401, JSON, r#"{"code":124,"message":"Invalid access token."}"#);
        "api.missing_scope", "400, code 4711", "The token lacks a scope.",
            canned(400, JSON, r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:read:meeting]."}"#);
        "api.forbidden", "403", "The user may not see what is asked for.",
            canned(403, JSON, r#"{"code":200,"message":"No permission."}"#);
        "api.rate_limited", "429", "Too many requests in a second, with Retry-After: 1.", retry(429, LIMIT, "1");
        "api.rate_limited_bare", "429 without Retry-After", "Too many requests.", canned(429, JSON, LIMIT);
        "api.daily_limit", "429 until midnight", "The day's limit is used up; Retry-After is an ISO 8601 instant.",
            twist(Twist::DailyLimit);
        "api.server_error", "500 with HTML", "An error page instead of JSON.", canned(500, HTML, BROKEN_PAGE);
        "api.unavailable", "503", "Zoom is being maintained.", canned(503, HTML, "<html><body>503</body></html>");
        "api.truncated", "The answer is cut off", "It happens, and half of the answer arrives.",
            Effect::Delivered(Delivery::Truncated);
        "api.slow", "One byte a second", "It happens, and the answer takes minutes.", Effect::Delivered(Delivery::Drip);
        "api.late", "The answer hangs", "It happens, and no answer comes.", Effect::Delivered(Delivery::Hang);
        "api.hang", "No answer", "Nothing happens and nothing comes.", Effect::Unanswered;
    }
    Deeplink {
        "deeplink.invalid_token", "400, code 124", "The access token is refused, with a 400 as this page documents it.",
            canned(400, JSON, r#"{"code":124,"message":"Invalid access token."}"#);
        "deeplink.too_long", "400, code 300", "The action is too long for Zoom.",
            canned(400, JSON, r#"{"code":300,"message":"Invalid action. The maximum length of the value is 256."}"#);
        "deeplink.missing_scope", "400, code 4711", "The token lacks zoomapp:inmeeting.",
            canned(400, JSON, r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[zoomapp:inmeeting]."}"#);
        "deeplink.not_found", "404, code 1001", "Zoom does not know the user.",
            canned(404, JSON, r#"{"code":1001,"message":"User does not exist: me"}"#);
        "deeplink.created", "201", "The link comes with 201 instead of 200.", twist(Twist::Created);
        "deeplink.rate_limited", "429", "Too many requests, with Retry-After: 1.", retry(429, LIMIT, "1");
        "deeplink.server_error", "500 with HTML", "An error page instead of JSON.", canned(500, HTML, BROKEN_PAGE);
        "deeplink.hang", "No answer", "Nothing comes.", Effect::Unanswered;
        "deeplink.javascript", "A link that is a script", "deeplink is javascript:alert(1).",
            twist(Twist::Link("javascript:alert(1)"));
        "deeplink.foreign", "A link elsewhere", "deeplink leads to https://evil.example.",
            twist(Twist::Link("https://evil.example/launch/chatapp/{}"));
        "deeplink.http", "A link without TLS", "deeplink is http://zoom.us.",
            twist(Twist::Link("http://zoom.us/launch/chatapp/{}"));
        "deeplink.lookalike", "A look-alike host", "deeplink leads to https://zoom.us.evil.example.",
            twist(Twist::Link("https://zoom.us.evil.example/launch/chatapp/{}"));
        "deeplink.userinfo", "A host hidden by a user name", "deeplink is https://zoom.us@evil.example.",
            twist(Twist::Link("https://zoom.us@evil.example/launch/chatapp/{}"));
    }
    Client {
        "client.expired", "An expired context", "The context died an hour ago.", twist(Twist::ContextExpired);
        "client.other_app", "A context for another app", "The audience is another client id.",
            twist(Twist::ContextOtherApp);
        "client.other_secret", "A context sealed with another secret", "It cannot be opened.",
            twist(Twist::ContextOtherSecret);
        "client.no_context", "No context", "The client sends no x-zoom-app-context.", twist(Twist::ContextMissing);
        "client.two_contexts", "Two contexts", "The client sends the header twice.", twist(Twist::ContextTwice);
        "client.old_link", "An old deep link", "The link is more than five minutes old: the context has no act.",
            twist(Twist::LinkTooOld);
    }
    Sdk {
        "sdk.declined", "The user declines in the client", "onAuthorized says result: false and has no code.",
            twist(Twist::Deny);
        "sdk.state_mangled", "state comes back changed", "onAuthorized has a code and a state that nobody made.",
            twist(Twist::StateMangled);
        "sdk.no_state", "state does not come back", "onAuthorized has a code and no state.",
            twist(Twist::StateDropped);
    }
    Webhook {
        "webhook.duplicate", "The same event twice", "At the same time, as two requests with their own ids.",
            webhook(Ploy::Duplicate);
        "webhook.replay", "The same request twice", "Once the first is answered, the very same bytes come again.",
            webhook(Ploy::Replay);
        "webhook.reordered", "In another order", "The event is held back until the next one was sent.",
            webhook(Ploy::Reordered);
        "webhook.answer_lost", "The answer is lost", "The event arrives, and comes again after five minutes.",
            webhook(Ploy::LostAnswer);
        "webhook.fresh_retry", "Retries are signed anew", "With a timestamp of their own, instead of the same bytes.",
            webhook(Ploy::FreshRetry);
        "webhook.key_order", "Another order of members", "Zoom promises none.", webhook(Ploy::KeyOrder);
        "webhook.deauth_string_ts", "A time that is a text", "app_deauthorized has event_ts inside the payload.",
            webhook(Ploy::StringTime);
        "webhook.old_timestamp", "An old signature", "Right, and two hours old.", webhook(Ploy::OldTimestamp);
        "webhook.wrong_secret", "Another secret", "An attacker signs with another secret.", webhook(Ploy::WrongSecret);
        "webhook.unsigned", "No signature", "An attacker sends an event without a signature.", webhook(Ploy::Unsigned);
        "webhook.tampered", "A changed body", "An attacker changes the account in a signed event.",
            webhook(Ploy::Tampered);
        "webhook.unsigned_challenge", "An unsigned URL validation", "An attacker asks for the HMAC of a token.",
            webhook(Ploy::UnsignedChallenge);
        "webhook.signing_oracle", "A URL validation that is an event",
            "An attacker asks, unsigned, for the HMAC of an event to forge.", webhook(Ploy::SigningOracle);
    }
    Provider {
        "provider.wrong_iss", "Another issuer in the ID token", "The ID token says that evil.example made it.",
            forged(Forgery::Issuer);
        "provider.wrong_aud", "Another audience in the ID token", "The ID token is for another client.",
            forged(Forgery::Audience);
        "provider.wrong_nonce", "Another nonce in the ID token", "The ID token belongs to another sign-in.",
            forged(Forgery::Nonce);
        "provider.alg_none", "An ID token without a signature", "Its header says alg: none.", forged(Forgery::AlgNone);
        "provider.expired", "An expired ID token", "It died an hour ago.", forged(Forgery::Expired);
        "provider.other_key", "An ID token of another key", "The provider does not publish the key.",
            forged(Forgery::OtherKey);
        "provider.metadata_iss", "Metadata of another issuer", "The discovery document names evil.example.",
            third_party(provider::Ploy::MetadataIssuer);
        "provider.response_iss", "A response of another issuer", "The redirect says iss=https://evil.example.",
            third_party(provider::Ploy::ResponseIssuer(Some("https://evil.example")));
        "provider.no_iss", "A response without iss", "The provider promises iss and does not send it.",
            third_party(provider::Ploy::ResponseIssuer(None));
        "provider.code_20", "A short code", "The code has 20 characters.", third_party(provider::Ploy::Code(20));
        "provider.code_300", "A long code", "The code has 300 characters: more than an action holds.",
            third_party(provider::Ploy::Code(300));
        "provider.code_4000", "A very long code", "The code has 4,000 characters.",
            third_party(provider::Ploy::Code(4_000));
        "provider.script", "A script in error_description", "Whoever declines comes back with a script in the words.",
            third_party(provider::Ploy::ScriptedRefusal);
        "provider.oversized", "An answer without end", "The token answer has more than a mebibyte.",
            third_party(provider::Ploy::Oversized);
        "provider.down", "503", "The provider is being maintained.",
            canned(503, HTML, "<html><body>503</body></html>");
        "provider.html", "200 with HTML", "A page instead of JSON.", canned(200, HTML, "<html><body>Hello</body></html>");
        "provider.hang", "No answer", "The provider does not answer.", Effect::Unanswered;
    }
    Website {
        "website.expired", "An expired session", "The token in shop_jwt died an hour ago.",
            session(website::Forgery::Expired);
        "website.der_signature", "A DER signature", "The token in shop_jwt is signed as openssl writes it.",
            session(website::Forgery::Der);
        "website.other_key", "A session of another key", "The website does not publish the key of the token in shop_jwt.",
            session(website::Forgery::OtherKey);
        "website.confusion", "HS256 with the public key",
            "Whoever has the website's public key signs a token in shop_jwt with it.", session(website::Forgery::Confusion);
        "website.alg_none", "A session without a signature", "The header of the token in shop_jwt says alg: none.",
            session(website::Forgery::AlgNone);
        "website.down", "whoami answers 500", "An error page instead of who is signed in.",
            canned(500, HTML, BROKEN_PAGE);
        "website.html", "whoami answers with HTML", "200 and a page, for everybody.",
            canned(200, HTML, "<html><body>Hello</body></html>");
        "website.anybody", "whoami answers {}", "200 and an object that says nothing, for everybody.",
            canned(200, JSON, "{}");
        "website.hang", "No answer", "whoami does not answer.", Effect::Unanswered;
    }
}
