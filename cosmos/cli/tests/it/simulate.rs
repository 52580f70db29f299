use std::fs;

use serde_json::Value;

use crate::talk::{Desk, output_of};

const COSMOS: &str = env!("CARGO_BIN_EXE_cosmos");

#[test]
fn a_day_is_told_in_tables() {
    let words = ["simulate", "burst", "--cores", "64", "--hours", "2"];
    let told = output_of(COSMOS, &words);
    assert!(
        told.starts_with("burst: 4 hosts of 16 processors, 2 hours"),
        "{told}"
    );
    for part in [
        "UTILISATION",
        "PER CORE HOUR",
        "WAIT P50",
        "preferred  stratum",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(
        told.lines().all(|line| line.chars().count() <= 130),
        "{told}"
    );
}

#[test]
fn a_mix_of_ones_own_is_told_as_json_and_drawn() {
    let desk = Desk::new();
    let mix = output_of(COSMOS, &["simulate", "studio", "--show"]);
    fs::write(
        desk.at("mine.yaml"),
        mix.replace("name: studio", "name: mine"),
    )
    .unwrap();
    let words = "simulate mine.yaml --cores 128 --hours 1 --policies stratum --json --plots p";
    let output = desk.cosmos(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["mix"], "mine");
    let outcomes = report["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0]["policy"], "stratum");
    assert_eq!(outcomes[0]["samples"].as_array().unwrap().len(), 12);
    for plot in ["utilisation.svg", "waits.svg", "cost.svg"] {
        let svg = fs::read_to_string(desk.at("p").join(plot)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.contains("mine"), "{plot}");
    }
}

#[test]
fn what_cannot_be_simulated_says_where_and_what_would_do() {
    let desk = Desk::new();
    fs::write(desk.at("bad.yaml"), "name: bad\nqueues: []\n").unwrap();
    for (words, problem, helps) in [
        ("simulate bad.yaml", "missing field", "--show"),
        (
            "simulate none.yaml",
            "No such file",
            "studio, burst, overload",
        ),
        (
            "simulate --policies luck",
            "no policy `luck`",
            "jobs-spread",
        ),
        ("simulate --cores 8", "8 is not in 16..=100000", "--help"),
    ] {
        let said = desk.seen(&desk.cosmos(words).output().unwrap());
        assert!(
            said.contains(problem) && said.contains(helps),
            "{words}: {said}"
        );
        assert!(said.ends_with("exit 2\n"), "{words}: {said}");
    }
}
