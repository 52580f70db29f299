use std::path::Path;

use e2e::contained::{Trial, prove};

/// A small part of `cargo xtask soak docker`.
#[tokio::test]
async fn functions_in_containers_end_once_whatever_is_killed() {
    let trial = Trial {
        invocations: 12,
        kills: 2,
        between: 3,
        seed: 7,
    };
    let program = Path::new(env!("CARGO_BIN_EXE_soak-docker"));
    if let Some(report) = prove(program, trial).await.unwrap() {
        assert!(report.holds(), "{report:?}");
    }
}
