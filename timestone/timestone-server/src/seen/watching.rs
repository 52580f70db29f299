//! One who watches a queue.

use futures::{StreamExt, stream};
use timestone::{Event, MessageState, QueueCount, Queues};
use timestone_client::{TimestoneError, Watch, WatchRequest, Watched};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::feed::Events;
use crate::calls::call;
use crate::owner::Request;

/// Events told at once.
const MAX_EVENTS: usize = 1_024;

/// Tells what a queue holds, and then what happens in it, until `stop`.
pub(crate) async fn watch(
    requests: mpsc::Sender<Request>,
    events: Receiver<Events>,
    request: WatchRequest,
    stop: CancellationToken,
) -> Result<Watch, TimestoneError> {
    let mut watcher = Watcher {
        requests,
        request,
        stop,
        heard: Heard {
            events,
            batch: Vec::new().into(),
            at: 0,
        },
        count: QueueCount::default(),
        next: 0,
        ended: false,
    };
    let first = Watched {
        missed: false,
        ..watcher.count_anew().await?
    };
    let rest = stream::unfold(watcher, |mut watcher| async {
        let told = watcher.next().await.transpose()?;
        Some((told, watcher))
    });
    Ok(stream::iter([Ok(first)]).chain(rest).boxed())
}

struct Watcher {
    requests: mpsc::Sender<Request>,
    request: WatchRequest,
    stop: CancellationToken,
    heard: Heard,
    count: QueueCount,
    /// The number of the event that is to come next.
    next: u64,
    ended: bool,
}

/// Events on their way to a watcher.
struct Heard {
    events: Receiver<Events>,
    batch: Events,
    /// Where in the batch.
    at: usize,
}

/// Events were missed.
struct Missed;

impl Heard {
    /// Waits until there is an event; `false` when there will be none.
    async fn wait(&mut self) -> Result<bool, Missed> {
        while self.at == self.batch.len() {
            match self.events.recv().await {
                Ok(batch) => (self.batch, self.at) = (batch, 0),
                Err(RecvError::Lagged(_)) => return Err(Missed),
                Err(RecvError::Closed) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Leaves out all that has not been heard.
    fn skip(&mut self) {
        self.events = self.events.resubscribe();
        (self.batch, self.at) = (Vec::new().into(), 0);
    }

    /// The next event that is here.
    fn next(&mut self) -> Result<Option<Event>, Missed> {
        while self.at == self.batch.len() {
            match self.events.try_recv() {
                Ok(batch) => (self.batch, self.at) = (batch, 0),
                Err(TryRecvError::Lagged(_)) => return Err(Missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(None),
            }
        }
        self.at += 1;
        Ok(self.batch.get(self.at - 1).cloned())
    }
}

impl Watcher {
    /// The queue as it is; earlier events are in it.
    async fn count_anew(&mut self) -> Result<Watched, TimestoneError> {
        self.heard.skip();
        let queue = self.request.queue.clone();
        let counted = call(&self.requests, 0, move |queues: &mut Queues| {
            queues.observe(true);
            (queues.count(&[queue]), queues.next_event())
        });
        let (mut counts, next) = counted.await?;
        (self.count, self.next) = (counts.pop().unwrap_or_default(), next);
        Ok(Watched {
            count: self.count.clone(),
            missed: true,
            ..Watched::default()
        })
    }

    /// What is told next; `None` when it is over.
    async fn next(&mut self) -> Result<Option<Watched>, TimestoneError> {
        while !self.ended {
            let waited = tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                waited = self.heard.wait() => waited,
            };
            let gathered = match waited {
                Ok(true) => self.gather(),
                Ok(false) => return Ok(None),
                Err(Missed) => Err(Missed),
            };
            let told = match gathered {
                Ok(events) => self.watched(events).await,
                Err(Missed) => self.count_anew().await.map(Some),
            };
            self.ended = told.is_err();
            if let Some(told) = told? {
                self.ended = told.deleted;
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    /// The events of the queue that are here, of which some are wanted.
    fn gather(&mut self) -> Result<Gathered, Missed> {
        let mut gathered = Gathered::default();
        while gathered.events.len() < MAX_EVENTS {
            let Some(event) = self.heard.next()? else {
                break;
            };
            if event.number < self.next {
                continue;
            }
            if event.number > self.next {
                return Err(Missed);
            }
            self.next += 1;
            if *event.queue == *self.request.queue {
                gathered.changed = true;
                count(&mut self.count, event.from, -1);
                count(&mut self.count, event.to, 1);
                let wanted = self.request.wants(&event);
                gathered.events.extend(wanted.then_some(event));
            }
        }
        Ok(gathered)
    }

    async fn watched(&self, gathered: Gathered) -> Result<Option<Watched>, TimestoneError> {
        if !gathered.changed {
            return Ok(None);
        }
        Ok(Some(Watched {
            deleted: is_empty(&self.count) && self.is_gone().await?,
            count: self.count.clone(),
            events: gathered.events,
            missed: false,
        }))
    }

    async fn is_gone(&self) -> Result<bool, TimestoneError> {
        let queue = self.request.queue.clone();
        let known = call(&self.requests, 0, move |queues: &mut Queues| {
            queues.queue(&queue).is_some()
        });
        known.await.map(|known| !known)
    }
}

/// What was heard.
#[derive(Default)]
struct Gathered {
    events: Vec<Event>,
    changed: bool,
}

fn is_empty(count: &QueueCount) -> bool {
    let nothing = QueueCount {
        queue: count.queue.clone(),
        ..QueueCount::default()
    };
    *count == nothing
}

fn count(count: &mut QueueCount, state: Option<MessageState>, more: i64) {
    let Some(state) = state else {
        return;
    };
    let counted = match state {
        MessageState::Invisible => &mut count.invisible,
        MessageState::Pending => &mut count.pending,
        MessageState::Running => &mut count.running,
        MessageState::Completed => &mut count.completed,
        MessageState::Canceled => &mut count.canceled,
        MessageState::Errored => &mut count.errored,
    };
    *counted = counted.saturating_add_signed(more);
}
