//! The values of fields: six kinds, all with exact equality, so that they can be
//! joined by it. There are no floats, lists or nulls.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::limits::MAX_VALUE_BYTES;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Bool,
    /// 64 bits, signed.
    Int,
    /// 64 bits.
    Uint,
    String,
    /// Written in hexadecimal: a digest.
    Bytes,
    /// Milliseconds since the Unix epoch; written as in RFC 3339.
    Timestamp,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub enum Value {
    Bool(bool),
    Int(i64),
    Uint(u64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    Timestamp(i64),
}

/// How a value is stored: its kind in one letter.
#[derive(Serialize, Deserialize)]
enum Stored {
    #[serde(rename = "b")]
    Bool(bool),
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "u")]
    Uint(u64),
    #[serde(rename = "s")]
    String(String),
    #[serde(rename = "x")]
    Bytes(String),
    #[serde(rename = "t")]
    Timestamp(i64),
}

impl From<Value> for Stored {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Uint(value) => Self::Uint(value),
            Value::String(value) => Self::String(value.as_ref().to_owned()),
            Value::Bytes(value) => Self::Bytes(hex::encode(value)),
            Value::Timestamp(value) => Self::Timestamp(value),
        }
    }
}

impl TryFrom<Stored> for Value {
    type Error = hex::FromHexError;

    fn try_from(stored: Stored) -> Result<Self, hex::FromHexError> {
        Ok(match stored {
            Stored::Bool(value) => Self::Bool(value),
            Stored::Int(value) => Self::Int(value),
            Stored::Uint(value) => Self::Uint(value),
            Stored::String(value) => Self::String(value.into()),
            Stored::Bytes(value) => Self::Bytes(hex::decode(value)?.into()),
            Stored::Timestamp(value) => Self::Timestamp(value),
        })
    }
}

impl Value {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
        }
    }

    /// Whether it is not too long for a field.
    pub(crate) fn fits(&self) -> bool {
        match self {
            Self::String(text) => text.len() <= MAX_VALUE_BYTES,
            Self::Bytes(bytes) => bytes.len() <= MAX_VALUE_BYTES,
            _ => true,
        }
    }

    /// Reads JSON as a value of this type.
    ///
    /// # Errors
    /// Says what would be one.
    pub fn of_json(json: &Json, kind: Type) -> Result<Self, String> {
        let read = match (kind, json) {
            (Type::Bool, Json::Bool(value)) => Some(Self::Bool(*value)),
            (Type::Int, Json::Number(value)) => value.as_i64().map(Self::Int),
            (Type::Uint, Json::Number(value)) => value.as_u64().map(Self::Uint),
            (Type::String, Json::String(value)) => Some(Self::String(value.as_str().into())),
            (Type::Bytes, Json::String(value)) => hex::decode(value)
                .ok()
                .map(|bytes| Self::Bytes(bytes.into())),
            (Type::Timestamp, Json::String(value)) => time_of_text(value).map(Self::Timestamp),
            _ => None,
        };
        let read = read.filter(Self::fits);
        read.ok_or_else(|| format!("{} is not {}", shown(json), wanted(kind)))
    }

    /// As JSON: what [`Value::of_json`] reads.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool(value) => Json::from(*value),
            Self::Int(value) => Json::from(*value),
            Self::Uint(value) => Json::from(*value),
            Self::String(value) => Json::from(value.as_ref()),
            Self::Bytes(value) => Json::from(hex::encode(value)),
            Self::Timestamp(value) => Json::from(time_to_text(*value)),
        }
    }

    /// Which comes first, of two of one type; whole numbers also across types.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => Some(self.number()?.cmp(&other.number()?)),
        }
    }

    fn number(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(i128::from(*value)),
            Self::Uint(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

fn wanted(kind: Type) -> String {
    match kind {
        Type::Bool => "true or false".to_owned(),
        Type::Int => "a whole number of 64 bits".to_owned(),
        Type::Uint => "a whole number of 64 bits, 0 or more".to_owned(),
        Type::String => format!("a string of at most {MAX_VALUE_BYTES} bytes"),
        Type::Bytes => format!("at most {MAX_VALUE_BYTES} bytes in hexadecimal"),
        Type::Timestamp => "a time as in RFC 3339, such as \"2026-01-31T12:00:00Z\"".to_owned(),
    }
}

/// The beginning of a value, for messages.
fn shown(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Unix milliseconds of a time as in RFC 3339.
pub(crate) fn time_of_text(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond())
}

fn time_to_text(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms);
    time.map_or_else(|_| unix_ms.to_string(), |time| time.to_string())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            // Foreign text must not steer a terminal.
            Self::String(value) => write!(f, "\"{}\"", value.escape_debug()),
            Self::Bytes(value) => write!(f, "{}", hex::encode(value)),
            Self::Timestamp(value) => f.write_str(&time_to_text(*value)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_back_from_json_and_from_the_store() {
        for (kind, json) in [
            (Type::Bool, json!(true)),
            (Type::Int, json!(i64::MIN)),
            (Type::Uint, json!(u64::MAX)),
            (Type::String, json!("title \"a\"")),
            (Type::Bytes, json!("00ff")),
            (Type::Timestamp, json!("2026-01-31T12:00:00.5Z")),
        ] {
            let value = Value::of_json(&json, kind).unwrap();
            assert_eq!((value.kind(), value.to_json()), (kind, json));
            let stored = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), value);
        }
    }

    #[test]
    fn what_is_no_value_of_the_type_is_told() {
        for (kind, json) in [
            (Type::Uint, json!(-1)),
            (Type::Int, json!(1.5)),
            (Type::Bool, json!(null)),
            (Type::Bytes, json!("xyz")),
            (Type::Timestamp, json!("yesterday")),
            (Type::String, json!("x".repeat(5_000))),
        ] {
            let told = Value::of_json(&json, kind).unwrap_err();
            assert!(told.contains("is not") && told.len() < 200, "{told}");
        }
    }
}
