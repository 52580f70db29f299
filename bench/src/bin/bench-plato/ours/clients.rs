//! Those who start workflows and hear of their ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use blob::Value;
use proto::plato::v1::{StartWorkflow, WorkflowEvent, WorkflowState};
use timestone::{Completion, LeasedMessage, NewMessage, QueueConfig, Session};
use timestone_client::{Client, Consumer, SubscribeRequest, envelope, names};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// The service whose workflows these are.
pub const SERVICE: &str = "bench";
/// Groups that its workflows are divided into, as in an installation.
pub const GROUPS: u32 = 4;
/// Where ends are heard of.
const EVENTS: &str = "bench/events";
/// Events in hand at a time.
const CREDIT: u32 = 256;

/// How a workflow ended, by its id.
pub type Ended = (String, WorkflowState);

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<WorkflowState>>>>;

/// Any number of clients of one server, who share what they hear.
pub struct Clients {
    client: Client,
    waiting: Waiting,
    unasked: tokio::sync::Mutex<mpsc::Receiver<Ended>>,
    listening: AbortHandle,
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Clients {
    pub async fn of(client: Client) -> Result<Self> {
        client.put_queue(EVENTS, QueueConfig::default()).await?;
        let waiting = Waiting::default();
        let (sender, unasked) = mpsc::channel(100_000);
        let listener = Listener {
            client: client.clone(),
            waiting: Arc::clone(&waiting),
            unasked: sender,
        };
        let listening = tokio::spawn(listener.run()).abort_handle();
        Ok(Self {
            client,
            waiting,
            unasked: tokio::sync::Mutex::new(unasked),
            listening,
        })
    }

    /// Runs a workflow to its good end.
    pub async fn run(&self, definition: &str, input: u64) -> Result<()> {
        let id = ids::time_ordered();
        let (sender, ended) = oneshot::channel();
        self.waiting().insert(id.clone(), sender);
        self.start(vec![start(&id, definition, input)]).await?;
        let state = ended.await.context("nobody listens")?;
        ensure!(state == WorkflowState::Succeeded, "it ended as {state:?}");
        Ok(())
    }

    /// Starts workflows of these ids; their ends are told by [`Self::next_end`].
    pub async fn start_all(&self, ids: &[String], definition: &str) -> Result<()> {
        let starts = ids.iter().map(|id| start(id, definition, 0));
        self.start(starts.collect()).await
    }

    async fn start(&self, messages: Vec<NewMessage>) -> Result<()> {
        for outcome in self.client.enqueue(messages).await? {
            outcome?;
        }
        Ok(())
    }

    /// The end of a workflow that nobody waits for.
    pub async fn next_end(&self) -> Result<Ended> {
        let next = self.unasked.lock().await.recv().await;
        next.context("nobody listens")
    }

    fn waiting(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<WorkflowState>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(id: &str, definition: &str, input: u64) -> NewMessage {
    let start = StartWorkflow {
        workflow_id: id.into(),
        definition: definition.into(),
        input: Some(Value::inline(input.to_string()).into()).into(),
        notify: EVENTS.into(),
        ..Default::default()
    };
    NewMessage {
        queue: names::inbox_of_workflow(SERVICE, id, GROUPS),
        id: id.into(),
        payload: envelope::to_payload(&envelope::seal(&start)),
        ..NewMessage::default()
    }
}

struct Listener {
    client: Client,
    waiting: Waiting,
    unasked: mpsc::Sender<Ended>,
}

impl Listener {
    async fn run(self) -> Result<()> {
        let consumer: Consumer = self.client.consume(SubscribeRequest {
            queues: vec![EVENTS.into()],
            credit: CREDIT,
            lease_ms: None,
            session: Session {
                owner: "clients".into(),
                boot: ids::time_ordered(),
            },
            subscription_id: String::new(),
            filter: None,
            ahead: false,
        });
        loop {
            let message = consumer.next().await?;
            self.heard(&message).await?;
            let client = self.client.clone();
            tokio::spawn(async move {
                let completion = Completion {
                    token: message.token,
                    then_enqueue: Vec::new(),
                };
                // One that is lost comes again, and is not waited for any more.
                let _ = client.complete(vec![completion]).await;
            });
        }
    }

    async fn heard(&self, message: &LeasedMessage) -> Result<()> {
        let event: WorkflowEvent = envelope::open(&envelope::of_payload(&message.payload)?)?;
        let Some(state) = event.state.as_known().filter(|state| is_last(*state)) else {
            return Ok(());
        };
        let waits = self.waiting.lock();
        let waits = waits
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&event.workflow_id);
        match waits {
            Some(waits) => drop(waits.send(state)),
            None => drop(self.unasked.send((event.workflow_id, state)).await),
        }
        Ok(())
    }
}

fn is_last(state: WorkflowState) -> bool {
    !matches!(state, WorkflowState::Unspecified | WorkflowState::Running)
}
