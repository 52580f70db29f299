use crate::{End, Measured, Run, Size};

/// The least, the middle and the most of some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    pub least: u64,
    /// Of two in the middle the larger one.
    pub median: u64,
    pub most: u64,
}

/// What came of a sample in a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its place among the samples.
    pub sample: usize,
    pub size: Size,
    /// Runs that ended well and undisturbed: those that the figures are of, if there are any.
    pub calm: usize,
    /// Runs that ended well while other programs took their part of the machine.
    pub disturbed: usize,
    pub outgrew: usize,
    pub failed: usize,
    /// `None` = it never ended well.
    pub figures: Option<Figures>,
}

/// What runs took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub wall_ms: Spread,
    /// Of the function and its decoder.
    pub cpu_ms: Spread,
    /// Bytes, of the function alone; of disturbed runs too, whose memory is nobody else's.
    pub memory: Spread,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        Some(Self {
            least: *values.first()?,
            median: *values.get(values.len() / 2)?,
            most: *values.last()?,
        })
    }

    /// From the least to the most, in percent of the median.
    pub fn percent(&self) -> u64 {
        let width = (self.most - self.least).saturating_mul(100);
        width.checked_div(self.median).unwrap_or(0)
    }
}

impl Cell {
    /// Milliseconds that its processors are held: what it costs.
    pub fn cost_ms(&self) -> Option<u64> {
        let figures = self.figures.as_ref()?;
        Some(figures.wall_ms.median.saturating_mul(self.size.cpus.into()))
    }
}

/// Every sample in every size that it was run in, in their order.
pub fn cells(measured: &Measured) -> Vec<Cell> {
    let samples = 0..measured.samples.len();
    let all = samples.flat_map(|sample| measured.sizes.iter().map(move |size| (sample, *size)));
    all.filter_map(|(sample, size)| cell(measured, sample, size))
        .collect()
}

fn cell(measured: &Measured, sample: usize, size: Size) -> Option<Cell> {
    let here = |run: &&Run| run.sample == sample && run.size == size;
    let runs: Vec<&Run> = measured.runs.iter().filter(here).collect();
    let ended = |end: End| runs.iter().filter(move |run| run.end == end);
    let (disturbed, calm): (Vec<&Run>, Vec<&Run>) = ended(End::Done)
        .copied()
        .partition(|run| run.is_disturbed(measured.machine_cpus));
    (!runs.is_empty()).then(|| Cell {
        sample,
        size,
        calm: calm.len(),
        disturbed: disturbed.len(),
        outgrew: ended(End::Outgrew).count(),
        failed: ended(End::Failed).count(),
        figures: figures(&calm, &disturbed),
    })
}

fn figures(calm: &[&Run], disturbed: &[&Run]) -> Option<Figures> {
    let timed = if calm.is_empty() { disturbed } else { calm };
    let all = calm.iter().chain(disturbed);
    Some(Figures {
        wall_ms: Spread::of(timed.iter().map(|run| run.usage.wall_ms))?,
        cpu_ms: Spread::of(timed.iter().map(|run| run.cpu_ms()))?,
        memory: Spread::of(all.map(|run| run.usage.peak_memory_bytes))?,
    })
}
