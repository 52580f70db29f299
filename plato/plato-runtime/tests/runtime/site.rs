//! Everything around a runtime: stores, queue, blobs, workers, and who waits for ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blob::list::ListReader;
use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use plato::{
    Definition, Entry, Event, NodeCode, NodeDef, NodeId, Registry, Retry, TaskContext, Value,
};
use plato_runtime::{PlatoRuntime, RuntimeConfig, WorkflowReader, WorkflowView};
use proto::base::v1::Envelope;
use proto::plato::v1::{CancelWorkflow, StartWorkflow, WorkflowEvent};
use proto::stratum::v1::Invocation;
use store::{MemoryStore, Store};
use tempfile::TempDir;
use timestone::{Completion, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};

pub(crate) const SERVICE: &str = "t";
pub(crate) const GROUPS: u32 = 2;
pub(crate) const EVENTS: &str = "t/events";
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const WORK: NodeId = NodeId(1);

pub(crate) struct Site {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) client: Client,
    pub(crate) blobs: Blobs,
    pub(crate) registry: Arc<Registry>,
    _timestone: Arc<LocalTimestone>,
    _folder: Arc<TempDir>,
}

/// split (a list) → work (map) → join (reduce, inline: counts) → tell (inline).
pub(crate) fn definition() -> Definition {
    let retry = Retry {
        backoff_ms: 5,
        ..Retry::default()
    };
    Definition {
        name: "t.demo".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "t-split").retry(retry),
            NodeDef::function("work", "t-work")
                .map_over("split")
                .retry(retry),
            NodeDef::function("join", "t-join")
                .reduce_of("work")
                .retry(retry),
            NodeDef::inline("tell").after(["join"]),
        ],
        output: "tell".into(),
    }
}

pub(crate) fn registry() -> Registry {
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let work = |task: &TaskContext| {
        let element = task.element()?;
        Ok(Invocation {
            params_json: element.value.inline.to_vec(),
            ..Invocation::default()
        })
    };
    let join = |task: &TaskContext| {
        let list = task.results()?.clone();
        Ok(Invocation {
            inputs: vec![list_input(list)],
            ..Invocation::default()
        })
    };
    let tell = |task: &TaskContext| Ok(task.output("join")?.clone());
    let mut registry = Registry::new();
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::function(work)),
        ("join", NodeCode::function(join)),
        ("tell", NodeCode::inline(tell)),
    ];
    registry.register(definition(), code).unwrap();
    registry
}

fn list_input(list: plato::ListRef) -> proto::stratum::v1::Input {
    let list = proto::stratum::v1::ListInput {
        list: Some(list.into()).into(),
        ..Default::default()
    };
    proto::stratum::v1::Input {
        name: "results".into(),
        content: Some(list.into()),
        ..Default::default()
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::over(
            Arc::new(MemoryStore::new(Arc::new(SystemClock))),
            registry(),
        )
    }

    /// Workflows in `store`; the queue has a store of its own.
    pub(crate) fn over(store: Arc<dyn Store>, registry: Registry) -> Self {
        let queue_store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        Self::of(store, queue_store, registry)
    }

    /// Workflows and the queue in one store, as in an installation of one process.
    pub(crate) fn in_one(store: Arc<dyn Store>, registry: Registry) -> Self {
        Self::of(Arc::clone(&store), store, registry)
    }

    pub(crate) fn of(
        store: Arc<dyn Store>,
        queue_store: Arc<dyn Store>,
        registry: Registry,
    ) -> Self {
        // Shown with a failed test.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let options = OwnerOptions::new("timestone");
        let timestone = Arc::new(LocalTimestone::start(
            queue_store,
            Arc::new(SystemClock),
            options,
        ));
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        Self {
            store,
            client: Client::new(timestone.clone()),
            blobs: Blobs::new(Arc::new(blobs), []),
            registry: Arc::new(registry),
            _timestone: timestone,
            _folder: Arc::new(folder),
        }
    }

    pub(crate) fn config(process: &str) -> RuntimeConfig {
        RuntimeConfig {
            groups: GROUPS,
            ttl: Duration::from_secs(2),
            window: 64,
            snapshot_every: 32,
            ..RuntimeConfig::new(SERVICE, process)
        }
    }

    pub(crate) async fn runtime(&self, process: &str) -> PlatoRuntime {
        self.runtime_with(Self::config(process), Arc::new(SystemClock))
            .await
    }

    pub(crate) async fn runtime_with(
        &self,
        config: RuntimeConfig,
        clock: SharedClock,
    ) -> PlatoRuntime {
        let (store, client) = (Arc::clone(&self.store), self.client.clone());
        let (blobs, registry) = (self.blobs.clone(), Arc::clone(&self.registry));
        PlatoRuntime::start(config, store, client, blobs, registry, clock)
            .await
            .unwrap()
    }

    pub(crate) async fn start(&self, workflow: &str) {
        self.start_of(workflow, "t.demo", Envelope::default()).await;
    }

    pub(crate) async fn start_with(&self, workflow: &str, input: proto::base::v1::Value) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: "t.demo".into(),
            notify: EVENTS.into(),
            input: Some(input).into(),
            ..Default::default()
        };
        self.send(workflow, workflow, envelope::seal(&start)).await;
    }

    /// The same start under another id, as a caller sends it that lost its first answer.
    pub(crate) async fn start_again(&self, workflow: &str) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: "t.demo".into(),
            ..Default::default()
        };
        self.send(workflow, &ids::time_ordered(), envelope::seal(&start))
            .await;
    }

    pub(crate) async fn start_of(&self, workflow: &str, definition: &str, envelope: Envelope) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: definition.into(),
            notify: EVENTS.into(),
            ..Default::default()
        };
        let sealed = envelope::seal(&start);
        let envelope = Envelope {
            r#type: sealed.r#type,
            body: sealed.body,
            ..envelope
        };
        self.send(workflow, workflow, envelope).await;
    }

    pub(crate) async fn cancel(&self, workflow: &str) {
        let cancel = CancelWorkflow {
            workflow_id: workflow.into(),
            reason: "not wanted any more".into(),
            ..Default::default()
        };
        self.send(
            workflow,
            &format!("{workflow}/cancel"),
            envelope::seal(&cancel),
        )
        .await;
    }

    /// Puts a message into the inbox of a workflow.
    pub(crate) async fn send(&self, workflow: &str, id: &str, envelope: Envelope) {
        let message = NewMessage {
            queue: names::inbox_of_workflow(SERVICE, workflow, GROUPS),
            id: id.into(),
            payload: envelope::to_payload(&envelope),
            ..NewMessage::default()
        };
        let outcomes = self.client.enqueue(vec![message]).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }

    /// The last event of each of these workflows.
    pub(crate) async fn ends<const N: usize>(&self, workflows: [&str; N]) -> [WorkflowEvent; N] {
        let mut last: BTreeMap<String, WorkflowEvent> = BTreeMap::new();
        let all = async {
            while !workflows
                .iter()
                .all(|id| last.get(*id).is_some_and(is_last))
            {
                for event in self.events().await {
                    newest(&mut last, event);
                }
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            panic!("no end in sight; heard: {last:?}");
        }
        workflows.map(|id| last[id].clone())
    }

    pub(crate) async fn end(&self, workflow: &str) -> WorkflowEvent {
        let [end] = self.ends([workflow]).await;
        end
    }

    /// The next events of any workflow.
    pub(crate) async fn events(&self) -> Vec<WorkflowEvent> {
        let request = DequeueRequest {
            queues: vec![EVENTS.into()],
            max: 100,
            wait_ms: 1_000,
            lease_ms: None,
            session: Session {
                owner: "listener".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let messages = self.client.dequeue(request).await.unwrap();
        let tokens = messages.iter().map(|message| message.token.clone());
        let done = tokens.map(|token| Completion {
            token,
            then_enqueue: Vec::new(),
        });
        self.client.complete(done.collect()).await.unwrap();
        messages
            .iter()
            .map(|message| open(&message.payload))
            .collect()
    }

    /// The same site, as a process sees it that knows other definitions.
    pub(crate) fn with_registry(&self, registry: Registry) -> Site {
        Site {
            store: Arc::clone(&self.store),
            client: self.client.clone(),
            blobs: self.blobs.clone(),
            registry: Arc::new(registry),
            _timestone: Arc::clone(&self._timestone),
            _folder: Arc::clone(&self._folder),
        }
    }

    /// Waits until the condition holds.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        let holding = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, holding).await.is_ok(),
            "it never held"
        );
    }

    /// Waits until the first invocation of this node is in its queue.
    pub(crate) async fn until_dispatched(&self, workflow: &str, node: &str) {
        let node_def = self.definition_of(node);
        let key = timestone::MessageKey {
            queue: names::function(&node_def),
            id: ids::invocation(workflow, node, 0, 0),
        };
        self.until(|| async { self.client.get(&key).await.unwrap().is_some() })
            .await;
    }

    fn definition_of(&self, node: &str) -> String {
        let functions = self.registry.names().filter_map(|(name, version)| {
            let plan = self.registry.get(name, version)?.plan();
            match &plan.node(plan.find(node)?).run {
                plato::Run::Function(function) => Some(function.clone()),
                _ => None,
            }
        });
        functions.last().unwrap()
    }

    /// Waits until this many successes of the map are in the journal.
    pub(crate) async fn until_recorded(&self, workflow: &str, count: usize) {
        self.until(|| async { self.recorded(workflow).await.len() >= count })
            .await;
    }

    /// Waits until the inbox of the workflow holds nothing that waits or runs.
    pub(crate) async fn until_empty(&self, workflow: &str) {
        let inbox = names::inbox_of_workflow(SERVICE, workflow, GROUPS);
        let queues = [inbox];
        self.until(|| async {
            let counts = self.client.count(&queues).await.unwrap();
            counts
                .iter()
                .all(|count| count.pending + count.running + count.invisible == 0)
        })
        .await;
    }

    pub(crate) async fn view(&self, workflow: &str) -> WorkflowView {
        self.reader().workflow(workflow).await.unwrap().unwrap()
    }

    pub(crate) async fn history(&self, workflow: &str) -> Vec<Entry> {
        self.reader().history(workflow).await.unwrap()
    }

    pub(crate) fn reader(&self) -> WorkflowReader {
        WorkflowReader::new(Arc::clone(&self.store), SERVICE, GROUPS)
    }

    /// How often the success of each task of the map was recorded.
    pub(crate) async fn recorded(&self, workflow: &str) -> BTreeMap<u64, usize> {
        let mut recorded = BTreeMap::new();
        for event in self
            .history(workflow)
            .await
            .iter()
            .flat_map(|entry| &entry.events)
        {
            if let Event::TaskSucceeded {
                node: WORK,
                element,
                ..
            } = event
            {
                *recorded.entry(*element).or_default() += 1;
            }
        }
        recorded
    }

    /// How tries of tasks of the map failed, in order.
    pub(crate) async fn faults(&self, workflow: &str) -> Vec<String> {
        let history = self.history(workflow).await;
        let events = history.iter().flat_map(|entry| &entry.events);
        let faults = events.filter_map(|event| match event {
            Event::TaskFailed {
                node: WORK, error, ..
            } => Some(error.code.clone()),
            _ => None,
        });
        faults.collect()
    }

    /// The results of the map, in order.
    pub(crate) async fn results(&self, workflow: &str) -> Vec<Value> {
        let value = self.reader().value(workflow, WORK).await.unwrap().unwrap();
        ListReader::open(&self.blobs, value.list.unwrap())
            .await
            .unwrap()
            .all()
            .await
            .unwrap()
    }
}

fn open(payload: &[u8]) -> WorkflowEvent {
    envelope::open(&envelope::of_payload(payload).unwrap()).unwrap()
}

fn is_last(event: &WorkflowEvent) -> bool {
    use proto::plato::v1::WorkflowState as S;
    matches!(
        event.state.as_known(),
        Some(S::Succeeded | S::Failed | S::Canceled)
    )
}

/// A later event wins; nothing follows the last one.
fn newest(last: &mut BTreeMap<String, WorkflowEvent>, event: WorkflowEvent) {
    let known = last.get(&event.workflow_id);
    if let Some(known) = known.filter(|known| is_last(known)) {
        assert!(
            event.sequence <= known.sequence,
            "something followed the last event"
        );
    }
    if known.is_none_or(|known| known.sequence < event.sequence) {
        last.insert(event.workflow_id.clone(), event);
    }
}
