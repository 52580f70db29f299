//! What all clients asked, were told and saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::SharedClock;

use crate::call::{Act, Answer, Call};

/// What somebody saw of a message: its version, 0 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    pub message: u16,
    pub version: u64,
    pub called: u64,
    pub returned: u64,
}

/// Where the calls of all clients are noted.
#[derive(Clone)]
pub struct Notes {
    clock: SharedClock,
    number: Arc<AtomicU64>,
    book: Arc<Mutex<Book>>,
}

#[derive(Clone, Debug, Default)]
struct Book {
    calls: Vec<Call>,
    sights: Vec<Sight>,
}

/// When a call began.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    called: u64,
    from_ms: i64,
}

impl Notes {
    /// Notes by the clock that the queue goes by.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            number: Arc::default(),
            book: Arc::default(),
        }
    }

    /// A call begins.
    pub fn begin(&self) -> Begun {
        Begun {
            called: self.tick(),
            from_ms: self.now(),
        }
    }

    /// It has ended; when it was not told, whatever it did is done.
    pub fn end(&self, begun: Begun, client: u32, act: Act, answer: Option<Answer>) {
        let to_ms = answer.map_or(i64::MAX / 2, |_| self.now());
        let call = Call {
            client,
            act,
            answer,
            called: begun.called,
            returned: self.tick(),
            from_ms: begun.from_ms,
            to_ms,
        };
        self.book().calls.push(call);
    }

    /// Notes what was seen of a message by one who asked at `begun`.
    pub fn saw(&self, begun: Begun, message: u16, version: u64) {
        let sight = Sight {
            message,
            version,
            called: begun.called,
            returned: self.tick(),
        };
        self.book().sights.push(sight);
    }

    /// All calls, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        let mut book = self.book();
        book.calls.sort_by_key(|call| call.called);
        book.calls.clone()
    }

    pub fn sights(&self) -> Vec<Sight> {
        self.book().sights.clone()
    }

    /// The next number.
    pub fn tick(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst)
    }

    /// What was noted before `moment`, as one who goes on from there with another clock. Calls
    /// that ran then were never told.
    pub fn until(&self, moment: u64, clock: SharedClock) -> Self {
        let mut book = self.book().clone();
        book.calls.retain(|call| call.called < moment);
        for call in &mut book.calls {
            if call.returned > moment || call.answer.is_none() {
                call.answer = None;
                call.returned = call.returned.min(moment);
                call.to_ms = i64::MAX / 2;
            }
        }
        book.sights.retain(|sight| sight.returned < moment);
        Self {
            clock,
            number: Arc::new(AtomicU64::new(moment + 1)),
            book: Arc::new(Mutex::new(book)),
        }
    }

    fn now(&self) -> i64 {
        // What has elapsed is not moved by whoever sets the clock, and the queue is not either.
        i64::try_from(self.clock.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
