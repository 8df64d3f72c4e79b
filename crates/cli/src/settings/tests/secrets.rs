//! Where secrets come from, and which are refused.

use super::*;

#[test]
fn mn_17_a_missing_default_short_or_placeholder_secret_is_refused() {
    for secret in [
        "",
        "short",
        "changeme-changeme-changeme-changeme",
        "your-secret-of-at-least-32-characters",
        "<the secret of this deployment goes here>",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "secretsecretsecretsecretsecretsecret",
        " A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5",
    ] {
        let problems = enough_and(&[("STAGEDOOR_SECRET", secret)]).unwrap_err();
        assert!(problems.contains("\n  secret ("), "{secret:?}: {problems}");
        assert!(secret.len() < 6 || !problems.contains(secret), "the secret is quoted: {problems}");
    }
    for secret in
        ["", "short", "your_client_secret_from_zoom", "xxxxxxxxxxxxxxxxxxxxxxxx", "with a space in the middle"]
    {
        let problems = enough_and(&[("ZOOM_CLIENT_SECRET", secret)]).unwrap_err();
        assert!(problems.contains("\n  zoom.client_secret ("), "{secret:?}: {problems}");
    }
}

#[test]
fn a_secret_comes_from_a_file_too() {
    let secret = "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5";
    let directory = Directory::with(&[
        ("secret", &format!("{secret}\n")),
        ("empty", "\n"),
        ("other", "Z9b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5"),
    ]);
    let path = |name: &str| directory.path(name).display().to_string();
    let deployment = enough_and(&[("STAGEDOOR_SECRET", ""), ("STAGEDOOR_SECRET_FILE", &path("secret"))]).unwrap();
    assert_eq!(deployment.secrets.current.expose(), secret);
    assert!(enough_and(&[("STAGEDOOR_SECRET_FILE", &path("secret"))]).is_ok(), "the same twice is no conflict");
    for bad in ["empty", "absent", "other"] {
        let problems = enough_and(&[("STAGEDOOR_SECRET_FILE", &path(bad))]).unwrap_err();
        assert!(problems.contains("environment variable STAGEDOOR_SECRET_FILE"), "{bad}: {problems}");
    }
}

#[test]
fn a_secret_in_toml_is_text_file_or_variable() {
    let secret = "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5";
    let environment: Vec<_> = ENOUGH.iter().copied().filter(|(name, _)| *name != "STAGEDOOR_SECRET").collect();
    for (file, is_fine) in [
        (format!("secret = \"{secret}\""), true),
        ("secret = { file = \"secret\" }".into(), true),
        ("secret = { env = \"FROM_DOTENV\" }".into(), true),
        ("secret = { env = \"ABSENT\" }".into(), false),
        ("secret = { file = \"absent\" }".into(), false),
        ("secret = { file = \"secret\", env = \"FROM_DOTENV\" }".into(), false),
        ("secret = {}".into(), false),
        ("secret = { files = \"secret\" }".into(), false),
    ] {
        let dotenv = format!("FROM_DOTENV='{secret}'");
        let directory = Directory::with(&[("stagedoor.toml", &file), ("secret", secret), (".env", &dotenv)]);
        assert_eq!(directory.read(&environment).is_ok(), is_fine, "{file}");
    }
}

#[test]
fn previous_secrets_are_lists() {
    let (a, b) = ("A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5", "B0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5");
    let deployment = enough_and(&[("STAGEDOOR_PREVIOUS_SECRETS", &format!("{a}, {b}"))]).unwrap();
    assert_eq!(deployment.secrets.previous.len(), 2);
    let file = format!("previous_secrets = [{{ file = \"old\" }}, \"{b}\"]");
    let deployment = Directory::with(&[("stagedoor.toml", &file), ("old", a)]).read(ENOUGH).unwrap();
    assert_eq!(deployment.secrets.previous[0].expose(), a);
}

#[test]
fn a_flag_takes_no_secret_and_no_unknown_key() {
    let set = ["secret=A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5", "liste=1", "listen"].map(str::to_owned).into();
    let flags = Flags { config: PathBuf::from("/dev/null"), is_named: true, set };
    assert_snapshot!(read::<Deployment>(&flags, variables(ENOUGH)).unwrap_err(), @r#"
    The settings have 3 problems.

      liste (flag --set liste)
        there is no such setting
        fix: did you mean listen?

      listen (flag --set listen)
        it has no value
        fix: write --set listen=VALUE

      secret (flag --set secret)
        a secret does not belong on the command line
        fix: use the environment, or { file = "…" } in the settings file, for secret
    "#);
}
