#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{Clock, ManualClock, Timestamp};
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, MessageKey, MessageView, NewMessage,
    Outcome, QueueConfig, QueueCount, QueueView, Reschedule, Search,
};
use tokio::sync::watch;

use super::*;
use crate::{DequeueRequest, Outcomes, SubscribeRequest, Subscription, Timestone};

const LEASE: Duration = Duration::from_secs(30);

/// Answers extensions as told, and nothing else.
struct Extender {
    calls: watch::Sender<u32>,
    answer: fn(u32, LeaseToken) -> Result<Outcomes, TimestoneError>,
    /// Extensions from this one on are never answered.
    hangs_from: u32,
}

fn refused<T>() -> Result<T, TimestoneError> {
    Err(TimestoneError::Refused(
        "only leases are extended here".into(),
    ))
}

#[async_trait]
impl Timestone for Extender {
    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        _: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        let call = *self.calls.borrow();
        self.calls.send_modify(|calls| *calls += 1);
        if call >= self.hangs_from {
            std::future::pending::<()>().await;
        }
        (self.answer)(call, tokens[0].clone())
    }

    async fn put_queue(&self, _: &str, _: QueueConfig) -> Result<(), TimestoneError> {
        refused()
    }
    async fn queue(&self, _: &str) -> Result<Option<QueueView>, TimestoneError> {
        refused()
    }
    async fn list_queues(
        &self,
        _: &str,
        _: &str,
        _: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        refused()
    }
    async fn delete_queues(&self, _: Vec<String>, _: bool) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn dequeue_matching(
        &self,
        _: DequeueRequest,
        _: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        refused()
    }
    async fn subscribe(&self, _: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        refused()
    }
    async fn reschedule(&self, _: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn redrive(
        &self,
        _: Vec<MessageKey>,
        _: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn find(&self, _: Search) -> Result<Found, TimestoneError> {
        refused()
    }
    async fn count_matching(
        &self,
        _: &str,
        _: &Filter,
        _: Bytes,
    ) -> Result<Counted, TimestoneError> {
        refused()
    }
    async fn enqueue(&self, _: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn dequeue(&self, _: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        refused()
    }
    async fn complete(&self, _: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn fail(&self, _: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn release(&self, _: Vec<LeaseToken>, _: bool) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn cancel(&self, _: Vec<MessageKey>, _: &str) -> Result<Outcomes, TimestoneError> {
        refused()
    }
    async fn get(&self, _: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        refused()
    }
    async fn count(&self, _: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        refused()
    }
}

/// A heartbeat, its clock and the calls it makes.
struct Beating {
    heart: Heartbeat,
    clock: ManualClock,
    extender: Arc<Extender>,
}

fn beat(
    hangs_from: u32,
    answer: fn(u32, LeaseToken) -> Result<Outcomes, TimestoneError>,
) -> Beating {
    let clock = ManualClock::new(Timestamp::from_unix_ms(0));
    let extender = Arc::new(Extender {
        calls: watch::Sender::new(0),
        answer,
        hangs_from,
    });
    let client = Client::new(extender.clone());
    let shared = Arc::new(clock.clone());
    Beating {
        heart: Heartbeat::start_by(shared, client, &leased()),
        clock,
        extender,
    }
}

fn leased() -> LeasedMessage {
    LeasedMessage {
        token: LeaseToken {
            key: MessageKey {
                queue: "q".into(),
                id: "m".into(),
            },
            delivery: 1,
            nonce: 7,
        },
        payload: Bytes::new(),
        priority: 0,
        metadata: BTreeMap::new(),
        lease_until: 0,
        lease_ms: 30_000,
        attempts_left: 0,
    }
}

impl Beating {
    /// Lets time pass until `calls` renewals have been asked for.
    async fn pass_until_call(&self, calls: u32, step: Duration) {
        let mut seen = self.extender.calls.subscribe();
        while *seen.borrow_and_update() < calls {
            self.clock.advance(step);
            tokio::select! {
                changed = seen.changed() => changed.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
    }

    /// Lets time pass until the work must stop.
    async fn pass_until_lost(&self, step: Duration) -> Option<Loss> {
        while !self.heart.lost().is_cancelled() {
            self.clock.advance(step);
            tokio::task::yield_now().await;
        }
        self.heart.loss()
    }

    fn calls(&self) -> u32 {
        *self.extender.calls.borrow()
    }
}

fn renewed(_: u32, _: LeaseToken) -> Result<Outcomes, TimestoneError> {
    Ok(vec![Ok(Outcome::Done)])
}

fn away(_: u32, _: LeaseToken) -> Result<Outcomes, TimestoneError> {
    Err(TimestoneError::Unavailable("away".into()))
}

#[tokio::test]
async fn a_lease_is_renewed_again_and_again() {
    let beating = beat(u32::MAX, renewed);
    beating.pass_until_call(12, LEASE / 30).await;
    assert!(beating.clock.now() >= Timestamp::from_unix_ms(0) + LEASE * 4);
    assert_eq!(beating.heart.loss(), None);
}

#[tokio::test]
async fn a_refused_renewal_stops_the_work() {
    let lost = |call, token| match call {
        0 => renewed(call, token),
        _ => Ok(vec![Err(Refusal::LeaseLost(token))]),
    };
    let beating = beat(u32::MAX, lost);
    assert_eq!(beating.pass_until_lost(LEASE / 30).await, Some(Loss::Lost));
    assert_eq!(beating.calls(), 2);
}

#[tokio::test]
async fn a_canceled_message_stops_the_work() {
    let canceled = |_, token: LeaseToken| Ok(vec![Err(Refusal::Canceled(token.key))]);
    let beating = beat(u32::MAX, canceled);
    let loss = beating.pass_until_lost(LEASE / 30).await;
    assert_eq!(loss, Some(Loss::Canceled));
}

#[tokio::test]
async fn a_server_that_is_away_for_a_whole_lease_stops_the_work() {
    let beating = beat(u32::MAX, away);
    let loss = beating.pass_until_lost(LEASE / 300).await;
    assert_eq!(loss, Some(Loss::Lapsed));
    assert!(beating.clock.now() >= Timestamp::from_unix_ms(0) + LEASE);
    assert!(beating.calls() > 1);
}

#[tokio::test]
async fn a_server_that_is_silent_for_a_whole_lease_stops_the_work() {
    let beating = beat(1, renewed);
    let loss = beating.pass_until_lost(LEASE / 30).await;
    assert_eq!((loss, beating.calls()), (Some(Loss::Lapsed), 2));
}

#[tokio::test]
async fn a_process_that_slept_through_its_lease_asks_nobody() {
    let beating = beat(u32::MAX, renewed);
    tokio::task::yield_now().await;
    let loss = beating.pass_until_lost(LEASE * 2).await;
    assert_eq!((loss, beating.calls()), (Some(Loss::Lapsed), 0));
}

#[tokio::test]
async fn a_dropped_heartbeat_renews_no_more() {
    let Beating {
        heart,
        clock,
        extender,
    } = beat(u32::MAX, renewed);
    drop(heart);
    // The task holds the only other handle, and lets go of it when it ends.
    while Arc::strong_count(&extender) > 1 {
        clock.advance(LEASE);
        tokio::task::yield_now().await;
    }
    assert_eq!(*extender.calls.borrow(), 0);
}

#[test]
fn leases_of_one_length_are_renewed_at_common_moments_and_in_time() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(0)));
    let extender = Arc::new(Extender {
        calls: watch::Sender::new(0),
        answer: renewed,
        hangs_from: u32::MAX,
    });
    let beat = Beat {
        clock,
        client: Client::new(extender),
        token: leased().token,
        lease: LEASE,
        renewed: Duration::ZERO,
    };
    let mut moments = std::collections::BTreeSet::new();
    for ms in (0..30_000).step_by(7) {
        let received = Duration::from_millis(ms);
        let next = beat.after(received);
        assert!(next > received + LEASE / 6 && next <= received + LEASE / 3);
        moments.insert(next);
    }
    assert_eq!(moments.len(), 6, "{moments:?}");
}
