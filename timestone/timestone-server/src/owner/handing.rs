//! Messages are handed to those who ask, wait or subscribe.

use timestone::{Delivery, Payloads};
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};

use super::serving::Serving;
use super::{Granted, Subscriber, Taker, Waiter};

/// What came of looking for messages for somebody.
enum Handed {
    /// Something, or there is nobody any more.
    Done,
    /// It was told of messages, which are still there.
    Told,
    /// There is nothing.
    Nothing,
}

impl Serving {
    /// Answers at once, or lets the worker wait.
    pub(super) fn dequeue(&mut self, waiter: Waiter) {
        if waiter.looks() {
            return self.look(waiter);
        }
        // Those who waited longer come first, and what is due is visible.
        self.catch_up();
        match self.lease_for(&waiter) {
            Ok(delivery) if delivery.messages.is_empty() => self.park(waiter),
            answer => self.grant(waiter, answer),
        }
    }

    pub(super) fn catch_up(&mut self) {
        if self.has_room() {
            self.queues.tick(self.time.now());
        }
        self.serve_waiters();
    }

    fn park(&mut self, waiter: Waiter) {
        if waiter.wait_ms == 0 || !self.waiters.has_room() {
            return self.grant(waiter, Ok(Delivery::default()));
        }
        self.wait(waiter);
    }

    pub(super) fn wait(&mut self, waiter: Waiter) {
        let until = self.time.now().saturating_add_unsigned(waiter.wait_ms);
        if let Some(older) = self.waiters.insert(waiter, until) {
            self.part(older);
        }
    }

    fn lease_for(&mut self, waiter: &Waiter) -> Result<Delivery, TimestoneError> {
        let nonces = &mut self.nonces;
        let leased = self.queues.dequeue(&waiter.demand, &mut || nonces.draw());
        leased.map_err(TimestoneError::from)
    }

    /// Answers a worker with the next commit.
    pub(super) fn grant(&mut self, waiter: Waiter, answer: Result<Delivery, TimestoneError>) {
        let taker = match waiter.taker {
            Taker::Call(taker) => taker,
            Taker::Subscriber(_) => return,
            // Its time is over: it is told what there is, news or not.
            Taker::Looker(_) => return self.tell(waiter, false),
        };
        let mut granted = answer.map(|delivery| match delivery.messages.is_empty() {
            true => Granted::nothing(),
            false => Granted::new(
                &waiter.demand,
                delivery,
                self.fence.epoch,
                self.undo.clone(),
            ),
        });
        let reply = Box::new(move |read: &Payloads| {
            granted.iter_mut().for_each(|granted| granted.fill(read));
            // What nobody takes gives itself back.
            drop(taker.send(granted));
        });
        self.batch.add(reply, 0);
    }

    /// Tells a waiter that there will be nothing.
    fn part(&mut self, waiter: Waiter) {
        let demand = &waiter.demand;
        match &waiter.taker {
            Taker::Call(_) => self.grant(waiter, Ok(Delivery::default())),
            Taker::Looker(_) => self.tell(waiter, true),
            Taker::Subscriber(_) => self.queues.unsubscribe(&demand.session, &demand.request_id),
        }
    }

    fn part_with(&mut self, id: u64) {
        if let Some(waiter) = self.waiters.remove(id) {
            self.part(waiter);
        }
    }

    /// Begins to send messages to a subscriber.
    pub(super) fn subscribe(
        &mut self,
        subscriber: Waiter,
        accepted: oneshot::Sender<Result<(), TimestoneError>>,
    ) {
        self.catch_up();
        let answer = self.accept(subscriber);
        let reply = answer.as_ref().map(|_| ()).map_err(TimestoneError::clone);
        self.batch
            .add(Box::new(move |_| drop(accepted.send(reply))), 0);
        if let Ok(id) = answer {
            self.serve(id);
        }
    }

    fn accept(&mut self, subscriber: Waiter) -> Result<u64, TimestoneError> {
        if !self.waiters.has_room() {
            let full = "too many workers wait already".to_owned();
            return Err(TimestoneError::Unavailable(full));
        }
        let demand = subscriber.demand.clone();
        if let Some(older) = self.waiters.find(&demand.session, &demand.request_id) {
            self.part_with(older);
        }
        self.queues
            .subscribe(&demand)
            .map_err(TimestoneError::from)?;
        self.waiters.insert(subscriber, i64::MAX);
        let id = self.waiters.find(&demand.session, &demand.request_id);
        id.ok_or_else(|| TimestoneError::Unavailable("the subscription was lost".into()))
    }

    /// Hands new messages to those who wait, in the commit that brings them, and to
    /// those who have room again.
    pub(super) fn serve_waiters(&mut self) {
        let mut queues = self.queues.take_woken();
        for (session, request_id) in self.queues.take_freed() {
            if let Some(id) = self.waiters.find(&session, &request_id) {
                self.waiters.line_up(id);
                if self.waiters.get(id).is_some_and(Waiter::looks) {
                    // That it holds less is news for it alone.
                    self.serve(id);
                }
                let waiter = self.waiters.get(id).into_iter();
                queues.extend(waiter.flat_map(|waiter| waiter.demand.queues.clone()));
            }
        }
        queues.iter().for_each(|queue| self.serve_queue(queue));
    }

    /// Whoever waited longest comes first, whatever of the queue it wants.
    pub(super) fn serve_queue(&mut self, queue: &str) {
        let mut firsts = self.waiters.firsts(queue);
        let mut told = 0;
        while let Some((id, wanted)) = firsts.pop_first() {
            let handed = self.serve(id);
            if let Handed::Told = handed {
                // No more are told than there are messages, or all would come for one.
                told += 1;
                self.remind_of(queue);
                if told >= self.queues.pending(queue) {
                    return;
                }
            }
            if let (Handed::Done | Handed::Told, Some(next)) =
                (handed, self.waiters.first(queue, &wanted))
            {
                firsts.insert(next, wanted);
            }
        }
    }

    fn serve(&mut self, id: u64) -> Handed {
        match self.waiters.get(id).map(|waiter| &waiter.taker) {
            None => Handed::Done,
            Some(taker) if taker.is_gone() => {
                self.part_with(id);
                Handed::Done
            }
            Some(Taker::Call(_)) => self.serve_call(id),
            Some(Taker::Looker(_)) => match self.serve_looker(id) {
                true => Handed::Told,
                false => Handed::Nothing,
            },
            Some(Taker::Subscriber(Subscriber { messages, ahead })) => {
                let ahead = *ahead;
                // Room is taken before leases are: what is leased is sent.
                match messages.clone().try_reserve_owned() {
                    Ok(room) => self.serve_subscriber(id, room, ahead),
                    // It did not read for longer than a lease.
                    Err(_) => {
                        self.part_with(id);
                        Handed::Done
                    }
                }
            }
        }
    }

    fn serve_call(&mut self, id: u64) -> Handed {
        let Some(waiter) = self.waiters.get(id) else {
            return Handed::Done;
        };
        let nonces = &mut self.nonces;
        let leased = self.queues.dequeue(&waiter.demand, &mut || nonces.draw());
        if matches!(&leased, Ok(delivery) if delivery.messages.is_empty()) {
            return Handed::Nothing;
        }
        if let Some(waiter) = self.waiters.remove(id) {
            self.grant(waiter, leased.map_err(TimestoneError::from));
        }
        Handed::Done
    }

    fn serve_subscriber(
        &mut self,
        id: u64,
        room: mpsc::OwnedPermit<Result<Granted, TimestoneError>>,
        ahead: bool,
    ) -> Handed {
        let Some(waiter) = self.waiters.get(id) else {
            return Handed::Done;
        };
        let nonces = &mut self.nonces;
        let leased = self.queues.top_up(&waiter.demand, &mut || nonces.draw());
        let is_full = self.queues.room(&waiter.demand) == 0;
        match leased {
            Ok(delivery) if delivery.messages.is_empty() && !is_full => return Handed::Nothing,
            Ok(delivery) if delivery.messages.is_empty() => {}
            Ok(delivery) => {
                let mut granted = Granted::sent(delivery, self.fence.epoch, self.undo.clone());
                let reply = Box::new(move |read: &Payloads| {
                    granted.fill(read);
                    // What nobody reads gives itself back.
                    drop(room.send(Ok(granted)));
                });
                match ahead {
                    true => self.batch.add_ahead(reply),
                    false => self.batch.add(reply, 0),
                }
            }
            Err(refusal) => {
                let refusal = Err(refusal.into());
                self.batch
                    .add(Box::new(move |_| drop(room.send(refusal))), 0);
                self.part_with(id);
            }
        }
        if is_full {
            self.waiters.step_out(id);
        }
        Handed::Done
    }
}
