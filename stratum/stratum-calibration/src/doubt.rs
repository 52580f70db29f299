use std::fmt;

use crate::limits::{BEYOND_PERCENT, LEAST_RUNS, SHORT_MS, SPREAD_MS, SPREAD_PERCENT};
use crate::{Cell, Measured, Size, Spread, cells};

/// Why what was measured of a sample in a size may not be worth believing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub sample: String,
    pub size: Size,
    pub why: Why,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too few runs.
    Few { runs: usize },
    /// Runs enough, but too few during which other programs were quiet.
    Busy { calm: usize, disturbed: usize },
    /// Runs that should take the same time do not.
    Uneven(Spread),
    /// The runs are too short to tell anything.
    Short { median_ms: u64 },
    /// It had more processors than the size has.
    Beyond { cpu_ms: u64, wall_ms: u64 },
    /// Some runs failed for reasons of their own.
    Failed { runs: usize },
}

impl Why {
    /// Its stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Few { .. } => "TOO_FEW_RUNS",
            Self::Busy { .. } => "BUSY_MACHINE",
            Self::Uneven(_) => "UNEVEN_RUNS",
            Self::Short { .. } => "SHORT_RUNS",
            Self::Beyond { .. } => "BEYOND_ITS_PROCESSORS",
            Self::Failed { .. } => "FAILED_RUNS",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sample, size, why } = self;
        write!(f, "{sample} in {size}: {why}")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few { runs } => write!(f, "{runs} runs, of at least {LEAST_RUNS}"),
            Self::Busy { calm, disturbed } => write!(
                f,
                "other programs took their part of the machine in {disturbed} of {} runs",
                calm + disturbed
            ),
            Self::Uneven(wall) => write!(
                f,
                "from {} to {} ms: {} % of the median apart",
                wall.least,
                wall.most,
                wall.percent()
            ),
            Self::Short { median_ms } => {
                write!(
                    f,
                    "{median_ms} ms are too short to tell; take a longer sample"
                )
            }
            Self::Beyond { cpu_ms, wall_ms } => write!(
                f,
                "{cpu_ms} ms of processor in {wall_ms} ms, which is more than it should have: a \
                 sandbox does not hold a program to its processors, a container does"
            ),
            Self::Failed { runs } => write!(f, "{runs} runs failed"),
        }
    }
}

/// All doubts, in the order of [`cells`].
pub fn doubts(measured: &Measured) -> Vec<Doubt> {
    let doubtful = |cell: Cell| {
        let sample = &measured.samples[cell.sample].name;
        let whys = whys(&cell);
        whys.map(move |why| Doubt {
            sample: sample.clone(),
            size: cell.size,
            why,
        })
    };
    cells(measured).into_iter().flat_map(doubtful).collect()
}

fn whys(cell: &Cell) -> impl Iterator<Item = Why> + use<> {
    let failed = (cell.failed > 0).then_some(Why::Failed { runs: cell.failed });
    // What outgrew its size once needs no second time.
    let counted = if cell.outgrew > 0 { None } else { few(cell) };
    let timed = if cell.outgrew > 0 {
        [None; 3]
    } else {
        times(cell)
    };
    [failed, counted].into_iter().chain(timed).flatten()
}

fn few(cell: &Cell) -> Option<Why> {
    let Cell {
        calm, disturbed, ..
    } = *cell;
    let runs = calm + disturbed;
    match (calm >= LEAST_RUNS, runs >= LEAST_RUNS) {
        (true, _) => None,
        (false, true) => Some(Why::Busy { calm, disturbed }),
        (false, false) => Some(Why::Few { runs }),
    }
}

fn times(cell: &Cell) -> [Option<Why>; 3] {
    let Some(figures) = &cell.figures else {
        return [None; 3];
    };
    let (wall, cpu_ms) = (figures.wall_ms, figures.cpu_ms.median);
    let median_ms = wall.median;
    let is_wide = wall.most - wall.least > SPREAD_MS && wall.percent() > SPREAD_PERCENT;
    let allowed = median_ms.saturating_mul(cell.size.cpus.into());
    let allowed = allowed.saturating_add(allowed / 100 * BEYOND_PERCENT);
    [
        is_wide.then_some(Why::Uneven(wall)),
        (median_ms < SHORT_MS).then_some(Why::Short { median_ms }),
        (median_ms >= SHORT_MS && cpu_ms > allowed).then_some(Why::Beyond {
            cpu_ms,
            wall_ms: median_ms,
        }),
    ]
}
