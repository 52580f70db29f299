//! The queue without concurrency: what each call may tell, and what it changes.

use crate::call::{Act, Answer, Call, Token};

/// What the queue promises, as far as calls alone do not tell.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub lease_ms: i64,
    /// Whether clients repeat calls whose replies were lost: then `Duplicate` may tell of
    /// themselves.
    pub repeats: bool,
    /// Whether at most one message of each value is leased at a time.
    pub exclusive: bool,
}

/// A queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// By when they were enqueued.
    messages: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Message {
    id: u16,
    priority: i64,
    value: u8,
    deliveries: u32,
    phase: Phase,
    /// Which delivery a worker ended last, and how.
    settled: Option<(Token, How)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Pending,
    Running(Lease),
    Completed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lease {
    /// `None`: nobody was told.
    nonce: Option<u64>,
    /// It lapses at some time from the first to the second.
    lapses: (i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum How {
    Completed,
    Released,
    Failed,
}

impl Spec {
    /// Every state that the queue may be in after `call`; none when it cannot have told that.
    pub fn after(&self, state: &State, call: &Call) -> Vec<State> {
        let before = lapsed(state, call);
        let after = before.into_iter();
        after.filter_map(|state| self.apply(state, call)).collect()
    }

    fn apply(&self, mut state: State, call: &Call) -> Option<State> {
        let told = match call.act {
            Act::Enqueue {
                message,
                priority,
                value,
            } => state.enqueue(message, priority, value),
            Act::Dequeue => state.dequeue(call, self.lease(call), self.exclusive),
            Act::Complete(token) => state.settle(token, How::Completed),
            Act::Release(token) => state.settle(token, How::Released),
            Act::Retry(token) => state.settle(token, How::Failed),
            Act::Extend(token) => state.extend(token, self.lease(call)),
            Act::Restart => state.restart(self.lease(call)),
        };
        self.fits(told, call.answer).then_some(state)
    }

    /// When a lease lapses that begins with this call.
    fn lease(&self, call: &Call) -> (i64, i64) {
        (call.from_ms + self.lease_ms, call.to_ms + self.lease_ms)
    }

    fn fits(&self, told: Answer, answer: Option<Answer>) -> bool {
        answer.is_none_or(|answer| {
            let repeated = self.repeats && told == Answer::Done && answer == Answer::Duplicate;
            told == answer || repeated
        })
    }
}

/// The states in which the call may find the queue, by which leases have lapsed.
fn lapsed(state: &State, call: &Call) -> Vec<State> {
    let mut states = vec![state.clone()];
    for (place, message) in state.messages.iter().enumerate() {
        let Phase::Running(lease) = message.phase else {
            continue;
        };
        let (first, last) = lease.lapses;
        // Whoever takes the queue over grants also those anew that nobody has seen lapse.
        if last <= call.from_ms && call.act != Act::Restart {
            states.iter_mut().for_each(|state| state.lapse(place));
        } else if first <= call.to_ms {
            let mut others = states.clone();
            others.iter_mut().for_each(|state| state.lapse(place));
            states.extend(others);
        }
    }
    states
}

impl State {
    fn lapse(&mut self, place: usize) {
        self.messages[place].phase = Phase::Pending;
    }

    fn get(&mut self, id: u16) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.id == id)
    }

    fn enqueue(&mut self, id: u16, priority: i64, value: u8) -> Answer {
        if self.get(id).is_some() {
            return Answer::Duplicate;
        }
        self.messages.push(Message {
            id,
            priority,
            value,
            deliveries: 0,
            phase: Phase::Pending,
            settled: None,
        });
        Answer::Done
    }

    fn is_running(&self, value: u8) -> bool {
        let running = |message: &Message| matches!(message.phase, Phase::Running(_));
        let mut of_value = self.messages.iter().filter(|m| m.value == value);
        of_value.any(running)
    }

    /// Leases the most urgent that may go, of equals the oldest.
    fn dequeue(&mut self, call: &Call, lapses: (i64, i64), exclusive: bool) -> Answer {
        let held = |value| exclusive && self.is_running(value);
        let free: Vec<bool> = self.messages.iter().map(|m| !held(m.value)).collect();
        let pending = self.messages.iter_mut().zip(free);
        let pending = pending.filter(|(message, free)| *free && message.phase == Phase::Pending);
        let pending = pending.map(|(message, _)| message);
        let Some(first) = pending.min_by_key(|message| message.priority) else {
            return Answer::Nothing;
        };
        first.deliveries += 1;
        let told = match call.answer {
            Some(Answer::Leased(token)) => Some(token.nonce),
            _ => None,
        };
        first.phase = Phase::Running(Lease {
            nonce: told,
            lapses,
        });
        Answer::Leased(Token {
            message: first.id,
            delivery: first.deliveries,
            nonce: told.unwrap_or_default(),
        })
    }

    fn settle(&mut self, token: Token, how: How) -> Answer {
        let Some(message) = self.get(token.message) else {
            return Answer::Lost;
        };
        if message.settled == Some((token, how)) {
            return Answer::Duplicate;
        }
        if !message.is_held_by(token) {
            return Answer::Lost;
        }
        message.settled = Some((token, how));
        message.phase = match how {
            How::Completed => Phase::Completed,
            How::Released | How::Failed => Phase::Pending,
        };
        Answer::Done
    }

    fn extend(&mut self, token: Token, lapses: (i64, i64)) -> Answer {
        match self.get(token.message) {
            Some(message) if message.is_held_by(token) => {
                message.phase = Phase::Running(Lease {
                    nonce: Some(token.nonce),
                    lapses,
                });
                Answer::Done
            }
            _ => Answer::Lost,
        }
    }

    /// Whoever takes a queue over grants every lease anew.
    fn restart(&mut self, lapses: (i64, i64)) -> Answer {
        for message in &mut self.messages {
            if let Phase::Running(lease) = &mut message.phase {
                lease.lapses = lapses;
            }
        }
        Answer::Done
    }
}

impl Message {
    fn is_held_by(&self, token: Token) -> bool {
        let held = |lease: Lease| lease.nonce == Some(token.nonce);
        matches!(self.phase, Phase::Running(lease) if held(lease))
            && self.deliveries == token.delivery
    }
}
