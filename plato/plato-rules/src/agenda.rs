//! The matches that hold, and the order in which those that wait fire.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::event::Cause;
use crate::network::{Change, MatchKey};
use crate::rules::Rules;

/// The first fires first: the highest salience, then the most tests, then the match
/// that is oldest by the newest thing it reads, then the order of rules and facts.
type Order = (Reverse<i32>, Reverse<u32>, u64, Arc<MatchKey>);

/// Why a match began to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Why {
    pub(crate) cause: Cause,
    /// How many firings led to it, each from the one before.
    pub(crate) chain: u32,
}

#[derive(Debug)]
struct Held {
    why: Why,
    /// The firing for it, if it has fired.
    fired: Option<u64>,
    /// Whether it vanished in the change that is going on.
    is_gone: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    held: HashMap<Arc<MatchKey>, Held>,
    waiting: BTreeSet<Order>,
    /// Firings whose match holds.
    fired: BTreeSet<u64>,
}

impl Agenda {
    /// Takes in what one change did; the firings whose match has ceased to hold.
    pub(crate) fn take(&mut self, rules: &Rules, changes: Vec<Change>, why: Why) -> Vec<u64> {
        let mut gone = Vec::new();
        for change in changes {
            match change {
                Change::Appeared(key) => self.appear(rules, key, why),
                Change::Vanished(key) => {
                    if let Some(held) = self.held.get_mut(&key) {
                        held.is_gone = true;
                        gone.push(key);
                    }
                }
            }
        }
        let mut ceased: Vec<u64> = gone
            .iter()
            .filter_map(|key| self.cease(rules, key))
            .collect();
        ceased.sort_unstable();
        ceased
    }

    fn appear(&mut self, rules: &Rules, key: Arc<MatchKey>, why: Why) {
        if let Some(held) = self.held.get_mut(&key) {
            held.is_gone = false;
            return;
        }
        self.waiting.insert(order(rules, &key));
        self.held.insert(
            key,
            Held {
                why,
                fired: None,
                is_gone: false,
            },
        );
    }

    fn cease(&mut self, rules: &Rules, key: &Arc<MatchKey>) -> Option<u64> {
        if !self.held.get(key)?.is_gone {
            return None;
        }
        let held = self.held.remove(key)?;
        if held.fired.is_none() {
            self.waiting.remove(&order(rules, key));
        }
        if let Some(firing) = held.fired {
            self.fired.remove(&firing);
        }
        held.fired
    }

    /// The match that fires next, and why it began to hold.
    pub(crate) fn next(&self) -> Option<(&Arc<MatchKey>, Why)> {
        let (.., key) = self.waiting.first()?;
        Some((key, self.held.get(key)?.why))
    }

    /// Notes that a match has fired; whether it was there.
    pub(crate) fn fired(&mut self, rules: &Rules, key: &Arc<MatchKey>, firing: u64) -> bool {
        self.waiting.remove(&order(rules, key));
        let Some(held) = self.held.get_mut(key) else {
            return false;
        };
        held.fired = Some(firing);
        self.fired.insert(firing);
        true
    }

    /// Whether a match holds that fired under this number.
    pub(crate) fn has_fired(&self, firing: u64) -> bool {
        self.fired.contains(&firing)
    }

    /// The matches that wait, in the order in which they fire.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Arc<MatchKey>> {
        self.waiting.iter().map(|(.., key)| key)
    }
}

fn order(rules: &Rules, key: &Arc<MatchKey>) -> Order {
    let rule = &rules.rules[key.rule];
    let newest = key.facts.iter().map(|(_, version)| *version).max();
    let age = newest.unwrap_or(0);
    (
        Reverse(rule.salience),
        Reverse(rule.specificity),
        age,
        Arc::clone(key),
    )
}
