//! Workflows in this process with their engine and their queue, and an operator beside them.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blob::{Blobs, LocalBlobs};
use clock::SystemClock;
use errors::Error;
use plato::{Definition, NodeCode, NodeDef, Registry, Retry, TaskContext, Value};
use plato_rules::{RuleBase, RuleRegistry};
use plato_runtime::{Definitions, PlatoRuntime, PlatoServer, RuntimeConfig, Workflows};
use proto::plato::v1::StartWorkflow;
use proto::stratum::v1::{Invocation, InvocationResult};
use rpc::{Router, Server, Token};
use serde_json::Value as Json;
use store::{MemoryStore, Store};
use timestone::{Completion, LeasedMessage, NewMessage, Outcome, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::runtime::Runtime;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::queue::world::{lines, write_token};
use crate::talk::Desk;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SERVICE: &str = "shop";
const GROUPS: u32 = 2;
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Titles with a source are encoded by the newest encoder.
const FRESHNESS: &str = include_str!("../../../../../plato/plato-rules/examples/freshness.yaml");

/// An installation with the workflow `shop.order`: check, approve, tell; and with the rules of
/// `example.freshness`, whose `example.encode` answers at once.
pub(super) struct World {
    pub desk: Desk,
    pub url: String,
    client: Client,
    blobs: Blobs,
    runtime: Runtime,
    _engine: PlatoRuntime,
    _stop: DropGuard,
}

fn registry() -> Registry {
    let definition = Definition {
        name: "shop.order".into(),
        version: 3,
        nodes: vec![
            NodeDef::function("check", "shop-check").retry(Retry::NEVER),
            NodeDef::signal("approve").after(["check"]),
            NodeDef::inline("tell").after(["approve"]),
        ],
        output: "tell".into(),
    };
    let tell = |task: &TaskContext| Ok(task.output("approve")?.clone());
    let code = [
        (
            "check",
            NodeCode::function(|_: &TaskContext| Ok(Invocation::default())),
        ),
        ("tell", NodeCode::inline(tell)),
    ];
    let mut registry = Registry::new();
    registry.register(definition, code).unwrap();
    let encode = Definition {
        name: "example.encode".into(),
        version: 1,
        nodes: vec![NodeDef::inline("encode")],
        output: "encode".into(),
    };
    let done = |_: &TaskContext| Ok(Value::inline(r#"{"seconds": 7}"#));
    let code = [("encode", NodeCode::inline(done))];
    registry.register(encode, code).unwrap();
    registry
}

fn rules() -> RuleRegistry {
    let mut rules = RuleRegistry::default();
    let base = RuleBase::of_yaml(FRESHNESS).unwrap();
    rules
        .register(base, Vec::<(String, NodeCode)>::new())
        .unwrap();
    rules
}

impl World {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        write_token(&desk, "cosmos-data/token", TOKEN);
        let runtime = Runtime::new().unwrap();
        let stop = CancellationToken::new();
        let blobs = desk.at("blobs");
        std::fs::create_dir(&blobs).unwrap();
        let blobs = Blobs::new(Arc::new(LocalBlobs::open("local", &blobs).unwrap()), []);
        let (engine, client, url) = runtime.block_on(serve(blobs.clone(), stop.clone()));
        Self {
            blobs,
            desk,
            url,
            client,
            runtime,
            _engine: engine,
            _stop: stop.drop_guard(),
        }
    }

    /// `cosmos workflow` with these words, at this server.
    pub(super) fn workflow(&self, words: &str) -> Command {
        let words = format!("workflow {words} --server {}", self.url);
        self.desk.cosmos(&words)
    }

    /// What it says, as it is seen, and how it ends.
    pub(super) fn say(&self, words: &str) -> String {
        self.desk.seen(&self.workflow(words).output().unwrap())
    }

    /// What it says to machines; it must end well.
    pub(super) fn json(&self, words: &str) -> Vec<Json> {
        let output = self.workflow(&format!("{words} --json")).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
        lines(&output.stdout)
    }

    /// Starts an order with these attributes; returns when its check is out.
    pub(super) fn order(&self, id: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter();
        let attributes: BTreeMap<_, _> = attributes
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let start = StartWorkflow {
            workflow_id: id.into(),
            definition: "shop.order".into(),
            attributes: attributes.into_iter().collect(),
            ..Default::default()
        };
        let message = NewMessage {
            queue: names::inbox_of_workflow(SERVICE, id, GROUPS),
            id: id.into(),
            payload: envelope::to_payload(&envelope::seal(&start)),
            ..NewMessage::default()
        };
        let outcomes = self.runtime.block_on(self.client.enqueue(vec![message]));
        assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
        self.until(id, |json| json["nodes"][0]["running"] == 1);
    }

    /// Waits until the workflow is there, and is so.
    pub(super) fn until(&self, id: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        let start = Instant::now();
        loop {
            let output = self
                .workflow(&format!("show {id} --json"))
                .output()
                .unwrap();
            let said = lines(&output.stdout).remove(0);
            if output.status.success() && is_so(&said) {
                return said;
            }
            assert!(start.elapsed() < PATIENCE, "it never was: {said}");
        }
    }

    /// The check that comes next, of whichever order, as `worker@host`.
    pub(super) fn lease(&self) -> LeasedMessage {
        let request = DequeueRequest {
            queues: vec![names::function("shop-check")],
            max: 1,
            wait_ms: 30_000,
            lease_ms: None,
            session: Session {
                owner: "worker@host".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let leased = self.runtime.block_on(self.client.dequeue(request));
        leased.unwrap().remove(0)
    }

    /// Answers a check.
    pub(super) fn answer(&self, leased: LeasedMessage, result: Result<&str, Error>) {
        self.answer_saying(leased, result, None);
    }

    /// Answers a check as an agent that kept what its function said.
    pub(super) fn answer_saying(
        &self,
        leased: LeasedMessage,
        result: Result<&str, Error>,
        said: Option<&str>,
    ) {
        let log = said.map(|said| {
            let put = self.blobs.home().put(said.to_owned().into(), "text/plain");
            self.runtime.block_on(put).unwrap()
        });
        let envelope = envelope::of_payload(&leased.payload).unwrap();
        let invocation: Invocation = envelope::open(&envelope).unwrap();
        let (result, error) = match result {
            Ok(text) => (Some(Value::inline(text.to_owned()).into()), None),
            Err(error) => (None, Some(error.into())),
        };
        let result = InvocationResult {
            invocation_id: invocation.id.clone(),
            result: result.into(),
            error: error.into(),
            log: log.map(Into::into).into(),
            ..Default::default()
        };
        let reply = NewMessage {
            queue: envelope.reply_to,
            id: names::result_id(&invocation.id),
            payload: envelope::to_payload(&envelope::seal(&result)),
            ..NewMessage::default()
        };
        let completion = Completion {
            token: leased.token,
            then_enqueue: vec![reply],
        };
        let outcomes = self
            .runtime
            .block_on(self.client.complete(vec![completion]));
        assert_eq!(outcomes.unwrap(), [Ok(Outcome::Done)]);
    }

    /// Orders, and has the check fail for good.
    pub(super) fn failed(&self, id: &str) {
        self.order(id, &[]);
        let wrong = Error::user("NO_STOCK", "there is nothing left").hint("wait for more");
        self.answer(self.lease(), Err(wrong));
        self.until(id, |json| json["state"] == "failed");
    }
}

async fn serve(blobs: Blobs, stop: CancellationToken) -> (PlatoRuntime, Client, String) {
    let clock = Arc::new(SystemClock);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone()));
    let queues = LocalTimestone::start(store.clone(), clock.clone(), OwnerOptions::new("test"));
    let client = Client::new(Arc::new(queues));
    let registry = Definitions {
        graphs: Arc::new(registry()),
        rules: Arc::new(rules()),
    };
    let config = RuntimeConfig {
        groups: GROUPS,
        ..RuntimeConfig::new(SERVICE, "test")
    };
    let (engine_store, engine_client) = (store.clone(), client.clone());
    let (known, read) = (registry.clone(), blobs.clone());
    let engine = PlatoRuntime::start(config, engine_store, engine_client, blobs, known, clock);
    let workflows = Workflows::new(store, SERVICE, GROUPS, registry, read);
    let services = PlatoServer::new([workflows], client.clone()).register(Router::new());
    let server = Server::new(Token::parse(TOKEN).unwrap()).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = bound.url();
    tokio::spawn(bound.serve(stop));
    (engine.await.unwrap(), client, url)
}
