//! Calls that share one stream.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::any;
use proto::timestone::v1::__buffa::oneof::exchange_request::Call;
use proto::timestone::v1::__buffa::oneof::exchange_response::Answer;
use proto::timestone::v1::{self as wire, TimestoneServiceClient};
use rpc::{Server, Token};
use timestone::limits::MAX_EXCHANGED;
use timestone::{LeasedMessage, Outcome};
use timestone_client::wire::Outward;
use timestone_client::{RemoteTimestone, Timestone, TimestoneError};
use timestone_server::TimestoneServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::world::{World, demand, memory, message};

const SERVICE: &str = "/timestone.v1.TimestoneService";
/// The calls that can share a stream.
const SHARED: [&str; 6] = [
    "Enqueue",
    "Dequeue",
    "Complete",
    "Fail",
    "Release",
    "ExtendLease",
];

/// A server that knows all calls but these.
struct Served {
    url: String,
    token: Token,
    address: SocketAddr,
    /// The paths of the calls that it answered.
    told: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn serve(world: &World, unknown: &[&str]) -> Served {
    let token = Token::random();
    let services = TimestoneServer::new(Arc::clone(&world.timestone)).into_services();
    let unknown = unknown.iter().fold(axum::Router::new(), |routes, call| {
        let not_found = any(async || StatusCode::NOT_FOUND);
        routes.route(&format!("{SERVICE}/{call}"), not_found)
    });
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let tell = Arc::clone(&told);
    let server = Server::new(token.clone())
        .services(services)
        .routes(unknown)
        .timed(move |path, _| tell.lock().unwrap().push(path.to_owned()));
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let stop = CancellationToken::new();
    Served {
        url: bound.url(),
        token,
        address: bound.address(),
        told,
        stop: stop.clone(),
        serving: tokio::spawn(bound.serve(stop)),
    }
}

impl Served {
    fn times(&self, call: &str) -> usize {
        let path = format!("{SERVICE}/{call}");
        let told = self.told.lock().unwrap();
        told.iter().filter(|told| **told == path).count()
    }

    /// A client of the server at this URL, whose stream is open.
    async fn remote(&self, url: &str) -> RemoteTimestone {
        let remote = RemoteTimestone::connect(url, &self.token).unwrap();
        opened(&remote).await;
        remote
    }
}

/// Returns when calls share a stream. Where they are not known alone, they are refused until then.
async fn opened(remote: &RemoteTimestone) {
    while remote.release(Vec::new(), false).await.is_err() {
        tokio::task::yield_now().await;
    }
}

/// The queue over RPC, all of whose calls share a stream if they can.
pub async fn shared() -> World {
    let served = memory().await;
    let server = serve(&served, &SHARED).await;
    let remote = server.remote(&server.url).await;
    World {
        timestone: Arc::new(remote),
        clock: served.clock.clone(),
        _held: vec![Box::new(served), Box::new(server.stop.drop_guard())],
    }
}

async fn enqueue(timestone: &dyn Timestone, queue: &str, id: &str) {
    let outcomes = timestone.enqueue(vec![message(queue, id, 1)]).await;
    assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
}

type Waiting = JoinHandle<Result<Vec<LeasedMessage>, TimestoneError>>;

/// Begins to wait; returns when the server knows.
async fn waits(remote: &RemoteTimestone, queue: &str) -> Waiting {
    let mut request = demand(queue, 1, "r");
    request.wait_ms = 60_000;
    let worker = remote.clone();
    let waiting = tokio::spawn(async move { worker.dequeue(request).await });
    known(remote).await;
    waiting
}

/// Calls are taken up in order, so an answer to these follows the taking up of those before.
async fn known(remote: &RemoteTimestone) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
        remote.release(Vec::new(), false).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_knows_no_such_stream_is_called_call_by_call() {
    let world = memory().await;
    let server = serve(&world, &["Exchange"]).await;
    let remote = RemoteTimestone::connect(&server.url, &server.token).unwrap();
    for id in ["a", "b", "c"] {
        enqueue(&remote, "q", id).await;
    }
    while server.times("Exchange") == 0 {
        tokio::task::yield_now().await;
    }
    enqueue(&remote, "q", "d").await;
    let leased = remote.dequeue(demand("q", 9, "r")).await.unwrap();
    assert_eq!(leased.len(), 4);
    assert_eq!((server.times("Enqueue"), server.times("Exchange")), (4, 1));
}

#[tokio::test]
async fn calls_of_a_stream_are_told_like_those_made_alone() {
    let world = memory().await;
    let server = serve(&world, &SHARED).await;
    let remote = server.remote(&server.url).await;
    let before = server.times("Enqueue");
    enqueue(&remote, "q", "a").await;
    assert_eq!(server.times("Enqueue"), before + 1);
}

#[tokio::test]
async fn an_answer_that_takes_long_holds_up_no_other() {
    let world = memory().await;
    let server = serve(&world, &SHARED).await;
    let remote = server.remote(&server.url).await;
    let waiting = waits(&remote, "slow").await;
    enqueue(&remote, "quick", "a").await;
    let leased = remote.dequeue(demand("quick", 1, "s")).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert!(!waiting.is_finished());
    enqueue(&remote, "slow", "b").await;
    assert_eq!(waiting.await.unwrap().unwrap()[0].token.key.id, "b");
}

#[tokio::test]
async fn what_was_under_way_when_the_stream_was_cut_is_tried_again() {
    let world = memory().await;
    let server = serve(&world, &[]).await;
    let wire = Wire::to(server.address).await;
    let remote = RemoteTimestone::connect(&wire.url(), &server.token).unwrap();
    while server.times("Exchange") == 0 {
        enqueue(&remote, "other", &ids::time_ordered()).await;
    }
    let waiting = waits(&remote, "q").await;
    wire.cut();
    enqueue(&remote, "q", "a").await;
    let leased = waiting.await.unwrap().unwrap();
    assert_eq!(leased[0].token.key.id, "a");
    let outcomes = remote.extend(vec![leased[0].token.clone()], None).await;
    assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
}

#[tokio::test]
async fn a_server_that_stops_lets_nobody_wait() {
    let world = memory().await;
    let server = serve(&world, &SHARED).await;
    let remote = server.remote(&server.url).await;
    let impatient = remote.clone().patient(std::time::Duration::ZERO);
    let waiting = waits(&impatient, "q").await;
    server.stop.cancel();
    let answer = waiting.await.unwrap();
    assert!(matches!(answer, Err(TimestoneError::Unavailable(why)) if why.contains("stopping")));
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_larger_call_is_made_alone() {
    let world = memory().await;
    let server = serve(&world, &SHARED).await;
    let remote = server.remote(&server.url).await;
    let large = |n: usize| {
        let mut large = message("q", &n.to_string(), 1);
        large.payload = vec![b'x'; 32_000].into();
        large
    };
    let few = remote.enqueue((0..8).map(large).collect()).await;
    assert_eq!(few.unwrap().len(), 8);
    let many = remote.enqueue((0..9).map(large).collect()).await;
    assert!(
        matches!(many, Err(TimestoneError::Refused(_))),
        "it is not known alone"
    );
}

#[tokio::test]
async fn calls_beyond_the_room_of_a_stream_are_refused_and_made_alone() {
    let world = memory().await;
    let server = serve(&world, &[]).await;
    let mut stream = Stream::open(&server).await;
    let mut wait = demand("q", 1, "r").outward();
    wait.wait_ms = 60_000;
    for number in 1..=MAX_EXCHANGED as u64 {
        wait.request_id = number.to_string();
        stream.send(number, wait.clone()).await;
    }
    let over = MAX_EXCHANGED as u64 + 1;
    stream.send(over, wait.clone()).await;
    let (number, answer) = stream.next().await;
    let Answer::Refused(refused) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((number, &*refused.errors[0].code), (over, "TOO_MANY_CALLS"));

    stream.send(1, wire::Forget::default()).await;
    stream.send(over, enqueueing("other", "a")).await;
    let (number, answer) = stream.next().await;
    assert!(matches!(answer, Answer::Enqueue(_)), "{answer:?}");
    assert_eq!(number, over);

    let remote = server.remote(&server.url).await;
    let mut workers = JoinSet::new();
    for number in 0..=MAX_EXCHANGED {
        let (remote, mut request) = (remote.clone(), demand("r", 1, &number.to_string()));
        request.wait_ms = 60_000;
        workers.spawn(async move { remote.dequeue(request).await });
    }
    known(&remote).await;
    enqueue(&remote, "r", "a").await;
    let leased = workers.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(leased.len(), 1);
}

#[tokio::test]
async fn a_call_that_was_forgotten_leases_nothing() {
    let world = memory().await;
    let server = serve(&world, &[]).await;
    let mut stream = Stream::open(&server).await;
    let mut wait = demand("q", 1, "r").outward();
    wait.wait_ms = 60_000;
    stream.send(1, wait.clone()).await;
    stream.send(1, wire::Forget::default()).await;
    stream.send(2, enqueueing("q", "a")).await;
    assert_eq!(stream.next().await.0, 2);
    wait.request_id = "s".into();
    stream.send(3, wait).await;
    let (number, answer) = stream.next().await;
    let Answer::Dequeue(answer) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((number, answer.messages.len()), (3, 1));
}

#[tokio::test]
async fn two_calls_of_one_number_end_the_stream() {
    let world = memory().await;
    let server = serve(&world, &[]).await;
    let mut stream = Stream::open(&server).await;
    let mut wait = demand("q", 1, "r").outward();
    wait.wait_ms = 60_000;
    stream.send(1, wait.clone()).await;
    stream.send(1, wait).await;
    let ended = stream.0.message().await;
    assert!(ended.unwrap_err().to_string().contains("number"));
}

fn enqueueing(queue: &str, id: &str) -> wire::EnqueueRequest {
    wire::EnqueueRequest {
        messages: vec![message(queue, id, 1).outward()],
        ..Default::default()
    }
}

/// A stream without a client that knows how to behave.
struct Stream(
    connectrpc::client::BidiStream<
        <rpc::Transport as connectrpc::client::ClientTransport>::ResponseBody,
        wire::ExchangeRequest,
        wire::ExchangeResponseView<'static>,
    >,
);

impl Stream {
    async fn open(server: &Served) -> Self {
        let channel = rpc::connect(&server.url, &server.token).unwrap();
        let client = TimestoneServiceClient::new(channel.transport, channel.config);
        let mut stream = Self(client.exchange().await.unwrap());
        let (number, answer) = stream.next().await;
        assert!(matches!(answer, Answer::Greeting(_)), "{answer:?}");
        assert_eq!(number, 0);
        stream
    }

    async fn send(&mut self, number: u64, call: impl Into<Call>) {
        let request = wire::ExchangeRequest {
            number,
            call: Some(call.into()),
            ..Default::default()
        };
        self.0.send(request).await.unwrap();
    }

    async fn next(&mut self) -> (u64, Answer) {
        let answer = self.0.message().await.unwrap().unwrap();
        let answer = answer.to_owned_message();
        (answer.number, answer.answer.unwrap())
    }
}

/// A wire to a server that can be cut; what connects later is connected.
struct Wire {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    listening: JoinHandle<()>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let known = Arc::clone(&connections);
        let listening = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let connection = tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
                known.lock().unwrap().push(connection.abort_handle());
            }
        });
        Self {
            address,
            connections,
            listening,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn cut(&self) {
        let connections = self.connections.lock().unwrap();
        connections.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
