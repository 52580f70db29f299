//! Clients that call the queue at random, and note what they are told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clock::SharedClock;
use timestone::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, NewMessage, Outcome, QueueConfig,
    QueueKind, Refusal, Session,
};
use timestone_client::{DequeueRequest, Outcomes, Timestone, TimestoneError};
use tokio::sync::watch;

use crate::Random;
use crate::call::{Act, Answer, Call, Token};

/// Where the calls of all clients are noted.
#[derive(Clone)]
pub struct Notes {
    clock: SharedClock,
    number: Arc<AtomicU64>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Notes {
    /// Notes by the clock that the queue goes by.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            number: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// Calls, and notes what was told.
    pub async fn note(
        &self,
        client: u32,
        act: Act,
        call: impl Future<Output = Option<Answer>>,
    ) -> Option<Answer> {
        let (called, from_ms) = (self.tick(), self.now());
        let answer = call.await;
        let (to_ms, returned) = (self.now(), self.tick());
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(Call {
            client,
            act,
            answer,
            called,
            returned,
            from_ms,
            to_ms: answer.map_or(i64::MAX / 2, |_| to_ms),
        });
        answer
    }

    /// All calls, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.sort_by_key(|call| call.called);
        calls.clone()
    }

    fn tick(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_ms()
    }
}

/// One client.
pub struct Caller {
    pub number: u32,
    pub queue: String,
    /// The queue as it is reached now.
    pub timestone: watch::Receiver<Arc<dyn Timestone>>,
    pub notes: Notes,
    pub random: Random,
    /// How many different messages all clients enqueue.
    pub messages: u64,
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
            let act = self.pick();
            let timestone = Arc::clone(&self.timestone.borrow_and_update());
            let call = ask(timestone, self.queue.clone(), self.number, act);
            match self.notes.note(self.number, act, call).await {
                Some(Answer::Leased(token)) => self.tokens.push(token),
                Some(_) => {}
                // The server is gone; there will be another.
                None if self.timestone.changed().await.is_err() => return,
                None => {}
            }
        }
    }

    fn pick(&mut self) -> Act {
        let enqueue = Act::Enqueue {
            message: self.random.below(self.messages) as u16,
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

/// `None` when no answer came.
async fn ask(
    timestone: Arc<dyn Timestone>,
    queue: String,
    client: u32,
    act: Act,
) -> Option<Answer> {
    let lease = |token| lease_token(&queue, token);
    let outcomes = match act {
        Act::Enqueue {
            message,
            priority,
            value,
        } => {
            let message = new_message(&queue, message, priority, value);
            timestone.enqueue(vec![message]).await
        }
        Act::Dequeue => {
            let leased = timestone.dequeue(demand(&queue, client)).await;
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
        key: MessageKey {
            queue: queue.to_owned(),
            id: token.message.to_string(),
        },
        delivery: token.delivery,
        nonce: token.nonce,
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
