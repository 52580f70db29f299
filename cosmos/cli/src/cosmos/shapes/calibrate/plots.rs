//! What was measured, as plots.

use stratum_calibration::{Cell, Measured, Size, cells};

use crate::chart::{Bars, Line, Lines};

/// Each plot with its file's name.
pub(super) fn all(function: &str, measured: &Measured) -> [(&'static str, String); 3] {
    let cells = cells(measured);
    let wall = |cell: &Cell| Some(cell.figures?.wall_ms.median as f64 / 1e3);
    let cost = |cell: &Cell| Some(cell.cost_ms()? as f64 / 1e3);
    let wall_title = format!("{function}: wall time by shape, in seconds (0: it outgrew it)");
    let cost_title = format!("{function}: cost by shape, in processor seconds (0: it outgrew it)");
    [
        ("wall.svg", bars(&wall_title, measured, &cells, wall)),
        ("cost.svg", bars(&cost_title, measured, &cells, cost)),
        ("memory.svg", memory(function, measured, &cells)),
    ]
}

fn bars(
    title: &str,
    measured: &Measured,
    cells: &[Cell],
    value: impl Fn(&Cell) -> Option<f64>,
) -> String {
    let of = |sample: usize, size: Size| {
        let cell = cells
            .iter()
            .find(|cell| (cell.sample, cell.size) == (sample, size));
        cell.and_then(&value).unwrap_or(0.0)
    };
    let samples = 0..measured.samples.len();
    let groups = measured.sizes.iter().map(|size| {
        let values = samples.clone().map(|sample| of(sample, *size));
        (size.to_string(), values.collect())
    });
    Bars {
        title,
        series: measured
            .samples
            .iter()
            .map(|sample| sample.name.clone())
            .collect(),
        groups: groups.collect(),
        is_logarithmic: false,
    }
    .svg()
}

/// The most memory of any run, by the size of the inputs; a line for each number of processors.
fn memory(function: &str, measured: &Measured, cells: &[Cell]) -> String {
    let mut cpus: Vec<u32> = measured.sizes.iter().map(|size| size.cpus).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let lines = cpus.into_iter().map(|cpus| Line {
        name: format!("{cpus} cpus"),
        points: peaks(measured, cells, cpus),
    });
    Lines {
        title: &format!("{function}: most memory in MB, by MB of input"),
        x_name: "MB of input",
        lines: lines.collect(),
        marks: vec![],
    }
    .svg()
}

fn peaks(measured: &Measured, cells: &[Cell], cpus: u32) -> Vec<(f64, f64)> {
    let peak = |sample: usize| {
        let own = cells
            .iter()
            .filter(|cell| cell.sample == sample && cell.size.cpus == cpus);
        own.filter_map(|cell| Some(cell.figures?.memory.most)).max()
    };
    let samples = measured.samples.iter().enumerate();
    let points = samples.filter_map(|(n, sample)| Some((sample.input_bytes, peak(n)?)));
    let mut points: Vec<(u64, u64)> = points.collect();
    points.sort_unstable();
    let in_mb = |bytes: u64| bytes as f64 / 1e6;
    points
        .into_iter()
        .map(|(x, y)| (in_mb(x), in_mb(y)))
        .collect()
}
