//! A map of many no-op elements over two Plato processes on PostgreSQL, both paused in turn.

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::wide_map::{self, Part};

/// Prove that a wide map is done once, whatever happens to the processes that own it.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Elements of the map.
    #[arg(long, default_value_t = 20_000)]
    elements: u64,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Part::Node(args)) = cli.part {
        return wide_map::node(args).await;
    }
    let Some(report) = wide_map::prove(cli.elements).await? else {
        return Ok(());
    };
    println!("{}", serde_json::to_string(&report)?);
    ensure!(report.holds(), "not all done once by a replaced owner");
    Ok(())
}
