//! What happens to requests, without storage, time or tasks of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use blob::Value;
use bytes::Bytes;
use clock::Timestamp;
use errors::Error;
use proto::timestone::v1::NewMessage;
use store::Batch;
use timestone_client::names;

use crate::caller::Caller;
use crate::error;
use crate::keys;
use crate::limits::{MAX_ACTIVE, SEND_WITHIN};
use crate::record::{Meta, Record};
use crate::tombstones::Tombstones;
use crate::versions::Pins;
use crate::view::State;
use crate::wire::calls::{self, Call, ToJson};
use crate::wire::{self, Event, Start, Told};

/// Where the service's workflows are and how they are called.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) service: String,
    pub(crate) groups: u32,
    /// The queue on which the service hears of its workflows.
    pub(crate) events: String,
    /// How callers read the service's response.
    pub(crate) to_json: ToJson,
}

impl Address {
    /// What the caller is told of a request that has ended, if a role called.
    pub(crate) fn answer(&self, record: &Record) -> Option<NewMessage> {
        calls::answer(&self.service, record, self.to_json)
    }
}

/// A validated request on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) id: String,
    pub(crate) caller: Caller,
    /// The workflow definition that it starts.
    pub(crate) definition: String,
    pub(crate) request: Bytes,
    pub(crate) input: Value,
    /// The versions of functions that its workflow runs.
    pub(crate) pins: Pins,
    pub(crate) fingerprint: String,
    /// Hash of tenant and idempotency key, or of tenant and call.
    pub(crate) key: Option<String>,
    /// Who waits for the end, where it came as a call.
    pub(crate) call: Option<Call>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) priority: Option<i64>,
    pub(crate) deadline: Option<Timestamp>,
}

/// What one batch of inputs does, to be committed as a whole.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) batch: Batch,
    /// The requests that changed, in order; the last of one id counts.
    pub(crate) records: Vec<Arc<Record>>,
    /// New messages to send, by number.
    pub(crate) messages: Vec<(u64, NewMessage)>,
}

/// The requests under way.
#[derive(Debug)]
pub(crate) struct Core {
    address: Address,
    active: HashMap<Arc<str>, Arc<Record>>,
    /// Request by idempotency key.
    keys: HashMap<String, Arc<str>>,
    canceled: Tombstones,
    next_ordinal: u64,
    next_message: u64,
}

impl Core {
    /// The requests as they were left: those under way, the calls that were canceled
    /// before they came, the next position in the listing and the next number of a message.
    pub(crate) fn restore(
        address: Address,
        active: Vec<Arc<Record>>,
        canceled: Tombstones,
        next_ordinal: u64,
        next_message: u64,
    ) -> Self {
        let mut core = Self {
            address,
            active: HashMap::new(),
            keys: HashMap::new(),
            canceled,
            next_ordinal,
            next_message,
        };
        active.into_iter().for_each(|record| core.remember(record));
        core
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        self.active.contains_key(id)
    }

    pub(crate) fn knows_key(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Takes a request in. `known` is the ended request of the same idempotency
    /// key, if there is one. The answer is the id of the request that counts.
    pub(crate) fn submit(
        &mut self,
        change: &mut Change,
        submission: Submission,
        known: Option<Arc<Record>>,
        now: Timestamp,
    ) -> Result<Arc<str>, Error> {
        if let Some(same) = self.of_key(&submission).or(known) {
            return same.same_as(&submission.fingerprint);
        }
        if self.is_canceled(&submission) {
            return Err(error::canceled_before());
        }
        if self.active.len() >= MAX_ACTIVE {
            return Err(error::too_many_requests(MAX_ACTIVE));
        }
        Ok(self.insert(change, submission, now))
    }

    fn of_key(&self, submission: &Submission) -> Option<Arc<Record>> {
        let id = self.keys.get(submission.key.as_ref()?)?;
        self.active.get(id).cloned()
    }

    fn is_canceled(&self, submission: &Submission) -> bool {
        let call = submission
            .key
            .as_ref()
            .filter(|_| submission.call.is_some());
        call.is_some_and(|key| self.canceled.contains(key))
    }

    fn insert(&mut self, change: &mut Change, submission: Submission, now: Timestamp) -> Arc<str> {
        let meta = self.meta(&submission, now);
        let start = Start {
            definition: &submission.definition,
            input: submission.input,
            pins: submission.pins,
            attributes: submission.attributes,
            deadline: submission.deadline,
            notify: &self.address.events,
        };
        let message = wire::start_message(&submission.id, &meta, start);
        self.send_soon(change, message, now);
        let record = Record {
            id: submission.id.into(),
            meta,
            request: submission.request,
            event: Bytes::new(),
            answer: Bytes::new(),
        };
        record.insert(&mut change.batch);
        let record = Arc::new(record);
        change.records.push(Arc::clone(&record));
        self.next_ordinal += 1;
        self.remember(Arc::clone(&record));
        Arc::clone(&record.id)
    }

    fn meta(&self, submission: &Submission, now: Timestamp) -> Meta {
        let Address {
            service, groups, ..
        } = &self.address;
        let caller = submission.caller.clone();
        Meta {
            ordinal: self.next_ordinal,
            state: State::Accepted,
            finishing: false,
            sequence: 0,
            version: 1,
            created_unix_ms: now.unix_ms(),
            updated_unix_ms: now.unix_ms(),
            inbox: names::inbox_of_workflow(service, &submission.id, *groups),
            priority: submission.priority.unwrap_or(now.unix_ms()),
            tenant: caller.tenant,
            principal: caller.principal,
            traceparent: caller.traceparent,
            fingerprint: submission.fingerprint.clone(),
            key: submission.key.clone(),
            call: submission.call.clone(),
        }
    }

    /// Takes note of what was told about a workflow; `known` is its request when that is not
    /// under way. Unknown requests have nothing to learn, and ended ones only that a failed
    /// workflow goes on.
    pub(crate) fn event(
        &mut self,
        change: &mut Change,
        event: &Event,
        known: Option<Arc<Record>>,
        now: Timestamp,
    ) {
        let active = self.active.get(event.workflow.as_str()).cloned();
        let Some(before) = active.or(known) else {
            return;
        };
        let Some(next) = before.on_event(event, now) else {
            return;
        };
        if let Told::NeverStarted(error) = &event.told {
            self.send_cancel(change, &before, &error.message, now);
        }
        self.replace(change, &before, next);
    }

    /// Cancels a request; `known` is the request when it is not under way.
    pub(crate) fn cancel(
        &mut self,
        change: &mut Change,
        id: &str,
        reason: &str,
        known: Option<Arc<Record>>,
        now: Timestamp,
    ) -> Result<Arc<Record>, Error> {
        let Some(before) = self.active.get(id).cloned() else {
            return known.ok_or_else(|| error::not_found(id));
        };
        let Some(next) = before.on_cancel(reason, now) else {
            return Ok(before);
        };
        self.send_cancel(change, &before, reason, now);
        Ok(self.replace(change, &before, next))
    }

    /// Cancels the request of a call; `known` is the request when it is not under way.
    /// A call that has not come yet is refused when it does.
    pub(crate) fn cancel_call(
        &mut self,
        change: &mut Change,
        key: &str,
        reason: &str,
        known: Option<Arc<Record>>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Some(id) = self.keys.get(key).cloned() {
            return self.cancel(change, &id, reason, None, now).map(drop);
        }
        if known.is_none() {
            let at = Bytes::copy_from_slice(&now.unix_ms().to_be_bytes());
            change.batch.put(keys::canceled(key), at);
            for forgotten in self.canceled.add(key, now) {
                change.batch.delete(keys::canceled(&forgotten));
            }
        }
        Ok(())
    }

    /// Takes note that a result is in its place, or could not be brought there.
    pub(crate) fn finished(
        &mut self,
        change: &mut Change,
        id: &str,
        result: &Result<Bytes, Error>,
        now: Timestamp,
    ) {
        let Some(before) = self.active.get(id).cloned() else {
            return;
        };
        if let Some(next) = before.on_finished(result, now) {
            self.replace(change, &before, next);
        }
    }

    /// Takes note that a message was sent, or refused for good.
    pub(crate) fn sent(&mut self, change: &mut Change, sent: Sent, now: Timestamp) {
        change.batch.delete(keys::outbox(sent.number));
        let Some(error) = sent.refused else {
            return;
        };
        if let Some(event) = wire::start_refused(&sent.message_id, error) {
            self.event(change, &event, None, now);
        }
    }

    /// Forgets the requests that a committed change has ended.
    pub(crate) fn settle(&mut self, change: &Change) {
        for Record { id, meta, .. } in change.records.iter().map(|record| &**record) {
            // One that failed may go on within the same change.
            if self.active.get(id).is_some_and(|last| last.is_final()) {
                self.active.remove(id);
                meta.key.iter().for_each(|key| drop(self.keys.remove(key)));
            }
        }
    }

    /// The requests whose results have to be brought to their place.
    pub(crate) fn finishing(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.active.values().filter(|record| record.meta.finishing)
    }

    fn replace(&mut self, change: &mut Change, before: &Record, next: Record) -> Arc<Record> {
        next.update(before, &mut change.batch);
        if let Some(answer) = self.address.answer(&next) {
            // It may come twice, but it must come: it never is too late for it.
            self.send(change, answer);
        }
        let next = Arc::new(next);
        change.records.push(Arc::clone(&next));
        self.remember(Arc::clone(&next));
        next
    }

    fn remember(&mut self, record: Arc<Record>) {
        if let Some(key) = &record.meta.key {
            self.keys.insert(key.clone(), Arc::clone(&record.id));
        }
        self.active.insert(Arc::clone(&record.id), record);
    }

    fn send_cancel(&mut self, change: &mut Change, record: &Record, why: &str, now: Timestamp) {
        let message = wire::cancel_message(&record.id, &record.meta, why);
        self.send_soon(change, message, now);
    }

    /// Adds a message to the outbox that is worth sending for a while.
    fn send_soon(&mut self, change: &mut Change, mut message: NewMessage, now: Timestamp) {
        message.not_after_unix_ms = (now + SEND_WITHIN).unix_ms();
        self.send(change, message);
    }

    /// Adds a message to the outbox.
    fn send(&mut self, change: &mut Change, message: NewMessage) {
        let number = self.next_message;
        self.next_message += 1;
        change
            .batch
            .put(keys::outbox(number), wire::encode(&message));
        change.messages.push((number, message));
    }
}

/// How sending one message ended.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) message_id: String,
    /// Why it can never be sent.
    pub(crate) refused: Option<Error>,
}

#[cfg(test)]
mod tests;
