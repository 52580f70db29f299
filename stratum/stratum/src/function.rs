use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::raw::{RawFunction, RawRule};
use crate::{
    Condition, ConditionError, FunctionName, Image, InvalidImage, InvalidName, InvalidShape,
    Routing, Rule, Shape, limits,
};

/// How a function wants to read media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Whole files.
    #[default]
    File,
    /// Decoded frames, one after another, through a FIFO.
    Stream,
    /// Numbered files: the source's own pictures where it is JPEG 2000, else decoded planes.
    Frames,
}

/// A function as its `function.yaml` declares it.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: FunctionName,
    pub version: String,
    /// Name of the program, then its arguments.
    pub command: Vec<String>,
    /// What it runs in; without one, a sandbox of the host.
    pub image: Option<Image>,
    /// The image that its own is built on, where it has no Dockerfile.
    pub base: Option<String>,
    /// Programs that it runs, by name; part of the package's digest.
    pub tools: Vec<String>,
    pub input: InputKind,
    /// Whether it reads its stream a second time.
    pub two_pass: bool,
    /// The longest that one invocation may take.
    pub timeout: Duration,
    /// The environment of the program, beside what every function gets.
    pub env: BTreeMap<String, String>,
    /// Whether it may reach the network.
    pub network: bool,
    /// The most invocations that a host runs at once; `None` = as many as it has room for.
    pub concurrency: Option<u32>,
    pub routing: Routing,
}

/// Why a `function.yaml` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFunction {
    #[error("{0}")]
    Yaml(String),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Shape(#[from] InvalidShape),
    #[error("image: {0}")]
    Image(#[from] InvalidImage),
    #[error("{field} {rule}")]
    Field { field: String, rule: String },
    #[error("routing[{index}].when: {error}")]
    Condition { index: usize, error: ConditionError },
}

impl Function {
    /// Reads a `function.yaml`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn from_yaml(yaml: &str) -> Result<Self, InvalidFunction> {
        if yaml.len() > limits::FUNCTION_YAML {
            return Err(field("function.yaml", "is longer than 64 KiB"));
        }
        let raw: RawFunction = serde_saphyr::from_str(yaml)
            .map_err(|error| InvalidFunction::Yaml(error.to_string()))?;
        Self::try_from(raw)
    }
}

fn field(field: impl Into<String>, rule: impl Into<String>) -> InvalidFunction {
    InvalidFunction::Field {
        field: field.into(),
        rule: rule.into(),
    }
}

impl TryFrom<RawFunction> for Function {
    type Error = InvalidFunction;

    fn try_from(raw: RawFunction) -> Result<Self, InvalidFunction> {
        check_counts(&raw)?;
        check_words(&raw)?;
        Ok(Self {
            name: FunctionName::new(&raw.name)?,
            version: raw.version,
            command: raw.command,
            base: raw.base,
            image: raw.image.as_deref().map(Image::new).transpose()?,
            tools: raw.tools,
            input: raw.input,
            two_pass: raw.two_pass,
            timeout: duration(&raw.timeout)?,
            env: raw.env,
            network: raw.network,
            concurrency: raw.concurrency,
            routing: routing(raw.shapes, raw.routing)?,
        })
    }
}

fn check_counts(raw: &RawFunction) -> Result<(), InvalidFunction> {
    let counts = [
        ("command", raw.command.len()),
        ("tools", raw.tools.len()),
        ("env", raw.env.len()),
        ("shapes", raw.shapes.len()),
        ("routing", raw.routing.len()),
    ];
    let over = counts.iter().find(|(_, n)| *n > limits::FUNCTION_ITEMS);
    match over {
        Some((name, n)) => Err(field(
            *name,
            format!("has {n} items; at most 64 are allowed"),
        )),
        None => Ok(()),
    }
}

fn check_words(raw: &RawFunction) -> Result<(), InvalidFunction> {
    if raw.version.is_empty() || raw.version.len() > 63 {
        return Err(field("version", "must be 1 to 63 characters long"));
    }
    if raw.command.first().is_none_or(String::is_empty) {
        return Err(field("command", "must name a program"));
    }
    if raw.retries.is_some() {
        let rule = "is not for a function to say: write `retry` at the node that runs it";
        return Err(field("retries", rule));
    }
    let plain = |base: &String| !base.is_empty() && !base.contains(|c: char| c <= ' ');
    if !raw.base.as_ref().is_none_or(plain) {
        return Err(field("base", "must name an image"));
    }
    if raw.micro_batch.is_some() {
        let rule = "is not there yet: every invocation starts its program";
        return Err(field("microBatch", rule));
    }
    if raw
        .concurrency
        .is_some_and(|most| !(1..=limits::CONCURRENCY).contains(&most))
    {
        let rule = format!("must be 1 to {}", limits::CONCURRENCY);
        return Err(field("concurrency", rule));
    }
    let variable = |name: &String| name.is_empty() || name.contains(['=', '\0']);
    match raw.env.keys().find(|name| variable(name)) {
        Some(name) => Err(field(
            "env",
            format!("cannot set `{}`", name.escape_debug()),
        )),
        None => Ok(()),
    }
}

/// "90s", "30m", "2h".
fn duration(text: &str) -> Result<Duration, InvalidFunction> {
    let wrong = || {
        field(
            "timeout",
            format!("cannot be `{text}`; write 90s, 30m or 2h, up to 168h"),
        )
    };
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).and_then(|n| n.parse::<u32>().ok());
    let time = Duration::from_secs(u64::from(number.ok_or_else(wrong)?) * seconds);
    let allowed = !time.is_zero() && time <= limits::TIMEOUT;
    allowed.then_some(time).ok_or_else(wrong)
}

/// The function's own shapes come first; the shipped ones may be named too.
fn routing(shapes: Vec<Shape>, rules: Vec<RawRule>) -> Result<Routing, InvalidFunction> {
    let own = shapes.into_iter().map(Shape::validated);
    let mut shapes = own.collect::<Result<Vec<_>, _>>()?;
    for shipped in Shape::shipped()? {
        if shapes.iter().all(|shape| shape.group != shipped.group) {
            shapes.push(shipped);
        }
    }
    let rules = rules.into_iter().enumerate();
    let rules = rules.map(|(index, raw)| rule(index, raw, &shapes));
    Ok(Routing {
        rules: rules.collect::<Result<_, _>>()?,
        shapes,
    })
}

fn rule(index: usize, raw: RawRule, shapes: &[Shape]) -> Result<Rule, InvalidFunction> {
    if shapes.iter().all(|shape| shape.group != raw.shape) {
        let at = format!("routing[{index}].shape");
        return Err(field(at, format!("names no shape: `{}`", raw.shape)));
    }
    let when = raw.when.as_deref().map(Condition::new).transpose();
    Ok(Rule {
        when: when.map_err(|error| InvalidFunction::Condition { index, error })?,
        shape: raw.shape,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FULL: &str = r#"
name: ves-avc            # an encoder
version: 1.2.0
command: [ves-avc, encode]
tools: [ffmpeg]
input: stream
twoPass: true
timeout: 2h
env: { LC_ALL: C }
network: false
concurrency: 2
shapes:
  - group: own
    numCpus: 2
    memoryInMB: 4000
    networkInMbp: 750
    diskSizeInMB: 12000
routing:
  - when: codec == "avc" && height <= 1080
    shape: cpu1-medium
  - shape: own
"#;

    fn with(changed: &str, to: &str) -> Result<Function, InvalidFunction> {
        assert!(FULL.contains(changed), "{changed}");
        Function::from_yaml(&FULL.replace(changed, to))
    }

    #[test]
    fn everything_is_read() {
        let function = Function::from_yaml(FULL).unwrap();
        assert_eq!(function.name.as_str(), "ves-avc");
        assert_eq!(function.command, ["ves-avc", "encode"]);
        assert_eq!(function.input, InputKind::Stream);
        assert!(function.two_pass && !function.network);
        assert_eq!(function.timeout, Duration::from_secs(7_200));
        assert_eq!(function.concurrency, Some(2));
    }

    #[test]
    fn the_least_is_enough() {
        let yaml = "name: a\nversion: '1'\ncommand: [a]";
        let function = Function::from_yaml(yaml).unwrap();
        assert_eq!(function.input, InputKind::File);
        assert_eq!(function.concurrency, None);
        let shape = function.routing.choose(&BTreeMap::new()).unwrap();
        assert_eq!(shape.group, "cpu1-small");
    }

    #[test]
    fn the_first_rule_that_holds_chooses() {
        let function = Function::from_yaml(FULL).unwrap();
        let chosen = |codec: &str, height: &str| {
            let attributes = [("codec", codec), ("height", height)];
            let attributes = attributes.map(|(k, v)| (k.to_owned(), v.to_owned()));
            function
                .routing
                .choose(&attributes.into())
                .unwrap()
                .group
                .clone()
        };
        assert_eq!(chosen("avc", "1080"), "cpu1-medium");
        assert_eq!(chosen("avc", "2160"), "own");
        assert_eq!(chosen("hevc", "720"), "own");
    }

    #[test]
    fn a_choice_says_why() {
        let why = |function: &Function, codec: &str| {
            let attributes = [("codec", codec), ("height", "720")];
            let attributes = attributes.map(|(k, v)| (k.to_owned(), v.to_owned()));
            let choice = function.routing.decide(&attributes.into());
            choice.unwrap().to_string()
        };
        let full = Function::from_yaml(FULL).unwrap();
        let rule = r#"rule 1: codec == "avc" && height <= 1080"#;
        assert_eq!(why(&full, "avc"), rule);
        assert_eq!(why(&full, "hevc"), "rule 2: always");
        let least = Function::from_yaml("name: a\nversion: '1'\ncommand: [a]").unwrap();
        assert_eq!(why(&least, "avc"), "no rules: the first of its shapes");
    }

    #[test]
    fn what_outgrew_its_shape_gets_the_next_larger_one() {
        let routing = Function::from_yaml("name: a\nversion: '1'\ncommand: [a]")
            .unwrap()
            .routing;
        let small = routing.shape("cpu1-small").unwrap();
        let sizes = [0, 1, 2, 9].map(|sizes| routing.larger(small, sizes).group.clone());
        let names = ["cpu1-small", "cpu1-medium", "cpu1-large", "cpu1-xlarge"];
        assert_eq!(sizes, names);
    }

    #[test]
    fn without_a_matching_rule_there_is_no_shape() {
        let function = with("  - shape: own\n", "").unwrap();
        let error = function.routing.choose(&BTreeMap::new()).unwrap_err();
        assert!(matches!(error, NoShape::NoRule(_)), "{error}");
    }
    use crate::NoShape;

    #[test]
    fn mistakes_are_told_where_they_are() {
        for (changed, to, says) in [
            ("name: ves-avc", "name: VES", "function name"),
            ("timeout: 2h", "timeout: 2 hours", "timeout"),
            ("timeout: 2h", "timeout: 0s", "timeout"),
            ("timeout: 2h", "timeout: 169h", "timeout"),
            ("input: stream", "input: tape", "tape"),
            ("command: [ves-avc, encode]", "command: []", "command"),
            ("concurrency: 2", "concurrency: 0", "concurrency must"),
            ("concurrency: 2", "concurrency: 1025", "concurrency must"),
            ("concurrency: 2", "microBatch: 4", "microBatch is not there"),
            ("  - shape: own", "  - shape: huge", "routing[1].shape"),
            ("height <= 1080", "height <=", "routing[0].when"),
            ("LC_ALL: C", "'A=B': C", "env"),
            ("numCpus: 2", "numCpus: 0", "numCpus"),
            ("network: false", "retries: {function: 3}", "retries is not"),
            ("tools:", "tolls:", "tolls"),
            ("input: stream", "base: 'debian:12 AS x'", "base"),
            ("input: stream", "image: debian:12", "image: `debian:12`"),
        ] {
            let error = with(changed, to).unwrap_err().to_string();
            assert!(error.contains(says), "{to}: {error}");
        }
    }
}
