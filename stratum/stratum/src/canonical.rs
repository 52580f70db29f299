use std::fmt::Write;

use bytes::Bytes;
use serde_json::Value;

/// Largest whole number that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// JSON in its one spelling: equal values have equal bytes.
///
/// Keys are sorted by their bytes, nothing is between tokens, and a number that
/// is whole is written without a fraction or an exponent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalJson(Bytes);

/// The bytes are not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {0}")]
pub struct NotJson(String);

impl CanonicalJson {
    /// Reads JSON in any spelling.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(json: &[u8]) -> Result<Self, NotJson> {
        let value = serde_json::from_slice(json);
        let value = value.map_err(|error| NotJson(error.to_string()))?;
        Ok(Self::of(&value))
    }

    /// The spelling of `value`.
    pub fn of(value: &Value) -> Self {
        let mut text = String::new();
        write(value, &mut text);
        Self(text.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::Number(number) => number_in(number, to),
        Value::Array(items) => {
            between('[', ']', items.iter(), to, write);
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_bytes());
            between('{', '}', fields.into_iter(), to, |(name, value), to| {
                let name = Value::String(name.clone());
                let _ = write!(to, "{name}:");
                write(value, to);
            });
        }
        // A string into which is written does not fail.
        simple => drop(write!(to, "{simple}")),
    }
}

fn between<T>(
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    to: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    to.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            to.push(',');
        }
        write(item, to);
    }
    to.push(close);
}

fn number_in(number: &serde_json::Number, to: &mut String) {
    let whole = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT);
    let _ = match whole {
        Some(whole) => write!(to, "{}", whole as i64),
        None => write!(to, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn canonical(json: &str) -> String {
        let json = CanonicalJson::parse(json.as_bytes()).unwrap();
        String::from_utf8(json.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn one_spelling() {
        for (json, expected) in [
            (
                r#" { "b" : 1 , "a" : [ true , null ] } "#,
                r#"{"a":[true,null],"b":1}"#,
            ),
            (
                r#"{"crf":23.0,"x":2.50,"n":-0.0}"#,
                r#"{"crf":23,"n":0,"x":2.5}"#,
            ),
            ("1e3", "1000"),
            ("18446744073709551615", "18446744073709551615"),
            (r#""é\u00e9\n""#, r#""éé\n""#),
            ("{}", "{}"),
            ("[]", "[]"),
        ] {
            assert_eq!(canonical(json), expected);
        }
        assert!(CanonicalJson::parse(b"{").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("JSON has no such number", |x| x.is_finite())
                .prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_spelling_has_the_same_canonical_one(value in any_json()) {
            let canonical = CanonicalJson::of(&value);
            let pretty = serde_json::to_vec_pretty(&value).unwrap();
            prop_assert_eq!(&CanonicalJson::parse(&pretty).unwrap(), &canonical);
            prop_assert_eq!(&CanonicalJson::parse(canonical.as_bytes()).unwrap(), &canonical);
        }
    }
}
