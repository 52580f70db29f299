//! Workflows over two Plato processes on PostgreSQL, one of which is killed every few seconds.

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::takeovers::{self, Part};

/// Prove that every workflow ends, and none twice, whatever process is killed.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// How long there are load and kills.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Of the moments and victims of the kills.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Part::Node(args)) = cli.part {
        return takeovers::node(args).await;
    }
    let Some(report) = takeovers::prove(cli.seconds, cli.seed).await? else {
        return Ok(());
    };
    println!("{}", serde_json::to_string(&report)?);
    ensure!(report.holds(), "not everything ended once");
    Ok(())
}
