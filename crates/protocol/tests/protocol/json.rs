use proptest::prelude::*;
use serde_json::{Map, Value};
use stagedoor_protocol::json::UniqueObject;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e15..1e15).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(".{0,6}", value(), 0..6).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn an_object_without_duplicates_reads_as_serde_json_reads_it(object in object()) {
        for text in [serde_json::to_string(&object).unwrap(), serde_json::to_string_pretty(&object).unwrap()] {
            let unique: UniqueObject = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(unique.0, serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    #[test]
    fn an_object_with_a_duplicate_is_refused(object in object(), name in ".{0,6}", (one, two) in (value(), value())) {
        let name = Value::from(name);
        let rest = serde_json::to_string(&object).unwrap();
        let text = format!("{{{name}:{one},\"rest\":{rest},{name}:{two}}}");
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        prop_assert!(serde_json::from_str::<UniqueObject>(&text).is_err());
        let deep = format!("{{\"deep\":[{text}]}}");
        prop_assert!(serde_json::from_str::<UniqueObject>(&deep).is_err());
    }

    #[test]
    fn what_serde_json_refuses_is_refused(text in "[\\[\\]{}:,\"a1 .e-]{0,40}") {
        if serde_json::from_str::<Value>(&text).is_err() {
            prop_assert!(serde_json::from_str::<UniqueObject>(&text).is_err());
        }
    }
}
