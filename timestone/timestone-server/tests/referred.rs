//! Payloads that are too large to travel.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blob::{Blobs, LocalBlobs};
use buffa::Message;
use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use futures::StreamExt;
use proto::base::v1 as base;
use store::MemoryStore;
use timestone::{
    Completion, Failure, LeasedMessage, MessageKey, MessageState, NewMessage, Outcome, Refusal,
    Session, limits,
};
use timestone_client::{
    Client, DequeueRequest, MAX_REFERRED_BYTES, SubscribeRequest, Timestone, envelope, payload_ref,
};
use timestone_server::{LocalTimestone, OwnerOptions};

struct World {
    queue: Arc<LocalTimestone>,
    /// With blobs.
    client: Client,
    clock: ManualClock,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Timestamp::from_unix_ms(1_000_000));
        let shared = Arc::new(clock.clone());
        let store = Arc::new(MemoryStore::new(shared.clone()));
        let queue = LocalTimestone::start(store, shared, OwnerOptions::new("test"));
        let queue = Arc::new(queue);
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        Self {
            client: Client::new(queue.clone()).with_blobs(Blobs::new(Arc::new(blobs), [])),
            queue,
            clock,
            folder,
        }
    }

    async fn enqueue(&self, id: &str, payload: &Bytes) {
        let outcomes = self.client.enqueue(vec![message(id, payload)]).await;
        assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
    }

    async fn stored(&self, id: &str) -> timestone::MessageView {
        self.queue.get(&key(id)).await.unwrap().unwrap()
    }

    /// The one file of a blob that there is.
    fn blob_file(&self) -> PathBuf {
        let mut files = Vec::new();
        all_files(self.folder.path(), &mut files);
        files.retain(|path| path.metadata().unwrap().len() > limits::MAX_PAYLOAD_BYTES as u64);
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

fn all_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_files(&path, files),
            false => files.push(path),
        }
    }
}

/// An envelope of exactly so many bytes.
fn payload(bytes: usize) -> Bytes {
    let of = |body: usize| {
        envelope::to_payload(&base::Envelope {
            r#type: "test.v1.Large".into(),
            body: vec![7; body],
            tenant: "t".into(),
            correlation_id: "about".into(),
            ..Default::default()
        })
    };
    let over = of(bytes).len() - bytes;
    (over..over + 4)
        .map(|less| of(bytes - less))
        .find(|payload| payload.len() == bytes)
        .unwrap()
}

fn key(id: &str) -> MessageKey {
    MessageKey {
        queue: "q".into(),
        id: id.into(),
    }
}

fn message(id: &str, payload: &Bytes) -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: id.into(),
        payload: payload.clone(),
        attempts: Some(2),
        ..NewMessage::default()
    }
}

async fn lease(client: &Client) -> Vec<LeasedMessage> {
    let request = DequeueRequest {
        queues: vec!["q".into()],
        max: 9,
        wait_ms: 0,
        lease_ms: None,
        session: session(),
        request_id: uuid(),
    };
    client.dequeue(request).await.unwrap()
}

fn session() -> Session {
    Session {
        owner: "w".into(),
        boot: "1".into(),
    }
}

fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn error_code(view: &timestone::MessageView) -> String {
    let error = base::Error::decode_from_slice(view.error.as_ref().unwrap()).unwrap();
    assert!(!error.hint.is_empty());
    error.code
}

/// A field of Protobuf that nobody knows, as bytes of any other form may look.
fn unknown_field(bytes: u32) -> Bytes {
    let mut field = vec![0x7a];
    buffa::encoding::encode_varint(u64::from(bytes), &mut field);
    field.resize(field.len() + bytes as usize, 7);
    field.into()
}

#[tokio::test]
async fn bytes_that_look_like_an_envelope_travel_too() {
    let world = World::new();
    let large = unknown_field(50_000);
    assert!(envelope::of_payload(&large).is_ok());
    world.enqueue("a", &large).await;
    let leased = lease(&world.client).await;
    assert_eq!(leased[0].payload, large);
}

#[tokio::test]
async fn what_can_travel_travels_and_more_goes_by_reference() {
    let world = World::new();
    let (most, more) = (payload(32 << 10), payload((32 << 10) + 1));
    world.enqueue("most", &most).await;
    world.enqueue("more", &more).await;
    assert_eq!(world.stored("most").await.payload, most);
    let stored = world.stored("more").await.payload;
    let blob = payload_ref(&stored).unwrap();
    assert_eq!((blob.size, &*blob.store), (more.len() as u64, "local"));
    let envelope = envelope::of_payload(&stored).unwrap();
    assert_eq!(
        (&*envelope.tenant, &*envelope.correlation_id),
        ("t", "about")
    );
    let leased = lease(&world.client).await;
    let payloads: Vec<_> = leased.iter().map(|message| &message.payload).collect();
    assert_eq!(payloads, [&most, &more]);
    let seen = world.client.get(&key("more")).await.unwrap().unwrap();
    assert_eq!(seen.payload, more);
}

#[tokio::test]
async fn ten_mebibytes_arrive_however_they_were_sent() {
    let world = World::new();
    let large = payload(10 << 20);
    world.enqueue("first", &large).await;
    let first = lease(&world.client).await.remove(0);
    assert_eq!(first.payload, large);
    let completion = Completion {
        token: first.token,
        then_enqueue: vec![message("second", &large)],
    };
    let outcomes = world.client.complete(vec![completion]).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done)]);
    let second = lease(&world.client).await.remove(0);
    assert_eq!(second.payload, large);
    let failure = Failure {
        token: second.token,
        error: Bytes::new(),
        retry_in_ms: 0,
        last: true,
        then_enqueue: vec![message("third", &large)],
    };
    let outcomes = world.client.fail(vec![failure]).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done)]);
    let subscription = SubscribeRequest {
        queues: vec!["q".into()],
        credit: 1,
        lease_ms: None,
        session: session(),
        subscription_id: uuid(),
        filter: None,
        ahead: false,
    };
    let mut messages = world.client.subscribe(subscription).await.unwrap();
    let third = messages.next().await.unwrap().unwrap().remove(0);
    assert_eq!((&*third.token.key.id, third.payload), ("third", large));
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[99] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_payload_that_is_missing_or_damaged_is_told_until_the_message_errors() {
    for code in ["PAYLOAD_MISSING", "PAYLOAD_DAMAGED"] {
        let world = World::new();
        world.enqueue("m", &payload(100_000)).await;
        match code {
            "PAYLOAD_MISSING" => std::fs::remove_file(world.blob_file()).unwrap(),
            _ => damage(&world.blob_file()),
        }
        let small = payload(100);
        world.enqueue("other", &small).await;
        let leased = lease(&world.client).await;
        assert_eq!(leased.len(), 1, "the others are not kept back");
        assert_eq!(leased[0].payload, small);
        let waits = world.stored("m").await;
        assert_eq!(waits.state, MessageState::Invisible);
        assert_eq!(error_code(&waits), code);
        world.clock.advance(Duration::from_secs(1));
        assert!(lease(&world.client).await.is_empty());
        assert_eq!(world.stored("m").await.state, MessageState::Errored);
    }
}

#[tokio::test]
async fn without_a_blob_store_one_is_asked_for() {
    let world = World::new();
    let bare = Client::new(world.queue.clone());
    let (small, large) = (payload(100), payload(40_000));
    let batch = vec![
        message("a", &small),
        message("b", &large),
        message("c", &small),
    ];
    let outcomes = bare.enqueue(batch).await.unwrap();
    assert_eq!(
        (&outcomes[0], &outcomes[2]),
        (&Ok(Outcome::Done), &Ok(Outcome::Done))
    );
    let Err(Refusal::Invalid { field, problem }) = &outcomes[1] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(*field, "payload");
    assert!(problem.ends_with("connect it with blobs"), "{problem}");

    world.enqueue("b", &large).await;
    let ids: Vec<_> = lease(&bare)
        .await
        .into_iter()
        .map(|m| m.token.key.id)
        .collect();
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(error_code(&world.stored("b").await), "NO_BLOB_STORE");
}

#[tokio::test]
async fn there_is_an_end_to_what_goes_by_reference() {
    let world = World::new();
    let large = Bytes::from(vec![0; MAX_REFERRED_BYTES + 1]);
    let outcomes = world
        .client
        .enqueue(vec![message("m", &large)])
        .await
        .unwrap();
    assert!(matches!(
        &outcomes[0],
        Err(Refusal::Invalid {
            field: "payload",
            ..
        })
    ));
}
