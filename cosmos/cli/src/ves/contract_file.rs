//! Files in YAML or JSON that say things by the names of a contract.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use errors::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::place::shown;
use crate::explain::one_line;

/// The longest file, in bytes: 100,000 boundaries, and room to spare.
const MAX_BYTES: u64 = 2 << 20;
/// Names that are told as unknown.
const TOLD: usize = 20;

/// A kind of such files.
pub(super) struct Kind {
    /// The argument that names one.
    pub argument: &'static str,
    /// The code of what cannot be read.
    pub unreadable: &'static str,
    /// The code of what is not as it should be.
    pub malformed: &'static str,
    /// Where one is shown.
    pub hint: &'static str,
}

impl Kind {
    /// The file's text.
    pub(super) fn text(&self, path: &Path) -> Result<String, Error> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
        let problem = |why: &str| {
            let message = format!("{} {why}", shown(path));
            Error::user(self.unreadable, message)
                .at(self.argument)
                .hint("name a file of YAML or JSON")
        };
        match read {
            Err(error) => Err(problem(&format!("cannot be read: {error}"))),
            Ok(bytes) if bytes as u64 > MAX_BYTES => {
                Err(problem(&format!("is longer than {MAX_BYTES} bytes")))
            }
            Ok(_) => Ok(text),
        }
    }

    /// What it says, in whatever names.
    pub(super) fn document(&self, text: &str) -> Result<Value, Error> {
        serde_saphyr::from_str(text)
            .map_err(|error| self.malformed("", &format!("it is no YAML or JSON: {error}")))
    }

    /// A message of the contract, every problem at once.
    pub(super) fn message<M>(&self, field: &str, value: Value) -> Result<M, Vec<Error>>
    where
        M: Serialize + DeserializeOwned,
    {
        let malformed = |why: String| vec![self.malformed(field, &why)];
        let read: M =
            serde_json::from_value(value.clone()).map_err(|error| malformed(error.to_string()))?;
        let known = serde_json::to_value(&read).map_err(|error| malformed(error.to_string()))?;
        let mut unknown = Vec::new();
        unknown_names(&value, &known, field, &mut unknown);
        let told = unknown.into_iter().take(TOLD);
        let problems: Vec<Error> = told.map(|name| self.unknown_name(&name)).collect();
        match problems.is_empty() {
            true => Ok(read),
            false => Err(problems),
        }
    }

    pub(super) fn malformed(&self, field: &str, why: &str) -> Error {
        let place = if field.is_empty() {
            self.argument
        } else {
            field
        };
        Error::user(self.malformed, one_line(why))
            .at(place)
            .hint(self.hint)
    }

    fn unknown_name(&self, place: &str) -> Error {
        Error::user("UNKNOWN_FIELD", "the contract knows no such name")
            .at(one_line(place))
            .hint(self.hint)
    }
}

/// Names that were not understood: what was read does not have them. Where nothing was said of a
/// name (0, or an empty text), nothing is lost.
fn unknown_names(written: &Value, read: &Value, place: &str, unknown: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), read) => {
            for (name, value) in written.iter().filter(|(_, value)| says_something(value)) {
                let place = format!("{place}.{name}");
                match read.get(camel_case(name)) {
                    Some(read) => unknown_names(value, read, &place, unknown),
                    None => unknown.push(place),
                }
            }
        }
        (Value::Array(written), Value::Array(read)) => {
            for (index, (written, read)) in written.iter().zip(read).enumerate() {
                unknown_names(written, read, &format!("{place}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(true) | Value::Object(_) => true,
    }
}

/// The contract's JSON name of a field.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut joined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        joined.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        joined.push_str(chars.as_str());
    }
    joined
}
