//! The report for people.

use comfy_table::{CellAlignment, Table};
use serde_json::Value;

use crate::report::{Measured, Report};

const HEAD: [&str; 8] = [
    "engine",
    "steps/s",
    "server µs",
    "worker µs",
    "step p50 ms",
    "p99 ms",
    "map ms",
    "element µs",
];

/// Prints the report.
pub fn print(report: &Report) {
    println!(
        "{} × {}, fsync p50 {:.3} ms, p99 {:.3} ms; medians of {} runs, {} clients, maps of {}",
        report.machine.processors,
        report.machine.model,
        report.fsync.p50_ms,
        report.fsync.p99_ms,
        report.settings.runs,
        report.settings.plan.clients,
        report.settings.plan.elements,
    );
    println!("{}", table(report));
    rules(report);
    println!("ours over theirs:");
    if let Ok(Value::Object(ratios)) = serde_json::to_value(&report.ratios) {
        for (name, ratio) in ratios {
            println!("  {name:<28} {}", number(ratio.as_f64(), 2));
        }
    }
    for skipped in &report.skipped {
        println!("SKIPPED: {}: {}", skipped.peer, skipped.why);
    }
}

fn rules(report: &Report) {
    let ours = &report.ours.rules;
    println!(
        "rules, firings/s: {:.0} matched, {:.0} durable",
        ours.firings_per_s, ours.durable.firings_per_s
    );
    if let Some(clips) = &report.peers.clips {
        println!("  {}: {:.0} matched", clips.version, clips.firings_per_s);
    }
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(HEAD);
    table.add_row(row("ours", &report.ours.steps));
    for measured in report.peers.steps.values() {
        table.add_row(row(&measured.version, measured));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(name: &str, measured: &Measured) -> Vec<String> {
    let run = &measured.medians;
    vec![
        name.to_owned(),
        number(Some(run.steps_per_s), 0),
        number(Some(run.server_cpu_us_per_step), 1),
        number(Some(run.worker_cpu_us_per_step), 1),
        number(Some(run.step_p50_ms), 2),
        number(Some(run.step_p99_ms), 2),
        number(run.fan_out_ms, 0),
        number(run.fan_out_cpu_us_per_element, 1),
    ]
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}
