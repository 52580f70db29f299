use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::message::{Ending, State};
use crate::name::Name;
use crate::payload::{Payload, Payloads};
use crate::record::{RecordError, RecordKey, StoredQueue, config, errand, head};
use crate::{Queues, Wording};

/// A record to write or, without value, to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// What must be stored since the last time, as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    heads: Vec<u64>,
    bodies: Vec<u64>,
    errands: Vec<u64>,
    configs: BTreeSet<Name>,
}

impl Changes {
    pub(crate) fn head(&mut self, sequence: u64) {
        self.heads.push(sequence);
    }

    pub(crate) fn body(&mut self, sequence: u64) {
        self.bodies.push(sequence);
    }

    pub(crate) fn errand(&mut self, number: u64) {
        self.errands.push(number);
    }

    pub(crate) fn config(&mut self, queue: Name) {
        self.configs.insert(queue);
    }

    /// At least how many records there are.
    pub(crate) fn len(&self) -> usize {
        self.heads.len() + self.bodies.len() + self.errands.len() + self.configs.len()
    }

    /// Each record once.
    fn take(&mut self) -> Self {
        let mut taken = std::mem::take(self);
        for numbers in [&mut taken.heads, &mut taken.bodies, &mut taken.errands] {
            numbers.sort_unstable();
            numbers.dedup();
        }
        taken
    }
}

/// Whether the payload is of use in this state.
pub(crate) fn keeps_payload(state: &State) -> bool {
    !matches!(
        state,
        State::Ended(end) if end.how != Ending::Errored
    )
}

/// What must be done before any answer since the last commit is given.
pub struct Commit {
    /// What the answers, or the writes, need from the store.
    pub reads: Reads,
    pub writes: Writes,
}

/// Payloads to be read from the store, as it is before anything is written.
pub struct Reads {
    sequences: Vec<u64>,
    wording: Arc<dyn Wording>,
}

impl Reads {
    /// The keys of the records.
    pub fn keys(&self) -> Vec<Bytes> {
        let keys = self.sequences.iter();
        keys.map(|sequence| RecordKey::Body(*sequence).encode())
            .collect()
    }

    /// Takes the values of [`keys`](Self::keys), in that order.
    pub fn take(self, values: Vec<Option<Bytes>>) -> Result<Payloads, RecordError> {
        let values = values.into_iter().chain(std::iter::repeat(None));
        let stored = self.sequences.iter().zip(values).map(|(sequence, value)| {
            let lost = RecordError {
                what: "message",
                problem: "lacks its payload",
            };
            Ok((*sequence, value.ok_or(lost)?))
        });
        Ok(Payloads {
            stored: stored.collect::<Result<_, _>>()?,
            wording: self.wording,
        })
    }

    /// What nothing was read for.
    pub fn nothing(&self) -> Payloads {
        Payloads::none(Arc::clone(&self.wording))
    }
}

/// Records to be written.
pub struct Writes {
    records: Vec<(RecordKey, Option<Payload>)>,
    wait: bool,
}

impl Writes {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether some are made of what must be read first.
    pub fn wait(&self) -> bool {
        self.wait
    }

    /// The records to store, in one batch.
    pub fn records(self, read: &Payloads) -> Vec<Write> {
        let records = self.records.into_iter();
        let write = |(key, value): (RecordKey, Option<Payload>)| Write {
            key: key.encode(),
            value: value.map(|payload| payload.bytes(read)),
        };
        records.map(write).collect()
    }
}

impl Queues {
    /// How many records must be stored, at least.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Whether answers since the last commit may be given without another.
    pub fn is_settled(&self) -> bool {
        self.changes.len() == 0 && self.recent.wanted.is_empty()
    }

    /// What to store, in one batch, and to read before any answer since the last
    /// call may be given. A record that changed several times comes once.
    pub fn take_commit(&mut self) -> Commit {
        let changes = self.changes.take();
        let heads = changes.heads.iter().map(|sequence| self.head(*sequence));
        let bodies = changes.bodies.iter().map(|sequence| self.body(*sequence));
        let errands = changes.errands.iter().map(|number| self.errand(*number));
        let configs = changes.configs.iter().map(|queue| self.config(queue));
        let records = heads.chain(bodies).chain(errands).chain(configs);
        let records: Vec<_> = records
            .filter(|record| self.must_be_stored(record))
            .collect();
        self.first_unstored = self.next_sequence;
        changes
            .heads
            .iter()
            .for_each(|sequence| self.pack(*sequence));
        let values = records.iter().filter_map(|(_, value)| value.as_ref());
        let waiting = values.filter(|value| self.recent.want(value)).count();
        let reads = Reads {
            sequences: self.recent.hand_out().into_iter().collect(),
            wording: Arc::clone(&self.wording),
        };
        let wait = waiting > 0;
        Commit {
            reads,
            writes: Writes { records, wait },
        }
    }

    /// Whether the store has to know: not of what came and went since the last commit.
    fn must_be_stored(&self, (key, value): &(RecordKey, Option<Payload>)) -> bool {
        match key {
            RecordKey::Head(number) | RecordKey::Body(number) | RecordKey::Errand(number) => {
                value.is_some() || *number < self.first_unstored
            }
            RecordKey::Config(_) => true,
        }
    }

    /// For answers that need nothing from the store.
    pub fn nothing_read(&self) -> Payloads {
        Payloads::none(Arc::clone(&self.wording))
    }

    /// How many commits were taken.
    pub fn commits(&self) -> u64 {
        self.recent.commits()
    }

    /// Tells that the first so many commits that were taken are stored.
    pub fn stored(&mut self, commits: u64) {
        self.recent.stored(commits);
    }

    /// The queues that got a pending message since the last call.
    pub fn take_woken(&mut self) -> BTreeSet<String> {
        let woken = self.index.take_woken();
        woken.iter().map(|queue| queue.to_string()).collect()
    }

    fn head(&self, sequence: u64) -> (RecordKey, Option<Payload>) {
        let message = self.messages.get(sequence);
        let value = message.map(|message| Payload::Here(head::encode(&message)));
        (RecordKey::Head(sequence), value)
    }

    fn body(&self, sequence: u64) -> (RecordKey, Option<Payload>) {
        let message = self.messages.get(sequence);
        let kept = message.filter(|message| keeps_payload(&message.state));
        let value = kept.map(|message| self.payload_of(sequence, &message));
        let value = value.or_else(|| self.payload_of_errand(sequence));
        (RecordKey::Body(sequence), value)
    }

    fn errand(&self, number: u64) -> (RecordKey, Option<Payload>) {
        let stored = self.stored_errand(number);
        let value = stored.map(|stored| Payload::Here(errand::encode(stored)));
        (RecordKey::Errand(number), value)
    }

    fn config(&self, name: &Name) -> (RecordKey, Option<Payload>) {
        let queue = self.index.queues.get(name);
        let stored = queue.and_then(StoredQueue::of);
        let value = stored.map(|stored| Payload::Here(config::encode(&stored)));
        (RecordKey::Config(name.to_string()), value)
    }
}
