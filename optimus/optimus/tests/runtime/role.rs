//! Another role: calls the service over its queue and hears what is answered.

use buffa::Message;
use bytes::Bytes;
use proto::base::v1::Envelope;
use proto::optimus::v1::{CallProgress, CallResult, CancelCall, ServiceCall};
use proto::timestone::v1::Terminated;
use timestone::{Completion, MessageKey, MessageState, NewMessage, Outcome, Session};
use timestone_client::{Client, DequeueRequest, TimestoneError, envelope, names};

use crate::echo::asking;

pub(crate) const CALLS: &str = "optimus/echo/calls";
pub(crate) const REPLIES: &str = "role/replies";

pub(crate) struct Role {
    client: Client,
    session: Session,
}

/// What a role is told.
#[derive(Debug)]
pub(crate) enum Told {
    Result(Box<CallResult>),
    Progress(CallProgress),
    Terminated(Box<Terminated>),
}

impl Role {
    pub(crate) fn new(client: Client) -> Self {
        let session = Session {
            owner: "role".into(),
            boot: ids::time_ordered(),
        };
        Self { client, session }
    }

    /// Calls with `body`, as often as it takes to be heard.
    pub(crate) async fn call(&self, id: &str, body: &str) -> Outcome {
        self.send(id, calling(body)).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> Outcome {
        let cancel = CancelCall {
            call_id: id.into(),
            reason: "not wanted any more".into(),
            ..Default::default()
        };
        self.send(&names::cancel_id(id), of_tenant(envelope::seal(&cancel)))
            .await
    }

    pub(crate) async fn send(&self, id: &str, envelope: Envelope) -> Outcome {
        self.send_payload(id, envelope::to_payload(&envelope)).await
    }

    pub(crate) async fn send_payload(&self, id: &str, payload: Bytes) -> Outcome {
        let message = NewMessage {
            queue: CALLS.into(),
            id: id.into(),
            payload,
            reply_to: Some(REPLIES.into()),
            ..Default::default()
        };
        loop {
            match self.client.enqueue(vec![message.clone()]).await {
                Ok(mut outcomes) => return outcomes.remove(0).unwrap(),
                Err(TimestoneError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next thing that is told, once and for all taken.
    pub(crate) async fn hears(&self) -> Told {
        loop {
            if let Some(told) = self.poll(20_000).await {
                return told;
            }
        }
    }

    /// The next answer.
    pub(crate) async fn answer(&self) -> CallResult {
        loop {
            match self.hears().await {
                Told::Result(result) => return *result,
                Told::Progress(_) => {}
                Told::Terminated(ended) => panic!("an answer was expected, not {ended:?}"),
            }
        }
    }

    /// Whether nothing more is told.
    pub(crate) async fn is_idle(&self) -> bool {
        self.poll(0).await.is_none()
    }

    async fn poll(&self, wait_ms: u64) -> Option<Told> {
        let request = DequeueRequest {
            queues: vec![REPLIES.into()],
            max: 1,
            wait_ms,
            lease_ms: None,
            session: self.session.clone(),
            request_id: ids::time_ordered(),
        };
        let message = loop {
            match self.client.dequeue(request.clone()).await {
                Ok(mut leased) => break leased.pop()?,
                Err(TimestoneError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        let told = told(&envelope::of_payload(&message.payload).unwrap());
        let completion = Completion {
            token: message.token,
            then_enqueue: Vec::new(),
        };
        let outcomes = self.client.complete(vec![completion]).await;
        outcomes.unwrap().remove(0).unwrap();
        Some(told)
    }

    /// How the message of a call is doing.
    pub(crate) async fn state(&self, id: &str) -> MessageState {
        let view = self.client.get(&key(id)).await.unwrap();
        view.unwrap().state
    }

    /// Cancels the message of a call, as an operator may.
    pub(crate) async fn cancel_message(&self, id: &str) {
        let outcomes = self.client.cancel(vec![key(id)], "by the operator").await;
        outcomes.unwrap().remove(0).unwrap();
    }

    /// Makes the queues forget at once what has ended.
    pub(crate) async fn forget(&self) {
        for queue in [CALLS, REPLIES] {
            let config = timestone::QueueConfig {
                retention_ms: 0,
                ..Default::default()
            };
            self.client.put_queue(queue, config).await.unwrap();
        }
    }
}

fn key(id: &str) -> MessageKey {
    MessageKey {
        queue: CALLS.into(),
        id: id.into(),
    }
}

fn told(envelope: &Envelope) -> Told {
    if envelope::holds::<CallResult>(envelope) {
        return Told::Result(Box::new(envelope::open(envelope).unwrap()));
    }
    match envelope::holds::<CallProgress>(envelope) {
        true => Told::Progress(envelope::open(envelope).unwrap()),
        false => Told::Terminated(Box::new(envelope::open(envelope).unwrap())),
    }
}

/// A call that asks to echo `body`.
pub(crate) fn calling(body: &str) -> Envelope {
    let call = ServiceCall {
        method: "Echo".into(),
        r#type: "base.v1.Envelope".into(),
        request: asking(body, "its own key").encode_to_vec(),
        ..Default::default()
    };
    of_tenant(Envelope {
        priority: 7,
        reply_to: REPLIES.into(),
        correlation_id: "what it is for".into(),
        ..envelope::seal(&call)
    })
}

fn of_tenant(envelope: Envelope) -> Envelope {
    Envelope {
        tenant: "a tenant".into(),
        ..envelope
    }
}
