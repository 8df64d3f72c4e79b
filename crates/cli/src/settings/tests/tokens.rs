//! The settings of the parts that issue tokens.

use super::*;

/// A throw-away key, as openssl writes it.
const KEY: &str = include_str!("../../../../protocol/tests/vectors/consumer-tokens.json");

fn pem() -> String {
    let vectors: serde_json::Value = serde_json::from_str(KEY).unwrap();
    vectors["private_key_sec1_pem"].as_str().unwrap().to_owned()
}

const URL: (&str, &str) = ("PUBLIC_URL", "https://app.example.com");
const SDK: [(&str, &str); 2] =
    [("ZOOM_SDK_KEY", "Btwh77nPkKIwwVKaKd1Jb0XuhntVXAJa1213"), ("ZOOM_SDK_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC")];

fn with(file: &str, environment: &[(&str, &str)]) -> Result<Deployment, String> {
    let environment: Vec<_> = [URL].into_iter().chain(environment.iter().copied()).collect();
    Directory::with(&[("stagedoor.toml", file), ("consumer.pem", &pem())]).read(&environment)
}

const CONSUMER: &str = r#"
[consumer]
private_key = { file = "consumer.pem" }
origins = ["https://www.example.com", "http://localhost:5173"]
identity = { forward = "https://www.example.com/whoami", cookies = ["sid"] }
claims = { email = "email", firstName = "given_name" }
"#;

#[test]
fn consumer_authentication_stands_alone() {
    let deployment = with(CONSUMER, &[]).unwrap();
    assert!(deployment.zoom.is_none() && deployment.cobrowse.is_none() && deployment.keeps_nothing());
    assert!(deployment.gateway.app.is_none());
    let consumer = deployment.consumer.unwrap();
    assert_eq!(consumer.ttl_seconds, 300);
    let IdentitySettings::Forward { url, cookies, timeout_ms, cache_seconds } = consumer.identity else { panic!() };
    assert_eq!((url.as_str(), timeout_ms, cache_seconds), ("https://www.example.com/whoami", 2_000, 0));
    assert_eq!(cookies.unwrap(), ["sid"]);
    assert_eq!(deployment.gateway.consumer_origins.len(), 2);
}

#[test]
fn cobrowse_stands_alone() {
    let deployment = with("[cobrowse]\norigins = [\"https://www.example.com/\"]", &SDK).unwrap();
    assert!(deployment.zoom.is_none() && deployment.consumer.is_none() && deployment.keeps_nothing());
    let terms = deployment.cobrowse.unwrap().terms;
    assert_eq!(terms.origins, ["https://www.example.com"]);
    assert_eq!(terms.page_lifetime.seconds(), 7_200);
}

#[test]
fn sdk_credentials_in_the_environment_of_an_app_alone_switch_nothing_on() {
    let environment: Vec<_> = ENOUGH.iter().chain(&SDK).copied().collect();
    assert!(with("", &environment).unwrap().cobrowse.is_none());
    let problems = with("[cobrowse]\ncompat = true", &environment).unwrap_err();
    assert!(problems.contains("nobody could get a token"), "{problems}");
    assert!(with("", &SDK).unwrap_err().contains("nobody could get a token"), "where nothing else is meant");
}

#[test]
fn both_stand_beside_a_zoom_app() {
    let file = format!("{CONSUMER}\n[cobrowse]\nagents = [\"a-zoom-user\"]\n");
    let environment: Vec<_> = ENOUGH[1..].iter().copied().chain(SDK).collect();
    let deployment = with(&file, &environment).unwrap();
    assert!(deployment.zoom.is_some() && deployment.consumer.is_some() && deployment.cobrowse.is_some());
    assert!(!deployment.keeps_nothing() && deployment.gateway.app.is_some());
}

#[test]
fn agents_need_a_zoom_app_to_come_from() {
    let problems = with("cobrowse.agents = [\"a-zoom-user\"]", &SDK).unwrap_err();
    assert!(problems.starts_with("The settings have a problem.\n\n  cobrowse.agents (stagedoor.toml:1)"), "{problems}");
}

#[test]
fn a_begun_part_is_wanted_whole() {
    assert_snapshot!(with("[consumer]\nttl_seconds = 60\n", &[]).unwrap_err(), @r"
    The settings have 3 problems.

      consumer.private_key (not set)
        it is required
        fix: set consumer.private_key in stagedoor.toml, or CONSUMER_PRIVATE_KEY in the environment

      consumer.identity (not set)
        it is required
        fix: set consumer.identity in stagedoor.toml

      consumer.claims (not set)
        it is required
        fix: set consumer.claims in stagedoor.toml
    ");
    assert_snapshot!(with("", &SDK[..1]).unwrap_err(), @r"
    The settings have 2 problems.

      cobrowse.sdk_secret (not set)
        it is required
        fix: set cobrowse.sdk_secret in stagedoor.toml, or ZOOM_SDK_SECRET in the environment

      cobrowse.origins (not set)
        nobody could get a token
        fix: set cobrowse.origins for customers' pages, cobrowse.agents for agents in Zoom, or cobrowse.api_keys
    ");
    let app = with(CONSUMER, &ENOUGH[2..3]).unwrap_err();
    assert!(app.contains("zoom.client_secret (not set)") && app.contains("secret (not set)"), "{app}");
}

#[test]
fn a_key_may_stand_in_a_variable_with_its_line_breaks_written_out() {
    let file = CONSUMER.replace("private_key = { file = \"consumer.pem\" }\n", "");
    for text in [pem(), pem().replace('\n', "\\n")] {
        assert!(with(&file, &[("CONSUMER_PRIVATE_KEY", &text)]).is_ok(), "{text}");
    }
    let problems = with(&file, &[("CONSUMER_PRIVATE_KEY", &pem().replace("EC PRIVATE", "PUBLIC"))]).unwrap_err();
    assert!(problems.contains("it holds a public key") && !problems.contains("MHcC"), "{problems}");
}

#[test]
fn the_next_key_comes_with_its_instant() {
    let next = |lines: &str| with(&CONSUMER.replace("[consumer]", &format!("[consumer]\n{lines}")), &[]);
    let key = "next_key = { file = \"consumer.pem\" }";
    let deployment = next(&format!("{key}\nnext_key_at = \"2027-01-31T04:00:00Z\"")).unwrap();
    assert_eq!(deployment.consumer.unwrap().keys.next.unwrap().0.0, 1_801_368_000_000);
    assert!(next(key).unwrap_err().contains("consumer.next_key_at (not set)"));
    assert!(next("next_key_at = \"2027-01-31T04:00:00Z\"").unwrap_err().contains("consumer.next_key (not set)"));
    for at in ["\"tomorrow\"", "\"2027-01-31\"", "2027-01-31T04:00:00Z", "1801368000"] {
        let problems = next(&format!("{key}\nnext_key_at = {at}")).unwrap_err();
        assert!(problems.contains("consumer.next_key_at (stagedoor.toml:"), "{at}: {problems}");
    }
}

#[test]
fn mn_31_identities_and_claims_are_read_strictly() {
    let identity = |table: &str| {
        let line = "identity = { forward = \"https://www.example.com/whoami\", cookies = [\"sid\"] }";
        with(&CONSUMER.replace(line, &format!("identity = {table}")), &[])
    };
    let jwt = "jwt_cookie = \"session\", issuer = \"i\", audience = \"a\"";
    let secret = "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5";
    for table in [
        "{ forward = \"https://www.example.com/whoami\" }".to_owned(),
        "{ forward = \"http://site:8000/whoami?x=1\", timeout_ms = 100, cache_seconds = 300 }".into(),
        format!("{{ {jwt}, jwks = \"https://login.example.com/jwks.json\" }}"),
        format!("{{ {jwt}, secret = \"{secret}\" }}"),
        format!("{{ {jwt}, secret = {{ env = \"PUBLIC_URL\" }} }}").replace("PUBLIC_URL", "STAGEDOOR_SECRET"),
    ] {
        let environment = [("STAGEDOOR_SECRET", secret)];
        let line = "identity = { forward = \"https://www.example.com/whoami\", cookies = [\"sid\"] }";
        let file = CONSUMER.replace(line, &format!("identity = {table}"));
        with(&file, &environment).unwrap_or_else(|problems| panic!("{table}: {problems}"));
    }
    for table in [
        "{}".to_owned(),
        "\"https://www.example.com/whoami\"".into(),
        "{ forward = \"/whoami\" }".into(),
        "{ forward = \"ftp://www.example.com/whoami\" }".into(),
        "{ forward = \"https://u:p@www.example.com/whoami\" }".into(),
        "{ forward = \"https://www.example.com/whoami\", cookies = [] }".into(),
        "{ forward = \"https://www.example.com/whoami\", cookies = \"sid\" }".into(),
        "{ forward = \"https://www.example.com/whoami\", cookie = [\"sid\"] }".into(),
        "{ forward = \"https://www.example.com/whoami\", timeout_ms = 99 }".into(),
        "{ forward = \"https://www.example.com/whoami\", timeout_ms = 10001 }".into(),
        "{ forward = \"https://www.example.com/whoami\", timeout_ms = \"2s\" }".into(),
        "{ forward = \"https://www.example.com/whoami\", cache_seconds = 301 }".into(),
        format!("{{ forward = \"https://www.example.com/whoami\", {jwt}, secret = \"{secret}\" }}"),
        format!("{{ {jwt} }}"),
        format!("{{ {jwt}, secret = \"short\" }}"),
        format!("{{ {jwt}, secret = \"changeme-changeme-changeme-changeme\" }}"),
        format!("{{ {jwt}, jwks = \"http://login.example.com/jwks.json\" }}"),
        format!("{{ {jwt}, jwks = \"no key\" }}"),
        format!("{{ {jwt}, jwks = {{ file = \"consumer.pem\" }} }}"),
        format!("{{ jwt_cookie = \"session\", issuer = \"i\", secret = \"{secret}\" }}"),
        format!("{{ jwt_cookie = \"session\", audience = \"a\", secret = \"{secret}\" }}"),
    ] {
        let problems = identity(&table).expect_err(&table);
        assert!(
            problems.starts_with("The settings have a problem.\n\n  consumer.identity (stagedoor.toml:5)"),
            "{table}: {problems}"
        );
        assert!(!problems.contains(secret), "{problems}");
    }
}

#[test]
fn mn_31_what_is_claimed_and_where_is_read_strictly() {
    for claims in ["{}", "{ exp = \"exp\" }", "{ \"a b\" = \"x\" }", "{ email = 7 }", "{ email = \"\" }", "[\"email\"]"]
    {
        let line = "claims = { email = \"email\", firstName = \"given_name\" }";
        let problems = with(&CONSUMER.replace(line, &format!("claims = {claims}")), &[]).expect_err(claims);
        assert!(
            problems.starts_with("The settings have a problem.\n\n  consumer.claims (stagedoor.toml:6)"),
            "{claims}: {problems}"
        );
    }
    for (lines, key) in [
        ("ttl_seconds = 29", "consumer.ttl_seconds"),
        ("ttl_seconds = 3601", "consumer.ttl_seconds"),
        ("required_claims = [\"phone\"]", "consumer.claims"),
    ] {
        let problems = with(&CONSUMER.replace("[consumer]", &format!("[consumer]\n{lines}")), &[]).expect_err(lines);
        assert!(problems.contains(&format!("\n  {key} (")), "{lines}: {problems}");
    }
    for origin in ["*", "www.example.com", "http://www.example.com", "https://www.example.com/chat", "null"] {
        let problems =
            with(&CONSUMER.replace("https://www.example.com\", \"http", &format!("{origin}\", \"http")), &[]);
        assert!(problems.expect_err(origin).contains("consumer.origins (stagedoor.toml:4)"), "{origin}");
    }
}

#[test]
fn mn_17_an_sdk_secret_is_a_secret() {
    for secret in ["", "short", "your_sdk_secret_from_zoom", "xxxxxxxxxxxxxxxxxxxxxxxx", "with a space in the middle"] {
        let environment = [SDK[0], ("ZOOM_COBROWSE_SDK_SECRET", secret)];
        let problems = with("cobrowse.origins = [\"https://www.example.com\"]", &environment).unwrap_err();
        assert!(problems.contains("\n  cobrowse.sdk_secret ("), "{secret:?}: {problems}");
    }
    let twice = [SDK[0], SDK[1], ("ZOOM_COBROWSE_SDK_SECRET", "Q1w2E3r4T5y6U7i8O9p0AsDfGhJkLzXc")];
    let problems = with("cobrowse.origins = [\"https://www.example.com\"]", &twice).unwrap_err();
    assert!(problems.contains("it says something else than environment variable ZOOM_SDK_SECRET"), "{problems}");
}

#[test]
fn mn_31_api_keys_are_read_strictly() {
    let hash = "ab".repeat(32);
    let keys = |list: &str| with(&format!("[cobrowse]\napi_keys = {list}"), &SDK);
    let taken = format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [1, 2], per_minute = 60000000 }}]");
    assert_eq!(keys(&taken).unwrap().cobrowse.unwrap().terms.api_keys[0].name, "desk");
    for list in [
        "{}".to_owned(),
        "[\"desk\"]".into(),
        "[{}]".into(),
        format!("[{{ name = \"\", hash = \"{hash}\", roles = [1] }}]"),
        format!("[{{ name = \"two words\", hash = \"{hash}\", roles = [1] }}]"),
        format!("[{{ name = \"desk\", hash = \"{}\", roles = [1] }}]", &hash[1..]),
        format!("[{{ name = \"desk\", hash = \"{hash}\" }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [] }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [3] }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [\"2\"] }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = 2 }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [1], per_minute = 0 }}]"),
        format!("[{{ name = \"desk\", hash = \"{hash}\", roles = [1], key = \"x\" }}]"),
        format!(
            "[{{ name = \"a\", hash = \"{hash}\", roles = [1] }}, {{ name = \"b\", hash = \"{hash}\", roles = [1] }}]"
        ),
    ] {
        let problems = keys(&list).expect_err(&list);
        assert!(
            problems.starts_with("The settings have a problem.\n\n  cobrowse.api_keys (stagedoor.toml:2)"),
            "{list}: {problems}"
        );
    }
    for (line, key) in [
        ("agents = [\"two words\"]", "cobrowse.agents"),
        ("page_max_seconds = 1799", "cobrowse.page_max_seconds"),
        ("page_max_seconds = 172801", "cobrowse.page_max_seconds"),
        ("per_minute = 0", "cobrowse.per_minute"),
        ("compat = 1", "cobrowse.compat"),
    ] {
        let file = format!("[cobrowse]\n{line}\norigins = [\"https://www.example.com\"]");
        let problems = with(&file, &SDK).expect_err(line);
        assert!(problems.contains(&format!("  {key} (stagedoor.toml:2)")), "{line}: {problems}");
    }
}
