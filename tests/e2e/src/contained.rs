//! Functions in containers of a Docker engine, their queue and their agent killed again and again:
//! one result each, and nothing left behind.

mod engine;
mod host;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clock::SystemClock;
use corpus::Daemon;
use serde::Serialize;
use stratum_docker::Engine;
use stratum_init::Init;

pub use host::{HostArgs, host};

use self::engine::Traces;
use crate::leftovers;

const FUNCTION: &str = "echoes";
/// It ends some time after it began, so that kills meet it at work.
const SCRIPT: &str = "#!/bin/sh\ncat params.json > output/seen.json\nsleep 0.3\n";
const PROGRAMS: [&str; 3] = ["/bin/sh", "/bin/cat", "/bin/sleep"];
/// The signal of a kill.
const KILLED: i32 = 9;
/// Between the word that makes the host die and its death, at most.
const LATER_MS: u64 = 400;

/// What a proof found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub invocations: u32,
    pub kills: u32,
    /// Invocations without a result that says what it should.
    pub lost: u32,
    /// Results beyond the first of an invocation.
    pub twice: u32,
    /// Containers, networks and volumes of the engine that were not there before.
    pub left: Vec<String>,
    pub seed: u64,
}

impl Report {
    /// Whether each invocation has one result, and nothing was left.
    pub fn holds(&self) -> bool {
        (self.lost, self.twice) == (0, 0) && self.left.is_empty() && self.kills > 0
    }
}

/// How much is to be proven.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub invocations: u32,
    pub kills: u32,
    /// Invocations that end between two kills, at most.
    pub between: u64,
    pub seed: u64,
}

/// Runs the host in `program` until every invocation has ended, and kills it meanwhile; nothing
/// where there is no engine.
///
/// # Errors
/// When the host cannot be run, or files, mounts or processes of it are left.
pub async fn prove(program: &Path, trial: Trial) -> Result<Option<Report>> {
    let Some(daemon) = Daemon::find_or_start("containers whose agent is killed") else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    declare(folder.path(), &image(&daemon).await?)?;
    let before = Traces::of(daemon.socket())?;
    let site = Site {
        program,
        folder: folder.path(),
        socket: daemon.socket(),
        trial,
    };
    let kills = site.kills()?;
    let results = site.to_the_end()?;
    leftovers::none_below(folder.path())?;
    let left = Traces::of(daemon.socket())?.beyond(&before);
    Ok(Some(Report {
        invocations: trial.invocations,
        kills,
        lost: (0..trial.invocations)
            .filter(|n| !results.contains_key(n))
            .count()
            .try_into()?,
        twice: results.values().map(|count| count - 1).sum(),
        left,
        seed: trial.seed,
    }))
}

async fn image(daemon: &Daemon) -> Result<String> {
    let init = Init::at(corpus::init_binary()?);
    let clock = Arc::new(SystemClock);
    let engine = Engine::connect(daemon.socket(), "contained-image", &init, clock).await?;
    let script = (format!("function/{FUNCTION}.sh"), SCRIPT.to_owned());
    let archive = corpus::root_archive(&PROGRAMS, &BTreeMap::from([script]))?;
    Ok(engine.import(archive.into()).await?)
}

fn declare(folder: &Path, image: &str) -> Result<()> {
    let functions = folder.join("functions").join(FUNCTION);
    fs::create_dir_all(&functions)?;
    let yaml =
        format!("name: {FUNCTION}\nversion: '1'\ncommand: [{FUNCTION}.sh]\nimage: {image}\n");
    fs::write(functions.join("function.yaml"), yaml)?;
    // Whoever made it: nobody has a secret in it.
    Ok(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o755),
    )?)
}

struct Site<'a> {
    program: &'a Path,
    folder: &'a Path,
    socket: &'a str,
    trial: Trial,
}

impl Site<'_> {
    /// Kills the host as often as asked for, each time after some invocations have ended.
    fn kills(&self) -> Result<u32> {
        let mut random = self.trial.seed;
        for kill in 0..self.trial.kills {
            let (mut child, lines) = self.start()?;
            let ends = 1 + next(&mut random) % self.trial.between;
            // Read from until it is dead: it is to die of the kill, and of nothing else.
            let mut lines = lines.lines();
            lines.by_ref().take(usize::try_from(ends)?).for_each(drop);
            std::thread::sleep(Duration::from_millis(next(&mut random) % LATER_MS));
            child.kill()?;
            let status = child.wait()?;
            ensure!(
                status.signal() == Some(KILLED),
                "the host ended by itself, after {kill} kills: {status}"
            );
        }
        Ok(self.trial.kills)
    }

    /// How many results each invocation has, of those that say what they should.
    fn to_the_end(&self) -> Result<BTreeMap<u32, u32>> {
        let (mut child, lines) = self.start()?;
        let last = lines.lines().last().context("the host says nothing")??;
        let status = child.wait()?;
        ensure!(status.success(), "the host failed: {status}");
        serde_json::from_str(&last).with_context(|| last.clone())
    }

    fn start(&self) -> Result<(Child, BufReader<ChildStdout>)> {
        let mut command = Command::new(self.program);
        command.arg("host").arg(self.folder).arg(self.socket);
        command.arg(self.trial.invocations.to_string());
        command.env("COSMOS_INIT", corpus::init_binary()?);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("the host's words")?;
        Ok((child, BufReader::new(stdout)))
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
