//! The process that is killed: the queue and the agent over it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use blob::{Blobs, Digest, LocalBlobs};
use clap::Args;
use clock::SystemClock;
use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use store_fjall::FjallStore;
use stratum::{CanonicalJson, FunctionName, Invocation, InvocationResult, Places, Registry};
use stratum_agent::{Agent, Config};
use stratum_docker::Engine;
use stratum_init::Init;
use timestone::{NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};

use super::FUNCTION;

/// Where results come to; nobody takes them before all are there.
const REPLIES: &str = "contained/replies";
const MEMORY: u64 = 8_000_000_000;

/// The host.
#[derive(Debug, Args)]
pub struct HostArgs {
    folder: PathBuf,
    socket: String,
    invocations: u32,
}

/// Runs until every invocation has ended, says a line whenever one has, and in the end how many
/// results each has.
///
/// # Errors
/// When a part of it cannot be used.
pub async fn host(args: &HostArgs) -> Result<()> {
    let clock = Arc::new(SystemClock);
    let store = FjallStore::open(args.folder.join("store"), clock.clone())?;
    let queue = LocalTimestone::start(Arc::new(store), clock, OwnerOptions::new("contained"));
    let queue = Arc::new(queue);
    let blobs = LocalBlobs::open("local", &args.folder.join("blobs"))?;
    let (timestone, blobs) = (Client::new(queue.clone()), Blobs::new(Arc::new(blobs), []));
    for n in 0..args.invocations {
        enqueue(&timestone, n).await?;
    }
    let agent = agent(args, &timestone, &blobs).await?;
    wait(&timestone, &agent).await?;
    let results = results(&timestone).await?;
    agent.stop().await;
    queue.shutdown().await;
    println!("{}", serde_json::to_string(&results)?);
    Ok(())
}

async fn agent(args: &HostArgs, timestone: &Client, blobs: &Blobs) -> Result<Agent> {
    let clock = Arc::new(SystemClock);
    let owner = format!("agent@{}", args.folder.display());
    let engine = Engine::connect(&args.socket, &owner, &Init::locate()?, clock.clone()).await?;
    let config = Config {
        containers: Some(Arc::new(engine)),
        ..Config::new("agent", 4, MEMORY)
    };
    let mut registry = Registry::default();
    registry.load(&args.folder.join("functions"), &Places::default())?;
    Ok(Agent::start(config, registry, timestone.clone(), blobs.clone(), clock).await?)
}

/// The same message in every life: twice is once.
async fn enqueue(timestone: &Client, n: u32) -> Result<()> {
    let invocation = Invocation {
        id: format!("invocation-{n}"),
        function: FunctionName::new(FUNCTION)?,
        function_digest: None,
        params: CanonicalJson::parse(params(n).as_bytes())?,
        inputs: vec![],
        attributes: BTreeMap::new(),
        generation: 0,
        outgrown: 0,
        memo: false,
        workflow: "contained".into(),
        node: "node".into(),
        element: u64::from(n),
    };
    let envelope = Envelope {
        reply_to: REPLIES.into(),
        ..envelope::seal(&wire::Invocation::from(invocation.clone()))
    };
    let message = NewMessage {
        queue: names::function(FUNCTION),
        id: invocation.id,
        payload: envelope::to_payload(&envelope),
        reply_to: Some(REPLIES.into()),
        ..NewMessage::default()
    };
    let outcomes = timestone.enqueue(vec![message]).await?;
    ensure!(outcomes.iter().all(Result::is_ok), "refused: {outcomes:?}");
    Ok(())
}

fn params(n: u32) -> String {
    format!("{{\"n\":{n}}}")
}

/// Until nothing waits or runs; says so whenever there is less of it.
async fn wait(timestone: &Client, agent: &Agent) -> Result<()> {
    let queue = [names::function(FUNCTION)];
    let mut told = 0;
    loop {
        let executed = agent.counts().executed;
        (told..executed).for_each(|_| println!("ended"));
        told = executed;
        let counts = timestone.count(&queue).await?;
        let count = counts.first().context("no count")?;
        if count.pending + count.invisible + count.running == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many each invocation has, of those that say what they should.
async fn results(timestone: &Client) -> Result<BTreeMap<u32, u32>> {
    let mut results = BTreeMap::new();
    loop {
        let request = DequeueRequest {
            queues: vec![REPLIES.into()],
            max: 100,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "judge".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let messages = timestone.dequeue(request).await?;
        if messages.is_empty() {
            return Ok(results);
        }
        for message in messages {
            let reply = envelope::of_payload(&message.payload)?;
            if envelope::holds::<wire::InvocationResult>(&reply) {
                let result: wire::InvocationResult = envelope::open(&reply)?;
                let right = right(&result.try_into()?);
                right
                    .into_iter()
                    .for_each(|n| *results.entry(n).or_default() += 1);
            }
        }
    }
}

/// The number of the invocation, if the result is its own.
fn right(result: &InvocationResult) -> Option<u32> {
    let n: u32 = result
        .invocation_id
        .strip_prefix("invocation-")?
        .parse()
        .ok()?;
    let value = result.outcome.as_ref().ok()?;
    let seen = value.blob("seen.json")?;
    (seen.digest == Digest::of(params(n).as_bytes())).then_some(n)
}
