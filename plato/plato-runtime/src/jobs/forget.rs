//! Workflows that have ended long ago, or before too many others: found a few at a time,
//! the oldest first; the loop forgets them.

use bytes::Bytes;
use errors::Error;
use plato::Header;
use store::KeyRange;

use super::{Jobs, Outcome, unreadable};
use crate::{keys, records};

/// Workflows forgotten together.
const CHUNK: usize = 16;
/// Rows counted at a time.
const READ: usize = 1_000;

/// A look for workflows to forget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forget {
    /// How many are too many; counted once.
    pub(crate) excess: Option<u64>,
    /// How often workflows had been taken up again when it began.
    pub(crate) taken_up: u64,
}

/// A workflow to forget.
pub(crate) struct Old {
    pub(crate) workflow: String,
    /// The rows that tell of it, besides those under its prefixes.
    pub(crate) told_by: Vec<Bytes>,
    pub(crate) prefixes: Vec<Bytes>,
}

/// What a look found.
pub(crate) struct Forgotten {
    pub(crate) forget: Forget,
    pub(crate) workflows: Vec<Old>,
    /// Whether there may be more.
    pub(crate) more: bool,
}

pub(super) async fn run(jobs: &Jobs, forget: Forget) {
    match look(jobs, forget).await {
        Ok(forgotten) => jobs.tell(Outcome::Forgotten(forgotten)).await,
        Err(error) => tracing::error!(%error, "old workflows cannot be found; they stay"),
    }
}

async fn look(jobs: &Jobs, forget: Forget) -> Result<Forgotten, Error> {
    let mut excess = match forget.excess {
        Some(excess) => excess,
        None => excess_of(jobs).await?,
    };
    let oldest_ms = jobs.shared.config.keep_ended.map(|keep| {
        let now = jobs.shared.clock.now() - keep;
        now.unix_ms()
    });
    let mut workflows = Vec::new();
    for row in rows(jobs, keys::all_ended_at(), CHUNK).await? {
        let Some((at_ms, workflow)) = keys::read_ended_at(&row) else {
            continue;
        };
        if excess == 0 && oldest_ms.is_none_or(|oldest| at_ms > oldest) {
            break;
        }
        excess = excess.saturating_sub(1);
        workflows.extend(old(jobs, workflow, &row).await?);
    }
    Ok(Forgotten {
        more: workflows.len() == CHUNK,
        workflows,
        forget: Forget {
            excess: Some(excess),
            ..forget
        },
    })
}

/// How many more have ended than are kept.
async fn excess_of(jobs: &Jobs) -> Result<u64, Error> {
    let config = &jobs.shared.config;
    let Some(kept) = config.keep_ended_count else {
        return Ok(0);
    };
    let (mut range, mut count) = (keys::all_ended_at(), 0_u64);
    loop {
        let page = rows(jobs, range.clone(), READ).await?;
        count += page.len() as u64;
        match page.last().filter(|_| page.len() == READ) {
            Some(last) => range = range.after(last.clone()),
            None => return Ok(count.saturating_sub(kept.div_ceil(config.groups.into()))),
        }
    }
}

/// What there is of a workflow, if it has ended.
async fn old(jobs: &Jobs, workflow: &str, row: &Bytes) -> Result<Option<Old>, Error> {
    let key = keys::ended(workflow);
    if let Some(ended) = get(jobs, &key).await? {
        let state = records::decode_state(&ended).map_err(unreadable)?;
        let rows = [row.clone(), key];
        return Ok(Some(of(
            workflow,
            &state.header,
            rows,
            keys::prefixes(workflow),
        )));
    }
    let key = keys::rules_ended(workflow);
    let Some(ended) = get(jobs, &key).await? else {
        return Ok(None);
    };
    let state = records::decode_rules(&ended).map_err(unreadable)?;
    let (rows, prefixes) = ([row.clone(), key], keys::rules_prefixes(workflow));
    Ok(Some(of(workflow, &state.header, rows, prefixes)))
}

fn of(workflow: &str, header: &Header, rows: [Bytes; 2], prefixes: Vec<Bytes>) -> Old {
    let attributes = header.attributes.iter();
    let attributes = attributes.map(|(name, value)| keys::with_attribute(name, value, workflow));
    Old {
        workflow: workflow.to_owned(),
        told_by: attributes.chain(rows).collect(),
        prefixes,
    }
}

async fn get(jobs: &Jobs, key: &Bytes) -> Result<Option<Bytes>, Error> {
    let shard = jobs.shard();
    let read = || jobs.shared.store.get(&shard, key);
    jobs.read(read).await.map_err(unreadable)
}

async fn rows(jobs: &Jobs, range: KeyRange, limit: usize) -> Result<Vec<Bytes>, Error> {
    let shard = jobs.shard();
    let read = || jobs.shared.store.range(&shard, range.clone(), limit);
    let entries = jobs.read(read).await.map_err(unreadable)?;
    Ok(entries.into_iter().map(|entry| entry.key).collect())
}
