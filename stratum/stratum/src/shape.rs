//! Shapes: named allotments of a host.
//!
//! A shape is charged for the whole invocation: the function and the decoder
//! that feeds its stream share the processors and the memory of one shape.

use serde::Deserialize;

const MB: u64 = 1_000_000;
/// The decoder's share of the memory, as a divisor, and the least that it gets.
const DECODER_SHARE: u64 = 4;
const DECODER_LEAST: u64 = 256 * MB;
/// The shapes that come with the platform.
const SHIPPED: &str = include_str!("shapes.yaml");

/// How much of a host an invocation gets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The name of the shape.
    pub group: String,
    /// Processors.
    #[serde(rename = "numCpus")]
    pub cpus: u32,
    /// Megabytes (10^6 bytes).
    #[serde(rename = "memoryInMB")]
    pub memory_mb: u64,
    /// Megabits per second, in and out together.
    #[serde(rename = "networkInMbp", default)]
    pub network_mbps: u64,
    /// Megabytes of scratch space and outputs; 0 = no bound of its own.
    #[serde(rename = "diskSizeInMB", default)]
    pub disk_mb: u64,
}

/// Why a shape cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShape {
    #[error("{0}")]
    Yaml(String),
    #[error("shape `{group}`: {field} must be {rule}")]
    Value {
        group: String,
        field: &'static str,
        rule: &'static str,
    },
}

impl Shape {
    /// Reads a shape from YAML: `group`, `numCpus`, `memoryInMB`, `networkInMbp`, `diskSizeInMB`.
    ///
    /// # Errors
    /// When a field is missing, unknown or out of its range.
    pub fn from_yaml(yaml: &str) -> Result<Self, InvalidShape> {
        let shape: Self = serde_saphyr::from_str(yaml).map_err(yaml_error)?;
        shape.validated()
    }

    /// The shapes that come with the platform, from small to large: one processor
    /// each, so that chunks are encoded side by side and not within one another.
    ///
    /// # Errors
    /// Never with the file that is shipped; a test reads it.
    pub fn shipped() -> Result<Vec<Self>, InvalidShape> {
        let shapes: Vec<Self> = serde_saphyr::from_str(SHIPPED).map_err(yaml_error)?;
        shapes.into_iter().map(Self::validated).collect()
    }

    /// The shape, if every amount is within its range.
    ///
    /// # Errors
    /// When one is not.
    pub fn validated(self) -> Result<Self, InvalidShape> {
        let wrong = |field, rule| {
            Err(InvalidShape::Value {
                group: self.group.clone(),
                field,
                rule,
            })
        };
        match &self {
            Self { group, .. } if group.is_empty() || group.len() > 63 => {
                wrong("group", "1 to 63 characters long")
            }
            Self {
                cpus: 0 | 1025.., ..
            } => wrong("numCpus", "1 to 1024"),
            Self {
                memory_mb: ..16 | 16_777_217..,
                ..
            } => wrong("memoryInMB", "16 to 16777216"),
            Self {
                disk_mb: 1_073_741_825..,
                ..
            } => wrong("diskSizeInMB", "at most 1073741824"),
            _ => Ok(self),
        }
    }

    /// Bytes of memory, the decoder's included.
    pub fn memory(&self) -> u64 {
        self.memory_mb * MB
    }

    /// Bytes of memory for a decoder that feeds the function; at most half of all.
    pub fn decoder_memory(&self) -> u64 {
        let share = (self.memory() / DECODER_SHARE).max(DECODER_LEAST);
        share.min(self.memory() / 2)
    }

    /// Bytes that one file may grow to.
    pub fn disk(&self) -> Option<u64> {
        (self.disk_mb > 0).then_some(self.disk_mb * MB)
    }
}

fn yaml_error(error: serde_saphyr::Error) -> InvalidShape {
    InvalidShape::Yaml(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_published_shape_is_read_as_it_stands() {
        let yaml = "\
# the first example
group: containerShapeExample1
numCpus: 2
memoryInMB: 4000      # megabytes
networkInMbp: 750
diskSizeInMB: 12000
";
        let shape = Shape::from_yaml(yaml).unwrap();
        assert_eq!(shape.group, "containerShapeExample1");
        assert_eq!((shape.cpus, shape.memory()), (2, 4_000_000_000));
        assert_eq!(shape.network_mbps, 750);
        assert_eq!(shape.disk(), Some(12_000_000_000));
    }

    #[test]
    fn wrong_shapes_are_told_apart() {
        for (yaml, says) in [
            ("group: a\nnumCpus: 0\nmemoryInMB: 100", "numCpus"),
            ("group: a\nnumCpus: 1\nmemoryInMB: 1", "memoryInMB"),
            ("group: ''\nnumCpus: 1\nmemoryInMB: 100", "group"),
            ("group: a\nmemoryInMB: 100", "numCpus"),
            ("group: a\nnumCpus: 1\nmemoryInMb: 100", "memoryInMb"),
            ("group: a\nnumCpus: -1\nmemoryInMB: 100", "numCpus"),
        ] {
            let error = Shape::from_yaml(yaml).unwrap_err().to_string();
            assert!(error.contains(says), "{yaml}: {error}");
        }
    }

    #[test]
    fn shipped_shapes_have_one_processor_and_grow() {
        let shapes = Shape::shipped().unwrap();
        assert!(shapes.iter().all(|shape| shape.cpus == 1));
        assert!(shapes.is_sorted_by(|a, b| a.memory_mb < b.memory_mb));
        let names: Vec<_> = shapes.iter().map(|shape| &*shape.group).collect();
        assert_eq!(
            names,
            ["cpu1-small", "cpu1-medium", "cpu1-large", "cpu1-xlarge"]
        );
    }

    #[test]
    fn the_decoder_leaves_the_function_at_least_half() {
        for memory_mb in [16, 300, 500, 1_000, 4_000, 64_000] {
            let yaml = format!("group: a\nnumCpus: 1\nmemoryInMB: {memory_mb}");
            let shape = Shape::from_yaml(&yaml).unwrap();
            assert!(shape.decoder_memory() * 2 <= shape.memory());
        }
    }
}
