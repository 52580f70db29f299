//! Formatting, clippy and the rules for dependencies.

use anyhow::{Context, Result};

use crate::sh;

/// Fails at the first that complains.
pub fn run() -> Result<()> {
    println!("lint: formatting");
    sh::run(sh::cargo(["fmt", "--all", "--check"])).context("`cargo fmt` puts it right")?;
    println!("lint: clippy");
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ];
    sh::run(sh::cargo(clippy)).context("without clippy: `rustup component add clippy rustfmt`")?;
    dependencies()
}

fn dependencies() -> Result<()> {
    if sh::find("cargo-deny").is_none() {
        eprintln!("SKIPPED: cargo deny: not installed (`cargo install cargo-deny --locked`)");
        return Ok(());
    }
    println!("lint: dependencies");
    let what = ["bans", "licenses", "sources"];
    let deny = ["deny", "check", "--hide-inclusion-graph"];
    sh::run(sh::cargo(deny.into_iter().chain(what)))
}
