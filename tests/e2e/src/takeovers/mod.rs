//! Workflows of graphs and of rules over two Plato processes that share a PostgreSQL store, one of
//! which is killed every few seconds: every workflow ends, none twice.

mod judge;
mod load;
mod node;
mod site;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use store_postgres::testing::{Cluster, Programs};

pub use node::{Part, node};

use self::load::Load;
use self::site::Site;

const SERVICE: &str = "probe";
const GROUPS: u32 = 4;
/// How long groups stay with a process that was killed.
const OWNERSHIP: Duration = Duration::from_secs(2);
/// Nothing may take this long.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two kills, at least and at most.
const KILL_EVERY_MS: (u64, u64) = (1_500, 4_000);

/// What a proof found.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Started by messages.
    pub workflows: u64,
    /// Told to rules, each of which starts a workflow.
    pub facts: u64,
    /// Workflows, of either origin, that have not ended as they should.
    pub lost: u64,
    /// Workflows whose journal has a step, or their end, twice; firings that were done twice.
    pub twice: u64,
    /// Ends that were told more than once: what is told are numbered snapshots, of which several
    /// may show the end.
    pub told_again: u64,
    /// Invocations that were executed more than once.
    pub executed_twice: u64,
    pub executions: u64,
    pub kills: u64,
    /// Groups of killed processes that the other took over, as the killed one stayed away.
    pub taken_over: u64,
    /// From a kill until all that the process owned was owned by the other and read from the
    /// store, at most.
    pub taken_over_within_ms: u64,
    /// Groups that were recovered from the store.
    pub recoveries: u64,
    pub seed: u64,
    pub seconds: f64,
}

impl Report {
    /// Whether everything ended, once, although owners were killed, restarted and replaced.
    pub fn holds(&self) -> bool {
        let mistakes = [self.lost, self.twice, self.executed_twice];
        let seen = [self.kills, self.taken_over, self.workflows, self.facts];
        mistakes == [0; 3] && seen.iter().all(|seen| *seen > 0)
    }
}

/// The proof: load and kills for so long, then peace until all has ended. `None` without
/// PostgreSQL.
pub async fn prove(seconds: u64, seed: u64) -> Result<Option<Report>> {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(why) => {
            corpus::skip("killed Plato processes over PostgreSQL", &why);
            return Ok(None);
        }
    };
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(&programs)?;
    let mut site = Site::start(folder.path(), &cluster.config()).await?;
    let began = Instant::now();
    let load = Load::start(&site);
    let kills = kill(&mut site, Duration::from_secs(seconds), seed).await?;
    let done = load.finish(&site.reader()).await?;
    let seconds = began.elapsed().as_secs_f64();
    let judged = judge::judge(&site, &done).await?;
    let recoveries = site.recoveries();
    site.stop();
    Ok(Some(Report {
        kills: kills.kills,
        taken_over: kills.taken_over,
        taken_over_within_ms: u64::try_from(kills.within.as_millis())?,
        recoveries,
        seed,
        seconds,
        ..judged
    }))
}

/// What was done to the processes.
#[derive(Debug, Default)]
struct Kills {
    kills: u64,
    taken_over: u64,
    within: Duration,
}

/// Kills one of the two, at random moments, and starts it again: at once, or once the other
/// owns what it did.
async fn kill(site: &mut Site, time: Duration, seed: u64) -> Result<Kills> {
    let (until, mut dice, mut kills) = (Instant::now() + time, Dice(seed), Kills::default());
    while Instant::now() < until {
        let (least, most) = KILL_EVERY_MS;
        let pause = Duration::from_millis(least + dice.throw() % (most - least));
        tokio::time::sleep(pause).await;
        let [victim, other] = match dice.throw() % 2 {
            0 => ["first", "second"],
            _ => ["second", "first"],
        };
        let owned = site.owned(victim)?;
        site.kill(victim)?;
        kills.kills += 1;
        // Whoever owned nothing is not taken over.
        if owned > 0 && (kills.taken_over == 0 || dice.throw().is_multiple_of(3)) {
            let within = replaced(site, other).await?;
            kills.within = kills.within.max(within);
            kills.taken_over += owned;
        }
        site.start_node(victim)?;
    }
    Ok(kills)
}

/// Waits until `other` owns everything; how long that took.
async fn replaced(site: &Site, other: &str) -> Result<Duration> {
    let began = Instant::now();
    while site.owned(other)? < u64::from(GROUPS) {
        ensure!(began.elapsed() < PATIENCE, "{other} takes nothing over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(began.elapsed())
}

/// Numbers that look random, the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
