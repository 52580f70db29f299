//! Encodes from a server that misbehaves, seed after seed: the bytes are those of the local file,
//! within a bounded memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use e2e::leftovers;
use e2e::run::{Encode, sha256};
use origin::{Counts, Faults, Manners, Origin};
use serde::Serialize;
use tokio::runtime::Runtime;

/// Encode from a server that drops, stalls, truncates, breaks off, spoils and refuses.
#[derive(Parser)]
struct Args {
    /// Clip to encode; a generated one if not given.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// Seeds, each once over HTTP and once as S3.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// Of a hundred requests, how many go wrong.
    #[arg(long, default_value_t = 20)]
    percent: u64,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    runs: u64,
    percent: u64,
    same_bytes: bool,
    requests: u64,
    faults: u64,
    /// Of the process with all roles, reading the file.
    local_peak_mb: u64,
    /// The same from the server, the largest of all runs.
    remote_peak_mb: u64,
}

const PATH: &str = "/masters/film.mp4";
const ARGS: [&str; 5] = ["--chunk", "15f", "--align", "fixed", "--preset=ultrafast"];
/// Memory that a source of a server may take: its blocks, and what connections are receiving.
const MOST_MORE: u64 = (64 + 32) << 20;

fn main() -> Result<()> {
    let args = Args::parse();
    let clip = match &args.clip {
        Some(clip) => clip.clone(),
        None => corpus::clip(corpus::Clip::OpenGopAvcMp4)?,
    };
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let origin = runtime.block_on(Origin::start());
    origin.put_file(PATH, &clip);
    let (expected, local) = run(&encode(&clip, folder.path(), "local", &origin)?)?;
    let mut remote = 0;
    for seed in 0..args.seeds {
        for source in [origin.url(PATH), "s3://masters/film.mp4".into()] {
            let name = format!("{seed} {}", &source[..2]);
            misbehave(&origin, seed, args.percent);
            let (sum, peak) = run(&encode(Path::new(&source), folder.path(), &name, &origin)?)?;
            ensure!(sum == expected, "seed {seed}, {source}: another encode");
            remote = remote.max(peak);
            eprintln!(
                "seed {seed} {}: {} faults so far",
                &source[..4],
                origin.counts().faults
            );
        }
    }
    ensure!(
        remote <= local + MOST_MORE,
        "{remote} bytes of memory, and {local} from the file"
    );
    leftovers::none_below(folder.path())?;
    tell(&args, origin.counts(), local, remote)
}

fn misbehave(origin: &Origin, seed: u64, percent: u64) {
    origin.misbehave(Faults::all(seed, percent));
    origin.behave(Manners {
        checksums: seed.is_multiple_of(2),
        ..Manners::default()
    });
}

fn encode(source: &Path, folder: &Path, name: &str, origin: &Origin) -> Result<Encode> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder)?;
    Ok(Encode {
        env: vec![("AWS_ENDPOINT_URL".into(), origin.url(""))],
        ..Encode::new(source, &folder, &ARGS)
    })
}

/// The digest of what was made, and the most memory of the process.
fn run(encode: &Encode) -> Result<(String, u64)> {
    let mut started = encode.start()?;
    let (process, mut most) = (started.child.id(), 0);
    started.wait_for(|_| {
        most = most.max(peak(process).unwrap_or(0));
        false
    })?;
    let status = started.child.wait()?;
    ensure!(
        status.success(),
        "ves ended with {status}:\n{}",
        encode.log()
    );
    Ok((sha256(&encode.output)?, most))
}

/// Bytes.
fn peak(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no peak")?.parse::<u64>()? << 10)
}

fn tell(args: &Args, counts: Counts, local: u64, remote: u64) -> Result<()> {
    let report = Report {
        runs: 2 * args.seeds,
        percent: args.percent,
        same_bytes: true,
        requests: counts.requests,
        faults: counts.faults,
        local_peak_mb: local >> 20,
        remote_peak_mb: remote >> 20,
    };
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(())
}
