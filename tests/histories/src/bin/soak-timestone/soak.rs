//! The parts of a soak, one after another.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use histories::cuts::{Cut, Cuts, Wrong};
use histories::history::History;
use histories::kills::kill;
use histories::planted::Mistake;
use histories::served::{Adapter, Served};
use histories::trial::Trial;
use powercut::Mount;
use store_postgres::testing::Programs;

use crate::report::{Found, Report};
use crate::{Args, runtime};

/// Cuts of one history, at most.
const CUTS: usize = 40;
/// Trials in which a planted mistake must be found.
const TRIALS: u64 = 20;

/// A soak under way.
pub struct Soak<'a> {
    args: &'a Args,
    program: PathBuf,
    report: Report,
}

impl<'a> Soak<'a> {
    pub fn new(args: &'a Args) -> Result<Self> {
        let report = Report {
            seed: args.seed,
            ..Report::default()
        };
        Ok(Self {
            args,
            program: std::env::current_exe()?,
            report,
        })
    }

    pub fn run(mut self) -> Result<Report> {
        self.timed("in_process", Self::in_process)?;
        if self.args.has(Adapter::Fjall) {
            self.timed("kills", |soak| soak.kills(Adapter::Fjall))?;
            match Mount::probe() {
                Ok(()) => self.timed("cuts", Self::cuts)?,
                Err(why) => self.skip("power cuts", &why),
            }
        }
        if self.args.has(Adapter::Postgres) {
            match Programs::find() {
                Ok(_) => self.timed("database_kills", |soak| soak.kills(Adapter::Postgres))?,
                Err(why) => self.skip("kills over PostgreSQL", &why),
            }
        }
        if self.args.has(Adapter::Fleet) {
            match Programs::find() {
                Ok(_) => self.timed("fleet_kills", |soak| soak.kills(Adapter::Fleet))?,
                Err(why) => self.skip("kills of several servers over PostgreSQL", &why),
            }
        }
        Ok(self.report)
    }

    fn timed(&mut self, part: &str, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let start = Instant::now();
        run(self)?;
        let seconds = start.elapsed().as_secs();
        self.report.seconds.insert(part.into(), seconds);
        self.tell(&format!("{part}: {seconds} s"));
        Ok(())
    }

    fn tell(&self, what: &str) {
        if !self.args.json {
            eprintln!("{what}");
        }
    }

    fn skip(&mut self, what: &str, why: &str) {
        let line = format!("{what}: {why}");
        eprintln!("SKIPPED: {line}");
        self.report.skipped.push(line);
    }

    fn in_process(&mut self) -> Result<()> {
        for seed in self.args.seed..self.args.seed + self.args.histories {
            let trial = Trial::seeded(seed);
            self.report.histories += 1;
            self.report.histories_with_jumps += u64::from(trial.jumps);
            self.report
                .judge(&format!("in process {seed}"), &trial.run());
        }
        for mistake in Mistake::ALL {
            let mut seeds = 0..TRIALS;
            self.find("in_process", mistake, || {
                let trial = seeds.next().map(Trial::seeded);
                Ok(trial.map(|trial| {
                    let mistake = Some(mistake);
                    vec![Trial { mistake, ..trial }.run()]
                }))
            })?;
        }
        Ok(())
    }

    fn kills(&mut self, adapter: Adapter) -> Result<()> {
        let (name, wanted) = match adapter {
            Adapter::Fjall => ("fjall", self.args.kills),
            Adapter::Postgres => ("postgres", self.args.database_kills),
            Adapter::Fleet => ("fleet", self.args.fleet_kills),
        };
        let runtime = runtime()?;
        let program = self.program.clone();
        let start = |mistake| runtime.block_on(Served::start(&program, adapter, mistake));
        let mut served = start(None)?;
        let (mut seed, mut points) = (self.args.seed, 0);
        while points < wanted {
            let kills = runtime.block_on(kill(&mut served, seed))?;
            points += kills.blows.len() as u64;
            for blow in kills.blows {
                self.report
                    .crashed(name, &format!("{blow:?}").to_lowercase());
            }
            self.report.histories_with_kills += 1;
            for history in &kills.histories {
                self.report.judge(&format!("{name} {seed}"), history);
            }
            if seed % 50 == 0 {
                self.tell(&format!("{name}: {points} crash points"));
            }
            seed += 1;
        }
        drop(served);
        if wanted == 0 {
            return Ok(());
        }
        let mistakes = match adapter {
            Adapter::Fjall | Adapter::Postgres => &Mistake::ALL[..],
            Adapter::Fleet => &[Mistake::AcknowledgesEarly, Mistake::IgnoresFences],
        };
        for mistake in mistakes.iter().copied() {
            let mut served = start(Some(mistake))?;
            let mut seeds = 0..TRIALS;
            self.find(&format!("killed_over_{name}"), mistake, || {
                let Some(seed) = seeds.next() else {
                    return Ok(None);
                };
                let kills = runtime.block_on(kill(&mut served, seed))?;
                Ok(Some(kills.histories))
            })?;
        }
        Ok(())
    }

    fn cuts(&mut self) -> Result<()> {
        let (mut seed, mut points) = (self.args.seed, 0);
        while points < self.args.cuts {
            let mut cuts = Cuts::new(seed, Wrong::default());
            while !cuts.is_over() && points < self.args.cuts {
                for cut in cuts.next(CUTS)? {
                    points += 1;
                    self.cut(&format!("cut on disk {seed}"), cut);
                }
            }
            self.tell(&format!(
                "{points} power cuts, {} changes on disk {seed}",
                cuts.changes
            ));
            seed += 1;
        }
        if self.args.cuts == 0 {
            return Ok(());
        }
        for mistake in Mistake::ALL {
            self.find_by_cuts(
                &format!("{mistake:?}"),
                Wrong {
                    mistake: Some(mistake),
                    lies: false,
                },
            )?;
        }
        self.find_by_cuts(
            "DiskThatSyncsNothing",
            Wrong {
                mistake: None,
                lies: true,
            },
        )
    }

    fn cut(&mut self, name: &str, cut: Cut) {
        self.report.crashed("fjall", "power_cut");
        match cut {
            Cut::Survived(history) => self.report.judge(name, &history),
            Cut::Unopenable(why) => self.report.unopenable.push(format!("{name}: {why}")),
        }
    }

    fn find_by_cuts(&mut self, name: &str, wrong: Wrong) -> Result<()> {
        let mut seeds = 0..TRIALS;
        let mut next = || -> Result<Option<bool>> {
            let Some(seed) = seeds.next() else {
                return Ok(None);
            };
            let cuts = Cuts::new(seed, wrong).next(CUTS / 4)?;
            let is_wrong = |cut: &Cut| match cut {
                Cut::Survived(history) => history.is_wrong(),
                Cut::Unopenable(_) => true,
            };
            Ok(Some(cuts.iter().any(is_wrong)))
        };
        self.look("cut", name, &mut next)
    }

    /// Tries until the mistake is found.
    fn find(
        &mut self,
        place: &str,
        mistake: Mistake,
        mut next: impl FnMut() -> Result<Option<Vec<History>>>,
    ) -> Result<()> {
        let mut next = || -> Result<Option<bool>> {
            let histories = next()?;
            Ok(histories.map(|histories| histories.iter().any(History::is_wrong)))
        };
        self.look(place, &format!("{mistake:?}"), &mut next)
    }

    fn look(
        &mut self,
        place: &str,
        name: &str,
        next: &mut dyn FnMut() -> Result<Option<bool>>,
    ) -> Result<()> {
        let mut found = Found::default();
        while found.found == 0
            && let Some(wrong) = next()?
        {
            found.tried += 1;
            found.found += u64::from(wrong);
        }
        let places = self.report.mistakes_found.entry(place.into()).or_default();
        places.insert(name.into(), found);
        Ok(())
    }
}
