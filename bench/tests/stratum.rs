//! The measurement of placement works, and says what it must.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn packing_and_rate_are_measured_beside_the_rules_of_others() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-stratum"));
    let output = command
        .args(["--quick", "--accept-load", "--json"])
        .output();
    let output = output.unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for rule in ["first_fit", "best_fit", "most_allocated"] {
        for order in ["", "_decreasing"] {
            // Packing does not depend on the machine: nobody may need fewer hosts.
            let ratio = report["ratios"][format!("hosts_vs_{rule}{order}")].as_f64();
            assert!(ratio.unwrap() <= 1.0, "{rule}{order}: {ratio:?}");
        }
    }
    let over = report["ratios"]["packing_over_lower_bound"]
        .as_f64()
        .unwrap();
    assert!((1.0..=1.02).contains(&over), "{over}");
    assert!(report["placements_per_s_at_5000_hosts"].as_f64().unwrap() > 0.0);
    assert_eq!(report["packing"].as_array().unwrap().len(), 7);
}
