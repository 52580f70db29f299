//! What came of a trial, for people and for machines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use blob::NamedBlob;
use errors::{Class, Error};
use serde::Serialize;
use serde_json::value::RawValue;
use stratum::{Choice, Image, InvocationResult, Package, Routing, Shape, Usage};

use crate::colour::Paint;
use crate::explain::{one_line, printable};
use crate::table::{Cell, Column, Table};
use crate::units::{Size, count};

/// What a shape lacked that a larger one has.
const OUTGREW: &str = "OUT_OF_MEMORY";

#[derive(Serialize)]
pub(super) struct Report<'a> {
    function: &'a str,
    version: &'a str,
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    shape: ShapeReport<'a>,
    why: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Error>,
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elements: Option<u64>,
    outputs: Vec<OutputReport<'a>>,
    usage: UsageReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a str>,
}

#[derive(Serialize)]
struct ShapeReport<'a> {
    group: &'a str,
    cpus: u32,
    memory_mb: u64,
    disk_mb: u64,
}

#[derive(Serialize)]
struct OutputReport<'a> {
    name: &'a str,
    bytes: u64,
    digest: String,
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a Path>,
}

#[derive(Serialize)]
struct UsageReport {
    cpu_ms: u64,
    decode_cpu_ms: u64,
    wall_ms: u64,
    peak_memory_bytes: u64,
}

impl<'a> Report<'a> {
    pub(super) fn of(
        package: &'a Package,
        choice: Choice<'a>,
        result: &'a InvocationResult,
        log: Option<&'a str>,
        kept: &'a [PathBuf],
    ) -> Self {
        let function = &package.function;
        let (value, error) = (result.outcome.as_ref().ok(), result.outcome.as_ref().err());
        let blobs = value
            .map(|value| value.blobs.as_slice())
            .unwrap_or_default();
        let inline = value.and_then(|value| serde_json::from_slice(&value.inline).ok());
        let outputs = blobs.iter().enumerate();
        Self {
            function: function.name.as_str(),
            version: &function.version,
            package: package.digest.to_string(),
            image: function.image.as_ref().map(Image::as_str),
            shape: ShapeReport::from(choice.shape),
            why: choice.to_string(),
            outcome: error.map_or("succeeded", |_| "failed"),
            then: error.map(|error| then(error, &function.routing, choice.shape)),
            error,
            result: inline,
            elements: value.and_then(|value| Some(value.list.as_ref()?.count)),
            outputs: outputs
                .map(|(i, blob)| OutputReport::of(blob, kept.get(i)))
                .collect(),
            usage: result.usage.into(),
            log,
        }
    }

    pub(super) fn in_words(&self, paint: Paint) -> String {
        let outcome = match self.error {
            None => paint.good(self.outcome),
            Some(_) => paint.bad(self.outcome),
        };
        let name = paint.strong(self.function);
        let mut lines = vec![
            format!("{name} {} {outcome}", one_line(self.version)),
            format!(
                "shape    {} ({})",
                self.shape.in_words(),
                one_line(&self.why)
            ),
            format!("used     {}", self.usage.in_words(self.shape.memory_mb)),
        ];
        lines.extend(self.image.map(|image| format!("image    {image}")));
        lines.extend(
            self.result
                .map(|json| format!("result   {}", one_line(json.get()))),
        );
        lines.extend(self.elements.map(|n| format!("elements {n}")));
        lines.extend(self.then.as_ref().map(|then| format!("then     {then}")));
        if !self.outputs.is_empty() {
            lines.push(format!("\n{}", self.table().render(paint)));
        }
        lines.extend(
            self.log
                .map(|log| format!("\n{}", printable(log.trim_end()))),
        );
        lines.join("\n")
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            Column::cut("OUTPUT"),
            Column::number("SIZE"),
            Column::text("TYPE"),
            Column::cut("KEPT AS"),
        ]);
        for output in &self.outputs {
            let path = output.path.map(|path| path.display().to_string());
            table.row([
                Cell::from(one_line(output.name)),
                Cell::from(Size(output.bytes).to_string()),
                Cell::from(output.content_type),
                Cell::from(one_line(&path.unwrap_or_default())),
            ]);
        }
        table
    }
}

/// What a workflow would do about it.
fn then(error: &Error, routing: &Routing, shape: &Shape) -> String {
    if error.code == OUTGREW {
        let larger = routing.larger(shape, 1);
        return match larger.group == shape.group {
            true => "it outgrew its shape, and there is no larger one".into(),
            false => format!(
                "it outgrew its shape: a workflow tries it again in `{}`, with {} MB",
                larger.group, larger.memory_mb
            ),
        };
    }
    let then = match error.class {
        Class::User => "the request is to blame: a workflow does not try it again",
        Class::Source => "the source is to blame: a workflow does not try it again",
        Class::Function => "the function is to blame: a workflow tries it again a few times",
        Class::Platform => "a machine is to blame: a workflow tries it again, elsewhere",
        Class::Canceled | Class::Deadline => "a workflow does not try it again",
    };
    then.into()
}

impl<'a> From<&'a Shape> for ShapeReport<'a> {
    fn from(shape: &'a Shape) -> Self {
        Self {
            group: &shape.group,
            cpus: shape.cpus,
            memory_mb: shape.memory_mb,
            disk_mb: shape.disk_mb,
        }
    }
}

impl ShapeReport<'_> {
    fn in_words(&self) -> String {
        let cpus = count(self.cpus.into(), "processor");
        let group = one_line(self.group);
        format!("{group}: {cpus}, {} MB of memory", self.memory_mb)
    }
}

impl<'a> OutputReport<'a> {
    fn of(named: &'a NamedBlob, kept: Option<&'a PathBuf>) -> Self {
        Self {
            name: &named.name,
            bytes: named.blob.size,
            digest: named.blob.digest.to_string(),
            content_type: &named.blob.content_type,
            path: kept.map(PathBuf::as_path),
        }
    }
}

impl From<Usage> for UsageReport {
    fn from(usage: Usage) -> Self {
        let Usage {
            cpu_ms,
            decode_cpu_ms,
            wall_ms,
            peak_memory_bytes,
        } = usage;
        Self {
            cpu_ms,
            decode_cpu_ms,
            wall_ms,
            peak_memory_bytes,
        }
    }
}

impl UsageReport {
    fn in_words(&self, memory_mb: u64) -> String {
        let seconds = |ms| format!("{:.2} s", Duration::from_millis(ms).as_secs_f64());
        let decoding = match self.decode_cpu_ms {
            0 => String::new(),
            ms => format!(" and {} of decoding", seconds(ms)),
        };
        format!(
            "{} of processor{decoding} in {}, {} MB of {memory_mb} MB of memory",
            seconds(self.cpu_ms),
            seconds(self.wall_ms),
            self.peak_memory_bytes.div_ceil(1_000_000)
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use stratum::Function;

    use super::*;

    #[test]
    fn what_follows_a_failure_is_by_who_is_to_blame() {
        let function = Function::from_yaml("name: a\nversion: '1'\ncommand: [a]").unwrap();
        let routing = &function.routing;
        let small = routing.shape("cpu1-small").unwrap();
        let largest = routing.shape("cpu1-xlarge").unwrap();
        let outgrew = Error::function(OUTGREW, "");
        for (error, shape, says) in [
            (&outgrew, small, "again in `cpu1-medium`, with 2000 MB"),
            (&outgrew, largest, "no larger one"),
            (&Error::user("X", ""), small, "not try it again"),
            (&Error::source("X", ""), small, "not try it again"),
            (&Error::function("X", ""), small, "again a few times"),
            (&Error::platform("X", ""), small, "elsewhere"),
        ] {
            let then = then(error, routing, shape);
            assert!(then.contains(says), "{then}");
        }
    }
}
