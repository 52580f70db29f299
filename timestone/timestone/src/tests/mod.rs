#![allow(clippy::unwrap_used, clippy::panic)]

mod errands;
mod history;
mod lanes;
mod letters;
mod managed;
mod model;
mod retention;
mod rules;
mod step;
mod taken;
mod watched;
mod wording;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::record::RecordKey;
use crate::{MessageKey, MessageView, Payloads, Queues, Write};

/// Every payload of a store.
fn all_payloads(store: &BTreeMap<Bytes, Bytes>) -> Payloads {
    let records = store.iter();
    let payload = |(key, value): (&Bytes, &Bytes)| match RecordKey::decode(key).unwrap() {
        RecordKey::Body(sequence) => Some((sequence, value.clone())),
        RecordKey::Errand(_) | RecordKey::Head(_) | RecordKey::Config(_) => None,
    };
    Payloads {
        wording: Arc::new(wording::Plain),
        stored: records.filter_map(payload).collect(),
    }
}

impl Queues {
    /// What to store, where every payload is at hand.
    fn take_writes(&mut self) -> Vec<Write> {
        let commit = self.take_commit();
        assert!(commit.reads.keys().is_empty(), "a payload was not at hand");
        commit.writes.records(&commit.reads.nothing())
    }

    /// A message whose payload is at hand.
    fn view(&mut self, key: &MessageKey) -> Option<MessageView> {
        let shown = self.get(key)?;
        Some(shown.filled(&all_payloads(&BTreeMap::new())))
    }
}
