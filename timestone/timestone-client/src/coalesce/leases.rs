//! Dequeues that want the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use timestone::limits::MAX_BATCH;
use timestone::{LeasedMessage, Session};
use tokio::sync::oneshot;

use super::IN_FLIGHT;
use crate::{DequeueRequest, Timestone, TimestoneError};

type Answer = Result<Vec<LeasedMessage>, TimestoneError>;

/// What dequeues have in common that can be answered by each other's messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wish {
    queues: Vec<String>,
    wait_ms: u64,
    lease_ms: Option<u64>,
    owner: String,
    boot: String,
}

impl Wish {
    fn of(request: &DequeueRequest) -> Self {
        Self {
            queues: request.queues.clone(),
            wait_ms: request.wait_ms,
            lease_ms: request.lease_ms,
            owner: request.session.owner.clone(),
            boot: request.session.boot.clone(),
        }
    }

    /// A request of its own, tried again as itself when its reply is lost.
    fn request(&self, max: u32) -> DequeueRequest {
        DequeueRequest {
            queues: self.queues.clone(),
            max,
            wait_ms: self.wait_ms,
            lease_ms: self.lease_ms,
            session: Session {
                owner: self.owner.clone(),
                boot: self.boot.clone(),
            },
            request_id: ids::time_ordered(),
        }
    }
}

/// Joins dequeues.
///
/// A joint call asks for as much as those who wait want, and what it brings goes to whoever has
/// waited longest. What nobody wants any more is given back, without the loss of an attempt.
pub(super) struct Leases {
    to: Arc<dyn Timestone>,
    /// Only wishes that somebody has.
    lanes: Mutex<HashMap<Wish, Wishing>>,
}

#[derive(Default)]
struct Wishing {
    waiting: VecDeque<Waiter>,
    /// Somebody is about to set out for all who wait.
    gathering: bool,
    in_flight: usize,
    /// Messages asked for by those on the way.
    asked: u64,
    /// Waiters that ever came.
    came: u64,
}

struct Waiter {
    /// How many came before.
    number: u64,
    max: u32,
    answer: oneshot::Sender<Answer>,
}

/// One joint call.
#[derive(Clone, Copy)]
struct Trip {
    max: u32,
    /// Waiters that came before it set out.
    came: u64,
}

impl Wishing {
    /// Whether the caller is to set out, because there are those for whom nobody has.
    fn gather(&mut self) -> bool {
        let gathers = !self.gathering && self.in_flight < IN_FLIGHT && self.wanted() > 0;
        self.gathering |= gathers;
        gathers
    }

    /// Messages that nobody has asked for yet.
    fn wanted(&mut self) -> u64 {
        self.waiting.retain(|waiter| !waiter.answer.is_closed());
        let wanted: u64 = self.waiting.iter().map(|w| u64::from(w.max)).sum();
        wanted.saturating_sub(self.asked)
    }

    /// The next call, unless nobody wants anything any more.
    fn set_out(&mut self) -> Option<Trip> {
        self.gathering = false;
        let max = self.wanted().min(MAX_BATCH as u64);
        if max == 0 {
            return None;
        }
        self.in_flight += 1;
        self.asked += max;
        Some(Trip {
            max: max as u32,
            came: self.came,
        })
    }

    fn is_idle(&self) -> bool {
        self.in_flight == 0 && !self.gathering
    }

    fn came_back(&mut self, trip: Trip) {
        self.in_flight -= 1;
        self.asked -= u64::from(trip.max);
    }

    /// Gives out what came; what is left nobody wants.
    fn give(&mut self, mut messages: Vec<LeasedMessage>) -> Vec<LeasedMessage> {
        while !messages.is_empty() {
            let Some(waiter) = self.waiting.pop_front() else {
                break;
            };
            let rest = messages.split_off(messages.len().min(waiter.max as usize));
            messages = match waiter.answer.send(Ok(messages)) {
                Ok(()) => rest,
                Err(Ok(refused)) => [refused, rest].concat(),
                Err(Err(_)) => rest,
            };
        }
        messages
    }

    /// Answers those who waited all the time of a call in vain.
    fn end(&mut self, trip: Trip, answer: &Answer) {
        while self
            .waiting
            .front()
            .is_some_and(|waiter| waiter.number < trip.came)
        {
            if let Some(waiter) = self.waiting.pop_front() {
                let _ = waiter.answer.send(answer.clone());
            }
        }
    }
}

impl Leases {
    pub(super) fn new(to: Arc<dyn Timestone>) -> Self {
        Self {
            to,
            lanes: Mutex::default(),
        }
    }

    /// Leases messages together with others who want the same. A caller that gives up loses
    /// nothing: its messages go to the next.
    pub(super) async fn dequeue(self: &Arc<Self>, request: DequeueRequest) -> Answer {
        // The server says what is wrong with it.
        if request.max == 0 || request.max as usize > MAX_BATCH {
            return self.to.dequeue(request).await;
        }
        let (answer, answered) = oneshot::channel();
        let wish = Wish::of(&request);
        if self.wait(&wish, request.max, answer) {
            tokio::spawn(Arc::clone(self).drive(wish));
        }
        let gone = |_| TimestoneError::Unavailable("this process is ending".into());
        answered.await.map_err(gone)?
    }

    /// Whether nobody waits and nothing is on the way.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lanes().is_empty()
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<Wish, Wishing>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody must set out.
    fn wait(&self, wish: &Wish, max: u32, answer: oneshot::Sender<Answer>) -> bool {
        let mut lanes = self.lanes();
        let wishing = lanes.entry(wish.clone()).or_default();
        let number = wishing.came;
        wishing.came += 1;
        wishing.waiting.push_back(Waiter {
            number,
            max,
            answer,
        });
        wishing.gather()
    }

    /// Calls until nobody wants more.
    async fn drive(self: Arc<Self>, wish: Wish) {
        loop {
            // Others that can run now may have the same wish.
            tokio::task::yield_now().await;
            let Some(trip) = self.of(&wish, Wishing::set_out).flatten() else {
                return;
            };
            let answer = self.to.dequeue(wish.request(trip.max)).await;
            let unwanted = self.arrived(&wish, trip, answer);
            self.give_back(unwanted).await;
            if self.of(&wish, Wishing::gather) != Some(true) {
                return;
            }
        }
    }

    /// Acts on a wish, and forgets it when nobody has it any more.
    fn of<T>(&self, wish: &Wish, act: impl FnOnce(&mut Wishing) -> T) -> Option<T> {
        let mut lanes = self.lanes();
        let wishing = lanes.get_mut(wish)?;
        let done = act(wishing);
        if wishing.is_idle() {
            lanes.remove(wish);
        }
        Some(done)
    }

    fn arrived(&self, wish: &Wish, trip: Trip, answer: Answer) -> Vec<LeasedMessage> {
        let mut lanes = self.lanes();
        let Some(wishing) = lanes.get_mut(wish) else {
            return answer.unwrap_or_default();
        };
        wishing.came_back(trip);
        match answer {
            Ok(messages) if !messages.is_empty() => wishing.give(messages),
            nothing => {
                wishing.end(trip, &nothing);
                Vec::new()
            }
        }
    }

    async fn give_back(&self, unwanted: Vec<LeasedMessage>) {
        if unwanted.is_empty() {
            return;
        }
        let tokens = unwanted.into_iter().map(|message| message.token).collect();
        if let Err(why) = self.to.release(tokens, true).await {
            tracing::debug!(%why, "messages that nobody wants any more wait for their leases to end");
        }
    }
}
