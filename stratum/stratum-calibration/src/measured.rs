use std::collections::BTreeMap;
use std::fmt;

use stratum::{Shape, Usage};

/// What is measured of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    pub cpus: u32,
    pub memory_mb: u64,
}

/// Something that the function is run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub name: String,
    /// By which rules can tell it from others.
    pub attributes: BTreeMap<String, String>,
    /// Of all its files.
    pub input_bytes: u64,
    /// Whether a decoder has a share of its memory.
    pub decoded: bool,
    /// Of the shape that it has now; not measured.
    pub network_mbps: u64,
    /// Likewise; 0 is no bound.
    pub disk_mb: u64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// It needed more memory than its size has.
    Outgrew,
    /// Of something that is no matter of its size.
    Failed,
}

/// A sample, run once in a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its place among the samples.
    pub sample: usize,
    pub size: Size,
    pub end: End,
    pub usage: Usage,
    /// Milliseconds of processor time that other programs took meanwhile; `None` = not known.
    pub others_ms: Option<u64>,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Processors of the machine.
    pub machine_cpus: u32,
    pub samples: Vec<Sample>,
    pub sizes: Vec<Size>,
    pub runs: Vec<Run>,
}

impl Size {
    /// The shape of this size, by a name of its own.
    pub fn shape(self, network_mbps: u64, disk_mb: u64) -> Shape {
        Shape {
            group: self.to_string(),
            cpus: self.cpus,
            memory_mb: self.memory_mb,
            network_mbps,
            disk_mb,
        }
    }

    /// Bytes of memory that the function itself has.
    pub(crate) fn function_memory(self, decoded: bool) -> u64 {
        let shape = self.shape(0, 0);
        shape.memory() - if decoded { shape.decoder_memory() } else { 0 }
    }
}

impl fmt::Display for Size {
    /// "cpu2-4000mb": a name that a shape may have.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu{}-{}mb", self.cpus, self.memory_mb)
    }
}

impl Run {
    /// Whether other programs took so much that it tells of them too.
    pub(crate) fn is_disturbed(&self, machine_cpus: u32) -> bool {
        let room = self.usage.wall_ms.saturating_mul(machine_cpus.into());
        let allowed = room / 100 * crate::limits::OTHERS_PERCENT;
        // Processor time is counted in hundredths of a second.
        self.others_ms.is_some_and(|others| others > allowed + 20)
    }

    /// Of the function and its decoder.
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.usage.cpu_ms.saturating_add(self.usage.decode_cpu_ms)
    }
}
