//! The queue without concurrency: what each call may tell, and what it changes.

use std::collections::HashSet;

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
    pub lapses: Lapses,
}

/// Deliveries of messages.
pub type Given = HashSet<(u16, u32)>;

/// When leases lapse. They are never more than a few milliseconds shorter than promised.
#[derive(Clone, Copy, Debug)]
pub enum Lapses {
    /// In time, but for so many milliseconds; every time the queue was taken over is noted, which
    /// grants them anew.
    InTime(i64),
    /// In time or later: nobody has noted when the queue was taken over.
    NotBefore(i64),
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
    ///
    /// Deliveries that were `given` to somebody were not to another who was never told.
    pub fn after(&self, state: &State, call: &Call, given: &Given) -> Vec<State> {
        let before = self.lapsed(state, call);
        let after = before.into_iter();
        let apply = |state| self.apply(state, call, given);
        after.filter_map(apply).collect()
    }

    fn apply(&self, mut state: State, call: &Call, given: &Given) -> Option<State> {
        let told = match call.act {
            Act::Enqueue {
                message,
                priority,
                value,
            } => state.enqueue(message, priority, value),
            Act::Dequeue => state.dequeue(call, self.may_lapse(call), self.exclusive),
            Act::Complete(token) => state.settle(token, How::Completed),
            Act::Release(token) => state.settle(token, How::Released),
            Act::Retry(token) => state.settle(token, How::Failed),
            Act::Extend(token) => state.extend(token, self.lapses_at(call)),
            Act::Restart => self.restart(&mut state, call),
        };
        let possible = match (told, call.answer) {
            (Answer::Leased(token), None) => !given.contains(&token.spent()),
            (told, answer) => self.fits(told, answer),
        };
        possible.then_some(state)
    }

    /// When a lease lapses that begins with this call.
    pub(crate) fn lapses_at(&self, call: &Call) -> (i64, i64) {
        let after = |ms: i64| ms + self.lease_ms;
        match self.lapses {
            Lapses::InTime(ms) => (after(call.from_ms) - ms, after(call.to_ms) + ms),
            Lapses::NotBefore(ms) => (after(call.from_ms) - ms, i64::MAX),
        }
    }

    /// The same for one that was asked for. A server that finds that nobody takes its answer may
    /// give the message back at once; nobody was told then.
    fn may_lapse(&self, call: &Call) -> (i64, i64) {
        let (first, last) = self.lapses_at(call);
        match call.answer {
            Some(_) => (first, last),
            None => (call.from_ms, last),
        }
    }

    /// Whoever takes a queue over grants every lease anew.
    fn restart(&self, state: &mut State, call: &Call) -> Answer {
        if let Lapses::InTime(_) = self.lapses {
            state.grant_anew(self.lapses_at(call));
        }
        Answer::Done
    }

    fn fits(&self, told: Answer, answer: Option<Answer>) -> bool {
        answer.is_none_or(|answer| {
            let repeated = self.repeats && told == Answer::Done && answer == Answer::Duplicate;
            told == answer || repeated
        })
    }

    /// The states in which the call may find the queue, by which leases have lapsed.
    ///
    /// A lease that may or must have lapsed is ended when that explains something: whoever takes
    /// a lapsed message for a running one sees less and is told the same.
    fn lapsed(&self, state: &State, call: &Call) -> Vec<State> {
        let mut state = state.clone();
        // Whoever takes the queue over grants also those anew that nobody has seen lapse.
        if call.act != Act::Restart {
            state.lapse_overdue(call.from_ms);
        }
        let may = state.may_have_lapsed(call.to_ms);
        match (call.act, call.answer) {
            (Act::Restart, _) => match self.lapses {
                Lapses::InTime(_) => state.with_any_lapsed(&may),
                Lapses::NotBefore(_) => vec![state],
            },
            (Act::Dequeue, None | Some(Answer::Leased(_))) => state.with_one_lapsed(&may),
            (act, Some(Answer::Lost)) => {
                let named = |place: &usize| act.token().map(|t| t.message) == state.id(*place);
                let named: Vec<_> = may.into_iter().filter(named).collect();
                state.with_one_lapsed(&named)
            }
            _ => vec![state],
        }
    }
}

impl State {
    fn lapse(&mut self, place: usize) {
        self.messages[place].phase = Phase::Pending;
    }

    fn id(&self, place: usize) -> Option<u16> {
        self.messages.get(place).map(|message| message.id)
    }

    /// Ends every lease that must have lapsed by then.
    fn lapse_overdue(&mut self, now: i64) {
        for message in &mut self.messages {
            if matches!(message.phase, Phase::Running(lease) if lease.lapses.1 <= now) {
                message.phase = Phase::Pending;
            }
        }
    }

    fn may_have_lapsed(&self, now: i64) -> Vec<usize> {
        let may = |message: &Message| matches!(message.phase, Phase::Running(lease) if lease.lapses.0 <= now);
        let places = self.messages.iter().enumerate();
        let may = places.filter(|(_, message)| may(message));
        may.map(|(place, _)| place).collect()
    }

    /// As it is, and with each one of these leases ended.
    fn with_one_lapsed(self, may: &[usize]) -> Vec<Self> {
        let lapsed = may.iter().map(|place| {
            let mut state = self.clone();
            state.lapse(*place);
            state
        });
        let mut states: Vec<_> = lapsed.collect();
        states.insert(0, self);
        states
    }

    /// With any of these leases ended.
    fn with_any_lapsed(self, may: &[usize]) -> Vec<Self> {
        let mut states = vec![self];
        for place in may {
            let mut others = states.clone();
            others.iter_mut().for_each(|state| state.lapse(*place));
            states.extend(others);
        }
        states
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

    fn grant_anew(&mut self, lapses: (i64, i64)) {
        for message in &mut self.messages {
            if let Phase::Running(lease) = &mut message.phase {
                lease.lapses = lapses;
            }
        }
    }
}

impl Message {
    fn is_held_by(&self, token: Token) -> bool {
        let held = |lease: Lease| lease.nonce == Some(token.nonce);
        matches!(self.phase, Phase::Running(lease) if held(lease))
            && self.deliveries == token.delivery
    }
}
