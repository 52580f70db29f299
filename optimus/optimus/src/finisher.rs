use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use buffa::Message;
use bytes::Bytes;
use errors::Error;
use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc};

use crate::commands::Command;
use crate::error;
use crate::limits::{FINISH_TRIES, MAX_BACKOFF};
use crate::owner::Shared;
use crate::record::Record;
use crate::service::{Ended, Service};
use crate::wire;

/// Brings the result of one succeeded workflow to its place.
pub(crate) struct Finisher<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) record: Arc<Record>,
    /// Bounds how many run at the same time.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) reporter: mpsc::Sender<Command>,
}

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

impl<S: Service> Finisher<S> {
    pub(crate) async fn run(self) {
        let Ok(_permit) = self.permits.acquire().await else {
            return;
        };
        let result = self.try_repeatedly().await;
        let id = Arc::clone(&self.record.id);
        // A closed channel means that the next owner does it again.
        let _ = self.reporter.send(Command::Finished { id, result }).await;
    }

    async fn try_repeatedly(&self) -> Result<Bytes, Error> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..FINISH_TRIES {
            match self.try_once().await {
                Err(error) if error.is_retryable() => {
                    tracing::warn!(request = &*self.record.id, %error, "the result is not in its place yet");
                }
                settled => return settled,
            }
            let clock = &self.shared.clock;
            clock.sleep(pause).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
        self.try_once().await
    }

    async fn try_once(&self) -> Result<Bytes, Error> {
        let Record {
            id, request, event, ..
        } = &*self.record;
        let request = S::Request::decode_from_slice(request)
            .map_err(|problem| error::unreadable("message", id, problem))?;
        let ended = Ended {
            id,
            request: &request,
            output: wire::output_of(event)?,
            stages: wire::stages_of(event),
        };
        let response = self.shared.service.succeeded(ended);
        match AssertUnwindSafe(response).catch_unwind().await {
            Ok(response) => response.map(|response| response.encode_to_bytes()),
            Err(_) => Err(panicked(id)),
        }
    }
}

fn panicked(id: &str) -> Error {
    Error::platform(
        "FINISH_PANICKED",
        format!("the service panicked over the result of request {id}; its log says where"),
    )
}
