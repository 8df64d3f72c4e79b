//! Third-party providers: what is enough, what is added, and what is refused.

use insta::assert_snapshot;
use stagedoor_flows::connect::{Metadata, Provider};

use super::{Directory, ENOUGH};

fn providers(toml: &str, more: &[(&str, &str)]) -> Result<Vec<Provider>, String> {
    let directory = Directory::with(&[("stagedoor.toml", toml)]);
    let all: Vec<_> = ENOUGH.iter().chain(more).copied().collect();
    let zoom = directory.read(&all)?.zoom.unwrap();
    Ok(zoom.providers.build(&zoom.registration).unwrap())
}

fn refused(members: &str) -> String {
    providers(&format!("[[connect]]\n{members}\n"), &[("SECRET_AT_ACME", "Qm8x2Lr7Vt4Kd9Wz6Bn1")]).unwrap_err()
}

const ACME: &str = "client_id = \"our-client\"\nclient_secret = { env = \"SECRET_AT_ACME\" }";

#[test]
fn a_preset_credentials_and_nothing_else_are_enough() {
    for (preset, more, openid) in [
        ("google", "", true),
        ("microsoft", "", false),
        ("github", "", false),
        ("salesforce", "", true),
        ("hubspot", "", false),
        ("auth0", "issuer = \"https://tenant.eu.auth0.com\"", true),
        ("okta", "issuer = \"https://dev-1.okta.com/oauth2/default/\"", true),
    ] {
        let toml = format!("[[connect]]\npreset = \"{preset}\"\n{more}\n{ACME}\n");
        let providers = providers(&toml, &[("SECRET_AT_ACME", "Qm8x2Lr7Vt4Kd9Wz6Bn1")]).unwrap();
        assert_eq!(providers[0].name.as_str(), preset);
        assert_eq!(providers[0].client.is_openid(), openid, "{preset}");
        assert!(!providers[0].client.scopes.is_empty());
        let redirect = format!("https://app.example.com/zoom/connect/{preset}/callback");
        assert_eq!(providers[0].client.redirect_uri.as_str(), redirect);
    }
}

#[test]
fn a_fingerprint_knows_the_providers_by_their_secrets_too() {
    let of = |secret| {
        let toml = format!("[[connect]]\npreset = \"github\"\n{ACME}\n");
        let all: Vec<_> = ENOUGH.iter().chain(&[("SECRET_AT_ACME", secret)]).copied().collect();
        Directory::with(&[("stagedoor.toml", &toml)]).read(&all).unwrap().fingerprint().unwrap()
    };
    assert_ne!(of("Qm8x2Lr7Vt4Kd9Wz6Bn1"), of("Qm8x2Lr7Vt4Kd9Wz6Bn2"));
}

#[test]
fn mn_31_an_address_is_not_read_leniently() {
    for issuer in [
        "https:acme.example",
        "https:///acme.example",
        "https://@acme.example",
        "https://acme.example\\\\x",
        "acme.example",
    ] {
        let wrong = refused(&format!("name = \"acme\"\nissuer = \"{issuer}\"\n{ACME}"));
        assert!(wrong.contains("issuer: it "), "{issuer}: {wrong}");
    }
}

#[test]
fn a_provider_of_ones_own_is_an_issuer_or_endpoints() {
    let toml = format!(
        "prefix = \"/gate\"\n[[connect]]\nname = \"acme\"\nissuer = \"https://acme.example\"\n{ACME}\n\
         authorize = {{ prompt = \"consent\" }}\napi = \"https://api.acme.example/v1\"\n\
         [[connect]]\nname = \"plain\"\nauthorize_url = \"https://plain.example/a\"\ntoken_url = \"https://plain.example/t\"\n\
         client_id = \"public-client\"\nclient_auth = \"none\"\nscopes = [\"read\"]\n"
    );
    let providers = providers(&toml, &[("SECRET_AT_ACME", "Qm8x2Lr7Vt4Kd9Wz6Bn1")]).unwrap();
    let [acme, plain] = &providers[..] else { panic!("{providers:?}") };
    assert!(matches!(&acme.metadata, Metadata::Discovered { issuer } if issuer == "https://acme.example"));
    assert_eq!(acme.client.extra, [("prompt".to_owned(), "consent".to_owned())]);
    assert_eq!(acme.client.scopes, ["openid"]);
    assert_eq!(acme.client.redirect_uri.as_str(), "https://app.example.com/gate/connect/acme/callback");
    assert_eq!(format!("{:?} {:?}", acme.client.auth, plain.client.auth), "client_secret_basic none");
    assert!(
        matches!(&plain.metadata, Metadata::Given(endpoints) if endpoints.token.as_str() == "https://plain.example/t")
    );
    assert!(plain.api.is_none());
}

#[test]
fn the_variables_of_zooms_advanced_sample_are_a_provider_named_auth0() {
    let variables = [
        ("AUTH0_ISSUER_BASE_URL", "https://tenant.eu.auth0.com"),
        ("AUTH0_CLIENT_ID", "auth0Client"),
        ("AUTH0_CLIENT_SECRET", "Qm8x2Lr7Vt4Kd9Wz6Bn1"),
    ];
    let providers_of_sample = providers("", &variables).unwrap();
    let [auth0] = &providers_of_sample[..] else { panic!("{providers_of_sample:?}") };
    assert_eq!(auth0.name.as_str(), "auth0");
    assert!(matches!(&auth0.metadata, Metadata::Discovered { issuer } if issuer == "https://tenant.eu.auth0.com/"));
    let twice = providers(
        &format!("[[connect]]\nname = \"auth0\"\nissuer = \"https://a.example\"\n{ACME}\n"),
        &[("SECRET_AT_ACME", "Qm8x2Lr7Vt4Kd9Wz6Bn1"), variables[0], variables[1], variables[2]],
    );
    assert!(twice.unwrap_err().contains("there is a [[connect]] named auth0, too"));
    assert!(providers("", &variables[..1]).unwrap_err().contains("AUTH0_CLIENT_SECRET"));
}

#[test]
fn what_is_missing_or_does_not_fit_is_said_with_its_fix() {
    assert_snapshot!(refused("preset = \"facebook\""), @r#"
    The settings have a problem.

      connect (stagedoor.toml:1)
        number 1: preset: there is no such preset
        fix: write google, microsoft, github, salesforce, hubspot, auth0, okta
    "#);
    assert_snapshot!(refused("preset = \"okta\"\nclient_id = \"a\""), @r#"
    The settings have a problem.

      connect (stagedoor.toml:1)
        number 1: nothing says where the provider is
        fix: add issuer = "https://YOUR-DOMAIN.okta.com/oauth2/default"
    "#);
    assert_snapshot!(refused("preset = \"github\"\nclient_id = \"our-client\""), @r#"
    The settings have a problem.

      connect (stagedoor.toml:1)
        number 1: client_secret is missing
        fix: add client_secret = { env = "…" }, a private_key, or client_auth = "none"
    "#);
}

#[test]
fn mn_31_a_provider_is_not_read_leniently() {
    for (members, what) in [
        (format!("issuer = \"https://a.example\"\n{ACME}"), "name is missing"),
        (format!("name = \"Acme\"\nissuer = \"https://a.example\"\n{ACME}"), "name: it must be 1 to 32 lower-case"),
        (format!("name = \"a/b\"\nissuer = \"https://a.example\"\n{ACME}"), "name: it must be 1 to 32 lower-case"),
        (format!("name = \"a\"\nissuer = \"http://a.example\"\n{ACME}"), "issuer: secrets would travel in the clear"),
        (format!("name = \"a\"\nissuer = \"https://u@a.example\"\n{ACME}"), "issuer: it has a user name"),
        (format!("name = \"a\"\n{ACME}"), "nothing says where the provider is"),
        (format!("name = \"a\"\ntoken_url = \"https://a.example\"\n{ACME}"), "only one of authorize_url and token_url"),
        (
            format!("name = \"a\"\nissuer = \"https://a.example\"\nrevoke_url = \"https://a.example\"\n{ACME}"),
            "they belong to",
        ),
        (format!("preset = \"github\"\nscopes = [\"openid\"]\n{ACME}"), "openid needs an issuer"),
        (format!("preset = \"github\"\nscopes = [\"a b\"]\n{ACME}"), "is not a scope"),
        (format!("preset = \"github\"\nauthorize = {{ state = \"fixed\" }}\n{ACME}"), "state is set by Stagedoor"),
        (format!("preset = \"github\"\napi = \"http://api.github.com\"\n{ACME}"), "api: secrets would travel"),
        (format!("preset = \"github\"\ncolour = \"red\"\n{ACME}"), "colour is not known here"),
        (format!("preset = \"github\"\nclient_auth = \"private_key_jwt\"\n{ACME}"), "client_auth: it does not fit"),
        (
            "preset = \"github\"\nclient_id = \"your_id\"\nclient_secret = \"Qm8x2Lr7Vt4Kd9Wz6Bn1\"".into(),
            "client_id: it is a placeholder",
        ),
        (
            "preset = \"github\"\nclient_id = \"a\"\nclient_secret = \"changeme-changeme\"".into(),
            "client_secret: it is a placeholder",
        ),
        ("preset = \"github\"\nclient_id = \"a\"\nclient_secret = \"short\"".into(), "client_secret: it is shorter"),
        (
            "preset = \"github\"\nclient_id = \"a\"\nprivate_key = \"not a key\"".into(),
            "private_key: it holds no private key",
        ),
    ] {
        let problems = refused(&members);
        assert!(problems.contains(what), "{members}: {problems}");
        assert!(!problems.contains("Qm8x2Lr7Vt4Kd9Wz6Bn1"), "{problems}");
    }
    let two = format!(
        "[[connect]]\npreset = \"github\"\n{ACME}\n[[connect]]\nname = \"github\"\npreset = \"google\"\n{ACME}\n"
    );
    assert!(providers(&two, &[("SECRET_AT_ACME", "Qm8x2Lr7Vt4Kd9Wz6Bn1")]).unwrap_err().contains("two named github"));
    assert!(providers("connect = \"github\"\n", &[]).unwrap_err().contains("[[connect]]"));
}
