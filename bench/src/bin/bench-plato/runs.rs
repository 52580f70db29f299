//! The alternating runs, and what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::measure::{Plan, Run, measure};
use crate::ours::Ours;
use crate::peers::Peer;
use crate::report::{Measured, Skipped};

/// Runs so far.
#[derive(Default)]
pub struct Runs {
    ours: Vec<Run>,
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

    /// One run of each engine, one after another.
    pub async fn once(&mut self, plan: &Plan, scratch: &Path) -> Result<()> {
        eprintln!("bench: ours");
        self.ours.push(ours(plan, scratch).await.context("Plato")?);
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
                let peer = peer.name();
                self.skipped.push(Skipped { peer, why });
            }
        }
    }

    pub fn ours(&self) -> Result<Measured> {
        Measured::of(&self.ours).context("there was no run")
    }

    pub fn peers(self) -> (BTreeMap<Peer, Measured>, Vec<Skipped>) {
        let measured = self.peers.into_iter();
        let measured = measured.filter_map(|(peer, runs)| Some((peer, Measured::of(&runs)?)));
        (measured.collect(), self.skipped)
    }
}

async fn ours(plan: &Plan, scratch: &Path) -> Result<Run> {
    measure(&Ours::start(scratch).await?, plan).await
}
