//! One workflow in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blob::Value;
use plato::{Definition, InvalidDefinition, NodeCode, Plan, Registry};
use plato_runtime::PlatoRuntime;
use proto::base::v1::Envelope;
use proto::plato::v1::{
    CancelWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow, SignalWorkflow, StartWorkflow,
};
use timestone::{Completion, NewMessage, Session};
use timestone_client::{DequeueRequest, envelope, names};

use crate::answer::{Answer, Call};
use crate::ran::Ran;
use crate::site::{SERVICE, Site};
use crate::time::{BEGIN_MS, VirtualTime};
use crate::world::{Callees, World};

/// The id of the workflow of a kit.
pub(crate) const WORKFLOW: &str = "w";
const EVENTS: &str = "t/events";
/// Twice as long as the longest timer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20 * 366 * 86_400);

/// What somebody outside does to a workflow.
#[derive(Clone, Debug)]
pub enum Act {
    Cancel(String),
    Pause(String),
    Resume,
    /// What failed is tried again.
    Retry,
    /// The node of this name, and all that follow it, are run again.
    RetryFrom(String),
    /// The signal that a node waits for comes, and brings this.
    Signal(String, Answer),
}

/// A workflow to be tried: its definition and code as they are, and what the world around
/// it does. See the [crate](crate) for an example.
pub struct Kit {
    plan: Arc<Plan>,
    registry: Registry,
    world: World,
    acts: Vec<(Duration, Act)>,
    attributes: BTreeMap<String, String>,
    deadline: Option<Duration>,
    patience: Duration,
}

impl Kit {
    /// A workflow of this definition, whose nodes run this code.
    ///
    /// # Errors
    /// As those of [`Registry::register`].
    pub fn new<N: Into<String>>(
        definition: Definition,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<Self, InvalidDefinition> {
        let mut registry = Registry::new();
        let plan = Arc::new(Plan::new(definition.clone())?);
        registry.register(definition, code)?;
        Ok(Self {
            plan,
            registry,
            world: World::default(),
            acts: Vec::new(),
            attributes: BTreeMap::new(),
            deadline: None,
            patience: PATIENCE,
        })
    }

    /// Another definition and its code, for nodes that start workflows. Functions and
    /// services of its nodes answer by the names of these.
    ///
    /// # Errors
    /// As those of [`Registry::register`].
    pub fn also<N: Into<String>>(
        mut self,
        definition: Definition,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<Self, InvalidDefinition> {
        self.registry.register(definition, code)?;
        Ok(self)
    }

    /// What the function or the service of a node answers. Without, the workflow fails.
    pub fn answer(
        mut self,
        node: &str,
        answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        self.world.answer(node, answer);
        self
    }

    /// What one try of one task answers instead: the `attempt`-th, from 1.
    pub fn inject(mut self, node: &str, element: u64, attempt: u32, answer: Answer) -> Self {
        self.world.inject(node, element, attempt, answer);
        self
    }

    /// What somebody does when so much time has passed since the start.
    pub fn at(mut self, after: Duration, act: Act) -> Self {
        self.acts.push((after, act));
        self
    }

    /// A searchable fact that the workflow is started with.
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// When the workflow has lost its worth, from its start on.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long the workflow may take before it is looked at as it is; twenty years.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts the workflow with this input, and waits until it has ended.
    ///
    /// # Panics
    /// When called on a thread of a Tokio runtime.
    pub fn run(self, input: &serde_json::Value) -> Ran {
        let input = Value::inline(input.to_string());
        let time = VirtualTime::default();
        #[allow(
            clippy::expect_used,
            reason = "the limit of patience is a time to wait for"
        )]
        time.run(self.run_in(time.clone(), input))
            .expect("the kit waits for time")
    }

    async fn run_in(mut self, time: VirtualTime, input: Value) -> Ran {
        let site = Site::start(&time, 1, 1);
        let worker = std::mem::take(&mut self.world).worker(&site);
        let seen = Arc::clone(&worker.seen);
        let callees = Callees::of_graphs(&self.registry);
        tokio::spawn(async move { worker.run(&callees.functions, &callees.services).await });
        let runtime = PlatoRuntime::start(
            site.config("kit"),
            Arc::clone(&site.store) as _,
            site.open(),
            site.blobs.clone(),
            Arc::new(self.registry.clone()),
            Arc::new(time.clone()),
        );
        #[allow(clippy::expect_used, reason = "a store in memory does not fail")]
        let _runtime = runtime.await.expect("the runtime starts");
        self.acts.sort_by_key(|(after, _)| *after);
        let end = BEGIN_MS.saturating_add_unsigned(self.patience.as_millis() as u64);
        tokio::select! {
            biased;
            () = self.act_out(&site, input.clone()) => {}
            () = time.until_ms(end) => {}
        }
        Ran::read(self.plan, &site, input, &seen).await
    }

    /// Starts the workflow, does to it what is to be done, and waits for its end.
    async fn act_out(&self, site: &Site, input: Value) {
        send(site, self.start(site, input)).await;
        for (number, (after, act)) in self.acts.iter().enumerate() {
            let due = BEGIN_MS.saturating_add_unsigned(after.as_millis() as u64);
            site.time.until_ms(due).await;
            send(site, message(site, number, act).await).await;
            until_handled(site, WORKFLOW).await;
        }
        while !has_ended(site).await {
            hear(site).await;
        }
    }

    fn start(&self, site: &Site, input: Value) -> NewMessage {
        let definition = self.plan.definition();
        let start = StartWorkflow {
            workflow_id: WORKFLOW.into(),
            definition: definition.name.clone(),
            definition_version: definition.version,
            input: Some(input.into()).into(),
            notify: EVENTS.into(),
            attributes: self.attributes.clone().into_iter().collect(),
            ..Default::default()
        };
        let sealed = envelope::seal(&start);
        let deadline = |deadline: Duration| BEGIN_MS + deadline.as_millis() as i64;
        let envelope = Envelope {
            deadline_unix_ms: self.deadline.map_or(0, deadline),
            ..sealed
        };
        NewMessage {
            payload: envelope::to_payload(&envelope),
            ..site.message(WORKFLOW, WORKFLOW, &start)
        }
    }
}

async fn message(site: &Site, number: usize, act: &Act) -> NewMessage {
    let (id, workflow_id) = (format!("act {number}"), WORKFLOW.to_owned());
    match act.clone() {
        Act::Cancel(reason) => {
            let cancel = CancelWorkflow {
                workflow_id,
                reason,
                ..Default::default()
            };
            site.message(WORKFLOW, id, &cancel)
        }
        Act::Pause(reason) => {
            let pause = PauseWorkflow {
                workflow_id,
                reason,
                ..Default::default()
            };
            site.message(WORKFLOW, id, &pause)
        }
        Act::Resume => {
            let resume = ResumeWorkflow {
                workflow_id,
                ..Default::default()
            };
            site.message(WORKFLOW, id, &resume)
        }
        Act::Retry | Act::RetryFrom(_) => {
            let node = match act {
                Act::RetryFrom(node) => Some(node.clone()),
                _ => None,
            };
            let retry = RetryWorkflow {
                workflow_id,
                node,
                ..Default::default()
            };
            site.message(WORKFLOW, id, &retry)
        }
        Act::Signal(node, brings) => {
            let value = crate::answer::value(brings, &site.blobs).await;
            let value = value.and_then(Result::ok).unwrap_or_default();
            let signal = SignalWorkflow {
                workflow_id,
                node,
                value: Some(value.into()).into(),
                ..Default::default()
            };
            site.message(WORKFLOW, id, &signal)
        }
    }
}

pub(crate) async fn send(site: &Site, message: NewMessage) {
    let outcomes = site.open().enqueue(vec![message]).await;
    #[allow(clippy::panic, reason = "part of a test, which has failed")]
    if !matches!(outcomes.as_deref(), Ok([Ok(_)])) {
        panic!("the queue refuses a message of the test: {outcomes:?}");
    }
}

/// Waits until nothing is left in the inbox of the workflow.
pub(crate) async fn until_handled(site: &Site, workflow: &str) {
    let inbox = [names::inbox_of_workflow(SERVICE, workflow, site.groups)];
    let client = site.open();
    while let Ok(counts) = client.count(&inbox).await {
        if counts
            .iter()
            .all(|count| count.pending + count.running == 0)
        {
            return;
        }
        site.time.sleep(Duration::from_millis(1)).await;
    }
}

async fn has_ended(site: &Site) -> bool {
    let state = site.reader().state(WORKFLOW).await.ok().flatten();
    state.is_some_and(|state| state.phase.is_final())
}

/// Waits until the workflow tells something.
async fn hear(site: &Site) {
    let request = DequeueRequest {
        queues: vec![EVENTS.into()],
        max: 64,
        wait_ms: 1_000,
        lease_ms: None,
        session: Session {
            owner: "kit".into(),
            boot: "1".into(),
        },
        request_id: ids::time_ordered(),
    };
    let client = site.open();
    let messages = client.dequeue(request).await.unwrap_or_default();
    let done = messages.into_iter().map(|message| Completion {
        token: message.token,
        then_enqueue: Vec::new(),
    });
    // What is not completed is heard again, which does no harm.
    let _ = client.complete(done.collect()).await;
}
