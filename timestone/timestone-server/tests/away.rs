//! A server that goes away and comes back, as its clients see it.
#![allow(clippy::unwrap_used, reason = "a test may insist")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, Timestamp};
use rpc::{Server, Token};
use store::MemoryStore;
use timestone::{Completion, LeasedMessage, NewMessage, Outcome, Session};
use timestone_client::{
    Client, Consumer, RemoteTimestone, SubscribeRequest, Timestone, TimestoneError,
};
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Served {
    address: SocketAddr,
    url: String,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    timestone: Arc<LocalTimestone>,
}

impl Served {
    async fn end(self) {
        self.timestone.shutdown().await;
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

async fn serve(store: &MemoryStore, token: &Token, address: SocketAddr) -> Served {
    let clock = ManualClock::new(Timestamp::from_unix_ms(0));
    let options = OwnerOptions::new("away");
    let timestone = LocalTimestone::start(Arc::new(store.handle()), Arc::new(clock), options);
    let timestone = Arc::new(timestone);
    let services = TimestoneServer::new(timestone.clone()).into_services();
    let server = Server::new(token.clone()).services(services);
    let bound = server.bind(address).await.unwrap();
    let stop = CancellationToken::new();
    Served {
        address: bound.address(),
        url: bound.url(),
        serving: tokio::spawn(bound.serve(stop.clone())),
        stop,
        timestone,
    }
}

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(ManualClock::new(Timestamp::from_unix_ms(0))))
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: id.into(),
        payload: timestone_client::envelope::to_payload(&Default::default()),
        ..NewMessage::default()
    }
}

#[tokio::test]
async fn a_patient_call_outlives_the_server() {
    let (store, token) = (store(), Token::random());
    let served = serve(&store, &token, ([127, 0, 0, 1], 0).into()).await;
    let (address, url) = (served.address, served.url.clone());
    let remote = RemoteTimestone::connect(&url, &token).unwrap();
    let patient = remote.clone().patient(Duration::from_secs(60));
    let hasty = remote.patient(Duration::ZERO);
    let outcomes = hasty.enqueue(vec![message("a")]).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done)]);
    served.end().await;
    let unavailable = hasty.enqueue(vec![message("a")]).await.unwrap_err();
    assert!(matches!(unavailable, TimestoneError::Unavailable(_)));
    let both = vec![message("a"), message("b")];
    let waiting = tokio::spawn(async move { patient.enqueue(both).await });
    let again = serve(&store, &token, address).await;
    let outcomes = waiting.await.unwrap().unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Duplicate), Ok(Outcome::Done)]);
    again.end().await;
}

#[tokio::test]
async fn a_call_with_the_wrong_token_is_not_repeated() {
    let served = serve(&store(), &Token::random(), ([127, 0, 0, 1], 0).into()).await;
    let stranger = RemoteTimestone::connect(&served.url, &Token::random()).unwrap();
    let refused = stranger.count(&[]).await.unwrap_err();
    assert!(matches!(refused, TimestoneError::Refused(_)), "{refused}");
    assert!(refused.to_string().contains("token"), "{refused}");
    served.end().await;
}

#[tokio::test]
async fn a_call_over_the_limits_is_refused_by_either_end() {
    let (store, token) = (store(), Token::random());
    let served = serve(&store, &token, ([127, 0, 0, 1], 0).into()).await;
    let remote = RemoteTimestone::connect(&served.url, &token).unwrap();
    let many = |n: usize| (0..n).map(|id| message(&id.to_string())).collect();
    let most = timestone_client::limits::MAX_BATCH;
    assert_eq!(remote.enqueue(many(most)).await.unwrap().len(), most);
    let refused = remote.enqueue(many(most + 1)).await.unwrap_err();
    assert!(refused.to_string().contains("at most 1024"), "{refused}");
    served.end().await;
}

fn subscription(queue: &str) -> SubscribeRequest {
    SubscribeRequest {
        queues: vec![queue.into()],
        credit: 2,
        lease_ms: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        subscription_id: String::new(),
        filter: None,
        ahead: false,
    }
}

/// Completes the next message; its id.
async fn work(client: &Client, consumer: &Consumer) -> String {
    let LeasedMessage { token, .. } = consumer.next().await.unwrap();
    let id = token.key.id.clone();
    let completion = Completion {
        token,
        then_enqueue: Vec::new(),
    };
    let outcomes = client.complete(vec![completion]).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done)]);
    id
}

#[tokio::test]
async fn a_consumer_outlives_the_server() {
    let (store, token) = (store(), Token::random());
    let served = serve(&store, &token, ([127, 0, 0, 1], 0).into()).await;
    let address = served.address;
    let client = Client::connect(&served.url, &token).unwrap();
    let consumer = client.consume(subscription("q"));
    let all = ["a", "b", "c"].map(message).to_vec();
    client.enqueue(all).await.unwrap();
    assert_eq!(work(&client, &consumer).await, "a");
    assert_eq!(work(&client, &consumer).await, "b");
    assert_eq!(work(&client, &consumer).await, "c");
    served.end().await;
    let again = serve(&store, &token, address).await;
    client.enqueue(vec![message("d")]).await.unwrap();
    assert_eq!(work(&client, &consumer).await, "d");
    again.end().await;
}

#[tokio::test]
async fn a_consumer_of_nothing_hears_why() {
    let (store, token) = (store(), Token::random());
    let served = serve(&store, &token, ([127, 0, 0, 1], 0).into()).await;
    let client = Client::connect(&served.url, &token).unwrap();
    let consumer = client.consume(subscription(""));
    let refused = consumer.next().await.unwrap_err();
    assert!(matches!(refused, TimestoneError::Refused(_)), "{refused}");
    let ended = consumer.next().await.unwrap_err();
    assert!(matches!(ended, TimestoneError::Unavailable(_)), "{ended}");
    served.end().await;
}
