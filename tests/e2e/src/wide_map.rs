//! A wide map over several Plato processes that share a PostgreSQL store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use blob::list::ListReader;
use blob::{Blobs, LocalBlobs, Value};
use bytes::Bytes;
use clap::{Args, Subcommand};
use clock::SystemClock;
use plato::{Definition, Event, NodeCode, NodeDef, NodeId, Registry, TaskContext};
use plato_runtime::{PlatoRuntime, RuntimeConfig, WorkflowReader};
use proto::plato::v1::{StartWorkflow, WorkflowEvent, WorkflowState};
use proto::stratum::v1::{Invocation, InvocationResult};
use rpc::{Server, Token};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use store::Store;
use store_postgres::PostgresStore;
use store_postgres::testing::{Cluster, Programs};
use timestone::{Completion, LeasedMessage, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, Timestone, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const SERVICE: &str = "probe";
const DEFINITION: &str = "probe.wide";
const FUNCTION: &str = "probe-noop";
const GROUPS: u32 = 2;
const OWNERSHIP: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(600);

/// What the program of this proof is told to be.
#[derive(Subcommand)]
pub enum Part {
    /// One Plato process of the proof; it is started by the proof itself
    Node(NodeArgs),
}

/// Where a Plato process finds what it shares with the others.
#[derive(Args)]
pub struct NodeArgs {
    #[arg(long)]
    store: String,
    #[arg(long)]
    timestone: String,
    #[arg(long)]
    token: PathBuf,
    #[arg(long)]
    blobs: PathBuf,
    #[arg(long)]
    name: String,
}

/// What a proof found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub elements: u64,
    pub successes_recorded: u64,
    pub recorded_twice: u64,
    pub missing: u64,
    pub results_in_order: bool,
    pub executions: u64,
    /// How often a process took the running workflow over from one that was paused.
    pub takeovers: u64,
    /// How often a paused process was refused a commit when it went on.
    pub fenced: u64,
    pub seconds: f64,
}

impl Report {
    /// Whether the proof holds: every element once, in order, although an owner was replaced.
    pub fn holds(&self) -> bool {
        self.successes_recorded == self.elements
            && (self.missing, self.recorded_twice) == (0, 0)
            && self.results_in_order
            && self.takeovers > 0
    }
}

/// What a Plato process logs when it takes a group with the workflow over from another.
const TAKEN_OVER: &str = "live=1";
/// What a Plato process logs when a commit of its was refused, since another has its group.
const FENCED: &str = "group lost: another process has taken it over";
/// Pauses, of each process in turn; the work is spread over them.
const PAUSES: u64 = 4;

/// Runs one Plato process until it is killed.
pub async fn node(args: NodeArgs) -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let store = Arc::new(PostgresStore::connect(&args.store).await?);
    let timestone = Client::connect(&args.timestone, &Token::load(&args.token)?)?;
    let config = RuntimeConfig {
        groups: GROUPS,
        ttl: OWNERSHIP,
        ..RuntimeConfig::new(SERVICE, args.name)
    };
    let registry = Arc::new(registry()?);
    let blobs = open_blobs(&args.blobs)?;
    let _runtime = PlatoRuntime::start(
        config,
        store,
        timestone,
        blobs,
        registry,
        Arc::new(SystemClock),
    )
    .await?;
    std::future::pending().await
}

fn registry() -> Result<Registry> {
    let definition = Definition {
        name: DEFINITION.into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("source"),
            NodeDef::function("work", FUNCTION).map_over("source"),
            NodeDef::inline("join").reduce_of("work"),
        ],
        output: "join".into(),
    };
    let source = |task: &TaskContext| {
        Ok(Value {
            list: task.input().list.clone(),
            ..Value::default()
        })
    };
    let join = |task: &TaskContext| {
        Ok(Value {
            list: Some(task.results()?.clone()),
            ..Value::default()
        })
    };
    let mut registry = Registry::new();
    registry.register(
        definition,
        [
            ("source", NodeCode::inline(source)),
            (
                "work",
                NodeCode::function(|_: &TaskContext| Ok(Invocation::default())),
            ),
            ("join", NodeCode::inline(join)),
        ],
    )?;
    Ok(registry)
}

pub(crate) fn open_blobs(root: &Path) -> Result<Blobs> {
    Ok(Blobs::new(Arc::new(LocalBlobs::open("local", root)?), []))
}

/// The proof: `elements` no-op tasks, two Plato processes, each owning some of the groups; the
/// owner of the workflow is paused past its epoch and continued. `None` without PostgreSQL.
pub async fn prove(elements: u64) -> Result<Option<Report>> {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(why) => {
            corpus::skip("a wide map over PostgreSQL", &why);
            return Ok(None);
        }
    };
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(&programs)?;
    let site = Site::start(folder.path(), &cluster.config()).await?;
    let report = site.run(elements).await;
    site.stop.cancel();
    report.map(Some)
}

struct Site {
    store: Arc<dyn Store>,
    timestone: Arc<LocalTimestone>,
    client: Client,
    blobs: Blobs,
    nodes: BTreeMap<String, Node>,
    stop: CancellationToken,
    folder: PathBuf,
}

/// A Plato process; killed when dropped.
struct Node(Child);

impl Node {
    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.0.id().try_into()?).context("a process has a number")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    async fn start(folder: &Path, database: &str) -> Result<Self> {
        let store: Arc<dyn Store> = Arc::new(PostgresStore::connect(database).await?);
        let options = OwnerOptions::new(ids::time_ordered());
        let timestone = Arc::new(LocalTimestone::start(
            store.clone(),
            Arc::new(SystemClock),
            options,
        ));
        let token = folder.join("token");
        let server = Server::new(Token::load_or_create(&token)?);
        let services = TimestoneServer::new(timestone.clone()).into_services();
        let bound = server
            .services(services)
            .bind(([127, 0, 0, 1], 0).into())
            .await?;
        let (url, stop) = (bound.url(), CancellationToken::new());
        tokio::spawn(bound.serve(stop.clone()));
        let client = Client::new(timestone.clone());
        let blobs = open_blobs(&folder.join("blobs"))?;
        let mut site = Self {
            store,
            timestone,
            client,
            blobs,
            nodes: BTreeMap::new(),
            stop,
            folder: folder.to_owned(),
        };
        for name in ["first", "second"] {
            site.start_node(name, database, &url)?;
        }
        Ok(site)
    }

    fn start_node(&mut self, name: &str, database: &str, url: &str) -> Result<()> {
        let log = fs::File::create(self.log_path(name))?;
        let mut command = crate::programs::program("soak-plato")?;
        command.args([
            "node",
            "--store",
            database,
            "--timestone",
            url,
            "--name",
            name,
        ]);
        command.arg("--token").arg(self.folder.join("token"));
        command.arg("--blobs").arg(self.folder.join("blobs"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.nodes
            .insert(name.to_owned(), Node(crate::programs::spawn(&mut command)?));
        Ok(())
    }

    async fn run(&self, elements: u64) -> Result<Report> {
        let start = Instant::now();
        let workflow = ids::time_ordered();
        self.submit(&workflow, elements).await?;
        let worker = Worker::start(self.timestone.clone(), self.stop.clone());
        self.pause_owner(&worker, elements).await?;
        self.wait_for_end(&workflow).await?;
        let seconds = start.elapsed().as_secs_f64();
        self.report(&workflow, elements, worker.executions(), seconds)
            .await
    }

    /// How often all processes together logged `words`.
    fn logged(&self, words: &str) -> u64 {
        let logs = self.nodes.keys().map(|name| self.log_path(name));
        let texts = logs.filter_map(|path| fs::read_to_string(path).ok());
        texts.map(|text| text.matches(words).count() as u64).sum()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("log")
    }

    async fn submit(&self, workflow: &str, elements: u64) -> Result<()> {
        let list: Vec<Value> = (0..elements)
            .map(|n| Value::inline(Bytes::from(n.to_string())))
            .collect();
        let list = blob::list::write(self.blobs.home(), &list).await?;
        let start = StartWorkflow {
            workflow_id: workflow.to_owned(),
            definition: DEFINITION.into(),
            input: Some(
                Value {
                    list: Some(list),
                    ..Value::default()
                }
                .into(),
            )
            .into(),
            notify: names::service_events(SERVICE),
            ..Default::default()
        };
        let message = NewMessage {
            queue: names::inbox_of_workflow(SERVICE, workflow, GROUPS),
            id: workflow.to_owned(),
            payload: envelope::to_payload(&envelope::seal(&start)),
            ..NewMessage::default()
        };
        let outcomes = self.client.enqueue(vec![message]).await?;
        outcomes
            .into_iter()
            .try_for_each(|outcome| outcome.map(drop))
            .context("cannot start the workflow")
    }

    /// Pauses each process in turn past its ownership, until the one was paused that owned the
    /// workflow. What is still to be done waits for the pauses.
    async fn pause_owner(&self, worker: &Worker, elements: u64) -> Result<()> {
        for (pause, node) in (1..PAUSES).zip(self.nodes.values().cycle()) {
            worker.allow(elements * pause / PAUSES);
            worker.reached(elements * pause / PAUSES).await?;
            node.signal(Signal::STOP)?;
            // Results that the paused process would commit.
            worker.allow(elements * pause / PAUSES + 100);
            tokio::time::sleep(OWNERSHIP * 3).await;
            node.signal(Signal::CONT)?;
            if self.logged(TAKEN_OVER) > 0 {
                break;
            }
        }
        worker.allow(u64::MAX);
        Ok(())
    }

    async fn wait_for_end(&self, workflow: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for message in self
                .take(&names::service_events(SERVICE), "observer")
                .await?
            {
                let event: WorkflowEvent =
                    envelope::open(&envelope::of_payload(&message.payload)?)?;
                let state = event.state.as_known();
                self.client
                    .complete(vec![Completion {
                        token: message.token,
                        then_enqueue: vec![],
                    }])
                    .await?;
                match state {
                    Some(state)
                        if event.workflow_id == workflow && state == WorkflowState::Succeeded =>
                    {
                        return Ok(());
                    }
                    Some(state) if state == WorkflowState::Failed => {
                        bail!("the workflow failed: {event:?}")
                    }
                    _ => {}
                }
            }
        }
        bail!("the workflow has not ended in {PATIENCE:?}")
    }

    async fn take(&self, queue: &str, owner: &str) -> Result<Vec<LeasedMessage>> {
        Ok(self.client.dequeue(dequeue(queue, owner)).await?)
    }

    async fn report(
        &self,
        workflow: &str,
        elements: u64,
        executions: u64,
        seconds: f64,
    ) -> Result<Report> {
        let reader = WorkflowReader::new(self.store.clone(), SERVICE, GROUPS);
        let work = NodeId(1);
        let mut recorded: BTreeMap<u64, u64> = BTreeMap::new();
        for entry in reader.history(workflow).await? {
            for event in entry.events {
                if let Event::TaskSucceeded { node, element, .. } = event
                    && node == work
                {
                    *recorded.entry(element).or_default() += 1;
                }
            }
        }
        Ok(Report {
            elements,
            successes_recorded: recorded.values().sum(),
            recorded_twice: recorded.values().filter(|times| **times > 1).count() as u64,
            missing: (0..elements)
                .filter(|element| !recorded.contains_key(element))
                .count() as u64,
            results_in_order: self.in_order(&reader, workflow, elements).await?,
            executions,
            takeovers: self.logged(TAKEN_OVER),
            fenced: self.logged(FENCED),
            seconds,
        })
    }

    async fn in_order(
        &self,
        reader: &WorkflowReader,
        workflow: &str,
        elements: u64,
    ) -> Result<bool> {
        let view = reader
            .workflow(workflow)
            .await?
            .context("the workflow is gone")?;
        let list = view
            .output
            .and_then(|output| output.list)
            .context("the workflow put out no list")?;
        let results = ListReader::open(&self.blobs, list).await?.all().await?;
        let expected = (0..elements).map(|n| n.to_string());
        Ok(results.len() as u64 == elements
            && results
                .iter()
                .zip(expected)
                .all(|(found, n)| found.inline == n))
    }
}

/// Answers invocations with the number of their element, as many as it is allowed.
struct Worker {
    done: watch::Receiver<u64>,
    allowed: watch::Sender<u64>,
}

impl Worker {
    fn start(timestone: Arc<LocalTimestone>, stop: CancellationToken) -> Self {
        let (count, done) = watch::channel(0);
        let allowed = watch::Sender::new(0);
        let mut limit = allowed.subscribe();
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                if let Err(error) = work(&timestone, &count, &mut limit).await {
                    tracing::warn!(%error, "the worker goes on");
                }
            }
        });
        Self { done, allowed }
    }

    /// Lets it go on until it has done so many.
    fn allow(&self, executions: u64) {
        self.allowed.send_replace(executions);
    }

    fn executions(&self) -> u64 {
        *self.done.borrow()
    }

    async fn reached(&self, executions: u64) -> Result<()> {
        let mut done = self.done.clone();
        let reached = done.wait_for(|done| *done >= executions);
        tokio::time::timeout(PATIENCE, reached)
            .await
            .context("the map stands still")??;
        Ok(())
    }
}

async fn work(
    timestone: &LocalTimestone,
    count: &watch::Sender<u64>,
    limit: &mut watch::Receiver<u64>,
) -> Result<()> {
    let done = *count.borrow();
    let limit = *limit.wait_for(|limit| *limit > done).await?;
    let request = DequeueRequest {
        max: u32::try_from((limit - done).min(256))?,
        ..dequeue(&names::function(FUNCTION), "worker")
    };
    let messages = timestone.dequeue(request).await?;
    let answers = messages
        .into_iter()
        .map(answer)
        .collect::<Result<Vec<_>>>()?;
    let outcomes = timestone.complete(answers).await?;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    count.send_modify(|count| *count += accepted);
    Ok(())
}

pub(crate) fn answer(message: LeasedMessage) -> Result<Completion> {
    let sealed = envelope::of_payload(&message.payload)?;
    let invocation: Invocation = envelope::open(&sealed)?;
    let result = InvocationResult {
        invocation_id: invocation.id.clone(),
        result: Some(Value::inline(Bytes::from(invocation.element.to_string())).into()).into(),
        ..Default::default()
    };
    ensure!(
        !sealed.reply_to.is_empty(),
        "an invocation says where its result goes"
    );
    let reply = NewMessage {
        queue: sealed.reply_to,
        id: names::result_id(&invocation.id),
        payload: envelope::to_payload(&envelope::seal(&result)),
        ..NewMessage::default()
    };
    Ok(Completion {
        token: message.token,
        then_enqueue: vec![reply],
    })
}

pub(crate) fn dequeue(queue: &str, owner: &str) -> DequeueRequest {
    DequeueRequest {
        queues: vec![queue.to_owned()],
        max: 256,
        wait_ms: 1_000,
        lease_ms: Some(30_000),
        session: Session {
            owner: owner.into(),
            boot: "only".into(),
        },
        request_id: ids::time_ordered(),
    }
}
