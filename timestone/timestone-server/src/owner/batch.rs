use timestone::Payloads;

use super::Reply;

/// Calls that share one commit.
const MAX_CALLS: usize = 4_096;
/// Payload bytes of one commit, beyond which no further call joins.
const MAX_BYTES: usize = 16 << 20;

/// Calls that were applied and wait for what they changed to be stored.
#[derive(Default)]
pub(crate) struct Batch {
    replies: Vec<Reply>,
    /// Those that do not wait until it is stored.
    ahead: Vec<Reply>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.ahead.is_empty()
    }

    /// Whether somebody is answered before it is stored.
    pub(crate) fn has_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether another call may join.
    pub(crate) fn is_open(&self) -> bool {
        self.replies.len() < MAX_CALLS && self.bytes < MAX_BYTES
    }

    pub(crate) fn add(&mut self, reply: Reply, bytes: usize) {
        self.replies.push(reply);
        self.bytes += bytes;
    }

    /// Takes the calls of another along.
    pub(crate) fn append(&mut self, other: Self) {
        self.replies.extend(other.replies);
        self.ahead.extend(other.ahead);
        self.bytes += other.bytes;
    }

    /// Answers once what was changed has its place in the store.
    pub(crate) fn add_ahead(&mut self, reply: Reply) {
        self.ahead.push(reply);
    }

    /// Answers those who do not wait until it is stored.
    pub(crate) fn answer_ahead(&mut self, read: &Payloads) {
        self.ahead.drain(..).for_each(|reply| reply(read));
    }

    /// Answers every call, with the payloads that were read.
    pub(crate) fn answer(mut self, read: &Payloads) {
        self.answer_ahead(read);
        self.replies.into_iter().for_each(|reply| reply(read));
    }
}
