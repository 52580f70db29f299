//! What happens to messages, told one by one to those who watch.
//!
//! Nothing is noted while nobody [watches](Queues::observe) and no
//! [tally](crate::QueueStats) is kept.

use std::sync::Arc;

use bytes::Bytes;

use crate::message::{Act, Message, State};
use crate::tally::Tally;
use crate::{MessageState, Queues, Session};

/// Events that may wait to be taken; more are missed.
const MAX_EVENTS: usize = 65_536;

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happening {
    /// It came.
    Enqueued,
    /// Its time has come.
    BecameVisible,
    /// A worker got it.
    Leased,
    /// Its worker holds it for longer than ever before.
    Extended,
    /// Its worker ended it well.
    Completed,
    /// Its worker failed, and it waits for another try.
    Failed,
    /// Its worker gave it back.
    Released,
    /// Its worker never took it.
    Returned,
    /// Its worker fell silent, and it waits for another try.
    Lapsed,
    /// Somebody ended it.
    Canceled,
    /// Its worker failed for good, or without attempts left.
    Errored,
    /// Its worker fell silent without attempts left.
    Expired,
    /// It shall wait otherwise.
    Rescheduled,
    /// It is put back.
    Redriven,
    /// It is remembered no more.
    Forgotten,
}

impl Happening {
    /// All there are, in order.
    pub const ALL: [Self; 15] = [
        Self::Enqueued,
        Self::BecameVisible,
        Self::Leased,
        Self::Extended,
        Self::Completed,
        Self::Failed,
        Self::Released,
        Self::Returned,
        Self::Lapsed,
        Self::Canceled,
        Self::Errored,
        Self::Expired,
        Self::Rescheduled,
        Self::Redriven,
        Self::Forgotten,
    ];

    /// One word, for machines: `enqueued`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::BecameVisible => "became_visible",
            Self::Leased => "leased",
            Self::Extended => "extended",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Released => "released",
            Self::Returned => "returned",
            Self::Lapsed => "lapsed",
            Self::Canceled => "canceled",
            Self::Errored => "errored",
            Self::Expired => "expired",
            Self::Rescheduled => "rescheduled",
            Self::Redriven => "redriven",
            Self::Forgotten => "forgotten",
        }
    }

    /// Whether an error was told with it.
    fn has_error(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Canceled | Self::Errored | Self::Expired
        )
    }
}

/// Something that happened to a message, and how the message was after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows by one with each event; where numbers are missing, events were.
    pub number: u64,
    /// When: Unix milliseconds of the store's clock.
    pub at: i64,
    pub queue: Arc<str>,
    pub id: Arc<str>,
    /// Grows by one with each write of the message; what time alone did is not one.
    pub version: u64,
    pub happening: Happening,
    /// The state before; `None` where it came.
    pub from: Option<MessageState>,
    /// The state after; `None` where it is forgotten.
    pub to: Option<MessageState>,
    pub priority: i64,
    pub deliveries: u32,
    pub attempts_left: u32,
    /// The worker that has or had the lease.
    pub owner: Option<Arc<str>>,
    /// When the lease or the invisibility ends: Unix milliseconds.
    pub until: Option<i64>,
    /// An encoded `base.v1.Error`.
    pub error: Option<Bytes>,
}

/// What is noted while things happen.
#[derive(Default)]
pub(crate) struct Observed {
    events: Option<Vec<Event>>,
    next: u64,
    pub(crate) tally: Option<Tally>,
}

/// A message before something happens to it.
pub(crate) struct Before {
    state: MessageState,
    session: Option<Arc<Session>>,
    version: u64,
    priority: i64,
    attempts_left: u32,
}

impl Before {
    fn of(message: &Message) -> Self {
        let lease = message.state.lease();
        Self {
            state: message.state.kind(),
            session: lease.map(|lease| Arc::clone(&lease.session)),
            version: message.version,
            priority: message.priority,
            attempts_left: message.attempts_left,
        }
    }

    fn happening(&self, after: &Message) -> Happening {
        use MessageState::{Canceled, Completed, Errored, Invisible, Pending, Running};
        let settled = after.settled;
        let settled = settled.filter(|settled| settled.delivery == after.deliveries);
        match (self.state, after.state.kind()) {
            (_, Completed) => Happening::Completed,
            (_, Canceled) => Happening::Canceled,
            (Running, Running) => Happening::Extended,
            (_, Running) => Happening::Leased,
            (_, Errored) if settled.is_some() => Happening::Errored,
            (_, Errored) => Happening::Expired,
            (Errored, _) => Happening::Redriven,
            (Running, Pending | Invisible) => match settled.map(|settled| settled.act) {
                Some(Act::Failed) => Happening::Failed,
                Some(_) => Happening::Released,
                None if after.attempts_left > self.attempts_left => Happening::Returned,
                None => Happening::Lapsed,
            },
            (Invisible, Pending) if self.version == after.version => Happening::BecameVisible,
            _ => Happening::Rescheduled,
        }
    }
}

impl Observed {
    fn is_idle(&self) -> bool {
        self.events.is_none() && self.tally.is_none()
    }

    fn push(&mut self, now: i64, before: Option<&Before>, message: &Message, what: Happening) {
        let number = self.next;
        let Some(events) = &mut self.events else {
            return;
        };
        self.next += 1;
        if events.len() == MAX_EVENTS {
            return;
        }
        let is_gone = what == Happening::Forgotten;
        let lease = message.state.lease().map(|lease| &lease.session);
        let session = lease.or_else(|| before.and_then(|before| before.session.as_ref()));
        let open = !matches!(message.state, State::Ended(_));
        events.push(Event {
            number,
            at: now,
            queue: Arc::from(&*message.queue),
            id: message.id.to_string().into(),
            version: message.version,
            happening: what,
            from: before.map(|before| before.state),
            to: (!is_gone).then(|| message.state.kind()),
            priority: message.priority,
            deliveries: message.deliveries,
            attempts_left: message.attempts_left,
            owner: session.map(|session| session.owner.as_str().into()),
            until: message.state.due().filter(|_| open && !is_gone),
            error: what.has_error().then(|| message.details.error()).flatten(),
        });
    }
}

impl Queues {
    /// Begins or ceases to note events.
    pub fn observe(&mut self, on: bool) {
        match (on, &self.observed.events) {
            (true, None) => self.observed.events = Some(Vec::new()),
            (false, Some(_)) => self.observed.events = None,
            _ => {}
        }
    }

    /// The events since the last call. What they tell is true once the writes that
    /// were taken by then are stored.
    pub fn take_events(&mut self) -> Vec<Event> {
        let events = self.observed.events.as_mut();
        events.map(std::mem::take).unwrap_or_default()
    }

    /// The number of the next event.
    pub fn next_event(&self) -> u64 {
        self.observed.next
    }

    /// Numbers events from here on, so that those of an earlier owner end before.
    pub fn number_events_from(&mut self, number: u64) {
        self.observed.next = number;
    }

    /// A message before something happens to it, if anybody wants to know.
    pub(crate) fn before(&self, sequence: u64) -> Option<Before> {
        match self.observed.is_idle() {
            true => None,
            false => self
                .messages
                .get(sequence)
                .map(|message| Before::of(&message)),
        }
    }

    /// Notes what happened to a message.
    pub(crate) fn note(&mut self, sequence: u64, before: Option<Before>) {
        if self.observed.is_idle() {
            return;
        }
        let Some(message) = self.messages.get(sequence) else {
            return;
        };
        let happening = match (&before, message.state.kind()) {
            (Some(before), _) => before.happening(&message),
            (None, MessageState::Canceled) => Happening::Canceled,
            (None, _) => Happening::Enqueued,
        };
        let now = self.now;
        if let Some(tally) = &mut self.observed.tally {
            let from = before
                .as_ref()
                .map(|before| (before.state, before.priority));
            tally.moved(now, sequence, &message, from, happening);
        }
        self.observed
            .push(now, before.as_ref(), &message, happening);
    }

    /// Notes that a message is gone.
    pub(crate) fn note_gone(&mut self, sequence: u64, message: &Message) {
        if self.observed.is_idle() {
            return;
        }
        let before = Before::of(message);
        let remains = self.index.queues.contains_key(&message.queue);
        if let Some(tally) = &mut self.observed.tally {
            tally.left(sequence, message, before.state);
            if !remains {
                tally.forget(&message.queue);
            }
        }
        let what = Happening::Forgotten;
        self.observed.push(self.now, Some(&before), message, what);
    }
}
