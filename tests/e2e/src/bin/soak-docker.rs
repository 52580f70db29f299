//! Functions in containers, whose queue and agent are killed again and again.

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use e2e::contained::{self, HostArgs, Trial};

/// Prove that each invocation has one result, and that nothing is left, whatever is killed.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[arg(long, default_value_t = 100)]
    invocations: u32,
    #[arg(long, default_value_t = 10)]
    kills: u32,
    /// Of the moments of the kills.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Subcommand)]
enum Part {
    /// The process that is killed
    #[command(hide = true)]
    Host(HostArgs),
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Part::Host(args)) = cli.part {
        return contained::host(&args).await;
    }
    let trial = Trial {
        invocations: cli.invocations,
        kills: cli.kills,
        between: u64::from((cli.invocations / (2 * cli.kills.max(1))).max(1)),
        seed: cli.seed,
    };
    let Some(report) = contained::prove(&std::env::current_exe()?, trial).await? else {
        return Ok(());
    };
    println!("{}", serde_json::to_string(&report)?);
    ensure!(
        report.holds(),
        "not everything ended once, or something is left"
    );
    Ok(())
}
