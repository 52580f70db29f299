//! Workers of queues in several shards look here, and take where they want to.

use timestone::{Payloads, Sight, limits};
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
            false => self.tell(waiter, false),
        }
    }

    /// Tells one who looks what there is, with the next commit; also that another `replaced` it.
    pub(super) fn tell(&mut self, waiter: Waiter, replaced: bool) {
        let demand = &waiter.demand;
        let most = demand.max as usize + limits::MAX_OVERTAKEN;
        let sight = self.queues.look(demand, most).map_err(TimestoneError::from);
        let sight = sight.map(|sight| Sight { replaced, ..sight });
        let (session, request) = (&demand.session, &demand.request_id);
        // Another look of the request may wait for what its worker gives back.
        if self.waiters.find(session, request).is_none() {
            self.queues.unsubscribe(session, request);
        }
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
        told.into_iter().for_each(|waiter| self.tell(waiter, false));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may insist")]

    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use clock::{ManualClock, Timestamp};
    use futures::poll;
    use store::MemoryStore;
    use timestone::{Completion, LeasedMessage, NewMessage, Session, Sight, Taken};
    use timestone_client::{DequeueRequest, Look, Shard, Take, Timestone};
    use tokio::time::timeout;

    use crate::{LocalTimestone, OwnerOptions};

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A queue whose clock stands still, with a message.
    async fn with_a_message() -> LocalTimestone {
        let clock = ManualClock::new(Timestamp::from_unix_ms(0));
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let queue = LocalTimestone::start(store, Arc::new(clock), OwnerOptions::new("test"));
        let message = NewMessage {
            queue: "q".into(),
            id: "a".into(),
            ..NewMessage::default()
        };
        queue.enqueue(vec![message]).await.unwrap()[0]
            .clone()
            .unwrap();
        queue
    }

    fn request(wait_ms: u64) -> DequeueRequest {
        DequeueRequest {
            queues: vec!["q".into()],
            max: 1,
            wait_ms,
            lease_ms: Some(60_000),
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: "r".into(),
        }
    }

    fn look(wait_ms: u64, held: u32) -> Look {
        look_for("r", wait_ms, held)
    }

    /// One who has no room looks.
    fn look_for(request_id: &str, wait_ms: u64, held: u32) -> Look {
        Look {
            request: DequeueRequest {
                request_id: request_id.into(),
                ..request(wait_ms)
            },
            filter: None,
            held,
            full: true,
        }
    }

    async fn in_time<T>(future: impl Future<Output = T>) -> T {
        timeout(PATIENCE, future).await.unwrap()
    }

    #[tokio::test]
    async fn who_looks_in_between_keeps_no_news_from_who_waits() {
        let queue = with_a_message().await;
        let leased = queue.dequeue(request(0)).await.unwrap();
        let mut waiting = pin!(queue.look(look(30_000, 1)));
        assert!(poll!(&mut waiting).is_pending());
        assert_eq!(queue.look(look(0, 0)).await.unwrap().held, 1);
        let done = Completion {
            token: leased[0].token.clone(),
            then_enqueue: Vec::new(),
        };
        queue.complete(vec![done]).await.unwrap()[0]
            .clone()
            .unwrap();
        let sight = in_time(waiting).await.unwrap();
        assert_eq!((sight.held, sight.replaced), (0, false));
    }

    /// Takes one message, by name.
    async fn take(queue: &LocalTimestone, number: u64) -> Vec<LeasedMessage> {
        let taken = Taken {
            number,
            ..Taken::default()
        };
        let (request, filter) = (request(0), None);
        let take = Take {
            request,
            filter,
            taken,
        };
        queue.take(take).await.unwrap()
    }

    #[tokio::test]
    async fn a_take_that_is_repeated_takes_nothing_twice() {
        let queue = with_a_message().await;
        let message = NewMessage {
            queue: "q".into(),
            id: "b".into(),
            ..NewMessage::default()
        };
        queue.enqueue(vec![message]).await.unwrap();
        let first = take(&queue, 1).await;
        assert_eq!(first[0].token.key.id, "a");
        assert_eq!(take(&queue, 1).await, first, "the answer was lost");
        let second = take(&queue, 2).await;
        assert_eq!(second[0].token.key.id, "b");
        assert_eq!(take(&queue, 2).await, second);
        let done = Completion {
            token: second[0].token.clone(),
            then_enqueue: Vec::new(),
        };
        queue.complete(vec![done]).await.unwrap();
        assert_eq!(take(&queue, 2).await, [], "it is not leased any more");
    }

    #[tokio::test]
    async fn who_has_no_room_is_in_nobodys_way() {
        let queue = with_a_message().await;
        let leased = queue.dequeue(request(0)).await.unwrap();
        let mut full = pin!(queue.look(look_for("full", 30_000, 0)));
        assert!(poll!(&mut full).is_pending());
        let with_room = Look {
            full: false,
            ..look_for("room", 30_000, 0)
        };
        let mut with_room = pin!(queue.look(with_room));
        assert!(poll!(&mut with_room).is_pending());
        queue
            .release(vec![leased[0].token.clone()], true)
            .await
            .unwrap();
        assert_eq!(in_time(with_room).await.unwrap().next, [0]);
        assert!(poll!(&mut full).is_pending());
    }

    #[tokio::test]
    async fn who_waits_is_told_that_another_waits_in_its_place() {
        let queue = with_a_message().await;
        let mut first = pin!(queue.look(look(30_000, 0)));
        assert!(poll!(&mut first).is_pending());
        let mut second = pin!(queue.look(look(30_000, 0)));
        assert!(poll!(&mut second).is_pending());
        let Sight { replaced, next, .. } = in_time(first).await.unwrap();
        assert_eq!((replaced, &next[..]), (true, &[0][..]));
        assert!(poll!(&mut second).is_pending());
    }
}
