#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::Mutex;

use timestone::{Outcome, Refusal, Session};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::*;

/// A queue that tells of each call when it comes, and answers when it may.
struct Gate {
    told: mpsc::Sender<Told>,
    open: Semaphore,
    /// What dequeues are answered with, by the number of messages.
    brings: Mutex<VecDeque<Result<usize, TimestoneError>>>,
}

#[derive(Debug, PartialEq)]
enum Told {
    Enqueued(Vec<String>),
    Wanted(u32),
    /// Which leases, and for how long.
    Extended(Vec<String>, Option<u64>),
    GivenBack(usize),
}

struct Scene {
    gate: Arc<Gate>,
    told: mpsc::Receiver<Told>,
    queue: Coalesced,
}

impl Scene {
    fn new(brings: impl IntoIterator<Item = Result<usize, TimestoneError>>) -> Self {
        let (sender, told) = mpsc::channel(100);
        let gate = Arc::new(Gate {
            told: sender,
            open: Semaphore::new(0),
            brings: Mutex::new(brings.into_iter().collect()),
        });
        let queue = Coalesced::new(gate.clone());
        Self { gate, told, queue }
    }

    fn enqueue(&self, id: &str) -> JoinHandle<Result<Outcomes, TimestoneError>> {
        let (queue, message) = (self.queue.clone(), message(id));
        tokio::spawn(async move { queue.enqueue(vec![message]).await })
    }

    fn dequeue(&self) -> JoinHandle<Result<Vec<LeasedMessage>, TimestoneError>> {
        let queue = self.queue.clone();
        tokio::spawn(async move { queue.dequeue(demand()).await })
    }

    async fn heard(&mut self) -> Told {
        self.told.recv().await.unwrap()
    }

    /// Lets every task run until it waits.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: id.into(),
        ..NewMessage::default()
    }
}

fn demand() -> DequeueRequest {
    DequeueRequest {
        queues: vec!["q".into()],
        max: 1,
        wait_ms: 60_000,
        lease_ms: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: ids::time_ordered(),
    }
}

fn token(n: usize) -> LeaseToken {
    LeaseToken {
        key: MessageKey {
            queue: "q".into(),
            id: n.to_string(),
        },
        delivery: 1,
        nonce: 1,
    }
}

fn leased(n: usize) -> LeasedMessage {
    LeasedMessage {
        token: token(n),
        payload: Default::default(),
        priority: 0,
        metadata: Default::default(),
        lease_until: 0,
        lease_ms: 1,
        attempts_left: 1,
    }
}

fn unasked<T>() -> Result<T, TimestoneError> {
    Err(TimestoneError::Refused("nobody asks for this here".into()))
}

#[async_trait]
impl Timestone for Gate {
    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        let ids: Vec<_> = messages.into_iter().map(|message| message.id).collect();
        let answer = match ids.iter().any(|id| id.is_empty()) {
            true => Err(TimestoneError::Refused("a message has no id".into())),
            false => Ok(ids.iter().map(|id| outcome(id)).collect()),
        };
        self.told.try_send(Told::Enqueued(ids)).unwrap();
        self.open.acquire().await.unwrap().forget();
        answer
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.told.try_send(Told::Wanted(request.max)).unwrap();
        self.open.acquire().await.unwrap().forget();
        let brings = self.brings.lock().unwrap().pop_front().unwrap();
        brings.map(|count| (0..count).map(leased).collect())
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        assert!(refund);
        self.told.try_send(Told::GivenBack(tokens.len())).unwrap();
        Ok(tokens.iter().map(|_| Ok(Outcome::Done)).collect())
    }

    async fn queue(&self, _: &str) -> Result<Option<QueueView>, TimestoneError> {
        unasked()
    }
    async fn list_queues(
        &self,
        _: &str,
        _: &str,
        _: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        unasked()
    }
    async fn delete_queues(&self, _: Vec<String>, _: bool) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn dequeue_matching(
        &self,
        _: DequeueRequest,
        _: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        unasked()
    }
    async fn subscribe(&self, _: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        unasked()
    }
    async fn reschedule(&self, _: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn redrive(
        &self,
        _: Vec<MessageKey>,
        _: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn find(&self, _: Search) -> Result<Found, TimestoneError> {
        unasked()
    }
    async fn count_matching(
        &self,
        _: &str,
        _: &Filter,
        _: Bytes,
    ) -> Result<Counted, TimestoneError> {
        unasked()
    }
    async fn put_queue(&self, _: &str, _: QueueConfig) -> Result<(), TimestoneError> {
        unasked()
    }
    async fn complete(&self, _: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn fail(&self, _: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        let ids: Vec<_> = tokens.into_iter().map(|token| token.key.id).collect();
        let outcomes = ids.iter().map(|id| outcome(id)).collect();
        self.told.try_send(Told::Extended(ids, lease_ms)).unwrap();
        self.open.acquire().await.unwrap().forget();
        Ok(outcomes)
    }
    async fn cancel(&self, _: Vec<MessageKey>, _: &str) -> Result<Outcomes, TimestoneError> {
        unasked()
    }
    async fn get(&self, _: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        unasked()
    }
    async fn count(&self, _: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        unasked()
    }
}

/// "full…" is refused as an item.
fn outcome(id: &str) -> Result<Outcome, Refusal> {
    match id.starts_with("full") {
        true => Err(Refusal::LeaseLost(token(0))),
        false => Ok(Outcome::Done),
    }
}

fn enqueued(ids: &[&str]) -> Told {
    Told::Enqueued(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// Calls that go at once, one each, until no more may.
async fn crowd(scene: &mut Scene) -> Vec<JoinHandle<Result<Outcomes, TimestoneError>>> {
    let mut calls = Vec::new();
    for n in 0..IN_FLIGHT {
        let id = n.to_string();
        calls.push(scene.enqueue(&id));
        assert_eq!(scene.heard().await, enqueued(&[&id]));
    }
    calls
}

async fn all_done(
    calls: impl IntoIterator<Item = JoinHandle<Result<Outcomes, TimestoneError>>>,
) -> Vec<bool> {
    let mut done = Vec::new();
    for call in calls {
        let outcomes = call.await.unwrap();
        done.push(outcomes.is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok)));
    }
    done
}

#[tokio::test]
async fn what_comes_meanwhile_travels_together_and_is_answered_apart() {
    let mut scene = Scene::new([]);
    let first = crowd(&mut scene).await;
    let next = ["3", "full", "5"].map(|id| scene.enqueue(id));
    scene.settle().await;
    scene.gate.open.add_permits(1);
    assert_eq!(scene.heard().await, enqueued(&["3", "full", "5"]));
    scene.gate.open.add_permits(IN_FLIGHT);
    assert_eq!(all_done(first).await, [true; IN_FLIGHT]);
    assert_eq!(all_done(next).await, [true, false, true]);
}

#[tokio::test]
async fn a_large_call_waits_for_no_other() {
    let mut scene = Scene::new([]);
    let first = crowd(&mut scene).await;
    let ids: Vec<_> = (0..LARGE).map(|n| n.to_string()).collect();
    let messages = ids.iter().map(|id| message(id)).collect();
    let queue = scene.queue.clone();
    let large = tokio::spawn(async move { queue.enqueue(messages).await });
    assert_eq!(scene.heard().await, Told::Enqueued(ids));
    scene.gate.open.add_permits(IN_FLIGHT + 1);
    assert_eq!(all_done(first).await, [true; IN_FLIGHT]);
    assert_eq!(all_done([large]).await, [true]);
}

#[tokio::test]
async fn a_malformed_call_spoils_no_other() {
    let mut scene = Scene::new([]);
    let first = crowd(&mut scene).await;
    let next = ["3", "", "5"].map(|id| scene.enqueue(id));
    scene.settle().await;
    scene.gate.open.add_permits(10);
    for together in [&["3", "", "5"][..], &["3"], &[""], &["5"]] {
        assert_eq!(scene.heard().await, enqueued(together));
    }
    assert_eq!(all_done(first).await, [true; IN_FLIGHT]);
    assert_eq!(all_done(next).await, [true, false, true]);
}

#[tokio::test]
async fn a_batch_is_no_larger_than_a_call_may_be() {
    let mut scene = Scene::new([]);
    let big = bytes::Bytes::from(vec![0; 32 << 10]);
    let calls = [0, 1, 2].map(|n| {
        let (queue, big) = (scene.queue.clone(), big.clone());
        let message = |of: usize| NewMessage {
            payload: big.clone(),
            ..message(&format!("{n} {of}"))
        };
        let all: Vec<_> = (0..200).map(message).collect();
        tokio::spawn(async move { queue.enqueue(all).await })
    });
    scene.gate.open.add_permits(3);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().len(), 200);
    }
    for _ in 0..3 {
        assert!(matches!(scene.heard().await, Told::Enqueued(ids) if ids.len() == 200));
    }
}

#[tokio::test]
async fn who_waits_longest_is_served_first_and_the_rest_waits_on() {
    let mut scene = Scene::new([Ok(1), Ok(2), Ok(IN_FLIGHT - 1)]);
    let mut waiting = VecDeque::new();
    for _ in 0..IN_FLIGHT {
        waiting.push_back(scene.dequeue());
        assert_eq!(scene.heard().await, Told::Wanted(1));
    }
    waiting.extend([scene.dequeue(), scene.dequeue()]);
    scene.settle().await;
    scene.gate.open.add_permits(1);
    served(&mut waiting, 1).await;
    assert_eq!(scene.heard().await, Told::Wanted(2));
    // Brings two, where one was asked for and more are wanted.
    scene.gate.open.add_permits(1);
    served(&mut waiting, 2).await;
    scene.gate.open.add_permits(1);
    served(&mut waiting, IN_FLIGHT - 1).await;
    assert!(waiting.is_empty());
}

/// The first so many have a message each.
async fn served(
    waiting: &mut VecDeque<JoinHandle<Result<Vec<LeasedMessage>, TimestoneError>>>,
    count: usize,
) {
    for waiter in waiting.drain(..count) {
        assert_eq!(waiter.await.unwrap().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_a_caller_gave_up_goes_to_the_next_or_back() {
    let mut scene = Scene::new([Ok(1), Ok(1)]);
    let gives_up = scene.dequeue();
    assert_eq!(scene.heard().await, Told::Wanted(1));
    gives_up.abort();
    assert!(gives_up.await.unwrap_err().is_cancelled());
    let next = scene.dequeue();
    scene.settle().await;
    scene.gate.open.add_permits(1);
    assert_eq!(next.await.unwrap().unwrap().len(), 1);

    let gives_up = scene.dequeue();
    assert_eq!(scene.heard().await, Told::Wanted(1));
    gives_up.abort();
    assert!(gives_up.await.unwrap_err().is_cancelled());
    scene.gate.open.add_permits(1);
    assert_eq!(scene.heard().await, Told::GivenBack(1));
}

#[tokio::test]
async fn a_wait_in_vain_and_an_error_end_for_those_who_shared_them() {
    let away = || TimestoneError::Unavailable("away".into());
    let mut scene = Scene::new([Ok(0), Err(away())]);
    let first = scene.dequeue();
    assert_eq!(scene.heard().await, Told::Wanted(1));
    let second = scene.dequeue();
    assert_eq!(scene.heard().await, Told::Wanted(1));
    scene.gate.open.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap(), []);
    scene.gate.open.add_permits(1);
    assert!(matches!(
        second.await.unwrap(),
        Err(TimestoneError::Unavailable(_))
    ));
    assert!(scene.queue.leases.is_idle());
}

#[tokio::test]
async fn renewals_of_many_leases_travel_together() {
    let mut scene = Scene::new([]);
    let to = scene.queue.clone();
    let extend = |n, lease_ms| {
        let queue = to.clone();
        tokio::spawn(async move { queue.extend(vec![token(n)], lease_ms).await })
    };
    let renewed: Vec<_> = (0..50).map(|n| extend(n, None)).collect();
    let Told::Extended(ids, None) = scene.heard().await else {
        panic!("not the renewals")
    };
    assert_eq!(ids, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    let longer = [extend(7, Some(60_000)), extend(8, Some(60_000))];
    for id in ["7", "8"] {
        assert_eq!(
            scene.heard().await,
            Told::Extended(vec![id.into()], Some(60_000))
        );
    }
    scene.gate.open.add_permits(3);
    assert!(
        all_done(renewed.into_iter().chain(longer))
            .await
            .iter()
            .all(|done| *done)
    );
}
