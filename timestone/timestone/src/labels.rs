//! Metadata values as small numbers.
//!
//! A value that thousands of messages hold is kept once, and forgotten with the
//! last of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::MessageState;

/// Names a set of messages of one queue.
pub(crate) type Label = u32;
/// All messages.
pub(crate) const ALL: Label = 0;
/// The messages without exclusivity value, and those without tenant.
pub(crate) const NONE: Label = 1;

/// How many messages bear a label, by state.
pub(crate) type Counts = [u32; 6];

/// The labels of one queue.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    keys: Vec<Key>,
    pairs: HashMap<(Label, Label), Label>,
    known: Vec<Known>,
    free: Vec<Label>,
}

/// A metadata key, and the labels of its values.
#[derive(Clone, Debug)]
struct Key {
    key: Box<str>,
    values: HashMap<Arc<str>, Label>,
}

#[derive(Clone, Debug)]
struct Known {
    name: Name,
    counts: Counts,
}

#[derive(Clone, Debug)]
enum Name {
    /// Never forgotten.
    Fixed,
    /// The value of the key at this place.
    Value(usize, Arc<str>),
    Pair(Label, Label),
    Free,
}

impl Labels {
    /// Labels for the values of these metadata keys.
    pub(crate) fn new(keys: &BTreeSet<&str>) -> Self {
        let fixed = || Known {
            name: Name::Fixed,
            counts: Counts::default(),
        };
        let keys = keys.iter().map(|key| Key {
            key: (*key).into(),
            values: HashMap::new(),
        });
        Self {
            keys: keys.collect(),
            pairs: HashMap::new(),
            known: vec![fixed(), fixed()],
            free: Vec::new(),
        }
    }

    /// The place of a key, if values of it have labels.
    pub(crate) fn key(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|known| *known.key == *key)
    }

    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.key(key).is_some()
    }

    /// The label of a value that some message holds.
    pub(crate) fn find(&self, key: &str, value: &str) -> Option<Label> {
        self.keys[self.key(key)?].values.get(value).copied()
    }

    /// The label of a value of the key at this place; probably it is `likely`, which costs less
    /// to see than to find.
    pub(crate) fn value(&mut self, (key, value): (usize, &str), likely: Option<Label>) -> Label {
        if let Some(label) = likely.filter(|label| self.is(*label, (key, value))) {
            return label;
        }
        if let Some(label) = self.keys[key].values.get(value) {
            return *label;
        }
        let value: Arc<str> = value.into();
        let label = self.name(Name::Value(key, Arc::clone(&value)));
        self.keys[key].values.insert(value, label);
        label
    }

    fn is(&self, label: Label, (key, value): (usize, &str)) -> bool {
        let name = &self.known[label as usize].name;
        matches!(name, Name::Value(of, text) if *of == key && **text == *value)
    }

    /// The label of what bears both.
    pub(crate) fn pair(&mut self, one: Label, other: Label) -> Label {
        if let Some(label) = self.pairs.get(&(one, other)) {
            return *label;
        }
        let label = self.name(Name::Pair(one, other));
        self.pairs.insert((one, other), label);
        label
    }

    fn name(&mut self, name: Name) -> Label {
        let known = Known {
            name,
            counts: Counts::default(),
        };
        match self.free.pop() {
            Some(label) => {
                self.known[label as usize] = known;
                label
            }
            None => {
                self.known.push(known);
                (self.known.len() - 1) as Label
            }
        }
    }

    /// The value that a label stands for.
    pub(crate) fn text(&self, label: Label) -> &str {
        match &self.known[label as usize].name {
            Name::Value(_, value) => value,
            Name::Fixed | Name::Pair(..) | Name::Free => "",
        }
    }

    pub(crate) fn counts(&self, label: Label) -> &Counts {
        &self.known[label as usize].counts
    }

    pub(crate) fn count_in(&mut self, label: Label, state: MessageState) {
        self.known[label as usize].counts[state as usize] += 1;
    }

    pub(crate) fn count_out(&mut self, label: Label, state: MessageState) {
        self.known[label as usize].counts[state as usize] -= 1;
    }

    /// Forgets a label that no message bears.
    pub(crate) fn sweep(&mut self, label: Label) {
        let known = &mut self.known[label as usize];
        if known.counts != Counts::default() {
            return;
        }
        match std::mem::replace(&mut known.name, Name::Free) {
            Name::Fixed => known.name = Name::Fixed,
            Name::Free => {}
            Name::Value(key, value) => {
                self.keys[key].values.remove(&value);
                self.free.push(label);
            }
            Name::Pair(one, other) => {
                self.pairs.remove(&(one, other));
                self.free.push(label);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len() - self.free.len()
    }
}
