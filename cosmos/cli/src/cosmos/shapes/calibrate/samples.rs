//! What the function is run on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use errors::Error;
use serde::Deserialize;
use serde_json::{Map, Value};
use stratum::Function;
use stratum_calibration::limits;

use super::args::CalibrateArgs;
use crate::cosmos::function::args::{Attribute, Given, InputArg, Params, Range};
use crate::cosmos::function::inputs::{self, LocalFile};
use crate::explain::one_line;

/// Bytes of a file of samples.
const LARGEST: u64 = 256 * 1024;

/// A sample whose files are there.
pub(super) struct Ready {
    pub(super) name: String,
    pub(super) given: Given,
    pub(super) files: Vec<LocalFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawSample {
    name: String,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    range: Option<String>,
    pixel_format: Option<String>,
}

/// Every sample; all problems at once.
pub(super) fn all(args: &CalibrateArgs, function: &Function) -> Result<Vec<Ready>, Vec<Error>> {
    let named = match &args.samples {
        Some(file) => of_file(file)?,
        None => vec![(one_name(&args.given), args.given.clone())],
    };
    let (mut ready, mut problems) = (Vec::new(), Vec::new());
    for (name, given) in named {
        match inputs::local(function, &given) {
            Ok(files) => ready.push(Ready { name, given, files }),
            Err(errors) => problems.extend(errors.into_iter().map(|error| within(&name, error))),
        }
    }
    match problems.is_empty() {
        true => Ok(ready),
        false => Err(problems),
    }
}

/// By its facts, where nobody gave it a name.
fn one_name(given: &Given) -> String {
    let facts = given.attributes.iter();
    let facts: Vec<String> = facts
        .map(|fact| format!("{}={}", fact.name, fact.value))
        .collect();
    match facts.is_empty() {
        true => "sample".into(),
        false => facts.join(" "),
    }
}

fn of_file(file: &Path) -> Result<Vec<(String, Given)>, Vec<Error>> {
    let raw: Vec<RawSample> = serde_saphyr::from_str(&read(file)?)
        .map_err(|error| vec![invalid(&one_line(&error.to_string()))])?;
    if raw.is_empty() || raw.len() > limits::SAMPLES {
        let message = format!(
            "it lists {} samples; 1 to {} are run",
            raw.len(),
            limits::SAMPLES
        );
        return Err(vec![invalid(&message)]);
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut named, mut problems) = (Vec::new(), twice(&raw));
    for sample in raw {
        let name = one_line(&sample.name);
        match sample.given(folder) {
            Ok(given) => named.push((name, given)),
            Err(whys) => problems.extend(whys.iter().map(|why| within(&name, invalid(why)))),
        }
    }
    match problems.is_empty() {
        true => Ok(named),
        false => Err(problems),
    }
}

fn read(file: &Path) -> Result<String, Vec<Error>> {
    let mut yaml = String::new();
    let opened = fs::File::open(file);
    let read = opened.and_then(|opened| opened.take(LARGEST + 1).read_to_string(&mut yaml));
    match read {
        Ok(_) if yaml.len() as u64 > LARGEST => Err(vec![invalid("it is longer than 256 KiB")]),
        Ok(_) => Ok(yaml),
        Err(error) => {
            let file = one_line(&file.display().to_string());
            let message = format!("{file} cannot be read: {error}");
            Err(vec![
                Error::user("SAMPLES_UNREADABLE", message).at("--samples"),
            ])
        }
    }
}

fn twice(samples: &[RawSample]) -> Vec<Error> {
    let mut names = BTreeSet::new();
    let twice = samples.iter().filter(|sample| !names.insert(&sample.name));
    let told = twice.map(|sample| {
        let name = one_line(&sample.name);
        invalid(&format!("two samples are named `{name}`"))
    });
    told.collect()
}

impl RawSample {
    /// As it would be on the command line.
    fn given(self, folder: &Path) -> Result<Given, Vec<String>> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() || self.name.len() > 63 {
            problems.push("name must be 1 to 63 characters long".to_owned());
        }
        let mut inputs = Vec::new();
        for text in &self.input {
            match text.parse::<InputArg>() {
                Ok(input) => inputs.push(InputArg {
                    file: folder.join(&input.file),
                    ..input
                }),
                Err(why) => problems.push(format!("input `{text}`: {why}")),
            }
        }
        let params = Value::Object(self.params).to_string().parse::<Params>();
        let params = params.map_err(|why| problems.push(format!("params: {why}")));
        let range = self.range.as_deref().map(str::parse::<Range>).transpose();
        let range = range.map_err(|why| problems.push(format!("range: {why}")));
        let attributes = facts(self.attributes).map_err(|whys| problems.extend(whys));
        match (params, range, attributes, problems.is_empty()) {
            (Ok(params), Ok(range), Ok(attributes), true) => Ok(Given {
                inputs,
                params,
                attributes,
                range,
                pixel_format: self.pixel_format,
            }),
            _ => Err(problems),
        }
    }
}

fn facts(raw: BTreeMap<String, Value>) -> Result<Vec<Attribute>, Vec<String>> {
    let (mut facts, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in raw {
        match value {
            Value::String(value) => facts.push(Attribute { name, value }),
            Value::Number(_) | Value::Bool(_) => facts.push(Attribute {
                name,
                value: value.to_string(),
            }),
            _ => problems.push(format!(
                "attribute `{name}` is no number, text or yes and no"
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(facts),
        false => Err(problems),
    }
}

fn invalid(why: &str) -> Error {
    Error::user("INVALID_SAMPLES", one_line(why))
        .at("--samples")
        .hint("`cosmos shapes calibrate --help` shows what a file of samples holds")
}

/// Of which sample it is a problem.
fn within(name: &str, mut error: Error) -> Error {
    error.message = format!("sample `{name}`: {}", error.message);
    error
}
