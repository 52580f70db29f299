//! A group read from the store: live workflows from their snapshots and what was
//! journaled after them, and what the outbox still holds.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use plato::{State, Workflow};
use plato_rules::Session;
use store::{Entry, KeyRange, StoreError};

use super::apply::day;
use super::live::Live;
use super::round::Round;
use super::rules::LiveRules;
use super::workflows::Workflows;
use crate::jobs::{Job, Sweep};
use crate::records::outbox::Row;
use crate::shared::Shared;
use crate::{keys, records};

/// Rows read at a time.
const READ: usize = 256;
/// Workflows read at a time.
const AT_ONCE: usize = 16;

/// Why a group cannot be owned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] plato::BrokenJournal),
    #[error("the rules of workflow {workflow} do not fit its facts: {problem}")]
    Rules {
        workflow: String,
        problem: plato_rules::Refused,
    },
    #[error(
        "workflow {workflow} runs {definition} v{version}, which this process does not know; \
         run a process that does until it has ended"
    )]
    UnknownDefinition {
        workflow: String,
        definition: String,
        version: u32,
    },
}

/// The group as it was left, and what goes on first.
pub(crate) async fn recover(
    shared: &Arc<Shared>,
    group: u32,
    epoch: u64,
) -> Result<(Workflows, Round), RecoveryError> {
    let reader = Reader {
        shared,
        shard: keys::shard(&shared.config.service, group),
    };
    let mut workflows = Workflows::new(Arc::clone(shared), group, epoch);
    let mut round = Round::new(shared.now_ms());
    for entry in reader.all(keys::all_canceled()).await? {
        let at_ms = records::decode_time(&entry.value)?;
        let id = keys::text(&entry.key).unwrap_or_default().to_owned();
        workflows.canceled.insert(id, at_ms);
    }
    reader.outbox(&mut workflows, &mut round).await?;
    reader.live(&mut workflows).await?;
    reader.rules(&mut workflows).await?;
    workflows.resume(&mut round);
    workflows.resume_rules(&mut round);
    let sweeps = reader.sweeps().await?;
    let forgotten = sweeps.iter().filter_map(|sweep| {
        let workflow = keys::read_forgotten(sweep.remembered_by.as_deref()?)?;
        Some(workflow.to_owned())
    });
    workflows.forgotten.extend(forgotten);
    round.jobs.extend(sweeps.into_iter().map(Job::Sweep));
    round.jobs.push(sweep_inbox(shared));
    workflows.look_for_old(&mut round);
    shared.counters.recoveries.add(1);
    tracing::info!(group, epoch, live = workflows.live.len(), "group recovered");
    Ok((workflows, round))
}

struct Reader<'a> {
    shared: &'a Shared,
    shard: String,
}

impl Reader<'_> {
    /// Every entry of a range that is known to fit the memory.
    async fn all(&self, mut range: KeyRange) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        loop {
            let page = self
                .shared
                .store
                .range(&self.shard, range.clone(), READ)
                .await?;
            let is_last = page.len() < READ;
            all.extend(page);
            match all.last() {
                Some(last) if !is_last => range = range.after(last.key.clone()),
                _ => return Ok(all),
            }
        }
    }

    async fn outbox(&self, workflows: &mut Workflows, round: &mut Round) -> Result<(), StoreError> {
        for entry in self.all(keys::all_outbox()).await? {
            let number = keys::last_number(&entry.key).unwrap_or_default();
            workflows.next_outbox = number + 1;
            round.outbox.push((number, Row::decode(&entry.value)?));
        }
        Ok(())
    }

    async fn live(&self, workflows: &mut Workflows) -> Result<(), RecoveryError> {
        let snapshots = self.all(keys::all_snapshots()).await?;
        let epoch = workflows.epoch;
        let reads = snapshots
            .iter()
            .map(|entry| self.workflow(&entry.value, epoch));
        let reads: Vec<_> = reads.collect();
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some(live) = reads.try_next().await? {
            workflows.live.insert(Arc::clone(&live.id), live);
        }
        Ok(())
    }

    async fn workflow(&self, snapshot: &[u8], epoch: u64) -> Result<Live, RecoveryError> {
        let mut state = records::decode_state(snapshot)?;
        let events = state.events;
        for entry in self.all(keys::journal_from(&state.id, events)).await? {
            state.replay(&records::decode_entry(&entry.value)?)?;
        }
        let mut live = Live::restore(self.shared, state, epoch)?;
        live.snapshot = Some(events);
        live.output = self.output(&live).await?;
        Ok(live)
    }

    async fn output(&self, live: &Live) -> Result<Option<plato::Value>, StoreError> {
        let key = keys::output(&live.id, live.activation.plan().output());
        let value = self.shared.store.get(&self.shard, &key).await?;
        value.map(|bytes| records::decode_value(&bytes)).transpose()
    }

    /// Rules at work, each rebuilt from its newest snapshot and what was journaled after it.
    async fn rules(&self, workflows: &mut Workflows) -> Result<(), RecoveryError> {
        for entry in self.all(keys::all_rules_snapshots()).await? {
            let live = self.rules_of(&entry.value).await?;
            workflows.ruled.live.insert(Arc::clone(&live.id), live);
        }
        Ok(())
    }

    async fn rules_of(&self, snapshot: &[u8]) -> Result<LiveRules, RecoveryError> {
        let mut state = records::decode_rules(snapshot)?;
        let events = state.events;
        for entry in self
            .all(keys::rules_journal_from(&state.id, events))
            .await?
        {
            state.replay(&records::decode_rules_entry(&entry.value)?)?;
        }
        let (id, definition, version) = (
            state.id.clone(),
            state.header.definition.clone(),
            state.header.version,
        );
        let known = self.shared.definitions.rules.get(&definition, version);
        let known = known.filter(|_| version > 0);
        let activation = known.ok_or_else(|| RecoveryError::UnknownDefinition {
            workflow: id.clone(),
            definition,
            version,
        })?;
        let session = Session::restore(Arc::clone(activation.rules()), state);
        let session = session.map_err(|problem| RecoveryError::Rules {
            workflow: id,
            problem,
        })?;
        let mut live = LiveRules::new(session, Arc::clone(activation));
        live.snapshot = Some(events);
        Ok(live)
    }

    /// Sweeps that were not finished.
    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        let remembered = self.all(keys::all_garbage()).await?;
        let prefixes = remembered.iter().filter_map(|entry| entry.key.get(1..));
        Ok(prefixes.map(Sweep::of_prefix).collect())
    }
}

impl Live {
    /// A workflow from its state, by the definition that it was started with.
    pub(crate) fn restore(
        shared: &Shared,
        state: State,
        epoch: u64,
    ) -> Result<Self, RecoveryError> {
        let (definition, version) = (&state.header.definition, state.header.version);
        let known = shared
            .definitions
            .graphs
            .get(definition, version)
            .filter(|_| version > 0);
        let activation = known.ok_or_else(|| RecoveryError::UnknownDefinition {
            workflow: state.id.clone(),
            definition: definition.clone(),
            version,
        })?;
        let (plan, window) = (Arc::clone(activation.plan()), shared.config.window);
        let workflow = Workflow::restore(plan, window, state);
        Ok(Self::new(workflow, Arc::clone(activation), epoch))
    }
}

/// Forgets messages that cannot be delivered again any more.
pub(crate) fn sweep_inbox(shared: &Shared) -> Job {
    let retention = shared.config.inbox_retention;
    let oldest = shared.clock.now() - retention;
    Job::Sweep(Sweep {
        range: keys::inbox_before(day(oldest.unix_ms())),
        remembered_by: None,
    })
}

impl Workflows {
    /// Carries on with every live workflow.
    fn resume(&mut self, round: &mut Round) {
        let mut live: Vec<Arc<str>> = self.live.keys().cloned().collect();
        live.sort_unstable();
        for id in live {
            self.resume_one(&id, round);
        }
    }

    fn resume_one(&mut self, id: &Arc<str>, round: &mut Round) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        round.jobs.extend(live.jobs(round.now_ms));
        let out: Vec<plato::TaskRef> = live.workflow.out().collect();
        out.into_iter().for_each(|task| self.went_out(id, task));
        self.set_timer(id);
        self.tell_soon(id);
    }
}
