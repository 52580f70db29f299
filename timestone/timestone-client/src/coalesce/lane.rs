//! Calls of one kind whose items are answered one by one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use timestone::limits::{MAX_BATCH, MAX_CALL_BYTES};
use tokio::sync::oneshot;

use crate::{Outcomes, TimestoneError};

/// Payload bytes of one joint call; the rest of a call's limit is for what surrounds them.
const JOINT_BYTES: usize = MAX_CALL_BYTES / 2;

type Answer = Result<Outcomes, TimestoneError>;
type Sending = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Joins calls into batches.
pub(super) struct Lane<T> {
    /// Calls that may be on the way at the same time.
    most: usize,
    weigh: fn(&T) -> usize,
    send: Box<dyn Fn(Vec<T>) -> Sending + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    waiting: VecDeque<Call<T>>,
    /// Somebody is about to set out with all who wait.
    gathering: bool,
    in_flight: usize,
}

impl<T> State<T> {
    /// Whether the caller is to set out.
    fn gather(&mut self, most: usize) -> bool {
        let gathers = !self.gathering && self.in_flight < most && !self.waiting.is_empty();
        self.gathering |= gathers;
        gathers
    }

    /// Those that go together.
    fn set_out(&mut self, weigh: fn(&T) -> usize) -> Vec<Call<T>> {
        self.gathering = false;
        self.in_flight += 1;
        let mut calls = Vec::new();
        let (mut items, mut bytes) = (0, 0);
        while let Some(call) = self.waiting.front() {
            items += call.items.len();
            bytes += call.items.iter().map(weigh).sum::<usize>();
            let fits = items <= MAX_BATCH && bytes <= JOINT_BYTES;
            if !fits && !calls.is_empty() {
                break;
            }
            calls.extend(self.waiting.pop_front());
        }
        calls
    }

    /// Whether the caller is to set out again.
    fn come_back(&mut self, most: usize) -> bool {
        self.in_flight -= 1;
        self.gather(most)
    }
}

struct Call<T> {
    items: Vec<T>,
    answer: oneshot::Sender<Answer>,
}

impl<T: Clone + Send + 'static> Lane<T> {
    /// Sends at `most` so many batches at a time by `send`; `weigh` tells the payload bytes of an
    /// item.
    pub(super) fn new(
        most: usize,
        weigh: fn(&T) -> usize,
        send: impl Fn(Vec<T>) -> Sending + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            most,
            weigh,
            send: Box::new(send),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                gathering: false,
                in_flight: 0,
            }),
        })
    }

    /// Sends items with those of others, and returns what became of them, in order.
    pub(super) async fn call(self: &Arc<Self>, items: Vec<T>) -> Answer {
        let (answer, answered) = oneshot::channel();
        if self.push(Call { items, answer }) {
            tokio::spawn(Arc::clone(self).drive());
        }
        let gone = |_| TimestoneError::Unavailable("this process is ending".into());
        answered.await.map_err(gone)?
    }

    /// Whether somebody must set out.
    fn push(&self, call: Call<T>) -> bool {
        let mut state = self.state();
        state.waiting.push_back(call);
        state.gather(self.most)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends batches until nobody waits.
    async fn drive(self: Arc<Self>) {
        loop {
            // Others that can run now may have calls of their own.
            tokio::task::yield_now().await;
            let calls = self.state().set_out(self.weigh);
            self.send(calls).await;
            if !self.state().come_back(self.most) {
                return;
            }
        }
    }

    async fn send(&self, calls: Vec<Call<T>>) {
        let items = calls.iter().flat_map(|call| call.items.iter().cloned());
        match (self.send)(items.collect()).await {
            Ok(outcomes) => share(calls, outcomes),
            // Whose fault it was is only known when each goes alone.
            Err(TimestoneError::Refused(_)) if calls.len() > 1 => self.send_apart(calls).await,
            Err(error) => {
                for call in calls {
                    let _ = call.answer.send(Err(error.clone()));
                }
            }
        }
    }

    async fn send_apart(&self, calls: Vec<Call<T>>) {
        for call in calls {
            let _ = call.answer.send((self.send)(call.items).await);
        }
    }
}

/// Gives each call the outcomes of its items. Who no longer listens does not want to know.
fn share<T>(calls: Vec<Call<T>>, outcomes: Outcomes) {
    let mut outcomes = outcomes.into_iter();
    for call in calls {
        let own = outcomes.by_ref().take(call.items.len()).collect();
        let _ = call.answer.send(Ok(own));
    }
}
