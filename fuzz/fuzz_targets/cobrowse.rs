//! The body of a request for a Cobrowse token.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stagedoor_protocol::cobrowse::{CobrowseKey, CobrowseRequest, Grant, Lifetime, UserId, UserName};
use stagedoor_protocol::id::SdkKey;
use stagedoor_protocol::secret::SdkSecret;
use stagedoor_protocol::time::UnixSeconds;

fuzz_target!(|body: &[u8]| {
    match CobrowseRequest::parse(body) {
        Ok(CobrowseRequest { role, user_id, user_name, lifetime, byop }) => {
            let said: Value = serde_json::from_slice(body).expect("what is read is JSON");
            assert_eq!(said["role"], role.number());
            let user_id = user_id.unwrap_or_else(|| UserId::random([0; 16]));
            let user_name = user_name.unwrap_or_else(|| UserName::from(&user_id));
            let lifetime = lifetime.unwrap_or(Lifetime::DEFAULT);
            assert!((1_800..=172_800).contains(&lifetime.seconds()));
            for text in [user_id.as_str(), user_name.as_str()] {
                assert!((1..=80).contains(&text.chars().count()) && !text.chars().any(char::is_control));
            }
            let key = CobrowseKey::new(SdkKey::parse("key").expect("an id"), &SdkSecret::new("secret"));
            let token = key.sign(&Grant { role, user_id, user_name, lifetime, byop }, UnixSeconds(0));
            assert_eq!(token.expose().split('.').count(), 3);
        }
        Err(invalid) => {
            let answer = serde_json::to_string(&invalid).expect("plain structs are JSON");
            assert!(answer.starts_with(r#"{"errors":[{"property":"#) && answer.len() < 8 * 1024);
        }
    }
});
