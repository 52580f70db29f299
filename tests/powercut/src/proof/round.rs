use std::io;
use std::time::{Duration, Instant};

use super::worker::Worker;
use super::{Adapter, Proof};
use crate::disk::Disk;
use crate::workload::Facts;
use crate::{Behaviour, Mount};

/// How long the writer may take to reach the cut.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked whether the writer still runs.
const LOOK: Duration = Duration::from_millis(50);

/// One cut of a proof.
pub(super) struct Round<'a> {
    pub(super) proof: &'a Proof,
    pub(super) adapter: &'a dyn Adapter,
    pub(super) cut: u64,
}

/// How a store ran until its power went.
pub(super) struct Ran {
    /// The disk before anything is forgotten.
    pub(super) disk: Disk,
    pub(super) acknowledged: Facts,
    pub(super) changes: u64,
}

/// What a check found.
pub(super) enum Checked {
    Right(Facts),
    Wrong(Vec<String>),
    Unopenable(String),
}

impl Round<'_> {
    /// Runs a writer until the power goes, `cut_after` changes later.
    pub(super) fn run_until_cut(
        &self,
        disk: Disk,
        cut_after: u64,
        acknowledged: &Facts,
    ) -> io::Result<Ran> {
        let behaviour = Behaviour {
            cut_after: Some(cut_after),
            lies: self.proof.lies,
        };
        let mount = Mount::new(disk, behaviour)?;
        let mut facts = acknowledged.clone();
        // A server that does not start was cut off while starting.
        match self.adapter.start(&mount) {
            Ok(mut running) => {
                let said = self.write_until_cut(&mount, &running.target())?;
                let newer = Facts::read(&said).map_err(io::Error::other)?;
                facts.lanes.extend(newer.lanes);
                facts.epochs.extend(newer.epochs);
                running.kill()?;
            }
            Err(error) if !mount.wait_for_cut(Duration::ZERO) => return Err(error),
            Err(_) => {}
        }
        let changes = mount.changes();
        Ok(Ran {
            disk: mount.unmount(),
            acknowledged: facts,
            changes,
        })
    }

    fn write_until_cut(&self, mount: &Mount, target: &super::Target) -> io::Result<String> {
        let (start, facts) = (Instant::now(), Facts::default());
        let mut writer =
            Worker::start(&self.proof.worker, "write", target, self.proof.seed, &facts)?;
        while !mount.wait_for_cut(LOOK) {
            let ended = writer.ended()?;
            if ended.is_some() && !mount.wait_for_cut(Duration::ZERO) || start.elapsed() > PATIENCE
            {
                let errors = writer.finish()?.errors;
                return Err(io::Error::other(format!(
                    "the writer of cut {}: {errors}",
                    self.cut
                )));
            }
        }
        Ok(writer.finish()?.output)
    }

    /// Opens what is left, and compares it with what was acknowledged.
    pub(super) fn check(&self, disk: Disk, acknowledged: &Facts) -> io::Result<Checked> {
        let mount = Mount::new(disk, Behaviour::default())?;
        let mut running = match self.adapter.start(&mount) {
            Ok(running) => running,
            Err(error) => return Ok(Checked::Unopenable(error.to_string())),
        };
        let target = running.target();
        let mut checker = Worker::start(
            &self.proof.worker,
            "check",
            &target,
            self.proof.seed,
            acknowledged,
        )?;
        let ended = checker.wait()?;
        let said = checker.finish()?;
        running.kill()?;
        mount.unmount();
        match ended.is_some_and(|status| status.success()) {
            true => judged(&said.output).map_err(io::Error::other),
            false => Ok(Checked::Unopenable(said.errors)),
        }
    }
}

/// A checker says what is wrong in lines that begin with `!`, then the facts.
fn judged(output: &str) -> anyhow::Result<Checked> {
    let (wrong, facts): (Vec<_>, Vec<_>) = output.lines().partition(|line| line.starts_with('!'));
    let found = Facts::read(&facts.join("\n"))?;
    match wrong.is_empty() {
        true => Ok(Checked::Right(found)),
        false => Ok(Checked::Wrong(
            wrong.into_iter().map(str::to_owned).collect(),
        )),
    }
}
