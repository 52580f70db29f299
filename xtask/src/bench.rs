//! Measurements beside a peer, in release mode; of servers, as they are shipped.

use anyhow::{Result, ensure};

use crate::install::{self, BEANSTALKD, FFMPEG, NODE, NPM, POSTGRES, PYTHON, RABBITMQ, REDIS};
use crate::{clip, sh};

/// Clients of peers that only a measurement needs.
const PEERS: &[&str] = &["bench/rabbitmq"];

/// What is measured, where it is not the measurement itself.
const SERVER: &str = "cosmos";

/// Runs the measurement `name`.
pub fn run(name: &str, args: &[String]) -> Result<()> {
    match name {
        "ves" => ves(args),
        "timestone" => timestone(args),
        "plato" => plato(args),
        _ => sh::release(&program(name), args),
    }
}

fn program(name: &str) -> String {
    format!("bench-{name}")
}

/// Gets a clip when none is given.
fn ves(args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    if !has_clip(&args) {
        ensure!(
            install::ensure(&[FFMPEG]).is_empty(),
            "measuring an encode needs ffmpeg"
        );
        args.extend(["--clip".to_owned(), clip::minute()?.display().to_string()]);
    }
    sh::release(&program("ves"), &args)
}

/// Gets the peers; the program tells what could not be had.
fn timestone(args: &[String]) -> Result<()> {
    let alone = args.windows(2).any(|pair| pair == ["--peers", "none"])
        || args
            .iter()
            .any(|arg| arg.starts_with("--depth") || arg == "--conditions");
    if alone
        || args
            .iter()
            .any(|arg| arg == "--peers=none" || arg == "--help")
    {
        return sh::shipped(&[], &program("timestone"), &[SERVER], args);
    }
    install::ensure(&[REDIS, RABBITMQ, BEANSTALKD, POSTGRES, NODE, NPM]);
    sh::shipped(PEERS, &program("timestone"), &[SERVER], args)
}

/// Gets what the peers run on; the program gets the peers themselves, and tells what could
/// not be had.
fn plato(args: &[String]) -> Result<()> {
    let alone = |arg: &String| {
        arg.starts_with("--map") || arg.starts_with("--recover") || arg == "--peers=none"
    };
    let no_peers = args.windows(2).any(|pair| pair == ["--peers", "none"]);
    if !no_peers && !args.iter().any(|arg| alone(arg) || arg == "--help") {
        install::ensure(&[POSTGRES, NODE, NPM, PYTHON]);
    }
    sh::shipped(&[], &program("plato"), &[], args)
}

fn has_clip(args: &[String]) -> bool {
    let given = |arg: &String| arg == "--clip" || arg.starts_with("--clip=") || arg == "--help";
    args.iter().any(given)
}
