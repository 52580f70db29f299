//! Values whose inline part is JSON.

use blob::Value;
use errors::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

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
