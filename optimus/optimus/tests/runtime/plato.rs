//! The other side of the seam: takes what the API layer sends and tells it events.

use buffa::Message;
use bytes::Bytes;
use errors::Error;
use proto::base::v1 as base;
use proto::plato::v1::{
    CancelWorkflow, NodeProgress, NodeState, StartWorkflow, WorkflowEvent, WorkflowState,
};
use timestone::{Completion, LeasedMessage, MessageKey, MessageState, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, TimestoneError, envelope, names};

pub(crate) const EVENTS: &str = "optimus/echo/events";

pub(crate) struct Plato {
    client: Client,
    session: Session,
}

/// Something the workflow layer is asked to do.
pub(crate) enum Asked {
    Start(Box<StartWorkflow>),
    Cancel(CancelWorkflow),
}

impl Asked {
    pub(crate) fn workflow(&self) -> &str {
        match self {
            Self::Start(start) => &start.workflow_id,
            Self::Cancel(cancel) => &cancel.workflow_id,
        }
    }

    pub(crate) fn started(self) -> StartWorkflow {
        match self {
            Self::Start(start) => *start,
            Self::Cancel(cancel) => panic!("a start was expected, not {cancel:?}"),
        }
    }

    pub(crate) fn canceled(self) -> CancelWorkflow {
        match self {
            Self::Cancel(cancel) => cancel,
            Self::Start(start) => panic!("a cancellation was expected, not {start:?}"),
        }
    }
}

impl Plato {
    pub(crate) fn new(client: Client) -> Self {
        let session = Session {
            owner: "plato".into(),
            boot: ids::time_ordered(),
        };
        Self { client, session }
    }

    /// The next thing that is asked, once and for all taken.
    pub(crate) async fn next(&self) -> Asked {
        loop {
            if let Some(asked) = self.poll(20_000).await {
                return asked;
            }
        }
    }

    /// Whether nothing more is asked.
    pub(crate) async fn is_idle(&self) -> bool {
        self.poll(0).await.is_none()
    }

    async fn poll(&self, wait_ms: u64) -> Option<Asked> {
        let message = self.lease(wait_ms).await?;
        let asked = read(&message);
        let completion = Completion {
            token: message.token,
            then_enqueue: Vec::new(),
        };
        let outcomes = self.client.complete(vec![completion]).await;
        outcomes.unwrap().remove(0).unwrap();
        Some(asked)
    }

    /// Leases the next message and leaves it at that.
    pub(crate) async fn lease(&self, wait_ms: u64) -> Option<LeasedMessage> {
        let request = DequeueRequest {
            queues: (0..4)
                .map(|group| names::workflow_inbox("echo", group))
                .collect(),
            max: 1,
            wait_ms,
            lease_ms: None,
            session: self.session.clone(),
            request_id: ids::time_ordered(),
        };
        loop {
            match self.client.dequeue(request.clone()).await {
                Ok(mut leased) => return leased.pop(),
                Err(TimestoneError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) async fn running(&self, workflow: &str, sequence: u64, done: u64) {
        let node = NodeProgress {
            node: "encoder".into(),
            state: NodeState::Running.into(),
            total: 10,
            done,
            ..Default::default()
        };
        self.tell(WorkflowEvent {
            nodes: vec![node],
            ..event(workflow, sequence, WorkflowState::Running)
        })
        .await;
    }

    pub(crate) async fn succeeded(&self, workflow: &str, sequence: u64, output: &str) {
        let value = base::Value {
            inline: output.into(),
            ..Default::default()
        };
        self.tell(WorkflowEvent {
            output: value.into(),
            ..event(workflow, sequence, WorkflowState::Succeeded)
        })
        .await;
    }

    pub(crate) async fn failed(&self, workflow: &str, sequence: u64, error: Error) {
        self.tell(WorkflowEvent {
            error: base::Error::from(error).into(),
            ..event(workflow, sequence, WorkflowState::Failed)
        })
        .await;
    }

    /// How the message of an event is doing.
    pub(crate) async fn state(&self, workflow: &str, sequence: u64) -> MessageState {
        let key = MessageKey {
            queue: EVENTS.into(),
            id: names::event_id(workflow, sequence),
        };
        self.client.get(&key).await.unwrap().unwrap().state
    }

    pub(crate) async fn tell(&self, event: WorkflowEvent) {
        let id = names::event_id(&event.workflow_id, event.sequence);
        self.tell_as(&id, event).await;
    }

    /// Tells an event under an id of its own, as a second sender would.
    pub(crate) async fn tell_as(&self, id: &str, event: WorkflowEvent) {
        self.enqueue(id, envelope::to_payload(&envelope::seal(&event)))
            .await;
    }

    pub(crate) async fn enqueue(&self, id: &str, payload: Bytes) {
        let message = NewMessage {
            queue: EVENTS.into(),
            id: id.to_owned(),
            payload,
            ..Default::default()
        };
        loop {
            match self.client.enqueue(vec![message.clone()]).await {
                Ok(mut outcomes) => {
                    outcomes.remove(0).unwrap();
                    return;
                }
                Err(TimestoneError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends a message that it leased without having worked on it.
    pub(crate) async fn give_up(&self, message: LeasedMessage, error: Error) {
        let failure = timestone::Failure {
            token: message.token,
            error: base::Error::from(error).encode_to_vec().into(),
            retry_in_ms: 0,
            last: true,
            then_enqueue: Vec::new(),
        };
        self.client
            .fail(vec![failure])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
    }
}

pub(crate) fn event(workflow: &str, sequence: u64, state: WorkflowState) -> WorkflowEvent {
    WorkflowEvent {
        workflow_id: workflow.into(),
        sequence,
        state: state.into(),
        ..Default::default()
    }
}

fn read(message: &LeasedMessage) -> Asked {
    let envelope = envelope::of_payload(&message.payload).unwrap();
    match envelope::holds::<StartWorkflow>(&envelope) {
        true => Asked::Start(Box::new(envelope::open(&envelope).unwrap())),
        false => Asked::Cancel(envelope::open(&envelope).unwrap()),
    }
}
