use std::path::PathBuf;

use clap::Args;
use stratum_simulator::{Policy, limits};

/// Settings of `cosmos simulate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cosmos simulate                                    a studio's usual day on 1024 processors
  cosmos simulate overload --cores 4096 --plots .    and plots beside the tables
  cosmos simulate studio --show > mine.yaml          a mix to change
  cosmos simulate mine.yaml --policies stratum

The policy `stratum` is the placement and scaling of this platform, the very code; the others
launch a job for each invocation, as KEDA does, and place it by one rule. All see the same.
Waits are from arrival to the last start; late is what ended after its deadline.")]
pub(in crate::cosmos) struct SimulateArgs {
    /// A mix that comes with it (studio, burst, overload), or a YAML file
    #[arg(default_value = "studio")]
    pub mix: String,

    /// Processors of the cluster, 16 to 100000; rounded down to whole hosts
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(*limits::CORES.start()..=*limits::CORES.end()))]
    pub cores: u64,

    /// Hours to simulate, from midnight on
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(*limits::HOURS.start()..=*limits::HOURS.end()))]
    pub hours: u64,

    /// The same seed gives the same arrivals
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Which policies, by name [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub policies: Vec<Policy>,

    /// Write the mix in YAML to standard output, and simulate nothing
    #[arg(long)]
    pub show: bool,

    /// Folder to write plots to: utilisation.svg, waits.svg, cost.svg
    #[arg(long, value_name = "DIR", help_heading = "Reporting")]
    pub plots: Option<PathBuf>,

    /// Report as JSON on standard output, one document
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

impl SimulateArgs {
    /// Each once.
    pub(super) fn policies(&self) -> Vec<Policy> {
        let wanted = |policy: &Policy| self.policies.is_empty() || self.policies.contains(policy);
        Policy::ALL.into_iter().filter(wanted).collect()
    }
}
