//! A file of expectations, by the names of the contract.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use errors::Error;
use serde_json::Value;
use vvs_api::wire;

use crate::explain::one_line;
use crate::ves::place::shown;

/// The longest file, in bytes: 100,000 boundaries, and room to spare.
const MAX_BYTES: u64 = 2 << 20;
/// Names that are told as unknown.
const TOLD: usize = 20;

const FIELD: &str = "expectations";
const HINT: &str = "`vvs validate --help` shows such a file";

/// Reads a file of expectations; every problem at once.
pub(super) fn read(path: &Path) -> Result<Vec<wire::Expectation>, Vec<Error>> {
    let text = text(path).map_err(|error| vec![error])?;
    parse(&text)
}

fn text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    let problem = |why: &str| {
        let message = format!("{} {why}", shown(path));
        Error::user("EXPECTATIONS_UNREADABLE", message)
            .at("--expect")
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

fn parse(text: &str) -> Result<Vec<wire::Expectation>, Vec<Error>> {
    let document: Value = serde_saphyr::from_str(text)
        .map_err(|error| vec![malformed("", &format!("it is no YAML or JSON: {error}"))])?;
    let list = list(document).map_err(|error| vec![error])?;
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (index, value) in list.into_iter().enumerate() {
        let field = format!("{FIELD}[{index}]");
        match expectation(&field, value) {
            Ok(expectation) => read.push(expectation),
            Err(wrong) => problems.extend(wrong),
        }
    }
    match problems.is_empty() {
        true => Ok(read),
        false => Err(problems),
    }
}

/// The list by itself, or as the contract's message holds it.
fn list(document: Value) -> Result<Vec<Value>, Error> {
    let list = match document {
        Value::Object(mut fields) if fields.len() == 1 => fields.remove(FIELD),
        list => Some(list),
    };
    match list {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(malformed("", "it is no list of expectations")),
    }
}

fn expectation(field: &str, value: Value) -> Result<wire::Expectation, Vec<Error>> {
    let malformed = |why: String| vec![malformed(field, &why)];
    let read: wire::Expectation =
        serde_json::from_value(value.clone()).map_err(|error| malformed(error.to_string()))?;
    let known = serde_json::to_value(&read).map_err(|error| malformed(error.to_string()))?;
    let mut unknown = Vec::new();
    unknown_names(&value, &known, field, &mut unknown);
    let told = unknown.into_iter().take(TOLD);
    let problems: Vec<Error> = told.map(|name| unknown_name(&name)).collect();
    match problems.is_empty() {
        true => Ok(read),
        false => Err(problems),
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

fn malformed(field: &str, why: &str) -> Error {
    let place = if field.is_empty() { "--expect" } else { field };
    Error::user("EXPECTATIONS_MALFORMED", one_line(why))
        .at(place)
        .hint(HINT)
}

fn unknown_name(place: &str) -> Error {
    Error::user("UNKNOWN_FIELD", "the contract knows no such name")
        .at(one_line(place))
        .hint(HINT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wire::expectation::Kind;

    use super::*;
    use crate::ves::validate::args::EXPECT;

    fn problems(text: &str) -> Vec<(String, String)> {
        let place = |one: Error| (one.field.unwrap(), one.code);
        parse(text).unwrap_err().into_iter().map(place).collect()
    }

    #[test]
    fn the_documented_file_is_understood() {
        let start = EXPECT.find("  expectations:").unwrap();
        let read = parse(&EXPECT[start..]).unwrap();
        let kinds: Vec<Kind> = read.into_iter().filter_map(|one| one.kind).collect();
        let [
            Kind::FrameCount(count),
            Kind::Format(format),
            Kind::Tracks(_),
            Kind::QualitySteps(_),
            Kind::RandomAccess(access),
            Kind::BufferModel(model),
        ] = &kinds[..]
        else {
            unreachable!("{kinds:?}")
        };
        assert_eq!((count.frames, access.max_frames), (14_315, 240));
        assert_eq!(access.points, [0, 240, 480]);
        assert_eq!((model.max_bitrate, model.buffer), (5_000_000, 10_000_000));
        assert_eq!((format.codec.as_str(), format.max_level), ("h264", 41));
        assert_eq!(format.video.resolution.width, 1280);
        assert_eq!(format.video.pixel_format, "yuv420p");
    }

    #[test]
    fn json_and_a_bare_list_will_do() {
        let json = r#"{"expectations": [{"frameCount": {"frames": "3"}}, {"clean_decode": {}}]}"#;
        assert_eq!(parse(json).unwrap().len(), 2);
        assert_eq!(parse("- same_frames: {}\n").unwrap().len(), 1);
        assert_eq!(parse("[]").unwrap(), []);
    }

    #[test]
    fn every_problem_has_its_place() {
        let text = "
- frame_count: {frames: many}
- framecount: {frames: 3}
- format: {codec: h264, video: {resolution: {wide: 3, height: 2}}, levl: 41}
- clean_decode: {}
";
        let told = |place: &str, code: &str| (place.to_owned(), code.to_owned());
        assert_eq!(
            problems(text),
            [
                told("expectations[0]", "EXPECTATIONS_MALFORMED"),
                told("expectations[1].framecount", "UNKNOWN_FIELD"),
                told("expectations[2].format.levl", "UNKNOWN_FIELD"),
                told(
                    "expectations[2].format.video.resolution.wide",
                    "UNKNOWN_FIELD"
                ),
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "",
            "true",
            "expectation: []",
            "expectations: 3",
            "{a: 1, b: 2}",
            "[",
            "[3]",
        ] {
            let told = problems(text);
            assert_eq!(told.len(), 1, "{text}: {told:?}");
            assert_eq!(told[0].1, "EXPECTATIONS_MALFORMED", "{text}");
        }
    }
}
