use std::sync::Arc;
use std::time::Duration;

use buffa::Message;
use bytes::Bytes;
use clock::{Clock, ManualClock, SharedClock, Timestamp};
use proto::base::v1 as base;
use rpc::{Server, Token};
use store::{MemoryStore, Store};
use store_fjall::FjallStore;
use timestone::{
    LeasedMessage, MessageKey, MessageView, NewMessage, Outcome, QueueConfig, Refusal, Session,
};
use timestone_client::{Coalesced, DequeueRequest, RemoteTimestone, Timestone, envelope};
use timestone_server::{HistoryOptions, LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

/// A queue under test and its time.
pub struct World {
    pub timestone: Arc<dyn Timestone>,
    pub clock: ManualClock,
    /// What must live as long.
    pub _held: Vec<Box<dyn std::any::Any + Send>>,
}

pub fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_unix_ms(1_000_000))
}

pub fn local(store: Arc<dyn Store>, clock: &ManualClock) -> LocalTimestone {
    let clock: SharedClock = Arc::new(clock.clone());
    let options = options(&store);
    LocalTimestone::start(store, clock, options)
}

/// With history, in the same store.
pub fn options(store: &Arc<dyn Store>) -> OwnerOptions {
    let history = HistoryOptions {
        store: Arc::clone(store),
        keep: Duration::from_secs(100_000),
        max_bytes: 1 << 17,
    };
    OwnerOptions {
        history: Some(history),
        ..OwnerOptions::new("test")
    }
}

/// No payload stays in memory once it is stored.
pub async fn cold() -> World {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    let options = OwnerOptions {
        recent_bytes: 0,
        ..options(&store)
    };
    let local = LocalTimestone::start(store, Arc::new(clock.clone()), options);
    World {
        timestone: Arc::new(local),
        clock,
        _held: Vec::new(),
    }
}

pub use crate::exchanged::shared;
pub use crate::nodes::{fleet, forwarded};
pub use crate::parted::split;

pub async fn memory() -> World {
    let clock = clock();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    World {
        timestone: Arc::new(local(store, &clock)),
        clock,
        _held: Vec::new(),
    }
}

pub async fn fjall() -> World {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(folder.path(), Arc::new(clock.clone())).unwrap();
    World {
        timestone: Arc::new(local(Arc::new(store), &clock)),
        clock,
        _held: vec![Box::new(folder)],
    }
}

pub async fn rpc() -> World {
    let served = memory().await;
    let token = Token::random();
    let services = TimestoneServer::new(Arc::clone(&served.timestone)).into_services();
    let server = Server::new(token.clone()).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let remote = RemoteTimestone::connect(&bound.url(), &token).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(bound.serve(stop.clone()));
    World {
        timestone: Arc::new(remote),
        clock: served.clock.clone(),
        _held: vec![Box::new(served), Box::new(stop.drop_guard())],
    }
}

/// The queue over RPC, through a client that joins concurrent calls. They share a stream, so that
/// answers come in the order in which they were given.
pub async fn coalesced() -> World {
    let served = shared().await;
    World {
        timestone: Arc::new(Coalesced::new(Arc::clone(&served.timestone))),
        clock: served.clock.clone(),
        _held: vec![Box::new(served)],
    }
}

impl World {
    pub fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    pub fn now(&self) -> i64 {
        self.clock.now().unix_ms()
    }

    pub async fn enqueue(&self, message: NewMessage) -> Result<Outcome, Refusal> {
        let outcomes = self.timestone.enqueue(vec![message]).await.unwrap();
        only(outcomes)
    }

    /// Leases what is there now.
    pub async fn lease(&self, queue: &str, max: u32, request_id: &str) -> Vec<LeasedMessage> {
        let request = demand(queue, max, request_id);
        self.timestone.dequeue(request).await.unwrap()
    }

    pub async fn configure(&self, queue: &str, config: QueueConfig) {
        self.timestone.put_queue(queue, config).await.unwrap();
    }

    pub async fn complete(&self, leased: &LeasedMessage) {
        let completions = vec![crate::ends::done(leased)];
        let outcomes = self.timestone.complete(completions).await.unwrap();
        assert_eq!(only(outcomes), Ok(Outcome::Done));
    }

    pub async fn view(&self, queue: &str, id: &str) -> MessageView {
        let key = key(queue, id);
        self.timestone.get(&key).await.unwrap().unwrap()
    }

    pub async fn lease_one(&self, queue: &str, request_id: &str) -> LeasedMessage {
        only(self.lease(queue, 1, request_id).await)
    }

    pub async fn ids(&self, queue: &str, max: u32, request_id: &str) -> Vec<String> {
        let leased = self.lease(queue, max, request_id).await;
        leased
            .into_iter()
            .map(|leased| leased.token.key.id)
            .collect()
    }
}

pub fn only<T>(items: Vec<T>) -> T {
    let mut items = items.into_iter();
    let first = items.next().expect("nothing, where one thing was expected");
    assert!(items.next().is_none(), "more than the one thing expected");
    first
}

pub fn session(owner: &str, boot: &str) -> Session {
    Session {
        owner: owner.into(),
        boot: boot.into(),
    }
}

/// Leases without waiting, as worker "w".
pub fn demand(queue: &str, max: u32, request_id: &str) -> DequeueRequest {
    DequeueRequest {
        queues: vec![queue.into()],
        max,
        wait_ms: 0,
        lease_ms: None,
        session: session("w", "1"),
        request_id: request_id.into(),
    }
}

pub fn message(queue: &str, id: &str, priority: i64) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        payload: payload(id),
        priority,
        ..NewMessage::default()
    }
}

/// With these metadata pairs.
pub fn with(mut message: NewMessage, metadata: &[(&str, &str)]) -> NewMessage {
    let pairs = metadata.iter();
    message.metadata = pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    message
}

pub fn key(queue: &str, id: &str) -> MessageKey {
    MessageKey {
        queue: queue.into(),
        id: id.into(),
    }
}

pub fn payload(id: &str) -> Bytes {
    envelope::to_payload(&base::Envelope {
        r#type: "test.v1.Nothing".into(),
        body: id.as_bytes().to_vec(),
        correlation_id: format!("about {id}"),
        ..Default::default()
    })
}

pub fn error(code: &str) -> Bytes {
    let error = errors::Error::function(code, "it went wrong");
    base::Error::from(error).encode_to_vec().into()
}
