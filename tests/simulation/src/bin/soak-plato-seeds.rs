//! Thousands of seeds of the simulation of Plato.

use anyhow::{Result, ensure};
use clap::Parser;

/// Prove that workflows keep their promises, whatever happens to the processes that own them.
#[derive(Parser)]
struct Cli {
    /// How many seeds.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed; the same seed does the same.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let summary = simulation::soak(cli.seed..cli.seed.saturating_add(cli.seeds));
    if !cli.json {
        for line in &summary.transitions {
            println!(
                "{:>9} × {}: {} → {} by {}",
                line.count, line.machine, line.from, line.to, line.event
            );
        }
    }
    println!("{}", serde_json::to_string(&summary)?);
    ensure!(summary.holds(), "a seed broke a promise");
    Ok(())
}
