//! Timestone, as a server of its own and inside this process.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use bench::server::{Server, free_port};
use clock::{SharedClock, SystemClock};
use proto::base::v1::Envelope;
use rpc::Token;
use store_fjall::FjallStore;
use tempfile::TempDir;
use timestone::{Completion, LeaseToken, NewMessage, Outcome, QueueConfig, Refusal, Session};
use timestone_client::envelope::to_payload;
use timestone_client::{Client, Consumer, DequeueRequest, SubscribeRequest};
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::queue::{Connection, Message, Phase, Queue};
use crate::raw_store::Recorder;

pub const QUEUE: &str = "bench";
/// Tasks of one process.
const WORKERS: &str = "workers";
/// How long a worker waits for a message, in milliseconds.
const WAIT_MS: u64 = 30_000;

/// How clients share connections to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// All clients are clones of one.
    One,
    /// As `One`, and messages are sent to whoever is free instead of being asked for.
    Sent,
    /// Each client has a connection of its own.
    Each,
}

/// `cosmos run timestone`, its embedded store in a folder of its own.
pub struct Remote {
    sharing: Sharing,
    url: String,
    token: Token,
    server: Server,
    _folder: TempDir,
}

impl Remote {
    pub async fn start(sharing: Sharing, scratch: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(scratch)?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let config = folder.path().join("cosmos.yaml");
        let text = format!("data: .\ntoken_file: token\ntimestone: {{listen: \"{listen}\"}}\n");
        std::fs::write(&config, text)?;
        let token = Token::load_or_create(&folder.path().join("token"))?;
        let cosmos = std::env::current_exe()?.with_file_name("cosmos");
        let mut command = Command::new(&cosmos);
        command.args(["run", "timestone", "--config"]).arg(&config);
        command.env("NO_COLOR", "1").env_remove("RUST_LOG");
        ensure!(cosmos.is_file(), "{} was not built", cosmos.display());
        let mut server = Server::start(&mut command, &folder.path().join("log"))?;
        server.listening(&listen).await?;
        let remote = Self {
            sharing,
            url: format!("http://{listen}"),
            token,
            server,
            _folder: folder,
        };
        put_queue(&remote.client()?).await?;
        Ok(remote)
    }

    pub fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.url, &self.token)?)
    }
}

#[async_trait]
impl Queue for Remote {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let shared = self.client()?;
        let consumer = match self.sharing {
            Sharing::Sent => Some(Arc::new(shared.consume(subscription(clients)?))),
            Sharing::One | Sharing::Each => None,
        };
        let connect = |n| match (self.sharing, &consumer) {
            (Sharing::Each, _) => Ok(worker(self.client()?, format!("worker-{n}"), n)),
            (_, None) => Ok(worker(shared.clone(), WORKERS.into(), n)),
            (_, Some(consumer)) => Ok(Consuming::new(shared.clone(), Arc::clone(consumer)).boxed()),
        };
        (0..clients).map(connect).collect()
    }

    fn process(&self) -> Option<u32> {
        Some(self.server.process())
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn has_batches(&self) -> bool {
        self.sharing != Sharing::Sent
    }
}

/// The queue in this process, over the embedded store, whose commits are recorded.
pub struct InProcess {
    local: Arc<LocalTimestone>,
    recorder: Arc<Recorder>,
    _folder: TempDir,
}

impl InProcess {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(scratch)?;
        let clock: SharedClock = Arc::new(SystemClock);
        let store = FjallStore::open(folder.path().join("store"), Arc::clone(&clock))?;
        let recorder = Arc::new(Recorder::new(store));
        let options = OwnerOptions::new("bench");
        let local = LocalTimestone::start(recorder.clone(), clock, options);
        let queue = Self {
            local: Arc::new(local),
            recorder,
            _folder: folder,
        };
        put_queue(&Client::new(queue.local.clone())).await?;
        Ok(queue)
    }

    /// Ends the queue; what it committed.
    pub async fn into_commits(self) -> Vec<(Phase, store::Batch)> {
        self.local.shutdown().await;
        self.recorder.take()
    }
}

#[async_trait]
impl Queue for InProcess {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let client = Client::new(self.local.clone());
        Ok((0..clients)
            .map(|n| worker(client.clone(), format!("worker-{n}"), n))
            .collect())
    }

    fn process(&self) -> Option<u32> {
        None
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn has_batches(&self) -> bool {
        true
    }

    fn begin(&self, phase: Phase) {
        self.recorder.begin(phase);
    }
}

async fn put_queue(client: &Client) -> Result<()> {
    let put = client.put_queue(QUEUE, QueueConfig::default());
    put.await.context("cannot create a queue")
}

/// A worker by its number, of the process `owner`.
fn worker(client: Client, owner: String, n: usize) -> Box<dyn Connection> {
    Box::new(Worker {
        client,
        n,
        session: session(owner),
        calls: 0,
        held: Vec::new(),
    })
}

/// One client of the queue, wherever that is.
struct Worker {
    client: Client,
    n: usize,
    session: Session,
    calls: u64,
    held: Vec<LeaseToken>,
}

#[async_trait]
impl Connection for Worker {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        enqueue(&self.client, messages).await
    }

    async fn lease(&mut self, max: usize) -> Result<usize> {
        self.calls += 1;
        let request = DequeueRequest {
            queues: vec![QUEUE.into()],
            max: u32::try_from(max)?,
            wait_ms: WAIT_MS,
            lease_ms: None,
            session: self.session.clone(),
            request_id: format!("{}/{}", self.n, self.calls),
        };
        let leased = self.client.dequeue(request).await?;
        self.held = leased.into_iter().map(|message| message.token).collect();
        Ok(self.held.len())
    }

    async fn complete(&mut self) -> Result<()> {
        complete(&self.client, self.held.drain(..)).await
    }
}

/// As many messages at a time as there are workers.
pub fn subscription(workers: usize) -> Result<SubscribeRequest> {
    Ok(SubscribeRequest {
        queues: vec![QUEUE.into()],
        credit: u32::try_from(workers)?,
        lease_ms: None,
        session: session(WORKERS.into()),
        subscription_id: String::new(),
        filter: None,
        ahead: false,
    })
}

pub fn session(owner: String) -> Session {
    Session {
        owner,
        boot: "1".into(),
    }
}

/// One worker of a consumer.
pub struct Consuming {
    client: Client,
    consumer: Arc<Consumer>,
    held: Option<LeaseToken>,
}

impl Consuming {
    pub fn new(client: Client, consumer: Arc<Consumer>) -> Self {
        Self {
            client,
            consumer,
            held: None,
        }
    }

    fn boxed(self) -> Box<dyn Connection> {
        Box::new(self)
    }
}

#[async_trait]
impl Connection for Consuming {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        enqueue(&self.client, messages).await
    }

    async fn lease(&mut self, _max: usize) -> Result<usize> {
        self.held = Some(self.consumer.next().await?.token);
        Ok(1)
    }

    async fn complete(&mut self) -> Result<()> {
        complete(&self.client, self.held.take()).await
    }
}

async fn enqueue(client: &Client, messages: Vec<Message>) -> Result<()> {
    let messages = messages.into_iter().map(new_message).collect();
    all_done(client.enqueue(messages).await?)
}

pub async fn complete(client: &Client, held: impl IntoIterator<Item = LeaseToken>) -> Result<()> {
    let completion = |token| Completion {
        token,
        then_enqueue: Vec::new(),
    };
    let completions = held.into_iter().map(completion).collect();
    all_done(client.complete(completions).await?)
}

pub fn new_message(message: Message) -> NewMessage {
    NewMessage {
        queue: QUEUE.into(),
        id: format!("message-{:016}", message.number),
        payload: to_payload(&envelope(&message.payload)),
        priority: i64::try_from(message.priority).unwrap_or(i64::MAX),
        ..NewMessage::default()
    }
}

/// What the queue carries: the payload, and what it is.
fn envelope(payload: &[u8]) -> Envelope {
    Envelope {
        r#type: "bench.v1.Message".into(),
        body: payload.to_vec(),
        ..Envelope::default()
    }
}

pub fn all_done(outcomes: Vec<Result<Outcome, Refusal>>) -> Result<()> {
    for outcome in outcomes {
        match outcome? {
            Outcome::Done => {}
            Outcome::Duplicate => bail!("the queue had seen it before"),
        }
    }
    Ok(())
}
