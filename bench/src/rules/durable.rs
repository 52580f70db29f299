//! Durable firings: subjects in the runtime over an embedded store, facts by messages.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blob::{Blobs, LocalBlobs};
use clock::SystemClock;
use plato_rules::{RuleBase, RuleRegistry};
use plato_runtime::{Definitions, PlatoRuntime, RuntimeConfig, assert_facts};
use serde::Serialize;
use store_fjall::FjallStore;
use timestone::NewMessage;
use timestone_client::{Client, names};
use timestone_server::{LocalTimestone, OwnerOptions};

use super::RULES;
use super::ours::{chunk, fact};

const SERVICE: &str = "bench";
const GROUPS: u32 = 4;
const SUBJECTS: u64 = 16;
/// Messages for each subject, and facts in each; each fact fires one rule.
const MESSAGES: u64 = 25;
const FACTS: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Serialize)]
pub struct Durable {
    pub firings: u64,
    pub seconds: f64,
    pub firings_per_s: f64,
    /// Commits of the store that the firings shared.
    pub commits: u64,
}

pub(crate) fn measure(folder: &Path) -> Result<Durable> {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    threads.block_on(run(folder))
}

async fn run(folder: &Path) -> Result<Durable> {
    let scratch = tempfile::tempdir_in(folder)?;
    let clock = || Arc::new(SystemClock);
    let queue = Arc::new(FjallStore::open(scratch.path().join("queue"), clock())?);
    let store = Arc::new(FjallStore::open(scratch.path().join("plato"), clock())?);
    let blobs = LocalBlobs::open("local", &scratch.path().join("blobs"))?;
    let client = Client::new(Arc::new(LocalTimestone::start(
        queue,
        clock(),
        OwnerOptions::new("timestone"),
    )));
    let mut rules = RuleRegistry::default();
    let base = RuleBase::of_yaml(RULES).map_err(anyhow::Error::msg)?;
    rules.register(base, Vec::<(String, plato::NodeCode)>::new())?;
    let definitions = Definitions {
        rules: Arc::new(rules),
        ..Definitions::default()
    };
    let config = RuntimeConfig {
        groups: GROUPS,
        ..RuntimeConfig::new(SERVICE, "bench")
    };
    let blobs = Blobs::new(Arc::new(blobs), []);
    // Everything waits in the queue before the clock starts.
    send(&client).await?;
    let start = Instant::now();
    let queue = client.clone();
    let runtime = PlatoRuntime::start(config, store, client, blobs, definitions, clock()).await?;
    let firings = SUBJECTS * MESSAGES * FACTS;
    // A start and an encoder of each subject, and of each chunk: it came, a rule
    // fired, it was updated, the match ceased.
    let expected = SUBJECTS * 2 + firings * 4;
    // A message is completed after the commit of all that came of it.
    while open(&queue).await? > 0 {
        ensure!(
            start.elapsed() < PATIENCE,
            "{} of {expected} events after {PATIENCE:?}",
            runtime.counts().events
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let events = runtime.counts().events;
    ensure!(events == expected, "{events} events, not {expected}");
    let commits = runtime.counts().commits;
    runtime.shutdown().await;
    Ok(Durable {
        firings,
        seconds,
        firings_per_s: firings as f64 / seconds,
        commits,
    })
}

/// Messages of facts that are not completed.
async fn open(client: &Client) -> Result<u64> {
    let queues: BTreeSet<_> = (0..SUBJECTS).map(inbox).collect();
    let queues: Vec<_> = queues.into_iter().collect();
    let counts = client.count(&queues).await?;
    Ok(counts
        .iter()
        .map(|count| count.pending + count.running)
        .sum())
}

fn workflow(subject: u64) -> String {
    format!("subject-{subject}")
}

fn inbox(subject: u64) -> String {
    names::inbox_of_workflow(SERVICE, &workflow(subject), GROUPS)
}

async fn send(client: &Client) -> Result<()> {
    for subject in 0..SUBJECTS {
        let workflow = workflow(subject);
        let encoder = fact(
            "Encoder",
            [("codec", plato_rules::Value::String("av1".into()))],
        );
        let mut batches = vec![vec![encoder]];
        batches.extend(
            (0..MESSAGES).map(|title| (0..FACTS).map(|index| chunk(title, index, "raw")).collect()),
        );
        let messages = batches
            .into_iter()
            .enumerate()
            .map(|(number, facts)| NewMessage {
                queue: inbox(subject),
                id: format!("{workflow}/{number:06}"),
                payload: assert_facts(&workflow, "bench.assemble", &facts),
                ..NewMessage::default()
            });
        let outcomes = client.enqueue(messages.collect()).await?;
        ensure!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
    Ok(())
}
