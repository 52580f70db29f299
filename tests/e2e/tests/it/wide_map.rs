//! A wide map over two Plato processes on PostgreSQL, each paused past its epoch.

use anyhow::{Result, ensure};
use e2e::wide_map;

#[tokio::test(flavor = "multi_thread")]
async fn every_element_is_done_once_though_its_owners_are_paused() -> Result<()> {
    let Some(report) = wide_map::prove(2_000).await? else {
        return Ok(());
    };
    ensure!(report.holds(), "{report:?}");
    Ok(())
}
