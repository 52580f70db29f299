//! The owner of one group of workflows: a loop that takes messages, ends of jobs
//! and the passing of time, applies them to the workflows in memory, commits all
//! that follows from them in one act, and only then lets it be seen. Where the store has a
//! place for a commit before it is stored, the next turn does not wait for that; who reads the
//! store does.
//!
//! When a commit is refused, or its outcome is unknown, memory is dropped: the
//! next owner, which may be the same process, reads the store.

mod apply;
mod at_once;
mod close;
mod control;
mod forget;
mod inbox;
mod live;
mod logs;
mod pace;
mod pull;
mod recovery;
mod relay;
mod round;
mod rule_message;
mod rules;
mod sent;
mod values;
mod workflows;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use futures::FutureExt;
use futures::future::try_join_all;
use plato::{NodeId, State, Value};
use store::{Ahead, Fence, StoreError};
use timestone::{LeasedMessage, NewMessage};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::incoming::Incoming;
use crate::jobs::{Jobs, Outcome};
use crate::records::outbox::Row;
use crate::shared::{Shared, backoff};
use crate::{keys, records, wire};
use apply::Known;
use inbox::Settlement;
pub(crate) use recovery::RecoveryError;
use relay::{Ack, Relay};
use round::Round;
use workflows::Workflows;

/// Deliveries of messages that may wait for the loop.
const MAX_DELIVERIES: usize = 16;
/// Ends of jobs that may wait for the loop.
const MAX_OUTCOMES: usize = 64;
/// Answers to outbox rows that may wait for the loop, in calls.
const MAX_ACKS: usize = 8;
/// Events of progress that may wait to be sent; more are dropped.
const MAX_PROGRESS: usize = 256;
/// How long messages may take to be settled when the group is given up.
const SETTLE_AT_END: Duration = Duration::from_secs(5);
/// How long a commit waits to share the sync of what it hands on.
const AHEAD: Duration = Duration::from_millis(2);
/// Rounds that may have their place in the store and not be stored.
const MAX_UNSEEN: usize = 64;
/// Between two looks for old inbox rows, in milliseconds.
const SWEEP_EVERY_MS: i64 = 3_600_000;

/// Why a group is not owned any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    #[error("it was given up")]
    Stopped,
    #[error("another process has taken it over")]
    Fenced,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

impl From<StoreError> for Left {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced { .. } => Self::Fenced,
            error => Self::Store(error),
        }
    }
}

/// Owns the group until `stop`, or until it is lost.
pub(crate) async fn own(
    shared: Arc<Shared>,
    group: u32,
    fence: Fence,
    stop: CancellationToken,
) -> Left {
    let lost = stop.child_token();
    let renewer = tokio::spawn(renew(Arc::clone(&shared), fence.clone(), lost.clone()));
    let left = match recovery::recover(&shared, group, fence.epoch).await {
        Ok((workflows, round)) => {
            Owner::new(workflows, fence.clone(), lost.clone())
                .run(round)
                .await
        }
        Err(error) => error.into(),
    };
    lost.cancel();
    // It has nothing left to do but to notice.
    let _ = renewer.await;
    if !matches!(left, Left::Fenced) {
        release(&shared, &fence).await;
    }
    left
}

async fn release(shared: &Shared, fence: &Fence) {
    if let Err(error) = shared.store.release(fence).await {
        tracing::warn!(%error, shard = %fence.shard, "the shard was not released; its time will lapse");
    }
}

/// Keeps the fence alive, and tells when it was lost.
async fn renew(shared: Arc<Shared>, fence: Fence, lost: CancellationToken) {
    let ttl = shared.config.ttl;
    loop {
        tokio::select! {
            biased;
            () = lost.cancelled() => return,
            () = shared.sleep(ttl / 3) => {}
        }
        match shared.store.renew(&fence, ttl).await {
            Ok(()) => {}
            Err(StoreError::Fenced { .. }) => return lost.cancel(),
            Err(error) => tracing::warn!(%error, shard = %fence.shard, "ownership was not renewed"),
        }
    }
}

struct Owner {
    shared: Arc<Shared>,
    workflows: Workflows,
    fence: Fence,
    stop: CancellationToken,
    jobs: Jobs,
    messages: mpsc::Receiver<Vec<LeasedMessage>>,
    outcomes: mpsc::Receiver<Outcome>,
    acks: mpsc::Receiver<Vec<Ack>>,
    rows: mpsc::UnboundedSender<(u64, Row)>,
    settlements: mpsc::UnboundedSender<Settlement>,
    progress: mpsc::Sender<NewMessage>,
    handing_on: JoinHandle<()>,
    swept_ms: i64,
    /// In the order of their commits.
    unseen: VecDeque<Unseen>,
}

/// A round that has its place in the store, and is let be seen once it is stored.
struct Unseen {
    stored: Ahead,
    /// Until when it waits for another commit to share its sync, if it does; as the clock has run.
    alone_at: Option<Duration>,
    round: Round,
}

/// What woke the loop.
enum Woken {
    Stored(Result<(), StoreError>),
    Alone,
    Messages(Vec<LeasedMessage>),
    Outcome(Outcome),
    Acks(Vec<Ack>),
    Time,
    Stop,
}

impl Owner {
    #[allow(
        clippy::disallowed_methods,
        reason = "windows bound the rows, and the messages pulled bound the settlements; \
                  waiting for room could make the loop and the relay wait for each other"
    )]
    fn new(workflows: Workflows, fence: Fence, stop: CancellationToken) -> Self {
        let (shared, group) = (Arc::clone(&workflows.shared), workflows.group);
        let (pulled, messages) = mpsc::channel(MAX_DELIVERIES);
        let (done, outcomes) = mpsc::channel(MAX_OUTCOMES);
        let (acked, acks) = mpsc::channel(MAX_ACKS);
        let (rows, relayed) = mpsc::unbounded_channel();
        let (settlements, settled) = mpsc::unbounded_channel();
        let (progress, told) = mpsc::channel(MAX_PROGRESS);
        let pull = pull::pull(Arc::clone(&shared), group, pulled, settlements.clone());
        tokio::spawn(pull);
        tokio::spawn(tell(Arc::clone(&shared), told));
        let relay = Relay {
            shared: Arc::clone(&shared),
            rows: relayed,
            acks: acked,
        };
        // In one task, so that what one round publishes reaches the queue together.
        let settle = inbox::settle(Arc::clone(&shared), settled);
        let handing_on = tokio::spawn(async {
            tokio::join!(relay.run(), settle);
        });
        let jobs = Jobs {
            shared: Arc::clone(&shared),
            group,
            outcomes: done,
            running: TaskTracker::new(),
        };
        let swept_ms = shared.now_ms();
        Self {
            shared,
            workflows,
            fence,
            stop,
            jobs,
            messages,
            outcomes,
            acks,
            rows,
            settlements,
            progress,
            handing_on,
            swept_ms,
            unseen: VecDeque::new(),
        }
    }

    async fn run(mut self, first: Round) -> Left {
        let mut result = self.finish(first).await;
        while result.is_ok() {
            result = match self.wait().await {
                Woken::Stop => {
                    result = self.see_all().await;
                    break;
                }
                Woken::Stored(stored) => self.see_first(stored),
                Woken::Alone => self.wait_no_longer().await,
                woken => self.turn(woken).await,
            };
        }
        let left = result.err().map_or(Left::Stopped, Left::from);
        self.leave().await;
        left
    }

    async fn wait(&mut self) -> Woken {
        loop {
            let due = self
                .workflows
                .due()
                .map_or(Timestamp::MAX, Timestamp::from_unix_ms);
            let alone_at = self.unseen.iter().find_map(|unseen| unseen.alone_at);
            let acks = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Woken::Stop,
                stored = first_of(&mut self.unseen) => return Woken::Stored(stored),
                Some(acks) = self.acks.recv() => self.workflows.note_sent(acks),
                Some(outcome) = self.outcomes.recv() => return Woken::Outcome(outcome),
                Some(messages) = self.messages.recv() => return Woken::Messages(messages),
                () = self.shared.clock.sleep_until_elapsed(alone_at.unwrap_or_default()),
                    if alone_at.is_some() => return Woken::Alone,
                () = self.shared.clock.sleep_until(due) => return Woken::Time,
            };
            if !acks.is_empty() {
                return Woken::Acks(acks);
            }
        }
    }

    /// Takes what woke the loop, and what else has come meanwhile, in one commit.
    async fn turn(&mut self, woken: Woken) -> Result<(), StoreError> {
        let mut round = Round::new(self.shared.now_ms());
        match woken {
            Woken::Messages(messages) => self.receive(messages, &mut round).await?,
            Woken::Outcome(outcome) => self.workflows.job_ended(outcome, &mut round),
            Woken::Acks(acks) => self.relayed(acks, &mut round),
            Woken::Time | Woken::Stop | Woken::Stored(_) | Woken::Alone => {}
        }
        self.drain(&mut round).await?;
        self.workflows.tick(&mut round);
        self.sweep_now_and_then(&mut round);
        self.finish(round).await
    }

    async fn drain(&mut self, round: &mut Round) -> Result<(), StoreError> {
        while let (false, Ok(acks)) = (round.is_full(), self.acks.try_recv()) {
            self.relayed(acks, round);
        }
        while let (false, Ok(outcome)) = (round.is_full(), self.outcomes.try_recv()) {
            self.workflows.job_ended(outcome, round);
        }
        while let (false, Ok(messages)) = (round.is_full(), self.messages.try_recv()) {
            self.receive(messages, round).await?;
        }
        Ok(())
    }

    fn relayed(&mut self, acks: Vec<Ack>, round: &mut Round) {
        for ack in self.workflows.note_sent(acks) {
            self.workflows.relayed(ack, round);
        }
    }

    async fn receive(
        &mut self,
        messages: Vec<LeasedMessage>,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        let read: Vec<_> = messages
            .into_iter()
            .map(|message| (wire::incoming(&message.payload), message))
            .collect();
        let seen = match read.iter().any(asks_the_store) {
            true => self.see_all().await,
            false => Ok(()),
        };
        let known = match seen {
            Ok(()) => self.look_up(&read, round.now_ms).await,
            Err(error) => Err(error),
        };
        for (incoming, message) in read {
            match &known {
                Ok(known) => self.workflows.receive(message, incoming, known, round),
                Err(_) => self.settle(Settlement::GivenBack(message.token)),
            }
        }
        known.map(drop)
    }

    /// What the store says about messages that may have been handled before.
    async fn look_up(
        &self,
        messages: &[(Result<Incoming, errors::Error>, LeasedMessage)],
        now_ms: i64,
    ) -> Result<Known, StoreError> {
        let again = messages
            .iter()
            .filter(|(_, message)| message.token.delivery > 1);
        let handled = again.map(|(_, message)| self.was_handled(&message.token.key.id, now_ms));
        let workflows = messages.iter().filter_map(|(incoming, _)| match incoming {
            Ok(Incoming::Start(start)) => Some(start.workflow.as_str()),
            Ok(Incoming::Cancel { workflow, .. } | Incoming::Retry { workflow, .. }) => {
                Some(workflow.as_str())
            }
            _ => None,
        });
        let rules = messages.iter().filter_map(|(incoming, _)| match incoming {
            Ok(Incoming::Facts(facts)) => Some(facts.workflow.as_str()),
            Ok(Incoming::Start(start)) => {
                let known = self
                    .shared
                    .definitions
                    .rules
                    .get(&start.definition, start.version);
                known.map(|_| start.workflow.as_str())
            }
            _ => None,
        });
        let missing = rules.filter(|id| !self.workflows.ruled.live.contains_key(*id));
        let canceled_rules = missing.map(|workflow| self.were_canceled(workflow));
        let canceled_rules: Vec<_> = canceled_rules.collect();
        let ended = workflows.map(|workflow| self.has_ended(workflow));
        let (handled, ended): (Vec<_>, Vec<_>) = (handled.collect(), ended.collect());
        let ended: HashMap<String, State> =
            try_join_all(ended).await?.into_iter().flatten().collect();
        let outputs = messages.iter().filter_map(|(incoming, _)| match incoming {
            Ok(Incoming::Retry { workflow, .. }) => ended.get(workflow),
            _ => None,
        });
        let outputs: Vec<_> = outputs.map(|state| self.output_of(state)).collect();
        Ok(Known {
            outputs: try_join_all(outputs).await?.into_iter().flatten().collect(),
            handled: try_join_all(handled).await?.into_iter().flatten().collect(),
            canceled_rules: try_join_all(canceled_rules)
                .await?
                .into_iter()
                .flatten()
                .collect(),
            ended,
        })
    }

    async fn was_handled(&self, message: &str, now_ms: i64) -> Result<Option<String>, StoreError> {
        let days = self
            .shared
            .config
            .inbox_retention
            .as_secs()
            .div_ceil(86_400);
        let today = apply::day(now_ms);
        let first = today.saturating_sub(u32::try_from(days).unwrap_or(u32::MAX));
        // A clock that was set back must not hide what was handled "tomorrow".
        for day in first..=today.saturating_add(1) {
            if self.get(&keys::inbox(day, message)).await?.is_some() {
                return Ok(Some(message.to_owned()));
            }
        }
        Ok(None)
    }

    async fn were_canceled(&self, workflow: &str) -> Result<Option<String>, StoreError> {
        let canceled = self.get(&keys::rules_ended(workflow)).await?;
        Ok(canceled.map(|_| workflow.to_owned()))
    }

    async fn has_ended(&self, workflow: &str) -> Result<Option<(String, State)>, StoreError> {
        let ended = self.get(&keys::ended(workflow)).await?;
        let state = ended
            .map(|ended| records::decode_state(&ended))
            .transpose()?;
        Ok(state.map(|state| (workflow.to_owned(), state)))
    }

    /// What the node whose output is the workflow's has put out.
    async fn output_of(&self, state: &State) -> Result<Option<(String, Value)>, StoreError> {
        let key = keys::output(&state.id, NodeId(state.header.output));
        let value = self.get(&key).await?;
        let value = value
            .map(|value| records::decode_value(&value))
            .transpose()?;
        Ok(value.map(|value| (state.id.clone(), value)))
    }

    /// What the key holds; asks until the store answers.
    async fn get(&self, key: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
        let mut failures = 0;
        loop {
            match self.shared.store.get(&self.fence.shard, key).await {
                Err(error) if error.is_retryable() && !self.stop.is_cancelled() => {
                    self.shared.sleep(backoff(failures)).await;
                    failures += 1;
                }
                result => return result,
            }
        }
    }

    fn sweep_now_and_then(&mut self, round: &mut Round) {
        if round.now_ms >= self.swept_ms.saturating_add(SWEEP_EVERY_MS) {
            self.swept_ms = round.now_ms;
            round.jobs.push(recovery::sweep_inbox(&self.shared));
            self.workflows.forget_old_cancels(round);
            self.workflows.look_for_old(round);
        }
    }

    /// Commits the round, then lets it be seen.
    async fn finish(&mut self, mut round: Round) -> Result<(), StoreError> {
        self.workflows.close(&mut round);
        let batch = std::mem::take(&mut round.batch);
        let shares = round.is_handed_on() && self.shared.config.queue_in_store;
        let committed = match batch.is_empty() && !round.judged {
            true => Ok(Ahead::stored()),
            false => self.commit(batch, round.is_handed_on()).await,
        };
        match committed {
            Err(error) => {
                let done = round.done.into_iter();
                done.for_each(|token| self.settle(Settlement::GivenBack(token)));
                Err(error)
            }
            Ok(stored) => {
                let counters = &self.shared.counters;
                counters.take_over(&self.workflows.tally);
                // The queue cannot store it unless the commit is stored.
                self.hand_on(&mut round);
                let alone_at = shares.then(|| self.shared.clock.elapsed() + AHEAD);
                self.unseen.push_back(Unseen {
                    stored,
                    alone_at,
                    round,
                });
                match self.unseen.len() < MAX_UNSEEN {
                    true => Ok(()),
                    false => self.see_all().await,
                }
            }
        }
    }

    /// The first of the unseen rounds is stored.
    fn see_first(&mut self, stored: Result<(), StoreError>) -> Result<(), StoreError> {
        stored?;
        if let Some(first) = self.unseen.pop_front() {
            self.publish(first.round);
        }
        Ok(())
    }

    /// Waits until all rounds are stored.
    async fn see_all(&mut self) -> Result<(), StoreError> {
        if self.unseen.iter().any(|unseen| unseen.alone_at.is_some()) {
            self.wait_no_longer().await?;
        }
        while !self.unseen.is_empty() {
            let stored = first_of(&mut self.unseen).await;
            self.see_first(stored)?;
        }
        Ok(())
    }

    /// Where the queue has nothing to store for what was handed on, or takes its time, the
    /// commit is not to wait for it.
    async fn wait_no_longer(&mut self) -> Result<(), StoreError> {
        let nothing = store::Batch::new();
        let stored = self.shared.store.commit_soon(&self.fence, nothing).await?;
        self.unseen
            .iter_mut()
            .for_each(|unseen| unseen.alone_at = None);
        self.unseen.push_back(Unseen {
            stored,
            alone_at: None,
            round: Round::default(),
        });
        Ok(())
    }

    /// Until the place of the batch is certain; where something is handed on that cannot share
    /// its sync, until it is stored.
    async fn commit(&mut self, batch: store::Batch, hands_on: bool) -> Result<Ahead, StoreError> {
        let mut failures = 0;
        loop {
            let store = &self.shared.store;
            let ahead = match (hands_on, self.shared.config.queue_in_store) {
                (true, true) => store.commit_ahead(&self.fence, batch.clone()).await,
                (true, false) => self.commit_alone(batch.clone()).await,
                (false, _) => store.commit_soon(&self.fence, batch.clone()).await,
            };
            match ahead {
                // Nothing was changed, and nobody else can have changed anything.
                Err(StoreError::Unavailable(why)) if !self.stop.is_cancelled() => {
                    tracing::warn!(%why, "a commit waits for the store");
                    // One that has its place and is lost tells that the store will not come back.
                    while let Some(stored) = first_of(&mut self.unseen).now_or_never() {
                        self.see_first(stored)?;
                    }
                    self.shared.sleep(backoff(failures)).await;
                    failures += 1;
                }
                Err(error) => return Err(self.refused(error)),
                Ok(ahead) => {
                    self.shared.counters.commits.add(1);
                    return Ok(ahead);
                }
            }
        }
    }

    async fn commit_alone(&self, batch: store::Batch) -> Result<Ahead, StoreError> {
        let stored = self.shared.store.commit(&self.fence, batch).await;
        stored.map(|()| Ahead::stored())
    }

    fn refused(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fenced { .. }) {
            self.shared.counters.fenced.add(1);
        }
        error
    }

    /// What the queue is asked for.
    fn hand_on(&mut self, round: &mut Round) {
        for row in std::mem::take(&mut round.outbox) {
            // The relay ends only after this loop.
            let _ = self.rows.send(row);
        }
        for token in std::mem::take(&mut round.done) {
            self.settle(Settlement::Done(token));
        }
    }

    fn publish(&mut self, round: Round) {
        round.jobs.into_iter().for_each(|job| self.jobs.spawn(job));
        for message in round.progress {
            // A later one tells more, and the last one goes through the outbox.
            let _ = self.progress.try_send(message);
        }
        for (token, error) in round.refused {
            self.settle(Settlement::Refused(token, error));
        }
    }

    fn settle(&self, settlement: Settlement) {
        // The settler ends only after this loop.
        let _ = self.settlements.send(settlement);
    }

    /// Gives back what was not handled, so that another owner need not wait for it.
    async fn leave(mut self) {
        let unseen = std::mem::take(&mut self.unseen).into_iter();
        for (token, _) in unseen.flat_map(|unseen| unseen.round.refused) {
            self.settle(Settlement::GivenBack(token));
        }
        self.messages.close();
        while let Some(messages) = self.messages.recv().await {
            messages
                .into_iter()
                .for_each(|message| self.settle(Settlement::GivenBack(message.token)));
        }
        let Self {
            shared,
            rows,
            acks,
            settlements,
            handing_on,
            ..
        } = self;
        // Rows that were not handed on are in the outbox.
        drop((rows, acks, settlements));
        tokio::select! {
            biased;
            _ = handing_on => {}
            () = shared.sleep(SETTLE_AT_END) => {}
        }
    }
}

/// When the first of these is stored; never, when there is none.
async fn first_of(unseen: &mut VecDeque<Unseen>) -> Result<(), StoreError> {
    match unseen.front_mut() {
        Some(first) => first.stored.until_stored().await,
        None => std::future::pending().await,
    }
}

/// Whether what the store holds decides over a message.
fn asks_the_store((incoming, message): &(Result<Incoming, errors::Error>, LeasedMessage)) -> bool {
    let repeated = message.token.delivery > 1;
    repeated
        || matches!(
            incoming,
            Ok(Incoming::Start(_)
                | Incoming::Cancel { .. }
                | Incoming::Retry { .. }
                | Incoming::Facts(_))
        )
}

/// Tells of progress, without insisting.
async fn tell(shared: Arc<Shared>, mut told: mpsc::Receiver<NewMessage>) {
    let mut messages = Vec::new();
    while told.recv_many(&mut messages, MAX_PROGRESS).await > 0 {
        if let Err(error) = shared
            .timestone
            .enqueue(std::mem::take(&mut messages))
            .await
        {
            tracing::debug!(%error, "progress was not told");
        }
    }
}
