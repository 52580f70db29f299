//! The measurement of Timestone runs, and tells what it promises to tell.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use store_postgres::testing::Programs;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-timestone");

/// Every ratio, by its published name.
const RATIOS: [&str; 8] = [
    "batch_enqueue_vs_postgres",
    "batch_vs_postgres",
    "cpu_per_op_vs_best_durable_peer",
    "enqueue_vs_best_durable_peer",
    "in_process_vs_raw_store",
    "lease_complete_vs_best_durable_peer",
    "pickup_p50_vs_best_durable_peer",
    "pickup_p50_vs_bullmq",
];

fn run(peers: &str, folder: &Path) -> Value {
    let cosmos = Path::new(PROGRAM).with_file_name("cosmos");
    assert!(
        cosmos.is_file(),
        "cosmos was not built; run `cargo build --workspace --bins` first (`cargo xtask test` does)"
    );
    let mut command = Command::new(PROGRAM);
    command.args(["--quick", "--accept-load", "--json", "--peers", peers]);
    // The search path of a machine that has no peer.
    command.arg("--folder").arg(folder).env("PATH", "");
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number > 0.0)
}

/// Beside the program, as the folder of temporary files may be in memory.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(Path::new(PROGRAM).parent().unwrap()).unwrap()
}

#[test]
fn the_report_holds_every_figure_of_ours_and_skips_peers_that_are_missing() {
    let folder = folder();
    let report = run("bullmq", folder.path());
    for figure in ["/machine/processors", "/fsync/p50_ms", "/fsync/p99_ms"] {
        assert!(is_positive(report.pointer(figure).unwrap()), "{figure}");
    }
    for variant in [
        "shared_client",
        "consumer",
        "connection_per_client",
        "in_process",
    ] {
        let ours = &report["ours"][variant];
        let acts = [
            "enqueue",
            "lease_complete",
            "batch_enqueue",
            "batch_lease_complete",
        ];
        // A consumer takes one at a time.
        let measured = if variant == "consumer" { 2 } else { 4 };
        for act in &acts[..measured] {
            for figure in ["rate", "p50_ms", "p99_ms", "client_cpu_us_per_op"] {
                assert!(is_positive(&ours[act][figure]), "{variant} {act} {figure}");
            }
        }
        assert!(is_positive(&ours["pick_up"]["p50_ms"]), "{variant}");
    }
    let ratios = report["ratios"].as_object().unwrap();
    assert!(ratios.keys().eq(RATIOS), "{ratios:?}");
    for (name, ratio) in ratios {
        // Nothing is invented about peers that were not measured.
        let is_measured = name == "in_process_vs_raw_store";
        assert_eq!(is_positive(ratio), is_measured, "{name}");
        assert_eq!(ratio.is_null(), !is_measured, "{name}");
    }
    assert_eq!(report["peers"].as_object().unwrap().len(), 0);
    let skipped = report["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0]["peer"], "bullmq");
    let left = folder.path().read_dir().unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["bullmq"], "only the installed library stays");
}

#[test]
fn a_folder_in_memory_is_refused() {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let mut command = Command::new(PROGRAM);
    command.args(["--quick", "--accept-load", "--peers", "none", "--folder"]);
    let output = command.arg(folder.path()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.contains("--folder"),
        "{words}"
    );
}

#[test]
fn a_long_transaction_is_measured() {
    if let Err(why) = Programs::find() {
        return corpus::skip("the queue during a long transaction", &why);
    }
    let folder = folder();
    let mut command = Command::new(PROGRAM);
    command.args(["--quick", "--accept-load", "--json", "--clients", "4"]);
    command.args(["--long-transaction", "3", "--folder"]);
    let output = command.arg(folder.path()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for window in ["before", "at_start", "at_end"] {
        let told = &report["long_transaction"][window];
        for figure in ["rate", "postgres_cpu_us", "queue_cpu_us"] {
            assert!(is_positive(&told[figure]), "{window} {figure}");
        }
        // Sessions tell what they read up to a minute later: within a short window, nothing.
        assert!(told["pages"].is_number(), "{window}");
    }
    assert!(is_positive(&report["ratios"]["long_transaction_rate"]));
    assert!(is_positive(
        &report["long_transaction"]["table_at_end"]["heap_bytes"]
    ));
}

#[test]
fn the_queue_is_measured_at_every_depth() {
    let folder = folder();
    let mut command = Command::new(PROGRAM);
    command.args(["--depth", "300,2000", "--dequeues", "40", "--clients", "4"]);
    command.args(["--quick", "--accept-load", "--json", "--pairs", "1"]);
    let output = command.arg("--folder").arg(folder.path()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for depth in 0..2 {
        let measured = &report["depths"][depth];
        for figure in [
            "/depth",
            "/enqueue_rate",
            "/memory_bytes/filled",
            "/dequeue/p50_ms",
            "/dequeue/p99_ms",
            "/dequeue_by_all/p99_ms",
            "/recovery/wall_s",
            "/recovery/cpu_s",
        ] {
            assert!(is_positive(measured.pointer(figure).unwrap()), "{figure}");
        }
    }
    for ratio in ["depth_p99", "depth_p99_by_all"] {
        assert!(is_positive(&report["ratios"][ratio]), "{ratio}");
    }
    let left = folder.path().read_dir().unwrap().count();
    assert_eq!(left, 0, "nothing stays");
}
