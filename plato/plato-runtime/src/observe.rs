//! What a commit of a group says, for those who watch a store: simulations and proofs.

use store::{Batch, Op, StoreError};

use crate::{keys, records};

/// One row that a commit writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// The journal of a workflow grows.
    Journaled {
        workflow: String,
        entry: plato::Entry,
    },
    /// The state of a workflow, alive or ended, as its owner holds it.
    Kept(Box<plato::State>),
    /// The journal of a workflow of rules grows.
    RulesJournaled {
        workflow: String,
        entry: plato_rules::Entry,
    },
    /// The state of a workflow of rules as its owner holds it.
    RulesKept(Box<plato_rules::State>),
    /// A message of the inbox was handled, by its id.
    Handled(String),
}

/// What a commit writes of workflows, in the order in which it writes it.
///
/// # Errors
/// When a row cannot be read: this version did not write it.
pub fn observe(batch: &Batch) -> Result<Vec<Observed>, StoreError> {
    let rows = batch.ops().iter().filter_map(row);
    rows.collect()
}

fn row(op: &Op) -> Option<Result<Observed, StoreError>> {
    let (key, value) = (op.key(), op.value()?);
    let workflow = || keys::workflow(key).unwrap_or_default().to_owned();
    match key.first()? {
        b'j' => Some(
            records::decode_entry(value).map(|entry| Observed::Journaled {
                workflow: workflow(),
                entry,
            }),
        ),
        b's' | b'e' => Some(records::decode_state(value).map(|state| Observed::Kept(state.into()))),
        b'f' => Some(
            records::decode_rules_entry(value).map(|entry| Observed::RulesJournaled {
                workflow: workflow(),
                entry,
            }),
        ),
        b'l' | b'w' => {
            Some(records::decode_rules(value).map(|state| Observed::RulesKept(state.into())))
        }
        b'i' => Some(Ok(Observed::Handled(
            keys::handled(key).unwrap_or_default().to_owned(),
        ))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use plato::{Entry, Event, State};

    use super::*;

    #[test]
    fn rows_are_told_apart_by_their_keys() {
        let entry = Entry {
            first: 3,
            at_ms: 7,
            events: vec![Event::Resumed],
        };
        let state = State::new("w", plato::Header::default(), 7);
        let mut batch = Batch::new();
        batch.put(keys::journal("w", 3), records::encode_entry(&entry));
        batch.put(keys::ended("w"), records::encode_state(&state));
        batch.put(keys::inbox(9, "w/result"), Bytes::new());
        batch.put(keys::outbox(1), Bytes::from_static(b"row"));
        batch.delete(keys::snapshot("w"));
        let journaled = Observed::Journaled {
            workflow: "w".into(),
            entry,
        };
        assert_eq!(
            observe(&batch).unwrap(),
            [
                journaled,
                Observed::Kept(state.into()),
                Observed::Handled("w/result".into())
            ]
        );
    }
}
