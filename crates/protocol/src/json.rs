//! Reading JSON from outside: objects whose members are unique.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON object in which no member appears twice, at any depth.
///
/// RFC 8259 section 4 leaves duplicates to the reader, and two readers that choose differently can be played against
/// each other; so they are refused wherever the text comes from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct UniqueObject(pub Value);

/// Reads an object without duplicate members into a struct. Members that the struct does not have are ignored.
///
/// A derived `Deserialize` alone would also read an array, member by member, and let unknown members repeat.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    let UniqueObject(value) = serde_json::from_slice(text)?;
    serde_json::from_value(value)
}

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Unique.deserialize(deserializer)? {
            object @ Value::Object(_) => Ok(Self(object)),
            _ => Err(D::Error::custom("not an object")),
        }
    }
}

/// Reads any value in which no member appears twice.
pub(crate) struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Unique)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(Unique)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_member_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#]
        {
            assert!(serde_json::from_str::<UniqueObject>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_struct_is_not_read_from_an_array() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Pair {
            left: u8,
            right: u8,
        }
        assert_eq!(read::<Pair>(br#"{"left":1,"right":2,"more":[]}"#).unwrap(), Pair { left: 1, right: 2 });
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "serde reads it, which is why `read` exists");
        assert!(read::<Pair>(b"[1,2]").is_err());
        assert!(read::<Pair>(br#"{"left":1,"right":2,"more":1,"more":2}"#).is_err());
    }

    #[test]
    fn everything_else_reads_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,1.5,null,true,"x"],"b":{"c":{}},"d":18446744073709551615}"#;
        let unique: UniqueObject = serde_json::from_str(text).unwrap();
        assert_eq!(unique.0, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn only_an_object_is_an_object() {
        for text in ["[]", "null", "1", r#""x""#] {
            assert!(serde_json::from_str::<UniqueObject>(text).is_err(), "{text}");
        }
    }
}
