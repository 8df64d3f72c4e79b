//! Where things are kept.

use super::*;

#[test]
fn the_store_is_a_file_or_a_database_whose_password_nobody_sees() {
    const URL: &str = "postgres://stagedoor:hunter2@db/stagedoor?sslmode=verify-full";
    let directory = Directory::with(&[("url", URL), ("stagedoor.toml", "store.url = { file = \"url\" }")]);
    let name = directory.path("url").display().to_string();
    let by_file = directory.read(ENOUGH).unwrap();
    let by_name = enough_and(&[("DATABASE_URL_FILE", &name)]).unwrap();
    let by_environment = enough_and(&[("DATABASE_URL", URL)]).unwrap();
    for store in [by_file.store, by_name.store, by_environment.store] {
        assert_eq!(store, StoreUrl::Postgres(Box::new(PostgresUrl::parse(URL).unwrap())));
        assert!(!format!("{store:?} {store}").contains("hunter2"));
    }
    let redis = enough_and(&[("REDIS_URL", "redis://:hunter2@cache")]).unwrap().store;
    assert!(matches!(redis, StoreUrl::Redis(_)));
    assert!(!format!("{redis:?} {redis}").contains("hunter2"));
    let both = [("DATABASE_URL", URL), ("REDIS_URL", "redis://cache")];
    assert!(enough_and(&both).unwrap_err().contains("set only one of the two"));
}

#[test]
fn a_store_on_the_command_line_has_no_password() {
    let read = |url: &str| {
        let set = vec![format!("store.url={url}")];
        let flags = Flags { config: "no such file".into(), is_named: false, set };
        let environment = ENOUGH.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read::<Deployment>(&flags, environment).map(|deployment| deployment.store).map_err(|wrong| wrong.to_string())
    };
    assert_eq!(read("sqlite:///var/lib/stagedoor.db").unwrap(), StoreUrl::Sqlite("/var/lib/stagedoor.db".into()));
    assert!(matches!(read("postgres://stagedoor@db/stagedoor").unwrap(), StoreUrl::Postgres(_)));
    for url in ["postgres://u:hunter2@db/db", "postgres://db/db?user=u&password=hunter2", "redis://:hunter2@cache"] {
        let refused = read(url).unwrap_err();
        assert!(refused.contains("does not belong on the command line") && !refused.contains("hunter2"), "{refused}");
    }
}
