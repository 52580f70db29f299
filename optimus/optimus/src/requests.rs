use std::sync::Arc;
use std::time::Duration;

use buffa::Message;
use clock::Timestamp;
use errors::Error;
use futures::stream::{self, BoxStream, StreamExt};
use store::Snapshot;
use tokio::sync::{mpsc, oneshot, watch};

use crate::caller::Caller;
use crate::commands::{Command, Reply};
use crate::draft::Draft;
use crate::error;
use crate::limits::{DEFAULT_PAGE_SIZE, MAX_KEY_BYTES, MAX_PAGE_SIZE, MAX_REASON_CHARS, MAX_WAIT};
use crate::owner::Shared;
use crate::record::Record;
use crate::records;
use crate::service::Service;
use crate::view::{State, View};
use crate::wire;

type ViewOf<S> = View<<S as Service>::Request, <S as Service>::Response>;

/// The requests of a service: a handle for its RPC methods and for use in process.
pub struct Requests<S: Service> {
    shared: Arc<Shared<S>>,
    commands: mpsc::Sender<Command>,
}

/// Which part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most [`MAX_PAGE_SIZE`]; 0 = 100.
    pub size: u32,
    /// From the previous part; empty = the newest.
    pub token: String,
}

/// A part of the requests, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<Request, Response> {
    pub views: Vec<View<Request, Response>>,
    /// Empty = there is no more.
    pub next_token: String,
}

impl<S: Service> Clone for Requests<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            commands: self.commands.clone(),
        }
    }
}

impl<S: Service> Requests<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, commands: mpsc::Sender<Command>) -> Self {
        Self { shared, commands }
    }

    /// The service itself.
    pub fn service(&self) -> &S {
        &self.shared.service
    }

    /// Returns when this process serves the requests; never when it was stopped.
    pub async fn ready(&self) {
        let mut serving = self.shared.serving.subscribe();
        if serving.wait_for(|serving| *serving).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes a request in. When it returns the id, the request is on stable storage.
    /// A refusal tells all that is wrong.
    pub async fn submit(&self, caller: &Caller, request: S::Request) -> Result<String, Vec<Error>> {
        let checked = self.shared.service.check(caller, request).await?;
        let draft = Draft::new(caller, checked)?;
        if let Some(same) = self.of_key(&draft).await.map_err(one)? {
            return draft.same(&same).map_err(one);
        }
        let submission = Box::new(self.shared.complete(caller, draft).await?);
        let id = self
            .ask(|reply| Command::Submit { submission, reply })
            .await;
        id.map(|id| id.to_string()).map_err(one)
    }

    /// The request that has the same key; a new one may still turn out to have it.
    async fn of_key<R>(&self, draft: &Draft<R>) -> Result<Option<Arc<Record>>, Error> {
        let Some(key) = &draft.key else {
            return Ok(None);
        };
        let snapshot = self.shared.store.snapshot(&self.shared.shard).await;
        let snapshot = snapshot.map_err(error::of_store)?;
        let same = records::record_of_key(&*snapshot, key).await;
        same.map_err(error::of_store)
    }

    /// A request as it is now.
    pub async fn get(&self, id: &str) -> Result<ViewOf<S>, Error> {
        let record = self.record(id).await?;
        self.view(&record)
    }

    /// A request when it has ended, or as it is after `wait` ([`MAX_WAIT`] at most).
    pub async fn wait(&self, id: &str, wait: Duration) -> Result<ViewOf<S>, Error> {
        let record = match self.follow(id).await? {
            Followed::Ended(record) => record,
            Followed::Live(mut states) => {
                self.wait_for_end(&mut states, wait.min(MAX_WAIT)).await?
            }
        };
        self.view(&record)
    }

    async fn wait_for_end(
        &self,
        states: &mut watch::Receiver<Arc<Record>>,
        wait: Duration,
    ) -> Result<Arc<Record>, Error> {
        tokio::select! {
            ended = states.wait_for(|record| record.is_final()) => {
                return ended.map(|record| Arc::clone(&record)).map_err(|_| error::not_serving());
            }
            () = self.shared.clock.sleep(wait) => {}
        }
        Ok(Arc::clone(&states.borrow()))
    }

    /// A request as it is now and after each change, until it has ended. Changes in
    /// quick succession may be seen as one.
    pub async fn watch(
        &self,
        id: &str,
    ) -> Result<BoxStream<'static, Result<ViewOf<S>, Error>>, Error> {
        let requests = self.clone();
        let records = match self.follow(id).await? {
            Followed::Ended(record) => stream::iter([Ok(record)]).boxed(),
            Followed::Live(states) => changes(states).boxed(),
        };
        Ok(records
            .map(move |record| requests.view(record?.as_ref()))
            .boxed())
    }

    /// Cancels a request, unless it has ended or its workflow has succeeded. The
    /// answer is the request as it is then; canceling again changes nothing.
    pub async fn cancel(&self, id: &str, reason: &str) -> Result<ViewOf<S>, Error> {
        let reason = match reason.trim() {
            "" => "canceled by request".to_owned(),
            said => said.chars().take(MAX_REASON_CHARS).collect(),
        };
        let id = id.to_owned();
        let record = self
            .ask(|reply| Command::Cancel { id, reason, reply })
            .await?;
        self.view(&record)
    }

    /// A part of the requests, the newest first.
    pub async fn list(&self, page: &Page) -> Result<Listing<S::Request, S::Response>, Error> {
        let before = before(&page.token)?;
        let size = size(page);
        let snapshot = self.shared.store.snapshot(&self.shared.shard).await;
        let snapshot = snapshot.map_err(error::of_store)?;
        let listed = records::listing(&*snapshot, before, size + 1).await;
        let mut listed = listed.map_err(error::of_store)?;
        let more = listed.len() > size;
        listed.truncate(size);
        let next_token = listed
            .last()
            .filter(|_| more)
            .map(|(ordinal, _)| token(*ordinal));
        let mut views = Vec::with_capacity(listed.len());
        for (_, id) in listed {
            let record = match self.shared.views.get(&id) {
                Some(record) => record,
                None => read(&*snapshot, &id).await?,
            };
            views.push(self.view(&record)?);
        }
        Ok(Listing {
            views,
            next_token: next_token.unwrap_or_default(),
        })
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| error::not_serving())?;
        answer.await.unwrap_or_else(|_| Err(error::interrupted()))
    }

    async fn follow(&self, id: &str) -> Result<Followed, Error> {
        if let Some(states) = self.shared.views.follow(id)? {
            return Ok(Followed::Live(states));
        }
        let stored = self.stored(id).await?;
        // A life that began meanwhile may have stored an end that it has not shown yet.
        match self.shared.views.follow(id)? {
            Some(states) => Ok(Followed::Live(states)),
            None if stored.is_final() => Ok(Followed::Ended(stored)),
            None => Err(error::not_serving()),
        }
    }

    async fn record(&self, id: &str) -> Result<Arc<Record>, Error> {
        if let Some(record) = self.shared.views.get(id) {
            return Ok(record);
        }
        let stored = self.stored(id).await?;
        Ok(self.shared.views.get(id).unwrap_or(stored))
    }

    async fn stored(&self, id: &str) -> Result<Arc<Record>, Error> {
        if id.is_empty() || id.len() > MAX_KEY_BYTES {
            return Err(error::not_found(id));
        }
        let snapshot = self.shared.store.snapshot(&self.shared.shard).await;
        read(&*snapshot.map_err(error::of_store)?, id).await
    }

    fn view(&self, record: &Record) -> Result<ViewOf<S>, Error> {
        let error = record.error();
        Ok(View {
            id: record.id.to_string(),
            state: record.meta.state,
            request: decode(&record.request, "message", &record.id)?,
            response: self.response(record, error.clone())?,
            error,
            stages: wire::stages_of(&record.event),
            created: Timestamp::from_unix_ms(record.meta.created_unix_ms),
            updated: Timestamp::from_unix_ms(record.meta.updated_unix_ms),
            version: record.meta.version,
        })
    }

    fn response(
        &self,
        record: &Record,
        error: Option<Error>,
    ) -> Result<Option<S::Response>, Error> {
        match record.meta.state {
            State::Succeeded => decode(&record.answer, "response", &record.id).map(Some),
            _ => Ok(error.map(|error| self.shared.service.failed(error))),
        }
    }
}

async fn read(snapshot: &dyn Snapshot, id: &str) -> Result<Arc<Record>, Error> {
    let record = records::record(snapshot, id).await;
    record
        .map_err(error::of_store)?
        .ok_or_else(|| error::not_found(id))
}

enum Followed {
    Ended(Arc<Record>),
    Live(watch::Receiver<Arc<Record>>),
}

/// The state now, then each change; an error when the owner goes before the end.
fn changes(
    mut states: watch::Receiver<Arc<Record>>,
) -> impl futures::Stream<Item = Result<Arc<Record>, Error>> + Send {
    states.mark_changed();
    stream::unfold(Some(states), |states| async {
        let mut states = states?;
        if states.changed().await.is_err() {
            return Some((Err(error::not_serving()), None));
        }
        let record = Arc::clone(&states.borrow_and_update());
        let rest = (!record.is_final()).then_some(states);
        Some((Ok(record), rest))
    })
}

fn one(problem: Error) -> Vec<Error> {
    vec![problem]
}

fn decode<M: Message>(bytes: &[u8], what: &str, id: &str) -> Result<M, Error> {
    M::decode_from_slice(bytes).map_err(|problem| error::unreadable(what, id, problem))
}

fn size(page: &Page) -> usize {
    let size = match page.size {
        0 => DEFAULT_PAGE_SIZE,
        size => size.min(MAX_PAGE_SIZE),
    };
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// The position a page begins after, as text.
fn token(ordinal: u64) -> String {
    format!("{ordinal:x}")
}

fn before(token: &str) -> Result<Option<u64>, Error> {
    match token {
        "" => Ok(None),
        token => u64::from_str_radix(token, 16)
            .map(Some)
            .map_err(|_| error::bad_page_token()),
    }
}
