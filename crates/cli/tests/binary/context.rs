use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{ENOUGH, Place};

fn place() -> Place {
    Place::new().with(&ENOUGH[2..4])
}

/// Every vector that was made with another implementation: see `crates/protocol/tests/vectors/README.md`.
#[test]
fn every_vector_behaves_as_recommended() {
    let text = include_str!("../../../protocol/tests/vectors/app-context.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap_or("vEcToR_cLiEnT_iD_01aZ");
        let place =
            Place::new().with(&[("ZOOM_CLIENT_ID", text("expected_aud")), ("ZOOM_CLIENT_SECRET", text("secret"))]);
        let now = vector["now_ms"].to_string();
        let ran = place.run(&["context", "open", "--json", "--now", &now, text("context")]);
        let json = ran.json();
        if text("recommended").starts_with("accept") {
            assert_eq!((ran.status, &json["ok"]), (0, &Value::Bool(true)), "{}: {json}", vector["name"]);
            let plaintext: Value = serde_json::from_str(text("plaintext")).unwrap();
            assert_eq!(json["claims"], plaintext, "{}", vector["name"]);
        } else {
            assert_eq!((ran.status, &json["ok"]), (1, &Value::Bool(false)), "{}: {json}", vector["name"]);
            assert!(json["code"].as_str().unwrap().starts_with("context_"), "{json}");
        }
    }
}

#[test]
fn a_sealed_context_opens_again() {
    let claims = r#"{"typ":"meeting","uid":"someone","mid":"a/b+c==","attendrole":"host","note":[1,{"x":null}]}"#;
    let sealed = place().run_with(&["context", "seal", "--now", "1763769600000"], claims);
    assert_eq!(sealed.status, 0, "{sealed:?}");
    let opened = place().run_with(&["context", "open", "--now", "1763769630000"], &sealed.stdout);
    assert_snapshot!(opened.stdout, @r#"
    This context is valid: Zoom made it for this app.

      attendrole   "host"
      aud          "vEcToR_cLiEnT_iD_01aZ"
      exp          1763769720000  (2025-11-22T00:02:00Z, in 90 s)
      iss          "marketplace.zoom.us"
      mid          "a/b+c=="
      note         [1,{"x":null}]
      ts           1763769600000  (2025-11-22T00:00:00Z, 30 s ago)
      typ          "meeting"
      uid          "someone"
    "#);
}

#[test]
fn claims_that_are_given_are_kept() {
    let claims = r#"{"typ":"panel","aud":"another","iss":"x","ts":1,"exp":2}"#;
    let sealed = place().run(&["context", "seal", "--json", claims]).json();
    let opened = place().run(&["context", "open", "--json", sealed["context"].as_str().unwrap()]);
    assert_eq!(opened.status, 1);
    assert_eq!(opened.json()["code"], "context_audience");
}

#[test]
fn a_refusal_is_explained() {
    let sealed = place().run(&["context", "seal", "--now", "1763769600000", r#"{"typ":"panel"}"#]).stdout;
    let late = place().run_with(&["context", "open", "--now", "1763769720001", "-"], &sealed);
    assert_eq!(late.status, 1);
    assert_snapshot!(late.stderr, @r#"
    This context is refused (context_expired): it expired 1 ms ago; open the app again, and check this machine's clock if that does not help.

    It says:

      aud          "vEcToR_cLiEnT_iD_01aZ"
      exp          1763769720000  (2025-11-22T00:02:00Z, now)
      iss          "marketplace.zoom.us"
      ts           1763769600000  (2025-11-22T00:00:00Z, 120 s ago)
      typ          "panel"
    "#);
    let other =
        Place::new().with(&[("ZM_CLIENT_ID", "another"), ("ZM_CLIENT_SECRET", "Q1w2E3r4T5y6U7i8O9p0AsDfGhJkLzXc")]);
    assert_snapshot!(other.run_with(&["context", "open"], &sealed).stderr, @"This context is refused (context_seal): it was not sealed with this client secret (development and production have different ones), or it was changed.");
}

#[test]
fn what_is_no_json_object_is_not_sealed() {
    for bad in ["", "[]", "{", r#"{"a":1,"a":2}"#] {
        assert_eq!(place().run_with(&["context", "seal"], bad).status, 2, "{bad}");
    }
}

#[test]
fn previous_client_secrets_open_too() {
    let sealed = place().run(&["context", "seal", r#"{"typ":"panel"}"#]).stdout;
    let file = format!("zoom.previous_client_secrets = [\"{}\"]", ENOUGH[3].1);
    let rotated = Place::new()
        .with(&[ENOUGH[2], ("ZOOM_CLIENT_SECRET", "Q1w2E3r4T5y6U7i8O9p0AsDfGhJkLzXc")])
        .file("stagedoor.toml", &file);
    assert_eq!(rotated.run_with(&["context", "open"], &sealed).status, 0);
}
