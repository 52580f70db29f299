//! A matcher rebuilt from a state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Cause;
use crate::fact::FactId;
use crate::firing::Firing;
use crate::memory::{Memory, Refused};
use crate::network::MatchKey;
use crate::rules::Rules;
use crate::state::State;

/// Facts and marks of a state in a matcher of their own.
pub(super) fn remember(
    rules: Arc<Rules>,
    state: &State,
    key: impl Fn(usize, &Firing) -> MatchKey,
) -> Result<Memory, Refused> {
    let mut memory = with_facts(Arc::clone(&rules), state)?;
    for (number, firing) in state.firings().filter(|(_, firing)| firing.holds) {
        if let Some((rule, _)) = rules.find_rule(&firing.rule) {
            memory.mark(key(rule, firing), number);
        }
    }
    Ok(memory)
}

/// As [`remember`], where other fields may be read than before: a mark counts for
/// the same rule and facts.
pub(super) fn remember_anew(rules: Arc<Rules>, state: &State) -> Result<Memory, Refused> {
    let mut memory = with_facts(Arc::clone(&rules), state)?;
    let keys = memory.waiting_keys().map(|key| {
        let facts = key.facts.iter().map(|(fact, _)| *fact).collect();
        ((key.rule, facts), MatchKey::clone(key))
    });
    let keys: BTreeMap<(usize, Vec<FactId>), MatchKey> = keys.collect();
    for (number, firing) in state.firings().filter(|(_, firing)| firing.holds) {
        let facts = firing.facts.iter().map(|fact| fact.fact).collect();
        let rule = rules.find_rule(&firing.rule).map(|(rule, _)| rule);
        if let Some(key) = rule.and_then(|rule| keys.get(&(rule, facts))) {
            memory.mark(key.clone(), number);
        }
    }
    Ok(memory)
}

fn with_facts(rules: Arc<Rules>, state: &State) -> Result<Memory, Refused> {
    let mut memory = Memory::new(Arc::clone(&rules));
    for (id, fact) in &state.facts {
        let kind = rules
            .find_kind(&fact.kind)
            .ok_or_else(|| Refused::UnknownType(fact.kind.clone()))?;
        let fields = &rules.kinds[kind].fields;
        let same_types = fields
            .iter()
            .zip(&fact.fields)
            .all(|((_, wanted), (value, _))| value.kind() == *wanted);
        if fields.len() != fact.fields.len() || !same_types {
            return Err(Refused::Malformed(format!(
                "{} has other fields than it had",
                fact.kind
            )));
        }
        memory.insert(*id, kind, fact.since, fact.fields.clone());
    }
    memory.go_on(state.next_fact, state.changes);
    memory.settle(Cause::NewRules)?;
    Ok(memory)
}
