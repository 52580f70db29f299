use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use optimus::{Config, OptimusRuntime, Page, State, View};
use plato::Value;
use plato_runtime::{PlatoRuntime, RuntimeConfig, WorkflowReader, WorkflowView};
use proto::base::v1 as wire;
use proto::plato::v1::{CancelWorkflow, StartWorkflow, WorkflowEvent};
use store::{MemoryStore, Store};
use tempfile::TempDir;
use timestone::{NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::asker;
use crate::echo::{self, Echo};

const GROUPS: u32 = 2;
const EVENTS: &str = "asker/events";
/// What was killed is taken over after this long.
const TTL: Duration = Duration::from_secs(2);
/// Longer than any step takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stores and the queue between the layers, which a test starts and ends.
pub(crate) struct Site {
    disk: Disk,
    queue: LocalQueue,
    pub(crate) client: Client,
    blobs: Blobs,
    folder: Arc<TempDir>,
    /// How often the called service fails.
    pub(crate) failures: Arc<AtomicU32>,
}

type LocalQueue = Arc<LocalTimestone>;

struct Disk {
    asker: MemoryStore,
    api: MemoryStore,
    echo: MemoryStore,
    queue: MemoryStore,
}

impl Disk {
    fn new() -> Self {
        let store = || MemoryStore::new(clock());
        Self {
            asker: store(),
            api: store(),
            echo: store(),
            queue: store(),
        }
    }

    /// What a crash leaves.
    fn crash(&self) -> Self {
        Self {
            asker: self.asker.crash(),
            api: self.api.crash(),
            echo: self.echo.crash(),
            queue: self.queue.crash(),
        }
    }
}

/// Every layer at work.
pub(crate) struct Layers {
    pub(crate) _asker: PlatoRuntime,
    pub(crate) optimus: OptimusRuntime<Echo>,
    pub(crate) _echo: PlatoRuntime,
}

fn config(service: &str) -> RuntimeConfig {
    RuntimeConfig {
        groups: GROUPS,
        ttl: TTL,
        ..RuntimeConfig::new(service, "a")
    }
}

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::on(Disk::new(), folder, Arc::default())
    }

    fn on(disk: Disk, folder: Arc<TempDir>, failures: Arc<AtomicU32>) -> Self {
        let store = Arc::new(disk.queue.handle());
        let options = OwnerOptions::new("queue");
        let queue = Arc::new(LocalTimestone::start(store, clock(), options));
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        Self {
            disk,
            client: Client::new(queue.clone()),
            queue,
            blobs: Blobs::new(Arc::new(blobs), []),
            folder,
            failures,
        }
    }

    /// Kills everything where it stands; nothing but the queue is started again.
    pub(crate) fn kill(self) -> Self {
        let disk = self.disk.crash();
        drop((self.queue, self.client));
        Self::on(disk, self.folder, self.failures)
    }

    pub(crate) async fn layers(&self) -> Layers {
        Layers {
            _asker: self.asker().await,
            optimus: self.optimus(),
            _echo: self.echo().await,
        }
    }

    pub(crate) async fn asker(&self) -> PlatoRuntime {
        let texts: Vec<Value> = (0..20)
            .map(|n| Value::inline(format!("text {n}")))
            .collect();
        let texts = blob::list::write(self.blobs.home(), &texts).await.unwrap();
        let store = Arc::new(self.disk.asker.handle());
        let config = config(asker::SERVICE);
        self.plato(config, store, asker::registry(texts)).await
    }

    pub(crate) async fn echo(&self) -> PlatoRuntime {
        self.echo_by(config(echo::SERVICE)).await
    }

    /// Tells how its workflows end, and nothing before.
    pub(crate) async fn terse_echo(&self) -> PlatoRuntime {
        self.echo_by(RuntimeConfig {
            notify_every: Duration::MAX,
            ..config(echo::SERVICE)
        })
        .await
    }

    async fn echo_by(&self, config: RuntimeConfig) -> PlatoRuntime {
        let registry = echo::registry(Arc::clone(&self.failures));
        let store = Arc::new(self.disk.echo.handle());
        self.plato(config, store, registry).await
    }

    async fn plato(
        &self,
        config: RuntimeConfig,
        store: Arc<dyn Store>,
        registry: plato::Registry,
    ) -> PlatoRuntime {
        let (client, blobs) = (self.client.clone(), self.blobs.clone());
        PlatoRuntime::start(config, store, client, blobs, Arc::new(registry), clock())
            .await
            .unwrap()
    }

    pub(crate) fn optimus(&self) -> OptimusRuntime<Echo> {
        let config = Config {
            groups: GROUPS,
            ownership: TTL,
            ..Config::default()
        };
        let store = Arc::new(self.disk.api.handle());
        OptimusRuntime::start(config, store, self.client.clone(), clock(), Echo)
    }

    /// Starts a workflow of the calling service.
    pub(crate) async fn start(&self, workflow: &str, definition: &str, text: &str) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: definition.into(),
            notify: EVENTS.into(),
            input: Some(Value::inline(text.to_owned()).into()).into(),
            ..Default::default()
        };
        let envelope = wire::Envelope {
            tenant: "a tenant".into(),
            priority: 5,
            ..envelope::seal(&start)
        };
        self.send(workflow, workflow, &envelope).await;
    }

    pub(crate) async fn cancel(&self, workflow: &str) {
        let cancel = CancelWorkflow {
            workflow_id: workflow.into(),
            reason: "not wanted any more".into(),
            ..Default::default()
        };
        let id = names::cancel_id(workflow);
        self.send(workflow, &id, &envelope::seal(&cancel)).await;
    }

    async fn send(&self, workflow: &str, id: &str, envelope: &wire::Envelope) {
        let message = NewMessage {
            queue: names::inbox_of_workflow(asker::SERVICE, workflow, GROUPS),
            id: id.into(),
            payload: envelope::to_payload(envelope),
            ..NewMessage::default()
        };
        let outcomes = self.client.enqueue(vec![message]).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }

    /// Waits until a workflow of the calling service has ended.
    pub(crate) async fn end(&self, workflow: &str) -> WorkflowView {
        let store = Arc::new(self.disk.asker.handle());
        let reader = WorkflowReader::new(store, asker::SERVICE, GROUPS);
        until(|| async {
            let view = reader.workflow(workflow).await.unwrap();
            view.filter(|view| view.state.phase.is_final())
        })
        .await
    }

    /// Waits for an event of the calling service's workflows that says what is wanted.
    pub(crate) async fn hears(&self, wanted: impl Fn(&WorkflowEvent) -> bool) {
        until(|| async {
            let request = DequeueRequest {
                queues: vec![EVENTS.into()],
                max: 1,
                wait_ms: 1_000,
                lease_ms: None,
                session: Session {
                    owner: "listener".into(),
                    boot: "1".into(),
                },
                request_id: ids::time_ordered(),
            };
            let leased = self.client.dequeue(request).await.unwrap();
            let envelope = envelope::of_payload(&leased.first()?.payload).unwrap();
            wanted(&envelope::open(&envelope).unwrap()).then_some(())
        })
        .await;
    }

    /// Waits until the queue holds this many messages that wait.
    pub(crate) async fn until_waiting(&self, queue: &str, messages: u64) {
        let queues = [queue.to_owned()];
        until(|| async {
            let counts = self.client.count(&queues).await.unwrap();
            let pending: u64 = counts.iter().map(|count| count.pending).sum();
            (pending >= messages).then_some(())
        })
        .await;
    }
}

impl Layers {
    /// Waits until this many requests are in a state; all of them.
    pub(crate) async fn requests(&self, state: State, wanted: usize) -> Vec<EchoView> {
        requests(&self.optimus, state, wanted).await
    }
}

pub(crate) type EchoView = View<wire::Envelope, wire::Value>;

pub(crate) async fn requests(
    optimus: &OptimusRuntime<Echo>,
    state: State,
    wanted: usize,
) -> Vec<EchoView> {
    let requests = optimus.requests();
    until(|| async {
        let views = requests.list(&Page::default()).await.unwrap().views;
        let reached = views.iter().filter(|view| view.state == state).count() == wanted;
        reached.then_some(views)
    })
    .await
}

/// Asks until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it takes too long")
}
