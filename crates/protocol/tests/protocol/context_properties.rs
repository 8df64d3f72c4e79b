use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stagedoor_protocol::context::{Claims, ContextError, ContextKey, MAX_ENCODED};
use stagedoor_protocol::id::{MeetingUuid, ZoomUserId};
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;

fn key() -> ContextKey {
    ContextKey::new(&ClientSecret::new("a client secret"))
}

prop_compose! {
    fn claims()(
        (kind, uid, mid) in (".{0,20}", option::of("[!-~]{1,40}"), option::of("[!-~]{1,40}")),
        (attendrole, act) in (option::of(".{0,20}"), option::of(".{0,300}")),
        (aud, iss) in (option::of(".{0,40}"), option::of(".{0,40}")),
        (ts, exp) in (option::of(any::<i64>()), option::of(any::<i64>())),
    ) -> Claims {
        Claims {
            kind,
            uid: uid.map(|id| ZoomUserId::parse(id).unwrap()),
            mid: mid.map(|id| MeetingUuid::parse(id).unwrap()),
            attendrole, act, aud, iss,
            ts: ts.map(UnixMillis),
            exp: exp.map(UnixMillis),
        }
    }
}

fn to_json(claims: &Claims) -> Value {
    let all = json!({
        "typ": claims.kind, "uid": claims.uid, "mid": claims.mid, "attendrole": claims.attendrole, "act": claims.act,
        "aud": claims.aud, "iss": claims.iss, "ts": claims.ts, "exp": claims.exp,
    });
    let Value::Object(members) = all else { unreachable!() };
    Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
}

proptest! {
    #[test]
    fn what_was_sealed_opens_to_the_same_claims(claims in claims(), nonce in any::<[u8; 12]>()) {
        let sealed = key().seal(to_json(&claims).to_string().as_bytes(), nonce);
        prop_assert_eq!(key().open(&sealed), Ok(claims));
    }

    #[test]
    fn another_secret_opens_nothing(claims in claims(), secret in ".{0,40}") {
        prop_assume!(secret != "a client secret");
        let sealed = ContextKey::new(&ClientSecret::new(secret)).seal(to_json(&claims).to_string().as_bytes(), [0; 12]);
        prop_assert_eq!(key().open(&sealed), Err(ContextError::Seal));
    }

    #[test]
    fn any_flipped_bit_is_refused(plaintext in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = URL_SAFE_NO_PAD.decode(key().seal(&plaintext, [9; 12])).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(key().decrypt(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn any_truncation_and_any_extension_is_refused(
        plaintext in any::<Vec<u8>>(),
        cut in any::<prop::sample::Index>(),
        more in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let sealed = key().seal(&plaintext, [9; 12]);
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        prop_assert!(key().decrypt(&sealed[..cut.index(sealed.len())]).is_err());
        prop_assert!(key().decrypt(&URL_SAFE_NO_PAD.encode(&bytes[..cut.index(bytes.len())])).is_err());
        prop_assert!(key().decrypt(&URL_SAFE_NO_PAD.encode([bytes, more].concat())).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,400}") {
        prop_assert!(key().open(&text).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(key().open(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn no_lengths_make_it_panic(aad_len in any::<u16>(), cipher_len in any::<i32>(), rest in any::<Vec<u8>>()) {
        let bytes = [&[12][..], &[0; 12], &aad_len.to_le_bytes(), &cipher_len.to_le_bytes(), &rest].concat();
        prop_assert!(key().open(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn no_plaintext_makes_it_panic(plaintext in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Claims::parse(&plaintext);
    }

    #[test]
    fn no_instants_make_it_panic(claims in claims(), now in any::<i64>()) {
        let client_id = stagedoor_protocol::id::ClientId::parse("client").unwrap();
        let ours = Claims { aud: Some("client".into()), iss: Some("marketplace.zoom.us".into()), ..claims };
        if let Ok(context) = ours.verify(&client_id, UnixMillis(now)) {
            prop_assert!(context.expires >= UnixMillis(now));
            prop_assert!((0..=600_000).contains(&context.expires.since(context.issued)));
        }
    }
}

#[test]
fn nothing_longer_than_the_limit_is_opened() {
    let fits = key().seal(&vec![b' '; MAX_ENCODED / 4 * 3 - 35], [0; 12]);
    assert_eq!(fits.len(), MAX_ENCODED);
    assert!(key().decrypt(&fits).is_ok());
    let longer = key().seal(&vec![b' '; MAX_ENCODED / 4 * 3 - 34], [0; 12]);
    assert_eq!(key().decrypt(&longer), Err(ContextError::Encoding));
}
