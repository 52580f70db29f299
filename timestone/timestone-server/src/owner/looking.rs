//! Workers of queues in several shards look here, and take where they want to.

use timestone::{Payloads, limits};
use timestone_client::TimestoneError;

use super::serving::Serving;
use super::{Taker, Taking, Waiter};

/// How long whoever was told of messages has to take them, before others are told: milliseconds.
const REMIND_MS: u64 = 250;

impl Serving {
    /// Tells what there is at once, where that is news, or lets the worker wait.
    pub(super) fn look(&mut self, waiter: Waiter) {
        self.catch_up();
        let sight = self.queues.look(&waiter.demand, 1);
        let waits = sight.is_ok_and(|sight| waiter.wait_ms > 0 && !waiter.is_news(&sight));
        match waits && self.waiters.has_room() {
            true => {
                let demand = waiter.demand.clone();
                // Whoever waited under the same request ceases to, and is noticed no more.
                self.wait(waiter);
                self.queues.notice(&demand);
            }
            false => self.tell(waiter),
        }
    }

    /// Tells one who looks what there is, with the next commit.
    pub(super) fn tell(&mut self, waiter: Waiter) {
        let demand = &waiter.demand;
        let most = demand.max as usize + limits::MAX_OVERTAKEN;
        let sight = self.queues.look(demand, most).map_err(TimestoneError::from);
        self.queues.unsubscribe(&demand.session, &demand.request_id);
        if let Taker::Looker(looker) = waiter.taker {
            let reply = Box::new(move |_: &Payloads| drop(looker.answer.send(sight)));
            self.batch.add(reply, 0);
        }
    }

    /// Tells one who waits what there is, if that is news.
    pub(super) fn serve_looker(&mut self, id: u64) -> bool {
        let Some(waiter) = self.waiters.get(id) else {
            return false;
        };
        let sight = self.queues.look(&waiter.demand, 1);
        let is_news = sight.map_or(true, |sight| waiter.is_news(&sight));
        let told = is_news.then(|| self.waiters.remove(id)).flatten();
        told.into_iter().for_each(|waiter| self.tell(waiter));
        is_news
    }

    /// Leases more under a request.
    pub(super) fn take(&mut self, taking: Taking) {
        self.catch_up();
        let Taking {
            demand,
            taken,
            answer,
        } = taking;
        let nonces = &mut self.nonces;
        let taken = self.queues.take(&demand, taken, &mut || nonces.draw());
        let mut taken = taken.map_err(TimestoneError::from);
        let reply = Box::new(move |read: &Payloads| {
            taken.iter_mut().for_each(|delivery| delivery.fill(read));
            // What nobody takes lapses.
            drop(answer.send(taken.map(|delivery| delivery.messages)));
        });
        self.batch.add(reply, 0);
    }

    /// Whoever was told of this queue's messages may not take them: others are told then.
    pub(super) fn remind_of(&mut self, queue: &str) {
        let at = self.time.now().saturating_add_unsigned(REMIND_MS);
        self.reminders.entry(queue.to_owned()).or_insert(at);
    }

    /// Tells others of what those who were told did not take.
    pub(super) fn remind(&mut self, now: i64) {
        let due = self.reminders.extract_if(.., |_, at| *at <= now);
        let due: Vec<_> = due.map(|(queue, _)| queue).collect();
        due.iter().for_each(|queue| self.serve_queue(queue));
    }
}
