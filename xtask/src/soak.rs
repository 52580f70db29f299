//! Trials that run for long, in release mode.

use anyhow::Result;
use clap::ValueEnum;

use crate::sh;

/// A long trial.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Trial {
    /// Power cuts under each store, acknowledged writes counted.
    Store,
    /// Encodes killed at random until they end, hashes compared.
    Ves,
    /// Thousands of seeds of `plato-seeds`, then a wide map over two owners, one paused past
    /// its epoch.
    Plato,
    /// Workflows over two Plato processes on PostgreSQL, one killed every few seconds.
    Takeovers,
    /// Workflows, their queue and their workers in virtual time, under seeded failures.
    PlatoSeeds,
    /// Functions in containers, their queue and agent killed ten times: one result each, nothing
    /// left.
    Docker,
    /// Encodes from a server of which a fifth of the requests goes wrong: the bytes are those of the
    /// local file, within a bounded memory.
    Sources,
    /// Histories of concurrent calls of the queue, through crashes and kills, judged one by one.
    Timestone,
}

impl Trial {
    fn program(self) -> &'static str {
        match self {
            Self::Store => "soak-store",
            Self::Ves => "soak-ves",
            Self::Plato => "soak-plato",
            Self::Takeovers => "soak-takeovers",
            Self::PlatoSeeds => "soak-plato-seeds",
            Self::Docker => "soak-docker",
            Self::Sources => "soak-sources",
            Self::Timestone => "soak-timestone",
        }
    }
}

/// Runs a trial.
pub fn run(trial: Trial, args: &[String]) -> Result<()> {
    if let Trial::Plato = trial {
        sh::release(Trial::PlatoSeeds.program(), &["--json".into()])?;
    }
    sh::release(trial.program(), args)
}
