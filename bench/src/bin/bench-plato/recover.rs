//! Many live workflows, the server killed: how soon are all owned again, and do all end once?

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::machine::Machine;
use proto::plato::v1::WorkflowState;
use serde::Serialize;
use timestone_client::{Client, names};

use crate::ours::{Clients, IDLE, IDLE_FUNCTION, Served, Working};

/// Workflows started by one call.
const STARTS: usize = 100;
/// Between two looks at what waits.
const LOOK: Duration = Duration::from_millis(20);
/// How long any part may take.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Live when the server was killed.
    pub workflows: usize,
    /// From its start until the new server owned every one of them.
    pub owned_again_s: f64,
    /// Processor time of the new server until then.
    pub cpu_s: f64,
    /// Those that never ended.
    pub lost: usize,
    /// Those whose end was told twice.
    pub doubled: usize,
    /// Of the new server until all had ended.
    pub peak_memory_bytes: u64,
}

/// Starts `workflows`, kills, starts again, and lets them end.
pub async fn measure(machine: Machine, workflows: usize, scratch: &Path) -> Result<Report> {
    let folder = tempfile::tempdir_in(scratch)?;
    let server = Served::start(folder.path()).await?;
    let started: Vec<String> = (0..workflows).map(|_| ids::time_ordered()).collect();
    begin(&server, &started).await?;
    let (server, owned_again) = server.kill_and_restart().await?;
    let cpu = server.cpu()?;
    let clients = Clients::of(server.client()?).await?;
    let _worker = Working::start(folder.path(), &[IDLE_FUNCTION])?;
    let ends = ends(&clients, workflows).await?;
    Ok(Report {
        machine,
        workflows,
        owned_again_s: owned_again.as_secs_f64(),
        cpu_s: cpu.as_secs_f64(),
        lost: started.iter().filter(|id| !ends.contains_key(*id)).count(),
        doubled: ends.values().filter(|times| **times > 1).count(),
        peak_memory_bytes: server.peak_memory()?,
    })
}

/// Until each has a step out.
async fn begin(server: &Served, started: &[String]) -> Result<()> {
    let client = server.client()?;
    let clients = Clients::of(client.clone()).await?;
    for ids in started.chunks(STARTS) {
        clients.start_all(ids, IDLE).await?;
    }
    let all_out = async {
        while waiting(&client).await? < started.len() as u64 {
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, all_out).await;
    waited.context("not all workflows came to their step")?
}

async fn waiting(client: &Client) -> Result<u64> {
    let counts = client.count(&[names::function(IDLE_FUNCTION)]).await?;
    Ok(counts.iter().map(|count| count.pending).sum())
}

/// How often the end of each was told.
async fn ends(clients: &Clients, workflows: usize) -> Result<HashMap<String, usize>> {
    let mut ends = HashMap::new();
    while ends.len() < workflows {
        let Ok(end) = tokio::time::timeout(PATIENCE, clients.next_end()).await else {
            break;
        };
        let (id, state) = end?;
        ensure!(state == WorkflowState::Succeeded, "{id} ended as {state:?}");
        *ends.entry(id).or_default() += 1;
    }
    // What is told twice is told soon after.
    while let Ok(end) = tokio::time::timeout(Duration::from_secs(1), clients.next_end()).await {
        *ends.entry(end?.0).or_default() += 1;
    }
    Ok(ends)
}

impl Report {
    /// For people.
    pub fn print(&self) {
        println!(
            "{} live workflows, killed: owned again in {:.2} s ({:.2} s of a processor), {} lost, {} doubled, {} MB at most",
            self.workflows,
            self.owned_again_s,
            self.cpu_s,
            self.lost,
            self.doubled,
            self.peak_memory_bytes >> 20,
        );
    }
}
