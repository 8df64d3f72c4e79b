use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use stagedoor_flows::cobrowse::{
    ApiKey, ApiKeyHash, ApiKeyTerms, Asker, Cobrowse, CobrowseError, CobrowseTerms, InvalidHash, Issued, PerMinute,
};
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_protocol::cobrowse::{CobrowseKey, Lifetime, Role};
use stagedoor_protocol::id::{SdkKey, ZoomUserId};
use stagedoor_protocol::secret::SdkSecret;

use crate::consumer::part;
use crate::world::{START, TestClock, TestEntropy, user};

const SITE: &str = "https://www.example.com";

fn desk() -> ApiKey {
    ApiKey::from_bytes([1; 32])
}

fn kiosk() -> ApiKey {
    ApiKey::from_bytes([2; 32])
}

fn terms() -> CobrowseTerms {
    let key = |name: &str, key: &ApiKey, roles: &[Role]| ApiKeyTerms {
        name: name.into(),
        hash: key.hash(),
        roles: roles.to_vec(),
        per_minute: PerMinute::of(3),
    };
    CobrowseTerms {
        origins: vec![SITE.into()],
        agents: vec![user("agent-1")],
        api_keys: vec![key("desk", &desk(), &[Role::Customer, Role::Agent]), key("kiosk", &kiosk(), &[Role::Customer])],
        page_lifetime: Lifetime::DEFAULT,
        per_address: PerMinute::of(5),
        all_pages: PerMinute::of(12),
    }
}

struct Place {
    clock: Arc<TestClock>,
    cobrowse: Cobrowse,
}

fn place(change: impl FnOnce(&mut CobrowseTerms)) -> Place {
    let clock = TestClock::at(START);
    let key = CobrowseKey::new(SdkKey::parse("an-sdk-key").unwrap(), &SdkSecret::new("canary-sdk-secret"));
    let mut terms = terms();
    change(&mut terms);
    Place { cobrowse: Cobrowse::new(key, terms, clock.clone(), TestEntropy::seeded(1)), clock }
}

/// Nobody in particular.
fn somebody() -> Asker<'static> {
    Asker { api_key: None, user: None, origin: None, address: IpAddr::from([192, 0, 2, 1]) }
}

fn page() -> Asker<'static> {
    Asker { origin: Some(SITE), ..somebody() }
}

impl Place {
    fn issue(&self, asker: Asker<'_>, body: &Value) -> Result<Issued, CobrowseError> {
        self.cobrowse.issue(asker, body.to_string().as_bytes())
    }
}

fn claims(issued: &Issued) -> Value {
    part(issued.token.expose(), 1)
}

#[test]
fn a_page_of_the_site_gets_a_customer_token() {
    let place = place(|_| ());
    let issued = place.issue(page(), &json!({"role": 1, "userName": "Ada"})).unwrap();
    let now = START.to_seconds().0;
    let id = issued.receipt.user_id.as_str();
    assert_eq!(
        claims(&issued),
        json!({
            "app_key": "an-sdk-key", "role_type": 1, "user_id": id, "user_name": "Ada",
            "iat": now - 30, "exp": now - 30 + 7_200,
        })
    );
    assert_eq!(issued.receipt.caller, "page https://www.example.com");
    assert_eq!(issued.receipt.expires.0, now - 30 + 7_200);
}

#[test]
fn ids_are_unique_and_somebody_without_a_name_goes_by_the_id() {
    let place = place(|_| ());
    let ids: Vec<_> = (0..4).map(|_| claims(&place.issue(page(), &json!({"role": 1})).unwrap())).collect();
    assert!(ids.iter().all(|claims| claims["user_id"] == claims["user_name"]));
    let mut ids: Vec<_> = ids.iter().map(|claims| claims["user_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn mn_18_a_page_chooses_neither_role_nor_id_nor_a_long_life() {
    let place = place(|_| ());
    let agent = place.issue(page(), &json!({"role": 2})).unwrap_err();
    assert_eq!((agent.fault(), agent.code()), (Fault::Anonymous, "authentication_required"));
    let chosen = place.issue(page(), &json!({"role": 1, "userId": "agent-1"})).unwrap();
    assert_ne!(claims(&chosen)["user_id"], "agent-1");
    for (seconds, allowed) in [(1_800, true), (7_200, true), (7_201, false), (172_800, false)] {
        let asked = place.issue(page(), &json!({"role": 1, "expirationSeconds": seconds}));
        match asked {
            Ok(issued) => {
                let said = claims(&issued);
                assert!(allowed && said["exp"] == said["iat"].as_i64().unwrap() + seconds);
            }
            Err(error) => {
                assert!(!allowed && matches!(error, CobrowseError::Invalid(_)), "{seconds}");
            }
        }
    }
}

#[test]
fn mn_19_only_the_exact_origin_is_the_site() {
    let place = place(|_| ());
    for origin in [
        "https://www.example.com.evil.example",
        "https://example.com",
        "http://www.example.com",
        "https://www.example.com:443",
        "https://www.example.com/",
        "https://WWW.example.com",
        "null",
        "",
    ] {
        let error = place.issue(Asker { origin: Some(origin), ..somebody() }, &json!({"role": 1})).unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Forbidden, "origin_not_allowed"), "{origin}");
    }
    assert_eq!(place.issue(somebody(), &json!({"role": 1})).unwrap_err().fault(), Fault::Anonymous);
}

#[test]
fn an_agent_of_the_list_gets_agent_tokens_and_other_users_none() {
    let place = place(|_| ());
    let agent = user("agent-1");
    let asker = Asker { user: Some(&agent), origin: Some("https://app.example.com"), ..somebody() };
    let body = json!({"role": 2, "userId": "desk 7", "userName": "Grace", "expirationSeconds": 172_800});
    let issued = place.issue(asker, &body).unwrap();
    assert_eq!((&claims(&issued)["role_type"], &claims(&issued)["user_id"]), (&json!(2), &json!("desk 7")));
    assert_eq!(issued.receipt.caller, "agent agent-1");
    for name in ["agent-2", "AGENT-1", "agent-11"] {
        let other = user(name);
        let error = place.issue(Asker { user: Some(&other), ..asker }, &json!({"role": 1})).unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Forbidden, "not_an_agent"));
    }
}

#[test]
fn a_user_who_is_no_agent_is_a_customer_on_the_site_like_everybody() {
    let place = place(|_| ());
    let other: ZoomUserId = user("agent-2");
    let asker = Asker { user: Some(&other), ..page() };
    assert!(place.issue(asker, &json!({"role": 1})).is_ok());
    assert_eq!(place.issue(asker, &json!({"role": 2})).unwrap_err().fault(), Fault::Anonymous);
}

#[test]
fn a_key_gets_tokens_of_its_roles() {
    let place = place(|_| ());
    let (desk, kiosk) = (desk(), kiosk());
    let issued = place.issue(Asker { api_key: Some(&desk), ..somebody() }, &json!({"role": 2, "userId": "a"})).unwrap();
    assert_eq!((claims(&issued)["user_id"].as_str(), issued.receipt.caller.as_str()), (Some("a"), "key desk"));
    let asker = Asker { api_key: Some(&kiosk), ..somebody() };
    assert!(place.issue(asker, &json!({"role": 1})).is_ok());
    let error = place.issue(asker, &json!({"role": 2})).unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Forbidden, "role_not_allowed"));
}

#[test]
fn mn_23_a_wrong_credential_is_not_passed_over() {
    let place = place(|_| ());
    let agent = user("agent-1");
    for wrong in [ApiKey::new(""), ApiKey::from_bytes([3; 32]), ApiKey::new(desk().expose().to_lowercase())] {
        let asker = Asker { api_key: Some(&wrong), user: Some(&agent), ..page() };
        let error = place.issue(asker, &json!({"role": 1})).unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Anonymous, "authentication_required"));
    }
}

#[test]
fn a_key_is_kept_as_its_hash() {
    let key = ApiKey::from_bytes([255; 32]);
    assert_eq!(key.expose().len(), "stagedoor_".len() + 43);
    // printf %s stagedoor_… | sha256sum
    assert_eq!(desk().hash().to_string(), "e8f038a9361df8602b6a55c9074e2bf2b0d26e715abd0e9746359067d90bcd48");
    let hash: ApiKeyHash = key.hash().to_string().to_uppercase().parse().unwrap();
    assert_eq!(hash, key.hash());
    for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"é".repeat(32), &"+1".repeat(32)] {
        assert_eq!(bad.parse::<ApiKeyHash>(), Err(InvalidHash), "{bad}");
    }
    assert_eq!(format!("{key:?}"), "ApiKey(…)");
}

#[test]
fn pages_at_one_address_are_limited() {
    let place = place(|_| ());
    let ask = |last: u8| {
        let address = IpAddr::from([192, 0, 2, last]);
        place.issue(Asker { address, ..page() }, &json!({"role": 1}))
    };
    for _ in 0..5 {
        ask(1).unwrap();
    }
    let Err(CobrowseError::TooMany { wait }) = ask(1) else { panic!("a sixth token") };
    assert_eq!(wait.as_secs(), 12);
    assert!(ask(2).is_ok(), "another address has its own");
    place.clock.advance(11_999);
    assert!(ask(1).is_err());
    place.clock.advance(1);
    assert!(ask(1).is_ok());
    assert!(ask(1).is_err());
}

#[test]
fn all_pages_together_are_limited_and_servers_are_not_among_them() {
    let place = place(|_| ());
    let ask = |last: u8| {
        let address = IpAddr::from([192, 0, 2, last]);
        place.issue(Asker { address, ..page() }, &json!({"role": 1}))
    };
    for last in 0..12 {
        ask(last).unwrap();
    }
    let error = ask(12).unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Impatient, "too_many_tokens"));
    let key = desk();
    let server = || place.issue(Asker { api_key: Some(&key), ..somebody() }, &json!({"role": 1}));
    for _ in 0..3 {
        server().unwrap();
    }
    assert_eq!(server().unwrap_err().fault(), Fault::Impatient, "a key has its own limit");
    place.clock.advance(60_000);
    assert!(ask(12).is_ok() && server().is_ok());
}

#[test]
fn a_refused_request_costs_nothing() {
    let place = place(|terms| terms.per_address = PerMinute::of(1));
    for body in [json!({}), json!({"role": 2}), json!({"role": 1, "expirationSeconds": 172_800})] {
        assert!(place.issue(page(), &body).is_err());
    }
    assert!(place.issue(page(), &json!({"role": 1})).is_ok());
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let place = place(|terms| terms.per_address = PerMinute::of(1));
    place.issue(page(), &json!({"role": 1})).unwrap();
    place.clock.advance(-3_600_000);
    assert!(place.issue(page(), &json!({"role": 1})).is_ok());
    assert!(place.issue(page(), &json!({"role": 1})).is_err());
}

#[test]
fn bring_your_own_pin_is_asked_for_by_a_number() {
    let place = place(|_| ());
    let byop = |value: u8| claims(&place.issue(page(), &json!({"role": 1, "enableByop": value})).unwrap());
    assert_eq!(byop(1)["enable_byop"], 1);
    assert_eq!(byop(0).get("enable_byop"), None);
}

#[test]
fn mn_12_neither_token_nor_key_nor_secret_is_printed() {
    let place = place(|_| ());
    let issued = place.issue(page(), &json!({"role": 1})).unwrap();
    let printed = format!("{issued:?} {:?} {:?}", place.cobrowse, desk());
    for secret in [issued.token.expose(), "canary", desk().expose(), &desk().hash().to_string()] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains("CobrowseToken(…)"));
}
