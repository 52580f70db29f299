//! Queues that are spread over several shards, each of another server: promised is what is
//! promised of any queue, but for a bound on the order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use timestone::{
    Clause, Completion, Counted, Failure, Fairness, Filter, Found, LeaseToken, LeasedMessage,
    MessageKey, MessageState, MessageView, NewMessage, Outcome, QueueConfig, QueueCount, QueueKind,
    QueueView, Reschedule, Search, limits, shards_of,
};
use timestone_client::{
    DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes, SubscribeRequest,
    Subscription, Timestone, TimestoneError, Watch, WatchRequest,
};

use crate::nodes::{Nodes, world};
use crate::world::{World, demand, key, message, only, session, with};

const PARTITIONS: u32 = 3;

/// With every queue that excludes nothing spread over several shards.
pub async fn split() -> World {
    let nodes = Nodes::new();
    let three = nodes.three().await;
    let router = three[1].fleet.router();
    let World {
        timestone,
        clock,
        _held,
    } = world(nodes, three, router);
    World {
        timestone: Arc::new(Split {
            timestone,
            seen: Mutex::default(),
        }),
        clock,
        _held,
    }
}

fn split_over(partitions: u32, config: QueueConfig) -> QueueConfig {
    let partitions = match config.kind {
        QueueKind::Simple => partitions,
        QueueKind::Exclusive { .. } => 1,
    };
    QueueConfig {
        partitions,
        ..config
    }
}

/// Spreads each queue when it is seen first.
struct Split {
    timestone: Arc<dyn Timestone>,
    seen: Mutex<BTreeSet<String>>,
}

impl Split {
    fn see(&self, queue: &str) -> bool {
        self.seen.lock().unwrap().insert(queue.to_owned())
    }

    async fn spread(&self, queues: &[String]) {
        for queue in queues {
            if self.see(queue) {
                let config = split_over(PARTITIONS, QueueConfig::default());
                // One that cannot be is refused by the call.
                let _ = self.timestone.put_queue(queue, config).await;
            }
        }
    }
}

#[async_trait]
impl Timestone for Split {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.see(queue);
        let config = split_over(PARTITIONS, config);
        self.timestone.put_queue(queue, config).await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.timestone.queue(queue).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.timestone.list_queues(prefix, after, limit).await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.timestone.delete_queues(queues, force).await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        let queues = messages.iter().map(|message| message.queue.clone());
        self.spread(&queues.collect::<Vec<_>>()).await;
        self.timestone.enqueue(messages).await
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.spread(&request.queues).await;
        self.timestone.dequeue(request).await
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.timestone.dequeue_matching(request, filter).await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        self.spread(&request.queues).await;
        self.timestone.subscribe(request).await
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.timestone.complete(completions).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.timestone.fail(failures).await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.timestone.release(tokens, refund).await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.timestone.extend(tokens, lease_ms).await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.timestone.cancel(messages, reason).await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.timestone.reschedule(schedules).await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.timestone.redrive(messages, attempts).await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.timestone.find(search).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.timestone.count_matching(queue, filter, cursor).await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.timestone.get(key).await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.timestone.count(queues).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        self.spread(std::slice::from_ref(&request.queue)).await;
        self.timestone.watch(request).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.timestone.history(key).await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        self.timestone.find_events(search).await
    }
}

async fn spread(world: &World, queue: &str, config: QueueConfig) {
    let config = split_over(PARTITIONS, config);
    world.timestone.put_queue(queue, config).await.unwrap();
}

/// Messages whose priorities are in no order.
fn shuffled(queue: &str, messages: i64) -> Vec<NewMessage> {
    let priority = |n: i64| (n * 7_919) % 10_007;
    let messages = 0..messages;
    messages
        .map(|n| message(queue, &format!("m{n}"), priority(n)))
        .collect()
}

async fn enqueue_all(world: &World, messages: Vec<NewMessage>) {
    for some in messages.chunks(500) {
        let outcomes = world.timestone.enqueue(some.to_vec()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Ok(Outcome::Done)));
    }
}

#[tokio::test]
async fn one_worker_gets_the_most_urgent_of_all_shards() {
    let world = crate::world::forwarded().await;
    spread(&world, "q", QueueConfig::default()).await;
    enqueue_all(&world, shuffled("q", 300)).await;
    let mut got = Vec::new();
    for (n, max) in [1, 1, 2, 7, 100, 1, 150, 90].into_iter().enumerate() {
        let leased = world.lease("q", max, &format!("r{n}")).await;
        got.extend(leased.iter().map(|leased| leased.priority));
    }
    let mut expected: Vec<_> = shuffled("q", 300).iter().map(|new| new.priority).collect();
    expected.sort_unstable();
    assert_eq!(got, expected);
}

/// A call, and what it leased: the moments at which it began and ended, by number.
struct Called {
    began: usize,
    ended: usize,
    priorities: Vec<i64>,
}

#[tokio::test]
async fn no_message_overtakes_more_than_the_bound() {
    const MAX: u32 = 4;
    let world = crate::world::fleet().await;
    spread(&world, "q", QueueConfig::default()).await;
    enqueue_all(&world, shuffled("q", 1_200)).await;
    let moments = Arc::new(Mutex::new(0));
    let moment = move || {
        let mut moments = moments.lock().unwrap();
        *moments += 1;
        *moments
    };
    let worker = |worker: u32| {
        let (timestone, moment) = (Arc::clone(&world.timestone), moment.clone());
        async move {
            let mut calls = Vec::new();
            for n in 0.. {
                let mut request = demand("q", MAX, &format!("{worker}/{n}"));
                request.session = session(&worker.to_string(), "1");
                let began = moment();
                let leased = timestone.dequeue(request).await.unwrap();
                if leased.is_empty() {
                    break;
                }
                calls.push(Called {
                    began,
                    ended: moment(),
                    priorities: leased.iter().map(|leased| leased.priority).collect(),
                });
            }
            calls
        }
    };
    let calls = futures::future::join_all((0..16).map(worker)).await;
    let calls: Vec<_> = calls.into_iter().flatten().collect();
    let leased: usize = calls.iter().map(|call| call.priorities.len()).sum();
    assert_eq!(leased, 1_200, "each once");
    let most = limits::MAX_OVERTAKEN + MAX as usize;
    for call in &calls {
        // Those were there all the while.
        let later = calls.iter().filter(|later| later.began > call.ended);
        let later: Vec<_> = later.flat_map(|later| &later.priorities).collect();
        for priority in &call.priorities {
            let overtaken = later.iter().filter(|other| **other < priority).count();
            assert!(overtaken < most, "{priority} overtook {overtaken}");
        }
    }
}

#[tokio::test]
async fn a_subscriber_is_sent_the_most_urgent_of_all_shards() {
    let world = crate::world::forwarded().await;
    spread(&world, "q", QueueConfig::default()).await;
    enqueue_all(&world, shuffled("q", 60)).await;
    let request = SubscribeRequest {
        queues: vec!["q".into()],
        credit: 5,
        lease_ms: None,
        session: session("w", "1"),
        subscription_id: "s".into(),
        filter: None,
        ahead: false,
    };
    let mut subscription = world.timestone.subscribe(request).await.unwrap();
    let mut got = Vec::new();
    while got.len() < 60 {
        let sent = subscription.next().await.unwrap().unwrap();
        let done = sent.iter().map(crate::ends::done).collect();
        got.extend(sent.iter().map(|leased| leased.priority));
        let outcomes = world.timestone.complete(done).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    }
    // What was sent before room was made for more.
    let first: BTreeSet<_> = got.iter().take(5).copied().collect();
    let mut expected: Vec<_> = shuffled("q", 60).iter().map(|new| new.priority).collect();
    expected.sort_unstable();
    assert_eq!(first, expected.iter().take(5).copied().collect());
    got.sort_unstable();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_waiting_worker_is_woken_by_whatever_shard() {
    let world = crate::world::forwarded().await;
    spread(&world, "q", QueueConfig::default()).await;
    for n in 0..6 {
        let mut request = demand("q", 1, &format!("r{n}"));
        request.wait_ms = 60_000;
        let timestone = Arc::clone(&world.timestone);
        let waiting = tokio::spawn(async move { timestone.dequeue(request).await.unwrap() });
        let id = format!("m{n}");
        world.enqueue(message("q", &id, 0)).await.unwrap();
        let leased = only(waiting.await.unwrap());
        assert_eq!(leased.token.key.id, id);
        world.complete(&leased).await;
    }
}

#[tokio::test]
async fn a_queue_tells_the_truth_of_all_its_shards() {
    let world = crate::world::forwarded().await;
    let config = QueueConfig {
        indexed: ["kind".to_owned()].into(),
        ..QueueConfig::default()
    };
    spread(&world, "q", config.clone()).await;
    let kinds = ["even", "odd"];
    let messages = shuffled("q", 90).into_iter().enumerate();
    let messages = messages.map(|(n, new)| with(new, &[("kind", kinds[n % 2])]));
    enqueue_all(&world, messages.collect()).await;
    let running = world.lease("q", 10, "r").await;
    world.complete(&running[0]).await;
    let expected = QueueCount {
        queue: "q".into(),
        pending: 80,
        running: 9,
        completed: 1,
        ..QueueCount::default()
    };
    let timestone = &world.timestone;
    assert_eq!(only(timestone.count(&[]).await.unwrap()), expected);
    assert_eq!(
        only(timestone.count(&["q".into()]).await.unwrap()),
        expected
    );
    let listed = only(timestone.list_queues("", "", 10).await.unwrap());
    assert_eq!(listed, timestone.queue("q").await.unwrap().unwrap());
    assert_eq!(
        (listed.count, listed.config.partitions),
        (expected, PARTITIONS)
    );
    let odd = Filter {
        metadata: vec![Clause::equal("kind", "odd")],
        states: vec![MessageState::Pending],
    };
    let counted = timestone.count_matching("q", &odd, Bytes::new()).await;
    let odd_ones = pages(&world, odd).await;
    assert_eq!(counted.unwrap().count.pending, odd_ones.len() as u64);
    let all = pages(&world, Filter::default()).await;
    assert_eq!(all.len(), 90);
    let places: Vec<_> = all.iter().map(|view| (view.state, view.priority)).collect();
    assert!(places.is_sorted_by_key(|(state, priority)| match state {
        // What ended has no order.
        MessageState::Completed => (*state, 0),
        _ => (*state, *priority),
    }));
    let ids: BTreeSet<_> = all.iter().map(|view| &view.key.id).collect();
    assert_eq!(ids.len(), 90, "each once");
}

async fn pages(world: &World, filter: Filter) -> Vec<MessageView> {
    let mut search = Search {
        queue: "q".into(),
        filter,
        cursor: Bytes::new(),
        limit: 7,
    };
    let mut all = Vec::new();
    loop {
        let page = world.timestone.find(search.clone()).await.unwrap();
        assert!(page.messages.len() <= 7);
        all.extend(page.messages);
        match page.next {
            Some(next) => search.cursor = next,
            None => return all,
        }
    }
}

#[tokio::test]
async fn what_happens_in_all_shards_is_heard_and_remembered() {
    let world = crate::world::forwarded().await;
    spread(&world, "q", QueueConfig::default()).await;
    let mut watch = world.timestone.watch(WatchRequest::of("q")).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().count.pending, 0);
    enqueue_all(&world, shuffled("q", 30)).await;
    let mut heard = BTreeSet::new();
    let mut pending = 0;
    while heard.len() < 30 {
        let told = watch.next().await.unwrap().unwrap();
        heard.extend(told.events.iter().map(|event| event.id.to_string()));
        pending = told.count.pending;
    }
    assert_eq!(pending, 30);
    let search = EventSearch {
        queue: Some("q".into()),
        limit: 100,
        ..EventSearch::default()
    };
    let found = || async {
        let found = world.timestone.find_events(search.clone()).await.unwrap();
        found.events.len()
    };
    // What is told is written down a moment later.
    while found().await < 30 {
        tokio::task::yield_now().await;
    }
    for id in ["m3", "m4", "m5"] {
        let history = world.timestone.history(&key("q", id)).await.unwrap();
        assert_eq!(history.events.len(), 1);
    }
}

#[tokio::test]
async fn tenants_of_all_shards_take_turns() {
    let world = crate::world::fleet().await;
    let config = QueueConfig {
        fairness: Some(Fairness {
            key: "tenant".into(),
            weights: BTreeMap::new(),
        }),
        ..QueueConfig::default()
    };
    spread(&world, "q", config).await;
    let of = |tenant: &str, n: u32, priority| {
        let new = message("q", &format!("{tenant}{n}"), priority);
        with(new, &[("tenant", tenant)])
    };
    enqueue_all(&world, (0..600).map(|n| of("flood", n, 0)).collect()).await;
    enqueue_all(&world, (0..6).map(|n| of("quiet", n, 9)).collect()).await;
    let mut taken = 0;
    let mut quiet = 0;
    while quiet < 6 {
        let leased = world.lease("q", 4, &format!("r{taken}")).await;
        assert!(!leased.is_empty());
        taken += leased.len();
        let of_quiet = |leased: &&LeasedMessage| leased.metadata["tenant"] == "quiet";
        quiet += leased.iter().filter(of_quiet).count();
    }
    // Alone in one shard they would all come within twelve turns of it.
    assert!(taken <= 12 * PARTITIONS as usize + 4, "{taken}");
}

#[tokio::test]
async fn work_for_a_queue_in_several_shards_comes_from_anywhere() {
    let world = crate::world::fleet().await;
    let config = QueueConfig {
        attempts: 1,
        dead_letter: Some(timestone::DeadLetter {
            queue: "dead".into(),
            copy: false,
        }),
        ..QueueConfig::default()
    };
    spread(&world, "q", config).await;
    spread(&world, "dead", QueueConfig::default()).await;
    spread(&world, "next", QueueConfig::default()).await;
    enqueue_all(&world, shuffled("q", 12)).await;
    for leased in world.lease("q", 6, "r").await {
        let id = format!("after {}", leased.token.key.id);
        let completion = Completion {
            token: leased.token,
            then_enqueue: vec![message("next", &id, 0)],
        };
        assert_eq!(
            only(world.timestone.complete(vec![completion]).await.unwrap()),
            Ok(Outcome::Done)
        );
    }
    let failed = world.lease("q", 6, "r2").await;
    for leased in &failed {
        let failure = Failure {
            token: leased.token.clone(),
            error: crate::world::error("E"),
            retry_in_ms: 0,
            last: true,
            then_enqueue: Vec::new(),
        };
        only(world.timestone.fail(vec![failure]).await.unwrap()).unwrap();
    }
    let pending =
        |counts: Vec<QueueCount>| -> Vec<_> { counts.iter().map(|count| count.pending).collect() };
    let queues = ["next".to_owned(), "dead".to_owned(), "q".to_owned()];
    let counts = world.timestone.count(&queues).await.unwrap();
    assert_eq!(pending(counts), [6, 6, 0]);
    let keys: Vec<_> = failed
        .iter()
        .map(|leased| leased.token.key.clone())
        .collect();
    let redriven = world.timestone.redrive(keys, None).await.unwrap();
    assert!(redriven.iter().all(|outcome| *outcome == Ok(Outcome::Done)));
    let counts = world.timestone.count(&queues).await.unwrap();
    assert_eq!(pending(counts), [6, 0, 6]);
    let again = world.lease("q", 9, "r3").await;
    assert_eq!(again.len(), 6);
    assert!(again.iter().all(|leased| !leased.payload.is_empty()));
}

#[tokio::test]
async fn a_queue_that_was_used_is_spread_as_it_is() {
    let world = crate::world::forwarded().await;
    let timestone = &world.timestone;
    let over = |partitions| split_over(partitions, QueueConfig::default());
    world.enqueue(message("used", "a", 0)).await.unwrap();
    let refused = timestone.put_queue("used", over(4)).await.unwrap_err();
    assert!(
        refused.to_string().contains("partitions stays 1"),
        "{refused}"
    );
    let leased = world.lease_one("used", "r").await;
    world.complete(&leased).await;
    timestone.put_queue("used", over(4)).await.unwrap_err();
    let deleted = timestone.delete_queues(vec!["used".into()], false).await;
    assert_eq!(only(deleted.unwrap()), Ok(Outcome::Done));
    timestone.put_queue("used", over(4)).await.unwrap();
    let shards: BTreeSet<_> = shards_of("used", 4, 5).collect();
    assert_eq!(shards.len(), 4);
    for partitions in [1, 3, 5] {
        let refused = timestone.put_queue("used", over(partitions)).await;
        assert!(refused.unwrap_err().to_string().contains("stays 4"));
    }
    // Otherwise it may be configured.
    let slower = QueueConfig {
        lease_ms: 1_234,
        ..over(4)
    };
    timestone.put_queue("used", slower.clone()).await.unwrap();
    enqueue_all(&world, shuffled("used", 20)).await;
    let leased = world.lease("used", 20, "r2").await;
    assert_eq!(leased.len(), 20);
    assert!(leased.iter().all(|leased| leased.lease_ms == 1_234));
    let exclusive = QueueConfig {
        kind: QueueKind::Exclusive { key: "k".into() },
        ..slower
    };
    timestone.put_queue("used", exclusive).await.unwrap_err();
}

#[tokio::test]
async fn a_queue_with_work_in_any_shard_is_deleted_by_force_alone() {
    let world = crate::world::fleet().await;
    spread(&world, "q", QueueConfig::default()).await;
    enqueue_all(&world, shuffled("q", 7)).await;
    let delete = |force| {
        let deleted = world.timestone.delete_queues(vec!["q".into()], force);
        async { only(deleted.await.unwrap()) }
    };
    let refused = delete(false).await.unwrap_err();
    assert!(refused.to_string().contains("7 messages"), "{refused}");
    assert_eq!(world.lease("q", 7, "r").await.len(), 7);
    assert_eq!(delete(true).await, Ok(Outcome::Done));
    assert_eq!(world.timestone.queue("q").await.unwrap(), None);
    assert!(
        world
            .timestone
            .list_queues("", "", 9)
            .await
            .unwrap()
            .is_empty()
    );
    // As if it had never been.
    enqueue_all(&world, shuffled("q", 7)).await;
    assert_eq!(world.ids("q", 9, "r2").await.len(), 7);
}
