//! The arguments of `cosmos shapes calibrate`.

use std::path::PathBuf;

use clap::Args;
use stratum_calibration::limits;

use super::super::args::Installation;
use crate::cosmos::function::args::{EngineArgs, Given};

/// Settings of `cosmos shapes calibrate`.
#[derive(Debug, Args)]
#[command(after_help = CALIBRATE, after_long_help = calibrate_long())]
pub(crate) struct CalibrateArgs {
    /// Folder with a function.yaml, or the name of an installed function
    pub function: String,

    /// File in YAML that lists the samples to run it on; without one, a sample is what follows
    #[arg(short, long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["inputs", "params", "attributes", "range", "pixel_format"])]
    pub samples: Option<PathBuf>,

    #[command(flatten)]
    pub given: Given,

    /// Processors of the shapes to try [default: 1, 2, 4 … up to those of this machine]
    #[arg(
        long,
        value_name = "COUNTS",
        value_delimiter = ',',
        help_heading = "Shapes"
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub cpus: Vec<u32>,

    /// Memory of the shapes to try [default: 500,1000,2000,4000,8000 up to that of this machine]
    #[arg(
        long,
        value_name = "MEGABYTES",
        value_delimiter = ',',
        help_heading = "Shapes"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(16..=16_777_216))]
    pub memory: Vec<u64>,

    /// Runs of each sample in each shape
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 5,
        help_heading = "Shapes"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=limits::RUNS as u64))]
    pub runs: u64,

    /// Memory beyond the most that was seen, in percent of it
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 25,
        help_heading = "Shapes"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub headroom: u64,

    /// What a shape that is faster may cost beyond the cheapest one, in percent
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 20,
        help_heading = "Shapes"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub faster: u64,

    /// Propose something from runs that are too few, too uneven or disturbed, too
    #[arg(long, help_heading = "Shapes")]
    pub anyway: bool,

    /// File to write the proposal to, in the words of function.yaml; it must be new
    #[arg(short, long, value_name = "FILE", help_heading = "Reporting")]
    pub output: Option<PathBuf>,

    /// Folder to write plots to: wall.svg, cost.svg, memory.svg
    #[arg(long, value_name = "FOLDER", help_heading = "Reporting")]
    pub plots: Option<PathBuf>,

    #[command(flatten)]
    pub installation: Installation,

    #[command(flatten)]
    pub engine: EngineArgs,
}

const CALIBRATE: &str = "\
Examples:
  cosmos shapes calibrate functions/poster --samples films.yaml -o shapes.yaml --plots plots
  cosmos shapes calibrate functions/poster --input source=film.mov --attribute height=1080
  cosmos shapes calibrate grain --samples films.yaml --cpus 1,2,4 --memory 500,750,1000,1500";

const LONG: &str = "\
It is run as by `cosmos function run`, one run at a time: in the sandbox, or in a container where it
has an image. Each sample is run once for nothing, in the largest shape; then all of them in every
shape, round after round. A shape that a sample outgrew is not tried again with it.

A file of samples; files are sought from its folder:
  - name: 1080p
    input: [source=film.mov]            as --input
    params: {width: 320}
    attributes: {height: 1080}          facts that rules may ask for
    range: 0..48                        as --range
    pixelFormat: yuv420p                as --pixel-format

Proposed are shapes that were measured, and rules over attributes that tell the samples apart: for
each sample the least memory with the headroom, and more processors as long as the whole costs
little more. Cost is processors times wall time. Network and disk are not measured: they are those
of the shape that a sample has now. Nothing is proposed from fewer than 3 undisturbed runs, from
runs of which the slowest takes 20 % and 50 ms longer than the fastest, from runs under 200 ms, or
where a sandbox gave more processors than the shape has; --anyway does, and says so in the YAML. A
run is disturbed when other programs took more than a tenth of the machine meanwhile; what else
slows a run down, a busy disk or a hot processor, shows in the spread alone.

Exit status: 0 there is a proposal; 2 no shape will do, or the command line is wrong; else the class
of what failed; 5 also where measurements are not worth believing; 130 interrupted.

JSON, one document:
  function, version, package, runs, machine: {cpus, memory_mb}
  samples: [{name, attributes, input_bytes, shape: the proposed one}]
  cells: [{sample, cpus, memory_mb, calm, disturbed, outgrew, failed: runs that ended so,
    wall_ms, cpu_ms, peak_memory_bytes: {least, median, most}, cost_cpu_s}]
  doubts: [{sample, cpus, memory_mb, code, message}]
  errors: why there is no proposal
  proposal: {shapes: [{shape, cpus, memory_mb, network_mbps, disk_mb}], rules: [{when, shape}], yaml}";

fn calibrate_long() -> String {
    format!("{CALIBRATE}\n\n{LONG}")
}
