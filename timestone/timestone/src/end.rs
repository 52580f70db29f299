//! Messages end, by others than their workers and by time.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::check;
use crate::details::Details;
use crate::effects::keeps_payload;
use crate::id::Id;
use crate::limits::MAX_TICK;
use crate::message::{End, Ending, Message, State};
use crate::payload::{Payload, Told};
use crate::{Cause, MessageKey, Outcome, Queues, Refusal};

impl Queues {
    /// Ends a message for good and tells its `reply_to`; one not yet seen leaves a
    /// tombstone that refuses it. [`Outcome::Duplicate`] when it had ended.
    pub fn cancel(&mut self, key: &MessageKey, reason: &str) -> Result<Outcome, Refusal> {
        check::key(key)?;
        check::reason(reason)?;
        self.refuse_elsewhere(&key.queue, &key.id)?;
        let error = self.wording.error(key, Cause::Canceled { reason });
        let Some(sequence) = self.find_message(&key.queue, &key.id) else {
            self.refuse_another_queue(&key.queue)?;
            self.insert_tombstone(key, error);
            return Ok(Outcome::Done);
        };
        match self.messages.find(sequence).map(|message| &message.state) {
            None | Some(State::Ended(_)) => Ok(Outcome::Duplicate),
            Some(_) => {
                self.end_telling(sequence, Ending::Canceled, error);
                Ok(Outcome::Done)
            }
        }
    }

    fn insert_tombstone(&mut self, key: &MessageKey, error: Bytes) {
        let state = State::Ended(self.ending(&key.queue, Ending::NeverSeen));
        let tombstone = Message {
            queue: self.name(&key.queue),
            id: Id::new(&key.id),
            priority: 0,
            payload_bytes: 0,
            details: Details::new(&BTreeMap::new(), None, Some(&error)),
            attempts_left: 0,
            deliveries: 0,
            version: 1,
            settled: None,
            state,
        };
        self.insert(tombstone, Payload::EMPTY);
    }

    /// Moves the time on and does what is due, and forgets of what is too much: at most
    /// [`MAX_TICK`] messages of each at once. [`next_timer`](Queues::next_timer) tells when there is more.
    pub fn tick(&mut self, now: i64) {
        self.at(now);
        self.forget_excess();
        for done in 0..MAX_TICK {
            match self.due() {
                Some(sequence) => self.do_due(sequence),
                None => return self.delete_some(MAX_TICK - done),
            }
        }
    }

    /// When time alone changes something next: Unix milliseconds.
    pub fn next_timer(&self) -> Option<i64> {
        match self.index.doomed.is_empty() && !self.is_crowded() {
            true => self.next_due().map(|(due, _)| due),
            false => Some(self.now),
        }
    }

    /// The message that time changes first, and when.
    fn next_due(&self) -> Option<(i64, u64)> {
        let timers = [self.index.next_timer(), self.messages.next_forget()];
        timers.into_iter().flatten().min()
    }

    /// Whether so many more are remembered than may be that it is worth a commit.
    fn is_crowded(&self) -> bool {
        let room = MAX_TICK.min(self.remembered / 64);
        self.messages.packed() > self.remembered + room
    }

    /// Has what is remembered in the order in which it ended, as far as the retentions tell that
    /// the queues have now.
    pub(crate) fn order_remembered(&mut self) {
        let mut messages = std::mem::take(&mut self.messages);
        messages.order_packed(|message| {
            let retention = self.config_of(&message.queue).retention_ms;
            let forgotten = message.state.due().unwrap_or(i64::MAX);
            forgotten.saturating_sub_unsigned(retention)
        });
        self.messages = messages;
    }

    /// Forgets what ended longest ago of what is remembered beyond what may be.
    fn forget_excess(&mut self) {
        if !self.is_crowded() {
            return;
        }
        let excess = self.messages.packed() - self.remembered;
        for _ in 0..excess.min(MAX_TICK) {
            if let Some(sequence) = self.messages.longest_packed() {
                self.remove(sequence);
            }
        }
    }

    /// The same, if it is due.
    fn due(&self) -> Option<u64> {
        let (due, sequence) = self.next_due()?;
        (due <= self.now).then_some(sequence)
    }

    fn do_due(&mut self, sequence: u64) {
        match self.messages.find(sequence).map(|message| &message.state) {
            // The time it becomes visible is stored already.
            Some(State::Invisible { .. }) => {
                let before = self.before(sequence);
                self.move_to(sequence, |message| message.state = State::Pending);
                self.note(sequence, before);
            }
            Some(State::Running(_)) => self.redeliver(sequence, 0),
            Some(State::Pending | State::Ended(_)) | None => self.remove(sequence),
        }
    }

    /// Makes a message wait for its next delivery, or ends it when it has none left.
    pub(crate) fn redeliver(&mut self, sequence: u64, in_ms: u64) {
        let attempts = self
            .messages
            .get(sequence)
            .map(|message| message.attempts_left);
        match attempts {
            Some(0) => self.end_used_up(sequence),
            _ => {
                let state = self.waiting(in_ms);
                self.change(sequence, |message| message.state = state);
            }
        }
    }

    fn end_used_up(&mut self, sequence: u64) {
        let Some(message) = self.messages.get(sequence) else {
            return;
        };
        let last = message.details.error();
        let cause = Cause::AttemptsUsedUp {
            deliveries: message.deliveries,
            last: last.as_ref(),
        };
        let error = self.wording.error(&message.key(), cause);
        self.end_telling(sequence, Ending::Errored, error);
    }

    /// Ends a message and tells its `reply_to`.
    pub(crate) fn end_telling(&mut self, sequence: u64, how: Ending, error: Bytes) {
        let Some(message) = self.messages.get(sequence) else {
            return;
        };
        let reply_to = message.details.reply_to().map(str::to_owned);
        let priority = message.priority;
        let told = reply_to.is_some().then(|| Told {
            key: message.key(),
            state: how.kind(),
            error: error.clone(),
            deliveries: message.deliveries,
            of: self.payload_of(sequence, &message),
        });
        let bytes = message.payload_bytes;
        self.end(sequence, how, Some(error));
        if let (Some(reply_to), Some(told)) = (reply_to, told) {
            self.announce(&reply_to, priority, told, bytes);
        }
    }

    /// Ends a message; what no state after this needs is dropped.
    pub(crate) fn end(&mut self, sequence: u64, how: Ending, error: Option<Bytes>) {
        let Some(queue) = self
            .messages
            .get(sequence)
            .map(|message| message.queue.clone())
        else {
            return;
        };
        let how = match (how, &error) {
            (Ending::Errored, Some(error)) => self.send_dead_letter(sequence, error),
            (how, _) => how,
        };
        let state = State::Ended(self.ending(&queue, how));
        if !keeps_payload(&state) {
            self.recent.drop(sequence);
            self.changes.body(sequence);
        }
        self.change(sequence, |message| {
            message.state = state;
            message.details.set_error(error.as_deref());
            if !keeps_payload(&message.state) {
                message.payload_bytes = 0;
                message.details.set_metadata(&BTreeMap::new());
            }
            // It cannot be put back, so nobody will be told again.
            if matches!(how, Ending::Completed | Ending::Canceled) {
                message.details.set_reply_to(None);
            }
        });
    }

    fn ending(&self, queue: &str, how: Ending) -> End {
        End {
            how,
            forget_at: self.after(self.config_of(queue).retention_ms),
        }
    }
}
