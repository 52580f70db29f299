//! Two Plato processes on PostgreSQL, killed in turn.

use anyhow::{Result, ensure};
use e2e::takeovers;

#[tokio::test(flavor = "multi_thread")]
async fn every_workflow_ends_once_though_its_owners_are_killed() -> Result<()> {
    let Some(report) = takeovers::prove(8, 7).await? else {
        return Ok(());
    };
    ensure!(report.holds(), "{report:?}");
    Ok(())
}
