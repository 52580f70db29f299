use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use errors::Error;
use proto::timestone::v1::NewMessage;
use store::{Fence, StoreError};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::{Command, Reply};
use crate::consumer;
use crate::core::{Change, Core};
use crate::error;
use crate::finisher::Finisher;
use crate::intake::Intake;
use crate::limits::{MAX_BATCH, MAX_COMMANDS, MAX_FINISHING};
use crate::owner::Shared;
use crate::record::Record;
use crate::records;
use crate::relay::Relay;
use crate::service::Service;
use crate::tombstones::Tombstones;
use crate::{teller, wire};

/// One uninterrupted ownership of the requests. Dropping it stops its helpers.
pub(crate) struct Life<S> {
    shared: Arc<Shared<S>>,
    fence: Fence,
    ownership: Duration,
    core: Core,
    relay: Arc<Relay>,
    finishing: Arc<Semaphore>,
    /// What the helpers of this life, and of no other, report.
    reports: mpsc::Receiver<Command>,
    reporter: mpsc::Sender<Command>,
    /// How far called requests are.
    progress: mpsc::Sender<NewMessage>,
    helpers: JoinSet<()>,
}

/// How a life ends when nothing is wrong.
pub(crate) enum End {
    Stopped,
}

/// Tells a caller how its command ended: well, or by the error given.
type Answer = Box<dyn FnOnce(Option<Error>) + Send>;

impl<S: Service> Life<S> {
    /// Reads what is remembered and sets the helpers to work.
    pub(crate) async fn begin(
        shared: Arc<Shared<S>>,
        fence: Fence,
        ownership: Duration,
    ) -> Result<Self, StoreError> {
        let snapshot = shared.store.snapshot(&shared.shard).await?;
        let active = records::active(&*snapshot).await?;
        let messages = records::messages(&*snapshot).await?;
        let canceled = Tombstones::restore(records::canceled(&*snapshot).await?);
        let next_ordinal = records::next_ordinal(&*snapshot).await?;
        drop(snapshot);
        let next_message = messages.last().map_or(0, |(number, _)| number + 1);
        active
            .iter()
            .for_each(|record| shared.views.publish(record));
        let (reporter, reports) = mpsc::channel(MAX_COMMANDS);
        let (progress, told) = teller::channel();
        let address = shared.address.clone();
        let mut life = Self {
            core: Core::restore(address, active, canceled, next_ordinal, next_message),
            progress,
            relay: Arc::new(Relay::default()),
            finishing: Arc::new(Semaphore::new(MAX_FINISHING)),
            helpers: JoinSet::new(),
            shared,
            fence,
            ownership,
            reports,
            reporter,
        };
        life.resume(messages);
        life.help(told);
        Ok(life)
    }

    fn resume(&mut self, messages: Vec<(u64, NewMessage)>) {
        self.relay.add(messages);
        let unfinished: Vec<_> = self.core.finishing().cloned().collect();
        unfinished
            .into_iter()
            .for_each(|record| self.finish(record));
    }

    /// Sets those to work who bring and take messages.
    fn help(&mut self, told: mpsc::Receiver<NewMessage>) {
        let relay = Arc::clone(&self.relay);
        let (shared, reporter) = (Arc::clone(&self.shared), self.reporter.clone());
        self.helpers
            .spawn(async move { relay.run(&*shared, reporter).await });
        let (shared, reporter) = (Arc::clone(&self.shared), self.reporter.clone());
        self.helpers
            .spawn(async move { consumer::run(&*shared, reporter).await });
        let intake = Intake {
            shared: Arc::clone(&self.shared),
            reporter: self.reporter.clone(),
        };
        self.helpers.spawn(intake.run());
        let shared = Arc::clone(&self.shared);
        self.helpers
            .spawn(async move { teller::run(&*shared, told).await });
    }

    fn finish(&mut self, record: Arc<Record>) {
        let finisher = Finisher {
            shared: Arc::clone(&self.shared),
            permits: Arc::clone(&self.finishing),
            record,
            reporter: self.reporter.clone(),
        };
        self.helpers.spawn(finisher.run());
    }

    /// Does what it is asked to until it is stopped or cannot go on.
    pub(crate) async fn run(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        stop: &CancellationToken,
    ) -> Result<End, StoreError> {
        let clock = Arc::clone(&self.shared.clock);
        let mut renewal = clock.elapsed() + self.ownership / 3;
        loop {
            let (mut batch, mut asked) = (Vec::new(), Vec::new());
            tokio::select! {
                () = stop.cancelled() => return Ok(End::Stopped),
                () = clock.sleep_until_elapsed(renewal) => renewal = self.renew().await?,
                _ = self.reports.recv_many(&mut batch, MAX_BATCH) => {}
                _ = commands.recv_many(&mut asked, MAX_BATCH) => {}
            }
            batch.append(&mut asked);
            while self.helpers.try_join_next().is_some() {}
            self.apply(batch).await?;
        }
    }

    /// Extends the ownership; when it is to be extended next, as the clock has run. A store that is away
    /// for a while does not end a life, a newer owner does.
    async fn renew(&self) -> Result<Duration, StoreError> {
        match self.shared.store.renew(&self.fence, self.ownership).await {
            Err(error) if !error.is_retryable() => Err(error),
            _ => Ok(self.shared.clock.elapsed() + self.ownership / 3),
        }
    }

    /// Does a batch of commands by one commit and answers them.
    async fn apply(&mut self, commands: Vec<Command>) -> Result<(), StoreError> {
        let mut change = Change::default();
        let mut answers = Vec::new();
        let done = self.perform(commands, &mut change, &mut answers).await;
        match &done {
            Ok(()) => self.show(change),
            Err(error) => tracing::debug!(%error, "a commit failed"),
        }
        let error = done.is_err().then(error::interrupted);
        answers.into_iter().for_each(|answer| answer(error.clone()));
        done
    }

    async fn perform(
        &mut self,
        commands: Vec<Command>,
        change: &mut Change,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        for command in commands {
            let known = match self.known(&command).await {
                Ok(known) => known,
                Err(error) => {
                    command.refuse(error::of_store(error.clone()));
                    return Err(error);
                }
            };
            answers.extend(self.step(change, command, known, now));
        }
        // What memory says is true only as long as the shard is owned.
        match change.batch.is_empty() && answers.is_empty() {
            true => Ok(()),
            false => {
                self.shared
                    .store
                    .commit(&self.fence, change.batch.clone())
                    .await
            }
        }
    }

    /// The ended requests that a command may be about.
    async fn known(&self, command: &Command) -> Result<Vec<Arc<Record>>, StoreError> {
        match command {
            Command::Submit { submission, .. } => match &submission.key {
                Some(key) => self.known_by(key).await,
                None => Ok(Vec::new()),
            },
            Command::CancelCall { key, .. } => self.known_by(key).await,
            Command::Cancel { id, .. } => self.ended([id.as_str()]).await,
            Command::Events { events, .. } => {
                let told = events.iter().map(|event| event.workflow.as_str());
                self.ended(told.collect::<BTreeSet<_>>()).await
            }
            Command::Finished { .. } | Command::Sent(_) => Ok(Vec::new()),
        }
    }

    /// Those of these requests that are not under way.
    async fn ended(
        &self,
        ids: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let Shared { store, shard, .. } = &*self.shared;
        let (mut snapshot, mut ended) = (None, Vec::new());
        for id in ids.into_iter().filter(|id| !self.core.is_active(id)) {
            let snapshot = match &mut snapshot {
                Some(snapshot) => snapshot,
                none => none.insert(store.snapshot(shard).await?),
            };
            ended.extend(records::record(&**snapshot, id).await?);
        }
        Ok(ended)
    }

    async fn known_by(&self, key: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        let Shared { store, shard, .. } = &*self.shared;
        if self.core.knows_key(key) {
            return Ok(Vec::new());
        }
        let snapshot = store.snapshot(shard).await?;
        let known = records::record_of_key(&*snapshot, key).await?;
        Ok(known.into_iter().collect())
    }

    fn step(
        &mut self,
        change: &mut Change,
        command: Command,
        mut known: Vec<Arc<Record>>,
        now: clock::Timestamp,
    ) -> Option<Answer> {
        let core = &mut self.core;
        match command {
            Command::Submit { submission, reply } => Some(answer(
                reply,
                core.submit(change, *submission, known.pop(), now),
            )),
            Command::Cancel { id, reason, reply } => Some(answer(
                reply,
                core.cancel(change, &id, &reason, known.pop(), now),
            )),
            Command::CancelCall { key, reason, reply } => {
                let canceled = core.cancel_call(change, &key, &reason, known.pop(), now);
                Some(answer(reply, canceled))
            }
            Command::Events { events, reply } => {
                for event in &events {
                    let known = known.iter().find(|known| *known.id == *event.workflow);
                    core.event(change, event, known.cloned(), now);
                }
                Some(answer(reply, Ok(())))
            }
            Command::Finished { id, result } => {
                core.finished(change, &id, &result, now);
                None
            }
            Command::Sent(sent) => {
                sent.into_iter()
                    .for_each(|sent| core.sent(change, sent, now));
                None
            }
        }
    }

    /// Lets the world see what has been committed.
    fn show(&mut self, change: Change) {
        self.core.settle(&change);
        for record in &change.records {
            self.shared.views.publish(record);
            if record.meta.finishing {
                self.finish(Arc::clone(record));
            }
            if let Some(progress) = wire::calls::progress(record) {
                // A later one tells more.
                let _ = self.progress.try_send(progress);
            }
        }
        self.relay.add(change.messages);
    }
}

/// The answer to a command that is done if it can be committed.
fn answer<T: Send + 'static>(reply: Reply<T>, result: Result<T, Error>) -> Answer {
    Box::new(move |failed| drop(reply.send(failed.map_or(result, Err))))
}

impl Relay {
    fn add(&self, messages: Vec<(u64, NewMessage)>) {
        let messages = messages.into_iter();
        self.push(messages.map(|(number, message)| (number, wire::new_message(message))));
    }
}
