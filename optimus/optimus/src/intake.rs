//! Takes the requests that other roles make, from the service's queue of calls. A call
//! is ended when its request is on stable storage, or with the answer that there is none.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use errors::Error;
use futures::FutureExt;
use timestone::{LeasedMessage, Session};
use timestone_client::{DequeueRequest, Heartbeat, TimestoneError, names};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::commands::{Command, Reply};
use crate::draft::Draft;
use crate::error;
use crate::limits::{CALL_PAUSE, EVENT_WAIT, MAX_BACKOFF, MAX_TAKING};
use crate::owner::Shared;
use crate::records;
use crate::service::Service;
use crate::settlement::Settlement;
use crate::wire::calls::{self, Asked, AskedCall};

/// The first pause after the queue could not be reached.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Takes calls for one life of the owner.
pub(crate) struct Intake<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) reporter: mpsc::Sender<Command>,
}

impl<S> Clone for Intake<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            reporter: self.reporter.clone(),
        }
    }
}

impl<S: Service> Intake<S> {
    /// Runs until the owner no longer listens.
    pub(crate) async fn run(self) {
        let session = self.session();
        let permits = Arc::new(Semaphore::new(MAX_TAKING));
        let mut taking = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        while !self.reporter.is_closed() {
            match self.lease(&session, &permits).await {
                Ok(leased) => {
                    pause = FIRST_PAUSE;
                    for message in leased {
                        let permit = Arc::clone(&permits).acquire_owned().await;
                        let intake = self.clone();
                        taking.spawn(async move {
                            intake.take(message).await;
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot hear of calls, will try again");
                    self.sleep(pause).await;
                    pause = (pause * 2).min(MAX_BACKOFF);
                }
            }
            while taking.try_join_next().is_some() {}
        }
    }

    /// The shard has one owner, so a new one takes over what the old one leased.
    fn session(&self) -> Session {
        Session {
            owner: format!("{}/calls", self.shared.shard),
            boot: ids::time_ordered(),
        }
    }

    /// As many calls as there is room for; at least for one.
    async fn lease(
        &self,
        session: &Session,
        permits: &Semaphore,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        // Nobody closes it, and nobody else takes what is found here.
        drop(permits.acquire().await);
        let request = DequeueRequest {
            queues: vec![names::service_calls(self.shared.service.name())],
            max: u32::try_from(permits.available_permits()).unwrap_or(u32::MAX),
            wait_ms: u64::try_from(EVENT_WAIT.as_millis()).unwrap_or(u64::MAX),
            lease_ms: None,
            session: session.clone(),
            request_id: ids::time_ordered(),
        };
        self.shared.timestone.dequeue(request).await
    }

    async fn take(&self, message: LeasedMessage) {
        let _beating = Heartbeat::start(self.shared.timestone.clone(), &message);
        let settled = AssertUnwindSafe(self.settled(&message))
            .catch_unwind()
            .await;
        let settlement = settled.unwrap_or_else(|_| Settlement::Again(error::call_panicked()));
        if let Settlement::GivenBack = settlement {
            self.sleep(CALL_PAUSE).await;
        }
        let was_canceled = settlement
            .carry_out(&*self.shared.clock, &self.shared.timestone, &message.token)
            .await;
        if let (true, Ok(Asked::Call(asked))) = (was_canceled, calls::asked(&message)) {
            let reason = "the message of the call was canceled".to_owned();
            drop(self.cancel(asked.key(), reason).await);
        }
    }

    async fn settled(&self, message: &LeasedMessage) -> Settlement {
        match calls::asked(message) {
            Ok(Asked::Call(asked)) => self.call(&asked).await,
            Ok(Asked::Cancel { key, reason }) => match self.cancel(key, reason).await {
                Ok(()) => Settlement::Done(None),
                Err(error) => held(&error),
            },
            Err(senseless) => {
                let (id, error) = (&message.token.key.id, &senseless.error);
                tracing::error!(message = id, %error, "a message on the queue of calls makes no sense");
                Settlement::Refused(senseless.error, senseless.answer)
            }
        }
    }

    async fn call(&self, asked: &AskedCall) -> Settlement {
        match self.known(asked).await {
            Ok(Some(settlement)) => settlement,
            Ok(None) => self.new_call(asked).await,
            Err(error) => held(&error),
        }
    }

    /// What is left to do for a call that was taken before: it may have been delivered
    /// again, or sent again by a caller who did not hear the answer.
    async fn known(&self, asked: &AskedCall) -> Result<Option<Settlement>, Error> {
        let Shared { store, shard, .. } = &*self.shared;
        let snapshot = store.snapshot(shard).await.map_err(error::of_store)?;
        let record = records::record_of_key(&*snapshot, &asked.key()).await;
        let record = record.map_err(error::of_store)?;
        Ok(record.map(|record| Settlement::Done(self.shared.address.answer(&record))))
    }

    async fn new_call(&self, asked: &AskedCall) -> Settlement {
        let command = match self.submission(asked).await {
            Ok(command) => command,
            Err(problems) => return refused(asked, error::refused(problems)),
        };
        match self.ask(command).await {
            Ok(_) => Settlement::Done(None),
            Err(error) if error.is_retryable() => held(&error),
            Err(error) => refused(asked, error),
        }
    }

    async fn submission(
        &self,
        asked: &AskedCall,
    ) -> Result<impl FnOnce(Reply<Arc<str>>) -> Command + use<S>, Vec<Error>> {
        let (service, caller) = (&self.shared.service, &asked.caller);
        let request = asked
            .request(service.method())
            .map_err(|error| vec![error])?;
        let checked = service.check(caller, request).await?;
        let draft = Draft::new(caller, checked)?.of_call(asked);
        let submission = Box::new(self.shared.complete(caller, draft).await?);
        Ok(|reply| Command::Submit { submission, reply })
    }

    async fn cancel(&self, key: String, reason: String) -> Result<(), Error> {
        self.ask(|reply| Command::CancelCall { key, reason, reply })
            .await
    }

    /// Asks the owner, who answers when it is on stable storage.
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = self.reporter.send(command(reply)).await;
        sent.map_err(|_| error::not_serving())?;
        answer.await.unwrap_or_else(|_| Err(error::interrupted()))
    }

    async fn sleep(&self, pause: Duration) {
        let clock = &self.shared.clock;
        clock.sleep(pause).await;
    }
}

/// What stands in the way is the kit's own, and passes: the call waits in its queue.
fn held(error: &Error) -> Settlement {
    tracing::warn!(%error, "a call waits");
    Settlement::GivenBack
}

/// Whether another try can help is for the caller to say, whose budgets count.
fn refused(asked: &AskedCall, error: Error) -> Settlement {
    tracing::info!(call = asked.call.id, %error, "a call was refused");
    Settlement::Done(Some(asked.refusal(error)))
}
