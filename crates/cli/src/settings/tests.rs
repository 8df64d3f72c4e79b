//! Settings from every source, as a person meets them.

use std::path::PathBuf;

use insta::assert_snapshot;
use proptest::prelude::*;
use stagedoor_gateway::AppSource;
use stagedoor_store::postgres::PostgresUrl;

use super::*;

mod connect;
mod secrets;
mod store;
mod tokens;
mod webhook;

/// A directory with files in it.
struct Directory(tempfile::TempDir);

impl Directory {
    fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, environment: &[(&str, &str)]) -> Result<Deployment, String> {
        let flags = Flags { config: self.path("stagedoor.toml"), is_named: true, set: vec![] };
        let directory = format!("{}/", self.0.path().display());
        read(&flags, variables(environment)).map_err(|problems| problems.to_string().replace(&directory, ""))
    }
}

fn variables(environment: &[(&str, &str)]) -> Environment {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What is enough for `serve`.
const ENOUGH: &[(&str, &str)] = &[
    ("PUBLIC_URL", "https://app.example.com"),
    ("STAGEDOOR_SECRET", "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5"),
    ("ZOOM_CLIENT_ID", "aClientId"),
    ("ZOOM_CLIENT_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
    ("APP_UPSTREAM", "http://127.0.0.1:8000"),
];

fn enough_and(more: &[(&str, &str)]) -> Result<Deployment, String> {
    let without: Vec<_> = ENOUGH.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)).collect();
    let all: Vec<_> = without.into_iter().chain(more).copied().collect();
    read(&Flags { config: PathBuf::from("/dev/null"), is_named: true, set: vec![] }, variables(&all))
        .map_err(|problems| problems.to_string())
}

#[test]
fn the_environment_alone_is_enough() {
    let deployment = enough_and(&[]).unwrap();
    assert_eq!(deployment.listen.to_string(), "127.0.0.1:3000");
    let zoom = deployment.zoom.unwrap();
    assert_eq!(zoom.app.redirect_uri.as_str(), "https://app.example.com/zoom/callback");
    assert_eq!(zoom.app.api_host.as_str(), "https://api.zoom.us/");
    assert_eq!(deployment.store, StoreUrl::Sqlite("stagedoor.db".into()));
}

#[test]
fn the_names_that_zooms_samples_use_are_understood() {
    let canonical = [
        ("PUBLIC_URL", "https://app.example.com"),
        ("ZOOM_CLIENT_ID", "aClientId"),
        ("ZOOM_CLIENT_SECRET", "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
        ("APP_UPSTREAM", "http://127.0.0.1:8000"),
        ("ZOOM_HOST", "zoom.us"),
        ("ZOOM_WEBHOOK_SECRET_TOKEN", "q1W2e3R4t5Y6u7I8o9P0aS"),
        ("ZOOM_SDK_KEY", "aSdkKey"),
        ("ZOOM_SDK_SECRET", "z1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
    ];
    for key in keys::ALL {
        let Some((_, value)) = canonical.iter().find(|(name, _)| key.env.first() == Some(name)) else { continue };
        for other in &key.env[1..] {
            let understood = |variables: &[(&str, &str)]| {
                let mut all: Vec<_> = canonical.iter().copied().chain([ENOUGH[1]]).collect();
                all.retain(|(name, _)| Some(name) != key.env.first());
                all.extend(variables);
                let origins = vec!["cobrowse.origins=https://www.example.com".to_owned()];
                let flags = Flags { config: PathBuf::from("/dev/null"), is_named: true, set: origins };
                read::<Deployment>(&flags, self::variables(&all)).map_err(|problems| problems.to_string())
            };
            assert!(understood(&[(other, value)]).is_ok(), "{other}: {:?}", understood(&[(other, value)]));
            // Every value ends in something that another digit may take the place of.
            let differing = format!("{}1", &value[..value.len() - 1]);
            let both = understood(&[(other, value), (key.env[0], &differing)]).unwrap_err();
            assert!(both.contains("says something else"), "{other}: {both}");
        }
    }
    let spellings = |path| keys::find(path).map_or(0, |key| key.env.len());
    assert_eq!([spellings("public_url"), spellings("cobrowse.sdk_key"), spellings("app.upstream")], [3, 2, 3]);
}

#[test]
fn a_redirect_url_of_zooms_samples_is_compared_with_the_one_that_is_used() {
    let caveats = |name: &str, value: &str| enough_and(&[(name, value)]).unwrap().caveats;
    for name in keys::REDIRECTS {
        assert_eq!(caveats(name, "https://app.example.com/zoom/callback"), [] as [String; 0]);
        for other in ["https://app.example.com/auth", "https://app.example.com.evil.example/zoom/callback", "auth"] {
            let [caveat] = &caveats(name, other)[..] else { panic!("{name} {other}") };
            assert!(caveat.contains(name) && caveat.contains("https://app.example.com/zoom/callback"), "{caveat}");
        }
    }
}

#[test]
fn a_session_secret_of_zooms_samples_is_not_taken_for_the_secret_and_that_is_said() {
    let sample = ("SESSION_SECRET", "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5");
    let said = enough_and(&[("STAGEDOOR_SECRET", ""), sample]).unwrap_err();
    assert!(said.contains("STAGEDOOR_SECRET is set, but empty"), "{said}");
    let mut without: Vec<_> = ENOUGH.iter().copied().filter(|(name, _)| *name != "STAGEDOOR_SECRET").collect();
    without.push(sample);
    let flags = Flags { config: PathBuf::from("/dev/null"), is_named: true, set: vec![] };
    let said = read::<Deployment>(&flags, variables(&without)).unwrap_err().to_string();
    assert!(said.contains("SESSION_SECRET is not taken for it") && said.contains("or STAGEDOOR_SECRET in"), "{said}");
    assert!(!said.contains(sample.1), "{said}");
    assert!(enough_and(&[sample]).is_ok());
}

#[test]
fn a_file_with_five_mistakes_gets_five_messages() {
    let file = r#"
public_url = "http://app.example.com"
secret = "too short"
colour = "red"

[zoom]
clientid = "aClientId"
client_secret = "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"

[app]
upstream = "http://127.0.0.1:8000"

[session]
ttl_seconds = "2junk"
"#;
    assert_snapshot!(Directory::with(&[("stagedoor.toml", file)]).read(&[]).unwrap_err(), @r"
    The settings have 5 problems.

      public_url (stagedoor.toml:2)
        Zoom opens apps over https only
        fix: write https://app.example.com; http is for localhost only

      secret (stagedoor.toml:3)
        it has 9 bytes; 32 are the least
        fix: make one with: openssl rand -base64 32

      colour (stagedoor.toml:4)
        there is no such setting
        fix: remove it; docs/settings.md lists every setting

      zoom.clientid (stagedoor.toml:7)
        there is no such setting
        fix: did you mean zoom.client_id?

      session.ttl_seconds (stagedoor.toml:14)
        it is text
        fix: write a whole number, without quotes
    ");
}

#[test]
fn mn_31_nothing_is_read_leniently() {
    for (name, value) in [
        ("LISTEN", "3000"),
        ("LISTEN", "127.0.0.1:3000junk"),
        ("LISTEN", ":3000"),
        ("LISTEN", "127.0.0.1:70000"),
        ("PORT", "2junk"),
        ("PORT", "+80"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "app.example.com"),
        ("PUBLIC_URL", "http://app.example.com"),
        ("PUBLIC_URL", "https:app.example.com"),
        ("PUBLIC_URL", "https://user@app.example.com"),
        ("PUBLIC_URL", "https://app.example.com/app"),
        ("PUBLIC_URL", "https://app.example.com?a"),
        ("PUBLIC_URL", "https://app.example.com#a"),
        ("PUBLIC_URL", "https://app.example.com\\@evil.example"),
        ("PUBLIC_URL", "https:///app.example.com"),
        ("PUBLIC_URL", "https://%61pp.example.com"),
        ("PUBLIC_URL", "ftp://app.example.com"),
        ("ZOOM_HOST", "http://zoom.us"),
        ("ZOOM_HOST", "localhost:4000"),
        ("APP_UPSTREAM", "127.0.0.1:8000"),
        ("ZOOM_CLIENT_ID", "two words"),
        ("DATABASE_URL", "stagedoor.db"),
        ("DATABASE_URL", "mysql://stagedoor:hunter2@db/stagedoor"),
        ("DATABASE_URL", "postgres://stagedoor:hunter2@db/stagedoor?sslmode=verify-ca"),
        ("DATABASE_URL", "postgres://stagedoor:hunter2@db/stagedoor?colour=hunter2"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://:hunter2@cache#insecure"),
        ("REDIS_URL", "redis://:hunter2@cache/hunter2"),
        ("LOG_LEVEL", "loud"),
        ("ZOOM_WEBHOOK_SECRET_TOKEN", "sometoken"),
    ] {
        let problems = enough_and(&[(name, value)]).expect_err(value);
        assert!(problems.starts_with("The settings have a problem."), "{name}={value}: {problems}");
        assert!(problems.contains(&format!("environment variable {name})")), "{name}={value}: {problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn typed_settings_have_their_type_and_range() {
    for (line, key) in [
        ("session.ttl_seconds = 0", "session.ttl_seconds"),
        ("session.pwa_ttl_seconds = 3601", "session.pwa_ttl_seconds"),
        ("session.ttl_seconds = 1e3", "session.ttl_seconds"),
        ("session.ttl_seconds = 99999999999999999999", "session.ttl_seconds"),
        ("session.pwa_http_only = \"false\"", "session.pwa_http_only"),
        ("pwa.enabled = 1", "pwa.enabled"),
        ("app.guests = \"maybe\"", "app.guests"),
        ("app.public = [\"no-slash\"]", "app.public"),
        ("app.public = \"/a\"", "app.public"),
        ("app.home = \"/a?b\"", "app.home"),
        ("app.home = \"//evil.example\"", "app.home"),
        ("app.public = [\"/a*b\"]", "app.public"),
        ("app.home = \"/a/../b\"", "app.home"),
        ("headers.csp = { img-src = \"a; b\" }", "headers.csp"),
        ("headers.csp = { img-src = [\"a\"] }", "headers.csp"),
        ("headers.referrer_policy = \"none\"", "headers.referrer_policy"),
        ("headers.hsts_max_age = -1", "headers.hsts_max_age"),
        ("prefix = \"/\"", "prefix"),
        ("prefix = \"/zoom/\"", "prefix"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies"),
        ("zoom.required_scopes = [\"two words\"]", "zoom.required_scopes"),
        ("zoom = 3", "zoom"),
        ("listen = { a = 1 }", "listen"),
        ("secret = 12", "secret"),
        ("previous_secrets = [\"short\"]", "previous_secrets"),
    ] {
        let environment: Vec<_> =
            ENOUGH.iter().filter(|(name, _)| key != "secret" || *name != "STAGEDOOR_SECRET").copied().collect();
        let problems = Directory::with(&[("stagedoor.toml", line)]).read(&environment).expect_err(line);
        assert!(problems.contains(&format!("\n  {key} (stagedoor.toml:1)")), "{line}: {problems}");
        assert!(problems.starts_with("The settings have a problem."), "{line}: {problems}");
    }
}

#[test]
fn later_sources_win() {
    let file = "listen = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:1\"\n";
    let directory =
        Directory::with(&[("stagedoor.toml", file), (".env", "LISTEN=127.0.0.1:2\nADMIN_LISTEN=127.0.0.1:2\n")]);
    let environment: Vec<_> = ENOUGH.iter().copied().chain([("PORT", "3")]).collect();
    let deployment = directory.read(&environment).unwrap();
    assert_eq!(deployment.listen.to_string(), "0.0.0.0:3");
    assert_eq!(deployment.admin_listen.to_string(), "127.0.0.1:2");
    let flags =
        Flags { config: directory.path("stagedoor.toml"), is_named: true, set: vec!["listen=127.0.0.1:4".into()] };
    let deployment: Deployment = read(&flags, variables(&environment)).unwrap();
    assert_eq!(deployment.listen.to_string(), "127.0.0.1:4");
}

#[test]
fn a_stronger_source_chooses_between_root_and_upstream() {
    let directory = Directory::with(&[("stagedoor.toml", "app.root = \".\"")]);
    let app = directory.read(ENOUGH).unwrap().gateway.app.unwrap();
    assert!(matches!(app.source, AppSource::Upstream(url) if url.as_str() == "http://127.0.0.1:8000/"));
    let directory =
        Directory::with(&[("stagedoor.toml", "app.root = \".\"\napp.upstream = \"http://127.0.0.1:8000\"")]);
    assert_snapshot!(directory.read(&ENOUGH[..4]).unwrap_err(), @r"
    The settings have a problem.

      app.upstream (stagedoor.toml:2)
        app.root is set too (stagedoor.toml:1)
        fix: set only one of the two
    ");
}

#[test]
fn two_spellings_agree_or_are_refused() {
    assert!(enough_and(&[("ZM_CLIENT_ID", "aClientId")]).is_ok());
    assert!(enough_and(&[("ZOOM_HOST", "zoom.us"), ("ZM_HOST", "https://zoom.us")]).is_ok());
    assert!(enough_and(&[("LISTEN", "0.0.0.0:8080"), ("PORT", "8080")]).is_ok());
    let error = enough_and(&[
        ("ZM_CLIENT_ID", "anotherId"),
        ("ZOOM_APP_CLIENT_SECRET", "Q1w2E3r4T5y6U7i8O9p0AsDfGhJkLzXc"),
        ("PORT", "8080"),
        ("LISTEN", "127.0.0.1:8080"),
    ]);
    assert_snapshot!(error.unwrap_err(), @r"
    The settings have 3 problems.

      listen (environment variable PORT)
        it says something else than environment variable LISTEN
        fix: set only one of the two

      zoom.client_id (environment variable ZM_CLIENT_ID)
        it says something else than environment variable ZOOM_CLIENT_ID
        fix: set only one of the two

      zoom.client_secret (environment variable ZOOM_APP_CLIENT_SECRET)
        it says something else than environment variable ZOOM_CLIENT_SECRET
        fix: set only one of the two
    ");
}

#[test]
fn mn_35_what_is_for_the_operator_has_a_listener_of_its_own() {
    for admin in ["127.0.0.1:3000", "0.0.0.0:3000"] {
        let error = enough_and(&[("ADMIN_LISTEN", admin)]).map(|_| ()).unwrap_err();
        assert!(error.contains("admin_listen (environment variable ADMIN_LISTEN)"), "{error}");
        assert!(error.contains("listen has this port, too"), "{error}");
    }
    for (listen, admin) in [("127.0.0.1:3000", "127.0.0.2:3000"), ("127.0.0.1:0", "127.0.0.1:0")] {
        enough_and(&[("LISTEN", listen), ("ADMIN_LISTEN", admin)]).unwrap();
    }
    assert!(enough_and(&[("PORT", "9464")]).is_err(), "the default of admin_listen is there");
}

#[test]
fn zoom_may_be_an_emulator_or_the_government_cloud() {
    let hosts = |name: &str| {
        let zoom = enough_and(&[("ZOOM_HOST", name)]).unwrap().zoom.unwrap().app;
        (zoom.host.to_string(), zoom.api_host.to_string())
    };
    assert_eq!(hosts("zoomgov.com"), ("https://zoomgov.com/".into(), "https://api.zoomgov.com/".into()));
    assert_eq!(hosts("http://localhost:4000"), ("http://localhost:4000/".into(), "http://localhost:4000/".into()));
}

#[test]
fn a_broken_file_hides_nothing_and_invents_nothing() {
    let file = "public_url = \"https://app.example.com\nlisten = \"3000\"\nlisten = \"127.0.0.1:3000\"\n";
    assert_snapshot!(Directory::with(&[("stagedoor.toml", file)]).read(&[]).unwrap_err(), @r#"
    The settings have 3 problems.

      the file (stagedoor.toml:1)
        this is not TOML: invalid basic string, expected `"`
        fix: see https://toml.io for how values are written

      listen (stagedoor.toml:2)
        "3000" is not an address with a port
        fix: write address:port, for example 127.0.0.1:3000, or 0.0.0.0:3000 for all interfaces

      listen (stagedoor.toml:3)
        it is given twice
        fix: remove one of the two lines
    "#);
}

#[test]
fn nothing_of_zooms_api_is_called_unless_the_settings_say_so() {
    let read = |file: &str| Directory::with(&[("stagedoor.toml", file)]).read(ENOUGH);
    let rules = |file: &str| -> Vec<String> {
        let deployment = read(file).unwrap();
        deployment.gateway.api_allow.rules().iter().map(|rule| rule.as_str().to_owned()).collect()
    };
    assert!(rules("").is_empty());
    let file = "[app]\napi_allow = [\"GET /v2/users/me\", \"GET /v2/meetings/*\"]\n";
    assert_eq!(rules(file), ["GET /v2/users/me", "GET /v2/meetings/*"]);
    let wrong = read("[app]\napi_allow = [\"GET /v2/users/me\", \"/v2/users\"]\n").unwrap_err();
    assert!(wrong.contains("app.api_allow") && wrong.contains("write a method and a path"), "{wrong}");
}

#[test]
fn the_defaults_have_no_problem_and_leave_out_only_what_has_none() {
    let mut problems = Vec::new();
    let parsed = file::parse(source::DEFAULTS, "defaults".as_ref(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    assert!(!parsed.layer.is_empty());
    enough_and(&[]).unwrap();
}

#[test]
fn the_starter_file_changes_no_default() {
    let text = starter_file(Some("https://app.example.com"));
    let directory = Directory::with(&[("stagedoor.toml", &text.replace("root = \"app\"", "root = \".\""))]);
    let deployment = directory.read(&ENOUGH[1..4]).unwrap();
    let root = directory.path(".");
    assert!(matches!(deployment.gateway.app.unwrap().source, AppSource::Root(path) if path == root));
    assert_eq!(deployment.listen.to_string(), "127.0.0.1:3000");
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "\\PC*") {
        let mut problems = Vec::new();
        let _ = file::parse(&text, "any".as_ref(), &mut problems);
        let _ = dotenv::parse(&text);
    }

    #[test]
    fn no_settings_make_it_panic(
        lines in prop::collection::vec(("[a-z_.]{1,12}|public_url|listen|secret|zoom.client_secret|app.root|store.url|trusted_proxies|headers.csp", any::<String>(), 0..7usize), 0..6),
        variables in prop::collection::btree_map("LISTEN|PORT|PUBLIC_URL|STAGEDOOR_SECRET|STAGEDOOR_SECRET_FILE|ZOOM_HOST|DATABASE_URL|APP_ROOT|REDIS_URL", "[^\0]*", 0..6),
    ) {
        let value = |text: &str, kind| match kind {
            0 => format!("{text:?}"),
            1 => format!("[{text:?}]"),
            2 => format!("{{ file = {text:?} }}"),
            3 => format!("{{ env = {text:?} }}"),
            4 => "-1".to_owned(),
            5 => "true".to_owned(),
            _ => text.to_owned(),
        };
        let lines: Vec<_> = lines.iter().map(|(key, text, kind)| format!("{key} = {}", value(text, *kind))).collect();
        let file = lines.join("\n");
        let directory = Directory::with(&[("stagedoor.toml", &file), (".env", &file)]);
        let flags = Flags { config: directory.path("stagedoor.toml"), is_named: true, set: vec![] };
        if let Err(problems) = read::<Deployment>(&flags, variables.into_iter().collect()) {
            prop_assert!(problems.to_string().lines().count() >= 5);
        }
    }
}

#[test]
fn a_fingerprint_tells_what_refreshes_depend_on_from_what_they_do_not() {
    let of = |more: &[(&str, &str)]| enough_and(more).unwrap().fingerprint().unwrap();
    let first = of(&[]);
    assert_eq!((first.len(), &first), (32, &of(&[])));
    for same in [("LOG_LEVEL", "debug"), ("PORT", "8080"), ("APP_UPSTREAM", "http://127.0.0.1:8001")] {
        assert_eq!(of(&[same]), first, "{same:?}");
    }
    for other in [
        ("STAGEDOOR_SECRET", "Z0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5"),
        ("STAGEDOOR_PREVIOUS_SECRETS", "Z0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5"),
        ("ZOOM_CLIENT_ID", "anotherClientId"),
        ("ZOOM_CLIENT_SECRET", "Z1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"),
        ("ZOOM_HOST", "https://zoomgov.com"),
        ("DATABASE_URL", "sqlite:another.db"),
    ] {
        assert_ne!(of(&[other]), first, "{other:?}");
    }
}

#[test]
fn refreshes_outlive_the_process_unless_that_is_switched_off() {
    let outlives = |lines: &str| {
        let file = format!("app.upstream = \"http://127.0.0.1:8000\"\n{lines}");
        Directory::with(&[("stagedoor.toml", &file)]).read(&ENOUGH[..4]).map(|deployment| deployment.outlive)
    };
    assert_eq!((outlives(""), outlives("tokens.outlive = false")), (Ok(true), Ok(false)));
    assert!(outlives("tokens.outlive = \"no\"").unwrap_err().contains("tokens.outlive (stagedoor.toml:2)"));
}
