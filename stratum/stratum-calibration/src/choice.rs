use crate::{Cell, Measured, Size, cells};

/// What a size must be like to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Memory beyond the most that was seen, in percent of it.
    pub headroom_percent: u64,
    /// What a faster size may cost beyond the cheapest one, in percent.
    pub faster_percent: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            headroom_percent: 25,
            faster_percent: 20,
        }
    }
}

/// A sample for which no size will do that was measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sample}: {}", reason(.needs))]
pub struct Unfit {
    pub sample: String,
    /// Bytes that its function should have, with headroom; `None` = it never ended well.
    pub needs: Option<u64>,
}

fn reason(needs: &Option<u64>) -> String {
    match needs {
        None => "it ended well in no size".into(),
        Some(bytes) => format!(
            "its function should have {} MB of memory, more than any size gives it",
            bytes.div_ceil(1_000_000)
        ),
    }
}

/// What is known of every sample in every size.
pub(crate) struct Choices<'a> {
    measured: &'a Measured,
    cells: Vec<Cell>,
    terms: Terms,
}

impl<'a> Choices<'a> {
    pub(crate) fn new(measured: &'a Measured, terms: Terms) -> Self {
        Self {
            measured,
            cells: cells(measured),
            terms,
        }
    }

    /// The size that a sample should have.
    pub(crate) fn choose(&self, sample: usize) -> Result<Size, Unfit> {
        self.best(&[sample]).ok_or_else(|| Unfit {
            sample: self.measured.samples[sample].name.clone(),
            needs: self.least_need(sample),
        })
    }

    /// The size that these samples should share, all of which fit into it.
    ///
    /// More memory than fits costs and gains nothing; more processors may gain time. They are
    /// added as long as they cost little more than the cheapest.
    pub(crate) fn best(&self, samples: &[usize]) -> Option<Size> {
        let fitting = self.measured.sizes.iter().copied();
        let fitting = fitting.filter(|size| samples.iter().all(|one| self.fits(*one, *size)));
        let mut least: Vec<Size> = fitting.collect();
        least.sort_unstable();
        least.dedup_by_key(|size| size.cpus);
        let timed = least.into_iter().filter_map(|size| {
            let walls = samples.iter().map(|sample| self.wall(*sample, size));
            Some((size, walls.sum::<Option<u64>>()?))
        });
        let timed: Vec<(Size, u64)> = timed.collect();
        let cost = |(size, wall): &(Size, u64)| wall.saturating_mul(size.cpus.into());
        let cheapest = timed.iter().map(cost).min()?;
        let allowed = u128::from(cheapest) * u128::from(100 + self.terms.faster_percent);
        let affordable = timed
            .iter()
            .filter(|one| u128::from(cost(one)) * 100 <= allowed);
        let fastest = affordable.min_by_key(|(size, wall)| (*wall, *size));
        fastest.map(|(size, _)| *size)
    }

    /// Whether a sample ended well in this size, outgrew none that is as large, and has room.
    pub(crate) fn fits(&self, sample: usize, size: Size) -> bool {
        let outgrew = self.of(sample, size.cpus);
        let outgrew = outgrew.filter(|cell| cell.outgrew > 0);
        let is_too_small = outgrew.max_by_key(|cell| cell.size.memory_mb);
        if is_too_small.is_some_and(|cell| cell.size.memory_mb >= size.memory_mb) {
            return false;
        }
        let given = size.function_memory(self.measured.samples[sample].decoded);
        self.wall(sample, size).is_some()
            && self
                .need(sample, size.cpus)
                .is_some_and(|need| need <= given)
    }

    fn wall(&self, sample: usize, size: Size) -> Option<u64> {
        let cell = self.of(sample, size.cpus).find(|cell| cell.size == size)?;
        Some(cell.figures?.wall_ms.median)
    }

    /// Bytes: the most of any run with as many processors, and headroom.
    fn need(&self, sample: usize, cpus: u32) -> Option<u64> {
        let figures = self.of(sample, cpus).filter_map(|cell| cell.figures);
        let most = figures.map(|figures| figures.memory.most).max()?;
        let headroom = u128::from(most) * u128::from(100 + self.terms.headroom_percent) / 100;
        Some(u64::try_from(headroom).unwrap_or(u64::MAX))
    }

    fn least_need(&self, sample: usize) -> Option<u64> {
        let sizes = self.measured.sizes.iter();
        sizes.filter_map(|size| self.need(sample, size.cpus)).min()
    }

    fn of(&self, sample: usize, cpus: u32) -> impl Iterator<Item = &Cell> {
        let cells = self.cells.iter();
        cells.filter(move |cell| cell.sample == sample && cell.size.cpus == cpus)
    }
}
