//! Queues come, change and go.

use crate::check;
use crate::limits::{MAX_REARRANGED, MAX_TICK};
use crate::message::{Ending, State};
use crate::name::Name;
use crate::queue::Queue;
use crate::{Cause, Outcome, QueueConfig, QueueView, Queues, Refusal};

impl Queues {
    /// Creates a queue or changes its configuration; messages that wait keep the
    /// times and attempts they have. Whether messages exclude one another can be
    /// changed only while none waits or runs.
    pub fn put_queue(&mut self, queue: &str, config: QueueConfig) -> Result<(), Refusal> {
        check::queue_name("queue", queue)?;
        check::config(&config)?;
        self.refuse_own_dead_letters(queue, &config)?;
        self.refuse_another_queue(queue)?;
        self.refuse_deleting(queue)?;
        self.refuse_rearranging(queue, &config)?;
        self.refuse_spreading(queue, &config)?;
        let known = self.index.queues.get(queue);
        if known.and_then(|known| known.config.as_ref()) != Some(&config) {
            self.configure(self.name(queue), config);
        }
        Ok(())
    }

    pub(crate) fn arrange(&mut self, name: &Name, config: QueueConfig) {
        let queue = self.index.queues.entry(name.clone()).or_default();
        for sequence in queue.configure(config) {
            if let Some(message) = self.messages.get(sequence) {
                queue.put(sequence, &message);
            }
        }
    }

    fn configure(&mut self, name: Name, config: QueueConfig) {
        self.arrange(&name, config);
        self.index.wake(&name);
        self.changes.config(name);
    }

    fn refuse_own_dead_letters(&self, queue: &str, config: &QueueConfig) -> Result<(), Refusal> {
        match &config.dead_letter {
            Some(policy) if policy.queue == queue => Err(check::invalid(
                "config.dead_letter.queue",
                "is the queue itself; name another".into(),
            )),
            _ => Ok(()),
        }
    }

    fn refuse_rearranging(&self, name: &str, config: &QueueConfig) -> Result<(), Refusal> {
        let Some(queue) = self.index.queues.get(name) else {
            return Ok(());
        };
        if queue.config().kind != config.kind {
            refuse_depth(name, queue)?;
        }
        let messages = queue.len();
        match messages > MAX_REARRANGED && !queue.config().arranges_like(config) {
            true => Err(check::invalid(
                "config",
                format!(
                    "indexes or shares out {messages} messages in another way; at most {MAX_REARRANGED}"
                ),
            )),
            false => Ok(()),
        }
    }

    /// Messages are found in the shards they were put into.
    fn refuse_spreading(&self, name: &str, config: &QueueConfig) -> Result<(), Refusal> {
        let Some(queue) = self.index.queues.get(name) else {
            return Ok(());
        };
        let (before, messages) = (queue.config().partitions, queue.len());
        match before != config.partitions && (before > 1 || messages > 0) {
            true => Err(check::invalid(
                "config.partitions",
                format!(
                    "stays {before} until {name} is deleted: {messages} messages are here because \
                     of it"
                ),
            )),
            false => Ok(()),
        }
    }

    pub(crate) fn refuse_deleting(&self, queue: &str) -> Result<(), Refusal> {
        let known = self.index.queues.get(queue);
        match known.is_some_and(|queue| queue.deleting) {
            true => Err(Refusal::QueueDeleting {
                queue: queue.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Reads one queue.
    pub fn queue(&self, queue: &str) -> Option<QueueView> {
        let known = self.index.queues.get(queue)?;
        Some(known.view(queue))
    }

    /// The queues whose names begin with `prefix` and come after `after`, by name.
    pub fn list(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<QueueView>, Refusal> {
        check::page(limit)?;
        let wanted = |name: &&str| name.starts_with(prefix) && *name > after;
        let names = self.index.queues.keys().map(|name| &**name);
        let mut names: Vec<_> = names.filter(wanted).collect();
        names.sort_unstable();
        names.truncate(limit as usize);
        Ok(names.iter().filter_map(|name| self.queue(name)).collect())
    }

    /// Deletes a queue and forgets its messages; with `force` also if some wait or
    /// run: these are canceled, and their `reply_to` is told. Takes a while for
    /// many messages; the queue takes and gives none meanwhile.
    /// [`Outcome::Duplicate`] when it is gone or going.
    pub fn delete_queue(&mut self, queue: &str, force: bool) -> Result<Outcome, Refusal> {
        check::queue_name("queue", queue)?;
        let Some((name, known)) = self.index.queues.get_key_value(queue) else {
            return Ok(Outcome::Duplicate);
        };
        if known.deleting {
            return Ok(Outcome::Duplicate);
        }
        if !force {
            refuse_depth(queue, known)?;
        }
        let name = name.clone();
        if let Some(known) = self.index.queues.get_mut(queue) {
            known.deleting = true;
        }
        self.changes.config(name.clone());
        self.index.doomed.insert(name);
        self.delete_some(MAX_TICK);
        Ok(Outcome::Done)
    }

    /// Goes on deleting what is to be deleted, by at most so many messages.
    pub(crate) fn delete_some(&mut self, most: usize) {
        for _ in 0..most {
            let Some(name) = self.index.doomed.first().cloned() else {
                return;
            };
            self.delete_one(&name);
        }
    }

    fn delete_one(&mut self, name: &Name) {
        let queue = self.index.queues.get(name);
        match queue.and_then(|queue| queue.shelf.all().next()) {
            Some((_, sequence)) => {
                self.cancel_deleted(sequence);
                self.remove(sequence);
            }
            None => {
                self.index.queues.remove(name);
                self.index.doomed.remove(name);
                self.changes.config(name.clone());
                self.forget_tally(name);
            }
        }
    }

    fn cancel_deleted(&mut self, sequence: u64) {
        let Some(message) = self.messages.get(sequence) else {
            return;
        };
        if !matches!(message.state, State::Ended(_)) {
            let reason = "its queue was deleted";
            let error = self
                .wording
                .error(&message.key(), Cause::Canceled { reason });
            self.end_telling(sequence, Ending::Canceled, error);
        }
    }
}

fn refuse_depth(name: &str, queue: &Queue) -> Result<(), Refusal> {
    match queue.depth() {
        0 => Ok(()),
        depth => Err(Refusal::QueueNotEmpty {
            queue: name.to_owned(),
            depth,
        }),
    }
}

impl Queue {
    fn view(&self, name: &str) -> QueueView {
        QueueView {
            config: self.config().clone(),
            configured: self.config.is_some(),
            deleting: self.deleting,
            count: self.count(name),
        }
    }
}
