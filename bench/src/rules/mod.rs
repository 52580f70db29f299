//! Rules beside CLIPS: the matcher alone over the same rules and facts, in alternating runs;
//! what one changed fact costs among many; and durable firings.

mod clips;
mod durable;
mod ours;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

pub use self::durable::Durable;
use crate::stats::{Spread, spread};

/// The rules, as ours.
pub(crate) const RULES: &str = include_str!("rules.yaml");

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs of each engine.
    pub runs: usize,
    /// Titles, each with its chunks.
    pub titles: u64,
    /// Chunks of a title.
    pub chunks: u64,
    /// Whether CLIPS is measured too.
    pub clips: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            runs: 5,
            titles: 2_000,
            chunks: 12,
            clips: true,
        }
    }
}

/// What was measured; times are medians over the runs.
#[derive(Serialize)]
pub struct Report {
    pub settings: Settings,
    pub ours: Ours,
    pub clips: Option<Peer>,
    /// Why CLIPS, which was asked for, was not measured.
    pub skipped: Option<String>,
}

/// What was asked for.
#[derive(Serialize)]
pub struct Settings {
    pub runs: usize,
    pub titles: u64,
    pub chunks: u64,
    pub facts: u64,
}

/// Our engine.
#[derive(Serialize)]
pub struct Ours {
    pub seconds: Spread,
    pub firings: u64,
    /// Of the matcher and the effects, without a store.
    pub firings_per_s: f64,
    /// One change, the firing that follows and what it changes, in microseconds, by
    /// the number of unrelated facts.
    pub change_us: BTreeMap<u64, f64>,
    pub durable: Durable,
}

/// CLIPS, which keeps everything in memory.
#[derive(Serialize)]
pub struct Peer {
    pub version: String,
    pub seconds: Spread,
    pub firings: u64,
    pub firings_per_s: f64,
}

/// What one engine did in one run.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Run {
    seconds: f64,
    firings: u64,
    facts: u64,
}

impl Report {
    /// The speed of ours over that of CLIPS.
    pub fn rules_vs_clips(&self) -> Option<f64> {
        let clips = self.clips.as_ref()?;
        Some(clips.seconds.median / self.ours.seconds.median)
    }
}

/// Measures, and keeps the durable store and the peer in `folder`. A peer that is missing or fails
/// is told of; the rest is measured without it.
pub fn measure(plan: &Plan, folder: &Path) -> Result<Report> {
    ensure!(
        plan.runs > 0 && plan.titles > 0 && plan.chunks > 0,
        "there must be something to measure"
    );
    let (ours, theirs) = runs(plan, folder)?;
    let (theirs, skipped) = match theirs {
        Ok(runs) => (runs, None),
        Err(why) => (Vec::new(), Some(format!("{why:#}"))),
    };
    let first = *ours.first().context("no runs")?;
    let same = |run: &Run| (run.firings, run.facts) == (first.firings, first.facts);
    ensure!(
        ours.iter().chain(&theirs).all(same),
        "the engines came to different ends: {ours:?} {theirs:?}"
    );
    let seconds = spread(ours.iter().map(|run| run.seconds)).context("no runs")?;
    Ok(Report {
        settings: Settings {
            runs: plan.runs,
            titles: plan.titles,
            chunks: plan.chunks,
            facts: first.facts,
        },
        ours: Ours {
            seconds,
            firings: first.firings,
            firings_per_s: first.firings as f64 / seconds.median,
            change_us: ours::changes()?,
            durable: durable::measure(folder)?,
        },
        clips: spread(theirs.iter().map(|run| run.seconds)).map(|seconds| Peer {
            version: clips::VERSION.to_owned(),
            seconds,
            firings: first.firings,
            firings_per_s: first.firings as f64 / seconds.median,
        }),
        skipped,
    })
}

/// Our runs, and those of CLIPS between them, as far as they came.
fn runs(plan: &Plan, folder: &Path) -> Result<(Vec<Run>, Result<Vec<Run>>)> {
    let mut ours = Vec::new();
    let mut peer = match plan.clips {
        true => clips::install(folder).map(|clips| Some((clips, Vec::new()))),
        false => Ok(None),
    };
    for _ in 0..plan.runs {
        ours.push(ours::run(plan.titles, plan.chunks)?);
        if let Ok(Some((clips, theirs))) = &mut peer {
            match clips.run(plan.titles, plan.chunks) {
                Ok(run) => theirs.push(run),
                Err(why) => peer = Err(why),
            }
        }
    }
    let theirs = peer.map(|peer| peer.map(|(_, runs)| runs).unwrap_or_default());
    Ok((ours, theirs))
}
