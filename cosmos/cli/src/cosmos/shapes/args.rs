//! The arguments of `cosmos shapes`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::calibrate::args::CalibrateArgs;
use crate::cosmos::function::args::Attribute;

/// Settings of `cosmos shapes`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShapesArgs {
    #[command(subcommand)]
    pub command: ShapesCommand,

    /// Report as JSON on standard output; the help of each command documents it
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cosmos shapes list
  cosmos shapes explain ves-avc --attribute height=2160
  cosmos shapes calibrate functions/poster --samples films.yaml -o shapes.yaml

A shape is how much of a host an invocation gets; the rules of a function choose it.";

/// What to do with shapes.
#[derive(Debug, Subcommand)]
pub(crate) enum ShapesCommand {
    /// List the shapes of this installation, with the functions whose rules may choose them
    List(ListArgs),
    /// Say which shape a function gets for given attributes, and by which rule
    Explain(ExplainArgs),
    /// Measure a function over a grid of shapes, and propose shapes and rules
    Calibrate(Box<CalibrateArgs>),
}

/// Which functions are installed.
#[derive(Debug, Args)]
pub(crate) struct Installation {
    /// Folder of a service whose functions count as installed; may be given several times
    #[arg(long = "service", value_name = "FOLDER", help_heading = "Installation")]
    pub services: Vec<PathBuf>,

    /// Configuration file that names services; without one the defaults hold
    #[arg(short, long, value_name = "FILE", help_heading = "Installation")]
    #[arg(env = "COSMOS_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

/// Settings of `cosmos shapes list`.
#[derive(Debug, Args)]
#[command(after_help = LIST)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub installation: Installation,
}

const LIST: &str = "\
JSON, an object a line:
  shape, cpus, memory_mb, network_mbps, disk_mb: 0 is no bound of its own,
  functions: those whose rules may choose it
Functions may have shapes of one name and different sizes; each is told by itself.";

/// Settings of `cosmos shapes explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN)]
pub(crate) struct ExplainArgs {
    /// Folder with a function.yaml, or the name of an installed function
    pub function: String,

    /// Fact about the invocation; may be given several times
    #[arg(short, long = "attribute", value_name = "NAME=VALUE")]
    pub attributes: Vec<Attribute>,

    #[command(flatten)]
    pub installation: Installation,
}

const EXPLAIN: &str = "\
Examples:
  cosmos shapes explain ves-avc --attribute height=2160
  cosmos shapes explain functions/poster --json | jq -r .shape

Exit status: 0 there is a shape; 2 no rule holds, or one cannot be decided.

JSON, one document:
  function, version, shape, cpus, memory_mb, network_mbps, disk_mb
  why: the rule that chose it
  rules: [{rule, when, shape, holds}]; `holds` is left out of rules that were not asked
  outgrown: where it is tried next, and next, when it needs more memory";
