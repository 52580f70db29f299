//! Our engine, without a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::stats::median;
use anyhow::{Context, Result, ensure};
use plato::Header;
use plato_rules::{Event, Input, NewFact, RuleBase, Rules, Session, Step, Value};

use super::{RULES, Run};

/// Unrelated facts among which one is changed.
const AMONG: [u64; 3] = [1_000, 10_000, 100_000];
/// Changes that are timed together, and how often.
const CHANGES: u32 = 1_000;
const BATCHES: usize = 15;

pub(crate) fn rules() -> Result<Arc<Rules>> {
    let base = RuleBase::of_yaml(RULES).map_err(anyhow::Error::msg)?;
    Ok(Arc::new(Rules::new(base)?))
}

pub(crate) fn fact<const N: usize>(kind: &str, fields: [(&str, Value); N]) -> NewFact {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    NewFact {
        kind: kind.to_owned(),
        fields: fields.collect(),
    }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

pub(crate) fn chunk(title: u64, index: u64, state: &str) -> NewFact {
    let fields = [
        ("title", Value::Uint(title)),
        ("index", Value::Uint(index)),
        ("state", text(state)),
    ];
    fact("Chunk", fields)
}

/// All facts; every tenth title is held.
fn facts(titles: u64, chunks: u64) -> Vec<NewFact> {
    let mut facts = vec![fact("Encoder", [("codec", text("av1"))])];
    for title in 0..titles {
        if title % 10 == 0 {
            facts.push(hold(title));
        }
        facts.extend((0..chunks).map(|index| chunk(title, index, "raw")));
        facts.push(fact(
            "Title",
            [("id", Value::Uint(title)), ("state", text("open"))],
        ));
    }
    facts
}

fn hold(title: u64) -> NewFact {
    fact("Hold", [("title", Value::Uint(title))])
}

fn firings(step: &Step) -> u64 {
    step.events
        .iter()
        .filter(|event| matches!(event, Event::Fired(_)))
        .count() as u64
}

fn begin() -> Result<Session> {
    Ok(Session::start(rules()?, "bench", Header::default(), 0).0)
}

/// Fills, runs, lets the held ones go, runs; makes the facts, too.
pub(crate) fn run(titles: u64, chunks: u64) -> Result<Run> {
    let mut session = begin()?;
    let start = Instant::now();
    let filled = session.handle(Input::Assert(facts(titles, chunks)), 0);
    let holds = (0..titles)
        .filter(|title| title % 10 == 0)
        .map(hold)
        .collect();
    let released = session.handle(Input::Retract(holds), 0);
    let seconds = start.elapsed().as_secs_f64();
    ensure!(
        filled.refused.is_empty() && session.state().is_quiet(),
        "facts were refused"
    );
    Ok(Run {
        seconds,
        firings: firings(&filled) + firings(&released),
        facts: session.state().facts() as u64,
    })
}

/// The cost of one change, by the number of facts that have nothing to do with it.
pub(crate) fn changes() -> Result<BTreeMap<u64, f64>> {
    AMONG
        .into_iter()
        .map(|among| Ok((among, change(among)?)))
        .collect()
}

/// A chunk comes back raw, is encoded again by a rule, and nothing else changes.
fn change(among: u64) -> Result<f64> {
    let mut session = begin()?;
    session.handle(Input::Assert(facts(among / 13, 12)), 0);
    let mut batches = Vec::new();
    for batch in 0..BATCHES {
        let changes: Vec<NewFact> = (0..CHANGES).map(|_| chunk(1, 0, "raw")).collect();
        let start = Instant::now();
        for change in changes {
            let step = session.handle(Input::Assert(vec![change]), 0);
            ensure!(
                firings(&step) == 1,
                "batch {batch}: a change fires one rule"
            );
        }
        batches.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(CHANGES));
    }
    median(batches).context("no batches")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_chunk_is_encoded_and_every_title_assembled_and_reported() {
        let Run { firings, facts, .. } = run(20, 3).unwrap();
        assert_eq!(firings, 20 * 3 + 20 + 20);
        assert_eq!(facts, 1 + 20 + 20 * 3 + 20 + 20);
    }
}
