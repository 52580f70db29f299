//! Cuts the power of a store again and again, and checks what is left.

mod adapter;
mod fjall;
mod postgres;
mod report;
mod round;
mod target;
mod worker;

use std::io;
use std::path::PathBuf;

pub use adapter::Adapter;
pub use fjall::FjallAdapter;
pub use postgres::PostgresAdapter;
pub use report::Report;
pub use target::{OPTIONS, Target};

use round::Round;

use crate::Random;
use crate::disk::{Disk, Model};
use crate::workload::Facts;

/// The most cuts in a row on one store, before a new one is begun.
const CHAIN: u64 = 12;

/// What is to be shown.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The program that runs [`worker`](Proof::worker)s: this crate's own.
    pub worker: PathBuf,
    /// Leads to the same choices each time.
    pub seed: u64,
    /// How many times the power is cut.
    pub cuts: u64,
    /// How directory entries last; `None` for any that the store is made for,
    /// chain by chain.
    pub model: Option<Model>,
    /// The disk confirms syncs that it does not do: losses must be found.
    pub lies: bool,
    /// Where the disks are copied to on which something was lost.
    pub keep: Option<PathBuf>,
}

/// A store between two cuts.
struct Chain {
    disk: Disk,
    acknowledged: Facts,
    cuts: u64,
}

impl Proof {
    /// Cuts, checks and counts. An error means that the proof itself could not
    /// be made; what the store did wrong is in the report.
    ///
    /// `watch` is shown the report after each cut.
    pub fn run(&self, adapter: &dyn Adapter, mut watch: impl FnMut(&Report)) -> io::Result<Report> {
        let mut report = Report::new(self.seed);
        let mut chain = None;
        for cut in 0..self.cuts {
            let begun = match chain.take() {
                Some(chain) => chain,
                None => self.begin(adapter, cut)?,
            };
            chain = self.cut(adapter, cut, begun, &mut report)?;
            watch(&report);
        }
        Ok(report)
    }

    fn begin(&self, adapter: &dyn Adapter, cut: u64) -> io::Result<Chain> {
        let turn = Random::new(&[self.seed, cut, 0]).draw() as usize;
        let models = adapter.models();
        let model = self.model.unwrap_or(models[turn % models.len()]);
        let disk = adapter.blank()?.with_model(model);
        Ok(Chain {
            disk,
            acknowledged: Facts::default(),
            cuts: 0,
        })
    }

    /// One cut; the store it left, unless that is at its end.
    fn cut(
        &self,
        adapter: &dyn Adapter,
        cut: u64,
        chain: Chain,
        report: &mut Report,
    ) -> io::Result<Option<Chain>> {
        let mut random = Random::new(&[self.seed, cut, 1]);
        let round = Round {
            proof: self,
            adapter,
            cut,
        };
        let ran = round.run_until_cut(
            chain.disk,
            adapter.cut_after(&mut random),
            &chain.acknowledged,
        )?;
        report.count(&ran, &chain.acknowledged);
        let (disk, forgotten) = ran.disk.after_cut(&mut random);
        report.forgotten(forgotten);
        let checked = round.check(disk.clone(), &ran.acknowledged)?;
        let Some(found) = report.judge(cut, checked) else {
            self.keep(cut, &disk)?;
            return Ok(None);
        };
        let cuts = chain.cuts + 1;
        Ok((cuts < CHAIN).then_some(Chain {
            disk,
            acknowledged: found,
            cuts,
        }))
    }

    fn keep(&self, cut: u64, disk: &Disk) -> io::Result<()> {
        match &self.keep {
            Some(directory) => disk.save(&directory.join(format!("cut-{cut}"))),
            None => Ok(()),
        }
    }
}
