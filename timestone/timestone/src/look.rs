//! A worker of queues in several shards looks at each, and takes where the most urgent is.

use crate::{Delivery, Demand, Queues, Refusal};

/// What a worker would find here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Messages that are leased under its request.
    pub held: u32,
    /// The priorities of what it would get next, in that order.
    pub next: Vec<i64>,
    /// Whether tenants of a queue in several shards take turns, here and there.
    pub turns: bool,
    /// Shards that its queues are spread over, summed up, as far as is known here.
    pub spread: u32,
    /// Another look of the same request waits in place of this one.
    pub replaced: bool,
}

/// What a worker takes. See [`Queues::take`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The least urgent priority that is taken; `None` = any.
    pub up_to: Option<i64>,
    /// Leases that it knows to hold here: where it holds more, the answer to an earlier take was
    /// lost. `None` = it does not say.
    pub known: Option<u32>,
    /// Names the take among those of its request, each of which has a larger one than those
    /// before: repeated, it is answered with what it has leased, as far as that is leased still,
    /// by whoever owns the shard then. One that comes
    /// late leases nothing, while one that followed it holds a lease.
    /// 0 = it has no name.
    pub number: u64,
}

impl Queues {
    /// What the demand's worker holds and could get, of which it is told up to `most`; nothing is
    /// leased.
    pub fn look(&mut self, demand: &Demand, most: usize) -> Result<Sight, Refusal> {
        self.admit(demand)?;
        let queues = &demand.queues;
        let spread = queues.iter().map(|queue| self.spread_of(queue));
        Ok(Sight {
            held: self.held(demand),
            next: self.index.ahead(queues, demand.filter.as_ref(), most),
            turns: queues.iter().any(|queue| self.takes_turns_elsewhere(queue)),
            spread: spread.fold(0, u32::saturating_add),
            replaced: false,
        })
    }

    fn held(&self, demand: &Demand) -> u32 {
        let held = self.request(demand);
        let held = held.map_or(0, |request| request.messages.len());
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    fn takes_turns_elsewhere(&self, queue: &str) -> bool {
        self.spread_of(queue) > 1 && self.config_of(queue).fairness.is_some()
    }

    /// Leases up to `max` more messages under the demand's request, as long as they are urgent
    /// enough; or answers with all that it holds, where that is more than its worker knows.
    pub fn take(
        &mut self,
        demand: &Demand,
        taken: Taken,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Delivery, Refusal> {
        self.admit(demand)?;
        if taken.known.is_some_and(|known| self.held(demand) > known) {
            return Ok(self.answer(demand));
        }
        if let Some(again) = self.taken_before(demand, taken.number) {
            return Ok(self.delivery(&again));
        }
        let leased = self.lease_some(demand, demand.max, taken, nonce);
        Ok(self.delivery(&leased))
    }

    /// What a take of this number is answered with, if it or one that followed it leased
    /// something: what it holds itself, the most urgent first.
    fn taken_before(&self, demand: &Demand, number: u64) -> Option<Vec<u64>> {
        let request = self.request(demand)?;
        if number == 0 || request.newest < number {
            return None;
        }
        let is_its = |one: &u64| self.lease(*one).is_some_and(|lease| lease.take == number);
        let mut its: Vec<_> = request.messages.iter().copied().filter(is_its).collect();
        its.sort_by_key(|one| (self.messages.find(*one).map(|m| m.priority), *one));
        Some(its)
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
