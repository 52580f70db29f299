//! The messages of a call, and their way to the queue.

use std::time::Duration;

use buffa::{Message, MessageName};
use clock::{Clock, Timestamp};
use errors::{Class, Error};
use plato::ServiceCall;
use proto::base::v1::Envelope;
use proto::optimus::v1 as wire;
use timestone::{NewMessage, Outcome, Refusal};
use timestone_client::{Client, TimestoneError, envelope, names};

use crate::options::CallOptions;

/// The first pause after the queue could not take a message.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// What every message of one call says.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) queue: String,
    pub(crate) reply_to: String,
    pub(crate) priority: i64,
    pub(crate) options: CallOptions,
}

impl Head {
    /// The message that makes the call.
    pub(crate) fn call(&self, call: ServiceCall) -> NewMessage {
        let body = wire::ServiceCall {
            method: call.method,
            r#type: call.request_type,
            request: call.request.into(),
            ..Default::default()
        };
        NewMessage {
            id: self.id.clone(),
            reply_to: Some(self.reply_to.clone()),
            ..self.message(&body)
        }
    }

    /// The message that ends it early.
    pub(crate) fn cancel(&self, reason: &str) -> NewMessage {
        let body = wire::CancelCall {
            call_id: self.id.clone(),
            reason: reason.to_owned(),
            ..Default::default()
        };
        NewMessage {
            id: names::cancel_id(&self.id),
            ..self.message(&body)
        }
    }

    fn message<M: Message + MessageName>(&self, body: &M) -> NewMessage {
        let CallOptions {
            id: _,
            tenant,
            principal,
            traceparent,
            priority: _,
            deadline,
        } = self.options.clone();
        let envelope = Envelope {
            tenant,
            principal,
            traceparent,
            deadline_unix_ms: deadline.map_or(0, Timestamp::unix_ms),
            priority: self.priority,
            reply_to: self.reply_to.clone(),
            correlation_id: self.id.clone(),
            ..envelope::seal(body)
        };
        NewMessage {
            queue: self.queue.clone(),
            payload: envelope::to_payload(&envelope),
            priority: self.priority,
            ..NewMessage::default()
        }
    }
}

/// Sends a message, under its one id, until the queue has it.
///
/// # Errors
/// When the queue refuses it for good.
pub(crate) async fn send(
    clock: &dyn Clock,
    client: &Client,
    message: NewMessage,
) -> Result<Outcome, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        match client.enqueue(vec![message.clone()]).await {
            Ok(mut outcomes) => match outcomes.pop() {
                Some(Ok(outcome)) => return Ok(outcome),
                Some(Err(refusal)) if refusal.is_temporary() => {
                    tracing::info!(message = message.id, %refusal, "a call waits");
                }
                Some(Err(refusal)) => return Err(refused(&refusal)),
                None => tracing::error!("timestone answered with fewer outcomes than items"),
            },
            Err(TimestoneError::Refused(refusal)) => {
                return Err(Error::user("REFUSED", refusal.problem));
            }
            Err(error) => tracing::info!(message = message.id, %error, "a call waits"),
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

fn refused(refusal: &Refusal) -> Error {
    let class = match refusal {
        Refusal::Canceled(_) => Class::Canceled,
        Refusal::Invalid { .. } => Class::User,
        _ => Class::Platform,
    };
    Error::new(class, refusal.code(), refusal.to_string())
}
