//! Values whose inline part is JSON.

use blob::Value;
use errors::Error;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// A value that holds `content` inline.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn value<T: Serialize>(content: &T) -> Result<Value, Error> {
    let bytes = serde_json::to_vec(content);
    let bytes = bytes.map_err(|error| Error::function("NOT_JSON", error.to_string()))?;
    Ok(Value::inline(bytes))
}

/// Reads the inline part.
///
/// # Errors
/// Of class `function` when it is not the JSON that is asked for: whoever made it erred.
pub fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    serde_json::from_slice(&value.inline).map_err(|error| {
        let expected = std::any::type_name::<T>();
        let message = format!(
            "a value of {} bytes is no {expected}: {error}",
            value.inline.len()
        );
        Error::function("UNEXPECTED_VALUE", message)
    })
}

/// The items of a JSON array, each as it is written.
///
/// # Errors
/// Of class `function` when it is not one: whoever made it erred.
pub fn items(array: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let checked: Result<Vec<IgnoredAny>, _> = serde_json::from_slice(array);
    let count = checked.map_err(|error| {
        let message = format!("{} bytes are no JSON array: {error}", array.len());
        Error::function("UNEXPECTED_VALUE", message)
    })?;
    let mut rest = array.trim_ascii().strip_prefix(b"[").unwrap_or_default();
    let items = count.iter().map(|_| {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        // There is one more, as they were counted.
        let _ = values.next();
        let (item, behind) = rest.split_at(values.byte_offset());
        let behind = behind.trim_ascii_start();
        rest = behind.strip_prefix(b",").unwrap_or(behind);
        item.trim_ascii()
    });
    Ok(items.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i16>().prop_map(|n| (f64::from(n) / 4.0).into()),
            any::<i64>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..4);
            let object = proptest::collection::btree_map(".{0,3}", inner, 0..3);
            prop_oneof![
                list.prop_map(Into::into),
                object.prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn items_are_told_apart(items in proptest::collection::vec(json(), 0..6), pretty: bool) {
            let array = serde_json::Value::from(items.clone());
            let text = if pretty { format!(" {array:#} ") } else { array.to_string() };
            let found = super::items(text.as_bytes()).unwrap().into_iter();
            let found: Vec<serde_json::Value> =
                found.map(|item| serde_json::from_slice(item).unwrap()).collect();
            prop_assert_eq!(found, items);
        }

        #[test]
        fn anything_else_is_refused(text in "\\[?[0-9a,\\[\\] ]{0,9}") {
            let is_array = serde_json::from_str::<Vec<serde_json::Value>>(&text).is_ok();
            prop_assert_eq!(super::items(text.as_bytes()).is_ok(), is_array);
        }
    }

    #[test]
    fn an_item_is_as_it_was_written() {
        let found = items(b"[1.10, \"a,]\" ,{ \"b\" : [] }]").unwrap();
        let expected: [&[u8]; 3] = [b"1.10", b"\"a,]\"", b"{ \"b\" : [] }"];
        assert_eq!(found, expected);
    }
}
