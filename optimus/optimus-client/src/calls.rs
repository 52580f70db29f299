use std::sync::Arc;

use blob::Value;
use clock::{SharedClock, SystemClock, Timestamp};
use errors::{Class, Error};
use plato::{ServiceCall, json};
use serde::de::DeserializeOwned;
use timestone::{MessageKey, MessageState, NewMessage, Outcome};
use timestone_client::{Client, names};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::listener::{Listener, Waiters, heard_before, send_all};
use crate::options::CallOptions;
use crate::post::{self, Head};

/// Calls given up whose cancellation may wait to be sent.
const MAX_GIVEN_UP: usize = 1_024;

/// Calls services, and hears their answers on one reply queue. Cheap to clone.
///
/// The reply queue belongs to this handle and its clones alone: whoever else reads it
/// takes answers away.
#[derive(Clone)]
pub struct Calls(Arc<Inner>);

struct Inner {
    client: Client,
    clock: SharedClock,
    reply_queue: String,
    waiters: Arc<Waiters>,
    given_up: mpsc::Sender<NewMessage>,
    _listening: DropGuard,
}

impl Calls {
    /// Begins to hear answers on `reply_queue`. Must be called on a Tokio runtime.
    pub fn new(client: Client, reply_queue: impl Into<String>) -> Self {
        Self::by_clock(Arc::new(SystemClock), client, reply_queue)
    }

    /// The same, with deadlines by `clock`.
    pub fn by_clock(clock: SharedClock, client: Client, reply_queue: impl Into<String>) -> Self {
        let (reply_queue, waiters) = (reply_queue.into(), Arc::<Waiters>::default());
        let (given_up, cancels) = mpsc::channel(MAX_GIVEN_UP);
        let stop = CancellationToken::new();
        let listener = Listener {
            client: client.clone(),
            clock: Arc::clone(&clock),
            reply_queue: reply_queue.clone(),
            waiters: Arc::clone(&waiters),
        };
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(listener.run()).await });
        // Ends by itself when it has sent the last one.
        tokio::spawn(send_all(client.clone(), Arc::clone(&clock), cancels));
        Self(Arc::new(Inner {
            client,
            clock,
            reply_queue,
            waiters,
            given_up,
            _listening: stop.drop_guard(),
        }))
    }

    /// Makes a call and waits for its answer: the service's response.
    ///
    /// Dropping the future gives the call up: the service is told to stop.
    ///
    /// # Errors
    /// With which the request was refused, failed or was canceled; of class `deadline`
    /// when there was no answer in time.
    pub async fn call<A: DeserializeOwned>(
        &self,
        call: ServiceCall,
        options: CallOptions,
    ) -> Result<A, Error> {
        json::parse(&self.value(call, options).await?)
    }

    async fn value(&self, call: ServiceCall, options: CallOptions) -> Result<Value, Error> {
        let inner = &*self.0;
        let until = options.deadline.unwrap_or(Timestamp::MAX);
        let head = inner.head(&call, options);
        let (waiter, answer) = oneshot::channel();
        if !inner.waiters.add(&head.id, waiter) {
            return Err(asked_already(&head.id));
        }
        let mut waiting = Waiting {
            inner,
            head,
            is_over: false,
        };
        let ended = tokio::select! {
            ended = waiting.until_answered(call, answer) => ended,
            () = inner.clock.sleep_until(until) => return Err(too_late(&waiting.head)),
        };
        waiting.is_over = true;
        ended
    }
}

impl Inner {
    fn head(&self, call: &ServiceCall, options: CallOptions) -> Head {
        Head {
            id: options.id.clone().unwrap_or_else(ids::time_ordered),
            queue: names::service_calls(&call.service),
            reply_to: self.reply_queue.clone(),
            priority: options
                .priority
                .unwrap_or_else(|| self.clock.now().unix_ms()),
            options,
        }
    }

    /// Whether the answer to a call was heard before.
    async fn was_heard(&self, call: &str) -> bool {
        let key = MessageKey {
            queue: self.reply_queue.clone(),
            id: names::result_id(call),
        };
        let answer = self.client.get(&key).await;
        answer.is_ok_and(|answer| answer.is_some_and(|a| a.state == MessageState::Completed))
    }
}

/// A call that somebody waits for; dropped before its end, it is given up.
struct Waiting<'a> {
    inner: &'a Inner,
    head: Head,
    is_over: bool,
}

impl Waiting<'_> {
    async fn until_answered(
        &self,
        call: ServiceCall,
        mut answer: oneshot::Receiver<Result<Value, Error>>,
    ) -> Result<Value, Error> {
        let Inner { client, clock, .. } = self.inner;
        let sent = post::send(&**clock, client, self.head.call(call)).await?;
        if sent == Outcome::Duplicate && self.inner.was_heard(&self.head.id).await {
            // By us, just now, or by an earlier life of the program.
            return answer
                .try_recv()
                .unwrap_or_else(|_| Err(heard_before(&self.head.id)));
        }
        answer.await.unwrap_or_else(|_| Err(interrupted()))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.inner.waiters.remove(&self.head.id);
        if self.is_over {
            return;
        }
        let cancel = self.head.cancel("its caller does not wait any more");
        if self.inner.given_up.try_send(cancel).is_err() {
            tracing::warn!(call = self.head.id, "too many calls were given up at once");
        }
    }
}

fn too_late(head: &Head) -> Error {
    let message = format!(
        "call {} to {} was not answered in time",
        head.id, head.queue
    );
    Error::new(Class::Deadline, "DEADLINE_EXCEEDED", message)
}

fn asked_already(id: &str) -> Error {
    let message = format!("call {id} is being waited for already");
    Error::user("CALL_ID_IN_USE", message).hint("choose a new id for a new call")
}

fn interrupted() -> Error {
    Error::platform("INTERRUPTED", "nobody listens for answers any more")
}
