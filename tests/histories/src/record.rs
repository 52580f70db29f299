//! Clients that call the queue at random, and note what they are told.

use std::sync::Arc;

use bytes::Bytes;
use timestone::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, NewMessage, Outcome, QueueConfig,
    QueueKind, Refusal, Session,
};
use timestone_client::{DequeueRequest, Outcomes, Timestone, TimestoneError};
use tokio::sync::watch;

use crate::Random;
use crate::call::{Act, Answer, Token};
use crate::notes::Notes;

/// How many different messages all clients of a history enqueue.
pub const MESSAGES: u64 = 12;

/// One client.
pub struct Caller {
    pub number: u32,
    pub queue: String,
    /// The queue as it is reached now.
    pub timestone: watch::Receiver<Arc<dyn Timestone>>,
    pub notes: Notes,
    pub random: Random,
    /// Bytes of a message, at most.
    pub payload_bytes: u64,
    /// Every token it ever had; the last is the newest.
    pub tokens: Vec<Token>,
}

impl Caller {
    /// Calls so often, at random.
    pub async fn run(mut self, calls: u32) {
        for _ in 0..calls {
            for _ in 0..self.random.below(4) {
                tokio::task::yield_now().await;
            }
            match self.random.below(8) {
                0 => self.look().await,
                _ => self.call().await,
            }
        }
    }

    async fn call(&mut self) {
        let act = self.pick();
        let payload = self.random.below(self.payload_bytes + 1) as usize;
        let begun = self.notes.begin();
        let answer = self.desk().ask(self.number, act, payload).await;
        if answer.is_none() {
            // The server is gone; there will be another.
            self.recovered().await;
        }
        self.notes.end(begun, self.number, act, answer);
        if let Some(Answer::Leased(token)) = answer {
            self.tokens.push(token);
        }
    }

    /// Looks at a message.
    async fn look(&mut self) {
        let message = self.random.below(MESSAGES) as u16;
        let begun = self.notes.begin();
        match self.desk().version(message).await {
            Some(version) => self.notes.saw(begun, message, version),
            None => self.recovered().await,
        }
    }

    fn desk(&mut self) -> Desk {
        Desk {
            timestone: Arc::clone(&self.timestone.borrow_and_update()),
            queue: self.queue.clone(),
        }
    }

    /// Waits for a server that answers: what another had begun is then done or never will be.
    async fn recovered(&mut self) {
        if self.timestone.changed().await.is_err() {
            return;
        }
        loop {
            let timestone = self.desk().timestone;
            if timestone.count(&[]).await.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    fn pick(&mut self) -> Act {
        let enqueue = Act::Enqueue {
            message: self.random.below(MESSAGES) as u16,
            priority: self.random.below(3) as i64,
            value: self.random.below(3) as u8,
        };
        let Some(token) = self.token() else {
            return [enqueue, Act::Dequeue][self.random.below(2) as usize];
        };
        match self.random.below(12) {
            0..3 => enqueue,
            3..7 => Act::Dequeue,
            7..9 => Act::Complete(token),
            9 => Act::Release(token),
            10 => Act::Retry(token),
            _ => Act::Extend(token),
        }
    }

    /// Mostly the newest, sometimes one of long ago.
    fn token(&mut self) -> Option<Token> {
        let count = self.tokens.len() as u64;
        let back = match self.random.below(4) {
            0 if count > 0 => self.random.below(count),
            _ => 0,
        };
        self.tokens.iter().rev().nth(back as usize).copied()
    }
}

/// Where a queue is asked.
pub(crate) struct Desk {
    pub(crate) timestone: Arc<dyn Timestone>,
    pub(crate) queue: String,
}

impl Desk {
    /// `None` when no answer came.
    pub(crate) async fn ask(&self, client: u32, act: Act, payload: usize) -> Option<Answer> {
        let Self { timestone, queue } = self;
        let lease = |token| lease_token(queue, token);
        let outcomes = match act {
            Act::Enqueue {
                message,
                priority,
                value,
            } => {
                let mut message = new_message(queue, message, priority, value);
                message.payload = Bytes::from(vec![b'x'; payload]);
                timestone.enqueue(vec![message]).await
            }
            Act::Dequeue => {
                let leased = timestone.dequeue(demand(queue, client)).await;
                return leased.ok().map(|leased| told(leased.first()));
            }
            Act::Complete(token) => {
                let completion = Completion {
                    token: lease(token),
                    then_enqueue: Vec::new(),
                };
                timestone.complete(vec![completion]).await
            }
            Act::Retry(token) => timestone.fail(vec![failure(lease(token))]).await,
            Act::Release(token) => timestone.release(vec![lease(token)], false).await,
            Act::Extend(token) => timestone.extend(vec![lease(token)], None).await,
            Act::Restart => return Some(Answer::Done),
        };
        answer(outcomes)
    }

    /// The version of a message, 0 where there is none; `None` when no answer came.
    pub(crate) async fn version(&self, message: u16) -> Option<u64> {
        let view = self.timestone.get(&key(&self.queue, message)).await.ok()?;
        Some(view.map_or(0, |view| view.version))
    }
}

fn answer(outcomes: Result<Outcomes, TimestoneError>) -> Option<Answer> {
    match outcomes.ok()?.first()? {
        Ok(Outcome::Done) => Some(Answer::Done),
        Ok(Outcome::Duplicate) => Some(Answer::Duplicate),
        Err(Refusal::LeaseLost(_)) => Some(Answer::Lost),
        // Not asked for here; no order explains it.
        Err(_) => Some(Answer::Nothing),
    }
}

fn told(leased: Option<&LeasedMessage>) -> Answer {
    leased.map_or(Answer::Nothing, |leased| {
        Answer::Leased(Token {
            message: leased.token.key.id.parse().unwrap_or(u16::MAX),
            delivery: leased.token.delivery,
            nonce: leased.token.nonce,
        })
    })
}

/// The metadata key of exclusivity values.
pub const KEY: &str = "value";

/// The configuration of a queue under trial.
pub fn config(lease_ms: u64, exclusive: bool) -> QueueConfig {
    let key = || KEY.to_owned();
    QueueConfig {
        kind: match exclusive {
            true => QueueKind::Exclusive { key: key() },
            false => QueueKind::Simple,
        },
        lease_ms,
        ..QueueConfig::default()
    }
}

fn new_message(queue: &str, message: u16, priority: i64, value: u8) -> NewMessage {
    NewMessage {
        queue: queue.to_owned(),
        id: message.to_string(),
        priority,
        metadata: [(KEY.to_owned(), value.to_string())].into(),
        attempts: Some(1_000),
        ..NewMessage::default()
    }
}

fn failure(token: LeaseToken) -> Failure {
    Failure {
        token,
        error: Default::default(),
        retry_in_ms: 0,
        last: false,
        then_enqueue: Vec::new(),
    }
}

fn lease_token(queue: &str, token: Token) -> LeaseToken {
    LeaseToken {
        key: key(queue, token.message),
        delivery: token.delivery,
        nonce: token.nonce,
    }
}

fn key(queue: &str, message: u16) -> MessageKey {
    MessageKey {
        queue: queue.to_owned(),
        id: message.to_string(),
    }
}

fn demand(queue: &str, client: u32) -> DequeueRequest {
    DequeueRequest {
        queues: vec![queue.to_owned()],
        max: 1,
        wait_ms: 0,
        lease_ms: None,
        session: Session {
            owner: client.to_string(),
            boot: "1".into(),
        },
        request_id: ids::time_ordered(),
    }
}
