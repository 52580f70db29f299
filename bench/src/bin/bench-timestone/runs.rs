//! The alternating runs, and what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::measure::{Plan, Run, measure};
use crate::ours::{InProcess, Remote, Sharing};
use crate::peers::Peer;
use crate::raw_store;
use crate::report::{Measured, Ours, Skipped};

/// Runs so far.
#[derive(Default)]
pub struct Runs {
    shared: Vec<Run>,
    sent: Vec<Run>,
    each: Vec<Run>,
    in_process: Vec<Run>,
    raw_store: Vec<Run>,
    peers: BTreeMap<Peer, Vec<Run>>,
    skipped: Vec<Skipped>,
}

impl Runs {
    /// Nothing yet, of ours and of `peers`.
    pub fn of(peers: Vec<Peer>) -> Self {
        Self {
            peers: peers.into_iter().map(|peer| (peer, Vec::new())).collect(),
            ..Self::default()
        }
    }

    /// One run of each queue, one after another.
    pub async fn once(&mut self, plan: &Plan, scratch: &Path) -> Result<()> {
        self.shared.push(remote(Sharing::One, plan, scratch).await?);
        self.sent.push(remote(Sharing::Sent, plan, scratch).await?);
        self.each.push(remote(Sharing::Each, plan, scratch).await?);
        let (queue, store) = in_process(plan, scratch).await?;
        self.in_process.push(queue);
        self.raw_store.push(store);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            eprintln!("bench: {peer:?}");
            self.peer(peer, peer.run(plan, scratch).await);
        }
        Ok(())
    }

    /// A peer that is missing or fails is out of the measurement, and said to be.
    fn peer(&mut self, peer: Peer, run: Result<Run>) {
        match run {
            Ok(run) => self.peers.entry(peer).or_default().push(run),
            Err(error) => {
                let why = format!("{error:#}");
                eprintln!("SKIPPED: {peer:?}: {why}");
                self.peers.remove(&peer);
                self.skipped.push(Skipped { peer, why });
            }
        }
    }

    pub fn ours(&self) -> Result<Ours> {
        let of = |runs: &[Run]| Measured::of(runs).context("there was no run");
        Ok(Ours {
            shared_client: of(&self.shared)?,
            consumer: of(&self.sent)?,
            connection_per_client: of(&self.each)?,
            in_process: of(&self.in_process)?,
            raw_store: of(&self.raw_store)?,
        })
    }

    pub fn peers(self) -> (BTreeMap<Peer, Measured>, Vec<Skipped>) {
        let measured = self.peers.into_iter();
        let measured = measured.filter_map(|(peer, runs)| Some((peer, Measured::of(&runs)?)));
        (measured.collect(), self.skipped)
    }
}

async fn remote(sharing: Sharing, plan: &Plan, scratch: &Path) -> Result<Run> {
    eprintln!("bench: ours, {sharing:?}");
    let queue = Remote::start(sharing, scratch).await?;
    measure(&queue, plan).await.context("Timestone")
}

async fn in_process(plan: &Plan, scratch: &Path) -> Result<(Run, Run)> {
    eprintln!("bench: ours, in process");
    let queue = InProcess::start(scratch).await?;
    let run = measure(&queue, plan).await?;
    let commits = queue.into_commits().await;
    let store = raw_store::replay(commits, plan, scratch).await?;
    Ok((run, store))
}
