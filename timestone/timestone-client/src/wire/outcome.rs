//! How one item of a batch fared.

use errors::{Class, Error};
use proto::timestone::v1 as wire;
use timestone::{
    Completion, Failure, LeaseToken, MessageKey, NewMessage, Outcome, Refusal, Reschedule,
};

/// The fields that the queue may refuse.
const FIELDS: [&str; 23] = [
    "queue",
    "id",
    "payload",
    "metadata",
    "invisible_ms",
    "attempts",
    "reply_to",
    "then_enqueue",
    "error",
    "retry_in_ms",
    "reason",
    "lease_ms",
    "queues",
    "max",
    "session.owner",
    "session.boot",
    "request_id",
    "config",
    "token",
    "priority",
    "visible_at",
    "filter",
    "cursor",
];

/// What an outcome is about: the refusal of it names one of these.
#[derive(Clone, Debug, Default)]
pub struct Item {
    token: Option<LeaseToken>,
    keys: Vec<MessageKey>,
}

impl From<&MessageKey> for Item {
    fn from(key: &MessageKey) -> Self {
        Self {
            token: None,
            keys: vec![key.clone()],
        }
    }
}

/// A queue.
impl From<&String> for Item {
    fn from(queue: &String) -> Self {
        Self::from(&MessageKey {
            queue: queue.clone(),
            id: String::new(),
        })
    }
}

impl From<&Reschedule> for Item {
    fn from(reschedule: &Reschedule) -> Self {
        Self::from(&reschedule.key)
    }
}

impl From<&NewMessage> for Item {
    fn from(message: &NewMessage) -> Self {
        Self {
            token: None,
            keys: vec![key_of(message)],
        }
    }
}

impl From<&LeaseToken> for Item {
    fn from(token: &LeaseToken) -> Self {
        Self {
            token: Some(token.clone()),
            keys: vec![token.key.clone()],
        }
    }
}

impl From<&Completion> for Item {
    fn from(completion: &Completion) -> Self {
        Self::handing_on(&completion.token, &completion.then_enqueue)
    }
}

impl From<&Failure> for Item {
    fn from(failure: &Failure) -> Self {
        Self::handing_on(&failure.token, &failure.then_enqueue)
    }
}

impl Item {
    fn handing_on(token: &LeaseToken, then_enqueue: &[NewMessage]) -> Self {
        let mut item = Self::from(token);
        item.keys.extend(then_enqueue.iter().map(key_of));
        item
    }

    /// The queue that a message is about.
    fn queue(&self, message: &str) -> String {
        let queues = self.keys.iter().map(|key| key.queue.as_str());
        let named = |queue: &&str| message.starts_with(&format!("queue {queue} "));
        let named = queues.clone().filter(named).max_by_key(|queue| queue.len());
        let queue = named.or_else(|| queues.clone().next());
        queue.unwrap_or_default().to_owned()
    }

    /// The refusal, made of one of the item's keys, that says the same.
    fn find(&self, refusal: fn(MessageKey) -> Refusal, message: &str) -> Refusal {
        let mut made = self.keys.iter().cloned().map(refusal);
        let first = made.next();
        let same = first
            .iter()
            .cloned()
            .chain(made)
            .find(|made| made.to_string() == message);
        same.or(first).unwrap_or_else(|| other(message))
    }
}

fn key_of(message: &NewMessage) -> MessageKey {
    MessageKey {
        queue: message.queue.clone(),
        id: message.id.clone(),
    }
}

fn other(message: &str) -> Refusal {
    Refusal::Invalid {
        field: "item",
        problem: message.to_owned(),
    }
}

/// As the wire tells it.
pub fn to_outcome(outcome: Result<Outcome, Refusal>) -> wire::Outcome {
    let duplicate = matches!(outcome, Ok(Outcome::Duplicate));
    let error = outcome.err().map(|refusal| to_error(&refusal).into());
    wire::Outcome {
        error: error.into(),
        duplicate,
        ..Default::default()
    }
}

fn to_error(refusal: &Refusal) -> Error {
    let class = match refusal {
        Refusal::QueueFull { .. }
        | Refusal::EnqueueBlocked { .. }
        | Refusal::QueueDeleting { .. }
        | Refusal::Elsewhere { .. } => Class::Platform,
        Refusal::TooLate(_) => Class::Deadline,
        Refusal::Canceled(_) => Class::Canceled,
        Refusal::LeaseLost(_)
        | Refusal::NotFound(_)
        | Refusal::QueueNotEmpty { .. }
        | Refusal::NotWaiting(_)
        | Refusal::PayloadGone(_)
        | Refusal::Invalid { .. } => Class::User,
    };
    let error = match refusal {
        Refusal::Invalid { field, problem } => {
            Error::new(class, refusal.code(), problem.as_str()).at(*field)
        }
        _ => Error::new(class, refusal.code(), refusal.to_string()),
    };
    match hint(refusal) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What would do.
fn hint(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::QueueFull { .. } => {
            Some("try again, ever more slowly, until workers have caught up")
        }
        Refusal::EnqueueBlocked { .. } => Some("try again when an operator has let it go on"),
        Refusal::QueueDeleting { .. } => Some("try again when it is gone"),
        Refusal::Elsewhere { .. } => Some("try again; if it stays so, put the queue once more"),
        Refusal::QueueNotEmpty { .. } => Some("wait until it is empty, or force the deletion"),
        Refusal::PayloadGone(_) => Some("look for it in the dead-letter queue"),
        _ => None,
    }
}

/// As the wire told it of `item`.
pub fn outcome_of(outcome: wire::Outcome, item: &Item) -> Result<Outcome, Refusal> {
    match outcome.error.into_option() {
        Some(error) => Err(refusal(error.into(), item)),
        None if outcome.duplicate => Ok(Outcome::Duplicate),
        None => Ok(Outcome::Done),
    }
}

fn refusal(error: Error, item: &Item) -> Refusal {
    let message = error.message.as_str();
    match (error.code.as_str(), &item.token) {
        ("LEASE_LOST", Some(token)) => Refusal::LeaseLost(token.clone()),
        ("CANCELED", _) => item.find(Refusal::Canceled, message),
        ("MESSAGE_NOT_FOUND", _) => item.find(Refusal::NotFound, message),
        ("TOO_LATE", _) => item.find(Refusal::TooLate, message),
        ("MESSAGE_NOT_WAITING", _) => item.find(Refusal::NotWaiting, message),
        ("PAYLOAD_GONE", _) => item.find(Refusal::PayloadGone, message),
        ("QUEUE_FULL", _) => Refusal::QueueFull {
            queue: item.queue(message),
            limit: number(message),
        },
        ("QUEUE_NOT_EMPTY", _) => Refusal::QueueNotEmpty {
            queue: item.queue(message),
            depth: number(message),
        },
        ("ENQUEUE_BLOCKED", _) => Refusal::EnqueueBlocked {
            queue: item.queue(message),
        },
        ("QUEUE_DELETING", _) => Refusal::QueueDeleting {
            queue: item.queue(message),
        },
        ("QUEUE_ELSEWHERE", _) => Refusal::Elsewhere {
            queue: item.queue(message),
        },
        _ => Refusal::Invalid {
            field: field(error.field.as_deref()),
            problem: error.message,
        },
    }
}

fn field(named: Option<&str>) -> &'static str {
    let known = |field: &&&str| Some(**field) == named;
    FIELDS.iter().find(known).copied().unwrap_or("item")
}

/// The number that a message ends with: `…: 3 messages wait or run`.
fn number(message: &str) -> u64 {
    let last = message.rsplit(": ").next();
    let number = last.and_then(|last| last.split(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> NewMessage {
        NewMessage {
            queue: "q: 1".into(),
            id: id.into(),
            ..NewMessage::default()
        }
    }

    fn completion() -> Completion {
        Completion {
            token: LeaseToken {
                key: key_of(&message("a")),
                delivery: 3,
                nonce: 9,
            },
            then_enqueue: vec![message("b"), message("c")],
        }
    }

    #[test]
    fn every_outcome_survives_the_wire() {
        let completion = completion();
        let outcomes = [
            Ok(Outcome::Done),
            Ok(Outcome::Duplicate),
            Err(Refusal::LeaseLost(completion.token.clone())),
            Err(Refusal::Canceled(completion.token.key.clone())),
            Err(Refusal::NotFound(key_of(&message("a")))),
            Err(Refusal::TooLate(key_of(&message("c")))),
            Err(Refusal::QueueFull {
                queue: "q: 1".into(),
                limit: 12_345,
            }),
            Err(Refusal::QueueNotEmpty {
                queue: "q: 1".into(),
                depth: 3,
            }),
            Err(Refusal::EnqueueBlocked {
                queue: "q: 1".into(),
            }),
            Err(Refusal::QueueDeleting {
                queue: "q: 1".into(),
            }),
            Err(Refusal::Elsewhere {
                queue: "q: 1".into(),
            }),
            Err(Refusal::NotWaiting(key_of(&message("a")))),
            Err(Refusal::PayloadGone(key_of(&message("a")))),
            Err(Refusal::Invalid {
                field: "metadata",
                problem: "is 5; from 0 to 4".into(),
            }),
        ];
        for outcome in outcomes {
            let told = outcome_of(to_outcome(outcome.clone()), &Item::from(&completion));
            assert_eq!(told, outcome);
        }
    }
}
