//! Three servers over one store, each with a share of the queues: asked at one of them, or at a
//! fourth that owns nothing and passes everything on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{ManualClock, SharedClock};
use rpc::{Server, Token};
use store::{MemoryStore, Store};
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, QueueConfig, QueueCount, QueueView, Reschedule, Search,
};
use timestone_client::{
    DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes, RemoteTimestone,
    SubscribeRequest, Subscription, Timestone, TimestoneError, Watch, WatchRequest,
};
use timestone_server::{Fleet, FleetOptions, HistoryOptions, TimestoneServer};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::world::{World, clock, options};

/// Few enough for everybody to have some, and more than servers.
const SHARDS: u32 = 5;
/// Longer than any promise lets pass.
const OWNERSHIP: Duration = Duration::from_secs(400_000_000);

/// A server, and how it is reached.
pub struct Node {
    pub fleet: Arc<Fleet>,
    pub url: String,
    _stop: DropGuard,
}

/// Servers over one store.
pub struct Nodes {
    pub token: Token,
    store: Arc<dyn Store>,
    clock: ManualClock,
}

impl Nodes {
    pub fn new() -> Self {
        let clock = clock();
        Self {
            token: Token::random(),
            store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))),
            clock,
        }
    }

    /// Starts one that owns nothing yet.
    pub async fn start(&self) -> Node {
        let mut fleet = FleetOptions::new(self.token.clone());
        fleet.owner.ttl = OWNERSHIP;
        // Each shard gets its part.
        fleet.owner.history = options(&self.store).history.map(|history| HistoryOptions {
            max_bytes: history.max_bytes * u64::from(SHARDS),
            ..history
        });
        fleet.owner.recent_bytes = 0;
        fleet.shards = Some(SHARDS);
        let clock: SharedClock = Arc::new(self.clock.clone());
        let fleet = Fleet::new(Arc::clone(&self.store), clock, fleet).await;
        let fleet = Arc::new(fleet.unwrap());
        let services = TimestoneServer::of_fleet(&fleet).into_services();
        let server = Server::new(self.token.clone()).services(services);
        let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (url, stop) = (bound.url(), CancellationToken::new());
        tokio::spawn(bound.serve(stop.clone()));
        Node {
            fleet,
            url,
            _stop: stop.drop_guard(),
        }
    }

    /// Three that own everything.
    pub async fn three(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let node = self.start().await;
            node.fleet.join(&node.url);
            nodes.push(node);
        }
        settled(&nodes).await;
        nodes
    }
}

/// Returns when every server has its share.
pub async fn settled(nodes: &[Node]) {
    let settled = |node: &Node| {
        let served = node.fleet.served().len();
        node.fleet.is_settled() && (1..=2).contains(&served)
    };
    while !nodes.iter().all(settled) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub async fn fleet() -> World {
    let nodes = Nodes::new();
    let three = nodes.three().await;
    let router = three[0].fleet.router();
    world(nodes, three, router)
}

pub async fn forwarded() -> World {
    let nodes = Nodes::new();
    let mut all = nodes.three().await;
    let fourth = nodes.start().await;
    let remote = RemoteTimestone::connect(&fourth.url, &nodes.token).unwrap();
    assert!(fourth.fleet.served().is_empty());
    all.push(fourth);
    world(nodes, all, Arc::new(remote))
}

pub fn world(nodes: Nodes, all: Vec<Node>, timestone: Arc<dyn Timestone>) -> World {
    let fleets = all.iter().map(|node| Arc::clone(&node.fleet)).collect();
    World {
        timestone: Arc::new(Settled { timestone, fleets }),
        clock: nodes.clock,
        _held: vec![Box::new(all)],
    }
}

/// Lets the servers catch up before and after each call: what one shard means for another is
/// there a moment later, and promises are looked at without waiting.
struct Settled {
    timestone: Arc<dyn Timestone>,
    fleets: Vec<Arc<Fleet>>,
}

impl Settled {
    async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 2 {
            match self.errands().await {
                0 => quiet += 1,
                _ => quiet = 0,
            }
        }
    }

    /// Of all shards. Each is asked twice, as it looks at its clock in between.
    async fn errands(&self) -> usize {
        let mut errands = 0;
        for shard in self.fleets.iter().flat_map(|fleet| fleet.served()) {
            shard.errands_len().await.unwrap();
            errands += shard.errands_len().await.unwrap();
        }
        errands
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        self.settle().await;
        let answer = call.await;
        self.settle().await;
        answer
    }
}

#[async_trait]
impl Timestone for Settled {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.around(self.timestone.put_queue(queue, config)).await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.around(self.timestone.queue(queue)).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.around(self.timestone.list_queues(prefix, after, limit))
            .await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.delete_queues(queues, force))
            .await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.enqueue(messages)).await
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.around(self.timestone.dequeue(request)).await
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.around(self.timestone.dequeue_matching(request, filter))
            .await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        self.around(self.timestone.subscribe(request)).await
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.complete(completions)).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.fail(failures)).await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.release(tokens, refund)).await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.extend(tokens, lease_ms)).await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.cancel(messages, reason)).await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.reschedule(schedules)).await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.around(self.timestone.redrive(messages, attempts))
            .await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.around(self.timestone.find(search)).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.around(self.timestone.count_matching(queue, filter, cursor))
            .await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.around(self.timestone.get(key)).await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.around(self.timestone.count(queues)).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        self.around(self.timestone.watch(request)).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.around(self.timestone.history(key)).await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        self.around(self.timestone.find_events(search)).await
    }
}
