//! The measurement of Plato runs, and tells what it promises to tell.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-plato");

/// Every ratio, by its published name.
const RATIOS: [&str; 7] = [
    "cpu_per_step_vs_restate",
    "fanout_1000_vs_restate",
    "rules_vs_clips",
    "step_p50_vs_dbos",
    "step_p50_vs_restate",
    "steps_per_s_vs_dbos",
    "steps_per_s_vs_restate",
];

fn run(words: &[&str], folder: &Path) -> Value {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--quick", "--accept-load", "--json"])
        .args(words);
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
    let report = run(&["--peers", "restate,dbos,clips"], folder.path());
    for figure in ["/machine/processors", "/fsync/p50_ms", "/settings/clients"] {
        assert!(is_positive(report.pointer(figure).unwrap()), "{figure}");
    }
    for figure in ["steps_per_s", "step_p50_ms", "step_p99_ms", "fan_out_ms"] {
        assert!(is_positive(&report["ours"][figure]), "{figure}");
        assert!(is_positive(&report["ours"]["runs"][0][figure]), "{figure}");
    }
    let rules = &report["ours"]["rules"];
    for figure in [
        "/firings_per_s",
        "/change_us/100000",
        "/durable/firings_per_s",
    ] {
        assert!(is_positive(rules.pointer(figure).unwrap()), "{figure}");
    }
    let ratios = report["ratios"].as_object().unwrap();
    assert!(ratios.keys().eq(RATIOS), "{ratios:?}");
    // Nothing is invented about peers that were not measured.
    assert!(ratios.values().all(Value::is_null), "{ratios:?}");
    let skipped = report["skipped"].as_array().unwrap();
    let skipped: Vec<_> = skipped.iter().map(|skipped| &skipped["peer"]).collect();
    assert_eq!(skipped, ["restate", "dbos", "clips"]);
}

#[test]
fn maps_are_measured_by_their_size() {
    let folder = folder();
    let report = run(&["--map", "20,300"], folder.path());
    for (map, elements) in [20, 300].into_iter().enumerate() {
        let map = &report["maps"][map];
        assert_eq!(map["elements"], elements);
        assert!(is_positive(&map["us_per_element"]), "{map}");
        assert!(is_positive(&map["peak_memory_bytes"]), "{map}");
    }
    for ratio in ["map_peak_memory", "map_time_per_element"] {
        assert!(is_positive(&report["ratios"][ratio]), "{ratio}");
    }
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "nothing stays"
    );
}

#[test]
fn a_kill_loses_no_workflow_and_doubles_none() {
    let folder = folder();
    let report = run(&["--recover", "150"], folder.path());
    assert_eq!(report["workflows"], 150);
    assert_eq!(
        (&report["lost"], &report["doubled"]),
        (&0.into(), &0.into())
    );
    assert!(is_positive(&report["owned_again_s"]), "{report}");
}
