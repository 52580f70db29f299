//! The program of a service: it runs the service's workflows until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches, Parser};
use plato::InvalidDefinition;
use plato_runtime::Definitions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::engine::Engine;

/// What the one line of a program's standard output begins with; the address follows where its
/// workflows are looked after.
pub const ANNOUNCED: &str = "serving ";

/// Runs the workflows of a service
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Args {
    /// Configuration file of the installation; without one the defaults hold
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "COSMOS_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,

    /// Where `cosmos workflow --server` finds the workflows; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// End when standard input does: who started this has ended
    #[arg(long)]
    with_parent: bool,
}

/// The whole program of the service `name`, whose workflows are made of `definitions`.
pub fn main(
    name: &'static str,
    definitions: impl FnOnce() -> Result<Definitions, InvalidDefinition>,
) -> ExitCode {
    let command = Args::command().name(name);
    let args = match Args::from_arg_matches(&command.get_matches()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let ended = definitions()
        .map_err(anyhow::Error::from)
        .and_then(|definitions| run(name, definitions, &args));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, definitions: Definitions, args: &Args) -> Result<()> {
    let read = args.config.as_deref().map(Config::read);
    let config = read.unwrap_or_else(|| Ok(Config::default()))?;
    let runtime = tokio::runtime::Runtime::new().context("there is no runtime")?;
    runtime.block_on(async {
        let stop = stop(args.with_parent)?;
        let Engine { runtime, server } =
            Engine::start(name, definitions, &config, args.listen).await?;
        announce(&server.url())?;
        let served = server.serve(stop).await;
        runtime.shutdown().await;
        served.context("the server did not end well")
    })
}

fn announce(url: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ANNOUNCED}{url}")?;
    out.flush().context("nobody hears where this serves")
}

/// Canceled when the process is told to stop, or its parent has ended.
fn stop(with_parent: bool) -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let canceled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = orphaned(), if with_parent => {}
        }
        canceled.cancel();
    });
    Ok(stop)
}

/// Returns when standard input has ended.
async fn orphaned() {
    let (ended, hears) = oneshot::channel::<()>();
    // A thread, as reading it cannot be given up: the process may end meanwhile.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    });
    let _ = hears.await;
}
