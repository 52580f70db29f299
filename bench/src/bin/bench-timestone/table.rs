//! The report for people.

use comfy_table::{CellAlignment, Table};
use serde_json::Value;

use crate::measure::BATCH;
use crate::report::{Measured, Medians, Report};

const HEAD: [&str; 7] = [
    "queue",
    "act",
    "messages/s",
    "p50 ms",
    "p99 ms",
    "server µs",
    "client µs",
];

/// Prints the report.
pub fn print(report: &Report) {
    println!(
        "{} × {}, fsync p50 {:.3} ms, p99 {:.3} ms; medians of {} runs, {} clients",
        report.machine.processors,
        report.machine.model,
        report.fsync.p50_ms,
        report.fsync.p99_ms,
        report.settings.runs,
        report.settings.plan.clients,
    );
    println!("{}", table(report));
    println!("ours over theirs:");
    if let Ok(Value::Object(ratios)) = serde_json::to_value(&report.ratios) {
        for (name, ratio) in ratios {
            println!("  {name:<40} {}", number(ratio.as_f64(), 2));
        }
    }
    for skipped in &report.skipped {
        println!("SKIPPED: {:?}: {}", skipped.peer, skipped.why);
    }
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(HEAD);
    let ours = &report.ours;
    let queues = [
        ("ours, shared client", &ours.shared_client),
        ("ours, consumer", &ours.consumer),
        ("ours, a connection each", &ours.connection_per_client),
        ("ours, in process", &ours.in_process),
        ("the store alone", &ours.raw_store),
    ];
    for (name, measured) in queues {
        add(&mut table, name, measured);
    }
    for measured in report.peers.values() {
        add(&mut table, &measured.version, measured);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn add(table: &mut Table, name: &str, measured: &Measured) {
    let batches = |act| format!("{act}, {BATCH} a call");
    let acts = [
        ("enqueue".to_owned(), &measured.enqueue),
        ("lease+complete".to_owned(), &measured.lease_complete),
        (batches("enqueue"), &measured.batch_enqueue),
        (batches("lease+complete"), &measured.batch_lease_complete),
    ];
    for (act, medians) in acts {
        if let Some(medians) = medians {
            table.add_row([vec![name.to_owned(), act], cells(medians)].concat());
        }
    }
    if let Some(pick_up) = &measured.pick_up {
        let times = [pick_up.p50_ms, pick_up.p99_ms].map(|ms| number(Some(ms), 2));
        let row = [name.to_owned(), "idle pick-up".to_owned(), String::new()];
        table.add_row([row.to_vec(), times.to_vec()].concat());
    }
}

fn cells(medians: &Medians) -> Vec<String> {
    vec![
        number(Some(medians.rate), 0),
        number(medians.p50_ms, 2),
        number(medians.p99_ms, 2),
        number(medians.server_cpu_us_per_op, 1),
        number(medians.client_cpu_us_per_op, 1),
    ]
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}
