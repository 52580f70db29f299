//! What came of it, for people and for machines.

use std::collections::BTreeMap;

use errors::Error;
use serde::Serialize;
use stratum::Package;
use stratum_calibration::{Cell as Ended, Doubt, Measured, Proposal, Spread, cells};

use super::super::list::Size;
use super::Verdict;
use super::machine::Machine;
use crate::colour::Paint;
use crate::explain::one_line;
use crate::table::{Cell, Column, Table, Tone};

#[derive(Serialize)]
pub(super) struct Report<'a> {
    function: &'a str,
    version: &'a str,
    package: &'a str,
    runs: u64,
    machine: MachineReport,
    samples: Vec<SampleReport<'a>>,
    cells: Vec<CellReport<'a>>,
    doubts: Vec<DoubtReport<'a>>,
    errors: &'a [Error],
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<ProposalReport<'a>>,
}

#[derive(Serialize)]
struct MachineReport {
    cpus: u32,
    memory_mb: u64,
}

#[derive(Serialize)]
struct SampleReport<'a> {
    name: &'a str,
    attributes: &'a BTreeMap<String, String>,
    input_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<&'a str>,
}

#[derive(Serialize)]
struct CellReport<'a> {
    sample: &'a str,
    cpus: u32,
    memory_mb: u64,
    calm: usize,
    disturbed: usize,
    outgrew: usize,
    failed: usize,
    #[serde(flatten)]
    figures: Option<FiguresReport>,
}

#[derive(Clone, Copy, Serialize)]
struct FiguresReport {
    wall_ms: SpreadReport,
    cpu_ms: SpreadReport,
    peak_memory_bytes: SpreadReport,
    cost_cpu_s: f64,
}

#[derive(Clone, Copy, Serialize)]
struct SpreadReport {
    least: u64,
    median: u64,
    most: u64,
}

#[derive(Serialize)]
struct DoubtReport<'a> {
    sample: &'a str,
    cpus: u32,
    memory_mb: u64,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct ProposalReport<'a> {
    shapes: Vec<Size>,
    rules: Vec<RuleReport<'a>>,
    yaml: &'a str,
}

#[derive(Serialize)]
struct RuleReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'a str>,
    shape: &'a str,
}

/// Which function is measured.
pub(super) struct Subject {
    pub(super) function: String,
    pub(super) version: String,
    package: String,
}

impl Subject {
    pub(super) fn of(package: &Package) -> Self {
        Self {
            function: package.function.name.to_string(),
            version: package.function.version.clone(),
            package: package.digest.to_string(),
        }
    }
}

impl<'a> Report<'a> {
    pub(super) fn of(
        subject: &'a Subject,
        runs: u64,
        measured: &'a Measured,
        verdict: &'a Verdict,
    ) -> Self {
        let Machine { cpus, memory_mb } = Machine::here();
        let proposal = verdict.proposal.as_ref().ok();
        let chosen = |n: usize| proposal.map(|(proposal, _)| proposal.chosen[n].as_str());
        let errors = verdict.proposal.as_ref().err();
        let samples = measured.samples.iter().enumerate();
        Self {
            function: &subject.function,
            version: &subject.version,
            package: &subject.package,
            runs,
            machine: MachineReport { cpus, memory_mb },
            samples: samples
                .map(|(n, sample)| SampleReport {
                    name: &sample.name,
                    attributes: &sample.attributes,
                    input_bytes: sample.input_bytes,
                    shape: chosen(n),
                })
                .collect(),
            cells: cells(measured)
                .iter()
                .map(|cell| CellReport::of(cell, measured))
                .collect(),
            doubts: verdict.doubts.iter().map(DoubtReport::from).collect(),
            errors: errors.map(Vec::as_slice).unwrap_or_default(),
            proposal: proposal.map(|(proposal, yaml)| ProposalReport::of(proposal, yaml)),
        }
    }

    pub(super) fn in_words(&self, paint: Paint) -> String {
        let name = paint.strong(self.function);
        let mut text = format!(
            "{name} {} on {} processors, {} MB of memory\n\n{}",
            one_line(self.version),
            self.machine.cpus,
            self.machine.memory_mb,
            self.table().render(paint)
        );
        if let Some(proposal) = &self.proposal {
            text.push_str(&format!("\n\n{}", proposal.yaml.trim_end()));
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            Column::cut("SAMPLE"),
            Column::number("CPUS"),
            Column::number("MEMORY MB"),
            Column::number("RUNS"),
            Column::number("WALL S"),
            Column::number("SPREAD"),
            Column::number("CPU S"),
            Column::number("PEAK MB"),
            Column::number("COST CPU S"),
            Column::text("BESIDE"),
        ]);
        for cell in &self.cells {
            table.row(cell.row());
        }
        table
    }
}

impl<'a> CellReport<'a> {
    fn of(cell: &Ended, measured: &'a Measured) -> Self {
        let figures = cell.figures.as_ref().zip(cell.cost_ms());
        let figures = figures.map(|(figures, cost)| FiguresReport {
            wall_ms: figures.wall_ms.into(),
            cpu_ms: figures.cpu_ms.into(),
            peak_memory_bytes: figures.memory.into(),
            cost_cpu_s: cost as f64 / 1e3,
        });
        Self {
            sample: &measured.samples[cell.sample].name,
            cpus: cell.size.cpus,
            memory_mb: cell.size.memory_mb,
            calm: cell.calm,
            disturbed: cell.disturbed,
            outgrew: cell.outgrew,
            failed: cell.failed,
            figures,
        }
    }

    fn row(&self) -> [Cell; 10] {
        let figure = |of: fn(FiguresReport) -> String| match self.figures {
            Some(figures) => Cell::from(of(figures)),
            None => Cell::toned("-", Tone::Faint),
        };
        [
            Cell::from(one_line(self.sample)),
            Cell::from(self.cpus.to_string()),
            Cell::from(self.memory_mb.to_string()),
            Cell::from(self.calm.to_string()),
            figure(|f| seconds(f.wall_ms.median)),
            figure(|f| format!("{} %", f.wall_ms.percent())),
            figure(|f| seconds(f.cpu_ms.median)),
            figure(|f| f.peak_memory_bytes.most.div_ceil(1_000_000).to_string()),
            figure(|f| format!("{:.2}", f.cost_cpu_s)),
            self.beside(),
        ]
    }

    /// What else came of it.
    fn beside(&self) -> Cell {
        if self.outgrew > 0 {
            return Cell::toned("outgrew", Tone::Bad);
        }
        let counts = [(self.failed, "failed"), (self.disturbed, "disturbed")];
        let told = counts.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told.map(|(n, what)| format!("{n} {what}")).collect();
        Cell::toned(told.join(", "), Tone::Notable)
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.2}", ms as f64 / 1e3)
}

impl From<Spread> for SpreadReport {
    fn from(spread: Spread) -> Self {
        let Spread {
            least,
            median,
            most,
        } = spread;
        Self {
            least,
            median,
            most,
        }
    }
}

impl SpreadReport {
    fn percent(self) -> u64 {
        let Self {
            least,
            median,
            most,
        } = self;
        Spread {
            least,
            median,
            most,
        }
        .percent()
    }
}

impl<'a> From<&'a Doubt> for DoubtReport<'a> {
    fn from(doubt: &'a Doubt) -> Self {
        Self {
            sample: &doubt.sample,
            cpus: doubt.size.cpus,
            memory_mb: doubt.size.memory_mb,
            code: doubt.why.code(),
            message: doubt.why.to_string(),
        }
    }
}

impl<'a> ProposalReport<'a> {
    fn of(proposal: &'a Proposal, yaml: &'a str) -> Self {
        let rules = proposal.rules.iter().map(|rule| RuleReport {
            when: rule.when.as_deref(),
            shape: &rule.shape,
        });
        Self {
            shapes: proposal.shapes.iter().map(Size::from).collect(),
            rules: rules.collect(),
            yaml,
        }
    }
}
