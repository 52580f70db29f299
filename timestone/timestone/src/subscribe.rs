//! Workers that are sent messages as long as they have room.

use crate::check;
use crate::{Delivery, Demand, Queues, Refusal, Session};

impl Refusal {
    /// A subscription has the id of a request under which messages are leased.
    pub fn subscription_id_in_use() -> Self {
        let problem = "is that of a request that holds leases; choose a new one";
        check::invalid("subscription_id", problem.into())
    }
}

impl Queues {
    /// Begins to send messages under the demand's request: up to `max` of them are
    /// leased at any time.
    pub fn subscribe(&mut self, demand: &Demand) -> Result<(), Refusal> {
        check::credit(demand.max)?;
        self.refuse_spread(&demand.queues)?;
        self.admit(demand)?;
        match self.request(demand).is_some() {
            true => Err(Refusal::subscription_id_in_use()),
            false => {
                let sessions = &mut self.index.sessions;
                sessions.subscribe(&demand.session, &demand.request_id);
                Ok(())
            }
        }
    }

    /// Ends what [`subscribe`](Self::subscribe) began. Leases stay.
    pub fn unsubscribe(&mut self, session: &Session, request_id: &str) {
        self.index.sessions.unsubscribe(session, request_id);
    }

    /// Leases as many messages as the subscriber has room for.
    pub fn top_up(
        &mut self,
        demand: &Demand,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Delivery, Refusal> {
        self.refuse_spread(&demand.queues)?;
        self.admit(demand)?;
        let room = self.room(demand);
        let leased = self.lease_next(demand, room, nonce);
        Ok(self.delivery(&leased))
    }

    /// How many more messages the subscriber may be sent.
    pub fn room(&self, demand: &Demand) -> u32 {
        let held = self.request(demand);
        let held = held.map_or(0, |request| request.messages.len());
        demand
            .max
            .saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }

    /// The subscriptions that had a lease ended since the last call.
    pub fn take_freed(&mut self) -> Vec<(Session, String)> {
        self.index.sessions.take_freed()
    }
}
