//! The queue and a host agent in this process, for one invocation: what `cosmos function run`
//! runs. It is the agent of an installation, so a function sees here what it sees there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use blob::Blobs;
use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use store_fjall::Options;
use stratum::{Invocation, InvocationResult, Progress, Registry, Shape};
use timestone::{Completion, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};

use crate::parts;
use crate::roles::{self, Seen};
use crate::stack::Stack;

/// Where the result comes to.
const REPLIES: &str = "trial";
const OWNERSHIP: Duration = Duration::from_secs(30);
/// One wait for the result.
const WAIT_MS: u64 = 20_000;

/// An agent that waits for one invocation.
pub struct Trial {
    stack: Stack,
    timestone: Client,
    blobs: Blobs,
}

impl Trial {
    /// An agent as large as `shape` that runs the functions of `registry`, and keeps everything
    /// below `folder`. `docker` is the socket of the engine for functions with an image.
    ///
    /// # Errors
    /// When the folder cannot be used, `cosmos-init` is missing, or no engine answers.
    pub async fn start(
        folder: &Path,
        registry: Registry,
        shape: &Shape,
        docker: Option<&Path>,
    ) -> Result<Self> {
        let owner = format!("trial-{}", ids::time_ordered());
        let containers = match docker {
            Some(socket) => Some(parts::containers_at(socket, &owner).await?),
            None => None,
        };
        let store = parts::embedded(&folder.join("state"), Options::default())?;
        let blobs = parts::open_blobs("local", &folder.join("blobs"))?;
        let mut stack = Stack::default();
        let queues = roles::timestone(&mut stack, store, OWNERSHIP, Seen::default());
        let timestone = Client::new(queues).with_blobs(blobs.clone());
        let agent = stratum_agent::Config {
            keep_logs: true,
            containers,
            ..stratum_agent::Config::new("trial", shape.cpus, shape.memory())
        };
        let (queue, files) = (timestone.clone(), blobs.clone());
        let started = roles::stratum(&mut stack, agent, registry, queue, files).await;
        let trial = Self {
            stack,
            timestone,
            blobs,
        };
        match started {
            Ok(()) => Ok(trial),
            Err(error) => {
                trial.shutdown().await;
                Err(error)
            }
        }
    }

    /// Where inputs may be put, and outputs lie.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Runs an invocation to its end; tells what part of it is done.
    ///
    /// # Errors
    /// When the queue cannot be used. However the function ends is no error.
    pub async fn run(
        &self,
        invocation: Invocation,
        mut progress: impl FnMut(f64),
    ) -> Result<InvocationResult> {
        self.enqueue(invocation).await?;
        loop {
            let reply = self.reply().await?;
            if envelope::holds::<wire::InvocationProgress>(&reply) {
                let told: wire::InvocationProgress = envelope::open(&reply)?;
                progress(Progress::from(told).fraction);
                continue;
            }
            let result: wire::InvocationResult = envelope::open(&reply)?;
            return result.try_into().context("the result is malformed");
        }
    }

    async fn enqueue(&self, invocation: Invocation) -> Result<()> {
        let envelope = Envelope {
            reply_to: REPLIES.into(),
            ..envelope::seal(&wire::Invocation::from(invocation.clone()))
        };
        let message = NewMessage {
            queue: names::function(invocation.function.as_str()),
            id: invocation.id,
            payload: envelope::to_payload(&envelope),
            reply_to: Some(REPLIES.into()),
            ..NewMessage::default()
        };
        let outcomes = self.timestone.enqueue(vec![message]).await?;
        match outcomes.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            Some(Err(refusal)) => bail!("the invocation is refused: {refusal}"),
            None => bail!("the queue gave no answer"),
        }
    }

    async fn reply(&self) -> Result<Envelope> {
        loop {
            let request = DequeueRequest {
                queues: vec![REPLIES.into()],
                max: 1,
                wait_ms: WAIT_MS,
                lease_ms: None,
                // Another than the agent's: an owner has one life at a time.
                session: Session {
                    owner: "asker".into(),
                    boot: "1".into(),
                },
                request_id: ids::time_ordered(),
            };
            let Some(message) = self.timestone.dequeue(request).await?.pop() else {
                continue;
            };
            let read = envelope::of_payload(&message.payload)?;
            let completion = Completion {
                token: message.token,
                then_enqueue: vec![],
            };
            self.timestone.complete(vec![completion]).await?;
            return Ok(read);
        }
    }

    /// Kills what still runs, and ends.
    pub async fn shutdown(self) {
        self.stack.shutdown().await;
    }
}
