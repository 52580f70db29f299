//! A worker of queues in several shards looks at each, and takes where the most urgent is.

use crate::{Delivery, Demand, Queues, Refusal};

/// What a worker would find here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Messages that are leased under its request.
    pub held: u32,
    /// The priority of what it would get next.
    pub next: Option<i64>,
}

impl Queues {
    /// What the demand's worker holds and could get; nothing is leased.
    pub fn look(&mut self, demand: &Demand) -> Result<Sight, Refusal> {
        self.admit(demand)?;
        let held = self.request(demand);
        let held = held.map_or(0, |request| request.messages.len());
        let next = self.index.first(&demand.queues, demand.filter.as_ref());
        let next = next.and_then(|sequence| self.messages.get(sequence));
        Ok(Sight {
            held: u32::try_from(held).unwrap_or(u32::MAX),
            next: next.map(|message| message.priority),
        })
    }

    /// Leases up to `max` more messages under the demand's request, as long as they are at
    /// least as urgent as `up_to`.
    pub fn take(
        &mut self,
        demand: &Demand,
        up_to: Option<i64>,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Delivery, Refusal> {
        self.admit(demand)?;
        let up_to = up_to.unwrap_or(i64::MAX);
        let leased = self.lease_up_to(demand, (demand.max, up_to), nonce);
        Ok(self.delivery(&leased))
    }

    /// Tells by [`take_freed`](Self::take_freed) when a lease under the demand's request ends,
    /// until [`unsubscribe`](Self::unsubscribe).
    pub fn notice(&mut self, demand: &Demand) {
        let sessions = &mut self.index.sessions;
        sessions.subscribe(&demand.session, &demand.request_id);
    }

    /// Messages of a queue that could be leased, but for what excludes them.
    pub fn pending(&self, queue: &str) -> u64 {
        let queue = self.index.queues.get(queue);
        queue.map_or(0, |queue| queue.count("").pending)
    }
}
