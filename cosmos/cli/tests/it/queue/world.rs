//! A server of queues and of the catalog of functions in this process, and an operator beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use blob::{Blobs, LocalBlobs};
use buffa::Message;
use clock::{Clock, ManualClock, SystemClock};
use errors::Error;
use proto::base::v1 as base;
use rpc::{Server, Token};
use serde_json::Value;
use store::MemoryStore;
use stratum::{Package, Places};
use stratum_catalog::{Catalog, ChannelName, Pins};
use timestone::{Completion, Failure, LeasedMessage, NewMessage, Outcome, Session};
use timestone_client::{DequeueRequest, Timestone, envelope};
use timestone_server::{HistoryOptions, LocalTimestone, OwnerOptions, TimestoneServer};
use tokio::runtime::Runtime;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::talk::Desk;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Its time stands still.
pub(crate) struct World {
    pub desk: Desk,
    pub url: String,
    queues: Arc<LocalTimestone>,
    catalog: Catalog,
    blobs: Blobs,
    runtime: Runtime,
    _stop: DropGuard,
}

impl World {
    pub(crate) fn new() -> Self {
        let desk = Desk::new();
        write_token(&desk, "cosmos-data/token", TOKEN);
        let runtime = Runtime::new().unwrap();
        let stop = CancellationToken::new();
        let blobs = LocalBlobs::open("local", &desk.at("blobs")).unwrap();
        let blobs = Blobs::new(Arc::new(blobs), []);
        let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let catalog = Catalog::new(store, blobs.clone(), Pins::new());
        let (queues, url) = runtime.block_on(serve(catalog.clone(), stop.clone()));
        Self {
            desk,
            url,
            queues,
            catalog,
            blobs,
            runtime,
            _stop: stop.drop_guard(),
        }
    }

    /// `cosmos queue` with these words, at this server.
    pub(super) fn queue(&self, words: &str) -> Command {
        self.desk
            .cosmos(&format!("queue {words} --server {}", self.url))
    }

    /// What it says, as it is seen, and how it ends.
    pub(super) fn say(&self, words: &str) -> String {
        self.desk.seen(&self.queue(words).output().unwrap())
    }

    /// What it says to machines; it must end well.
    pub(super) fn json(&self, words: &str) -> Vec<Value> {
        let output = self.queue(&format!("{words} --json")).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
        lines(&output.stdout)
    }

    /// Publishes the function in a folder of the desk, which `channel` names from then on.
    pub(crate) fn publish(&self, folder: &str, channel: &str, percent: u8) {
        let package = Package::load(&self.desk.at(folder), &Places::default()).unwrap();
        let channel = ChannelName::new(channel).unwrap();
        let published = async {
            stratum_catalog::keep(&self.blobs, &package).await?;
            let channel = Some((channel, percent));
            self.catalog.publish(package.digest, channel).await
        };
        self.runtime.block_on(published).unwrap();
    }

    pub(crate) fn enqueue(&self, messages: Vec<NewMessage>) {
        let outcomes = self.runtime.block_on(self.queues.enqueue(messages));
        for outcome in outcomes.unwrap() {
            assert_eq!(outcome, Ok(Outcome::Done));
        }
    }

    /// Leases what is there, as `worker@host`.
    pub(crate) fn lease(&self, queue: &str, max: u32) -> Vec<LeasedMessage> {
        let request = DequeueRequest {
            queues: vec![queue.into()],
            max,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "worker@host".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        self.runtime.block_on(self.queues.dequeue(request)).unwrap()
    }

    pub(super) fn complete(&self, leased: &LeasedMessage) {
        let completion = Completion {
            token: leased.token.clone(),
            then_enqueue: Vec::new(),
        };
        let outcomes = self
            .runtime
            .block_on(self.queues.complete(vec![completion]));
        assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
    }

    /// For good.
    pub(crate) fn fail(&self, leased: &[LeasedMessage]) {
        let failures = leased.iter().map(|leased| Failure {
            token: leased.token.clone(),
            error: error(),
            retry_in_ms: 0,
            last: true,
            then_enqueue: Vec::new(),
        });
        let outcomes = self.runtime.block_on(self.queues.fail(failures.collect()));
        for outcome in outcomes.unwrap() {
            assert_eq!(outcome, Ok(Outcome::Done));
        }
    }

    /// Enqueues so many messages, named by their number, and fails them for good.
    pub(super) fn errored(&self, queue: &str, ids: std::ops::Range<u32>) {
        let messages: Vec<_> = ids.map(|id| message(queue, &id.to_string(), 0)).collect();
        let count = u32::try_from(messages.len()).unwrap();
        self.enqueue(messages);
        self.fail(&self.lease(queue, count));
    }
}

async fn serve(catalog: Catalog, stop: CancellationToken) -> (Arc<LocalTimestone>, String) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let history = HistoryOptions {
        store: store.clone(),
        keep: Duration::from_secs(1_000_000),
        max_bytes: 1 << 20,
    };
    let options = OwnerOptions {
        history: Some(history),
        ..OwnerOptions::new("test")
    };
    let queues = LocalTimestone::start(store, clock, options);
    let queues = Arc::new(queues);
    let services = TimestoneServer::new(queues.clone()).into_services();
    let server = Server::new(Token::parse(TOKEN).unwrap()).services(services);
    let server = server.services(catalog.into_services());
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = bound.url();
    tokio::spawn(bound.serve(stop));
    (queues, url)
}

/// A token file that only its owner can read.
pub(crate) fn write_token(desk: &Desk, name: &str, token: &str) {
    let path = desk.at(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("{token}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn message(queue: &str, id: &str, priority: i64) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        payload: envelope::to_payload(&base::Envelope {
            r#type: "shop.v1.Order".into(),
            body: format!("order {id}").into_bytes(),
            correlation_id: "spring".into(),
            ..Default::default()
        }),
        priority,
        ..NewMessage::default()
    }
}

/// With this tenant.
pub(super) fn of(mut message: NewMessage, tenant: &str) -> NewMessage {
    message.metadata.insert("tenant".into(), tenant.into());
    message
}

fn error() -> bytes::Bytes {
    let error = Error::function("EXIT_1", "it broke").hint("mend it");
    base::Error::from(error).encode_to_vec().into()
}

/// The fields of one name, of all lines.
pub(crate) fn each(lines: &[Value], field: &str) -> Vec<String> {
    lines
        .iter()
        .map(|line| match &line[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}
