use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use blob::{BlobRef, BlobStore, Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use errors::Error;
use optimus::{Config, OptimusRuntime, Pins, Versions};
use proto::base::v1 as base;
use proto::plato::v1::{NodeProgress, NodeState, StartWorkflow, WorkflowEvent, WorkflowState};
use rpc::{Router, Server, Token};
use serde_json::json;
use sources::{Remote, Sources};
use store::MemoryStore;
use tempfile::TempDir;
use timestone::{Completion, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio_util::sync::CancellationToken;
use vvs_api::report::REPORT;
use vvs_api::service::{VvsConfig, VvsRpc, VvsService};
use vvs_api::validate::Policy;
use vvs_api::wire::VideoValidationServiceExt;

const TOKEN: &str = "0123456789abcdef0123";

/// One version of one function, whatever the channel.
#[derive(Debug)]
struct Pinned;

#[async_trait]
impl Versions for Pinned {
    async fn pins(&self, service: &str, channel: &str, _: &str) -> Result<Pins, Error> {
        assert_eq!(service, "vvs");
        match channel {
            "none" => Err(Error::user("NO_SUCH_CHANNEL", "there is none").at("channel")),
            _ => Ok([("vvs-plan".into(), format!("sha256/aa{channel}"))].into()),
        }
    }
}

/// The service on a port of its own, and the workflow layer's double.
pub(crate) struct World {
    folder: TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    _optimus: OptimusRuntime<VvsService>,
    queue: Client,
    pub(crate) blobs: Blobs,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(false).await
    }

    /// A service that does or does not trust its callers with blobs.
    pub(crate) async fn with(trust_blobs: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in")).unwrap();
        fs::write(at("in/a film.mp4"), "video").unwrap();
        fs::write(at("in/source.mov"), "source").unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let store = || Arc::new(MemoryStore::new(clock.clone()));
        let queue = LocalTimestone::start(store(), clock.clone(), OwnerOptions::new("queue"));
        let queue = Client::new(Arc::new(queue));
        let local: Arc<dyn BlobStore> = Arc::new(LocalBlobs::open("local", &at("blobs")).unwrap());
        let blobs = Blobs::new(local, []);
        let config = VvsConfig {
            policy: Policy {
                sources: Sources::of([at("in")], Remote::default()),
                trust_blobs,
            },
        };
        let service = VvsService::new(config, blobs.clone());
        let settings = Config {
            versions: Arc::new(Pinned),
            ..Config::default()
        };
        let optimus = OptimusRuntime::start(settings, store(), queue.clone(), clock, service);
        let services = Arc::new(VvsRpc::new(optimus.requests())).register(Router::new());
        let server = Server::new(Token::parse(TOKEN).unwrap()).services(services);
        let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, stop) = (bound.address(), CancellationToken::new());
        tokio::spawn(bound.serve(stop.clone()));
        Self {
            address,
            stop,
            _optimus: optimus,
            queue,
            blobs,
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display()).replace(' ', "%20")
    }

    /// Calls a method as a script does.
    pub(crate) async fn json(
        &self,
        method: &str,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        crate::json::call(self.address, TOKEN, method, body).await
    }

    /// A request to validate the film against the source.
    pub(crate) fn request(&self) -> serde_json::Value {
        json!({"request": {
            "video": {"uri": self.uri("in/a film.mp4")},
            "source": {"uri": self.uri("in/source.mov")},
            "expectations": [{"cleanDecode": {}}, {"sameFrames": {}}],
            "labels": {"title": "Lights"},
        }})
    }

    pub(crate) async fn put(&self, text: &'static str) -> BlobRef {
        self.blobs
            .home()
            .put(text.into(), "text/plain")
            .await
            .unwrap()
    }

    /// What the workflow layer is asked next.
    pub(crate) async fn started(&self) -> StartWorkflow {
        let request = DequeueRequest {
            queues: (0..4)
                .map(|group| names::workflow_inbox("vvs", group))
                .collect(),
            max: 1,
            wait_ms: 60_000,
            lease_ms: None,
            session: Session {
                owner: "plato".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let message = self
            .queue
            .dequeue(request)
            .await
            .unwrap()
            .pop()
            .expect("a message");
        let completion = Completion {
            token: message.token,
            then_enqueue: Vec::new(),
        };
        self.queue
            .complete(vec![completion])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        envelope::open(&envelope::of_payload(&message.payload).unwrap()).unwrap()
    }

    /// Tells that the workflow has succeeded with this answer.
    pub(crate) async fn succeeded(&self, id: &str, answer: serde_json::Value, report: BlobRef) {
        let output = blob::Value {
            inline: answer.to_string().into(),
            blobs: vec![blob::NamedBlob {
                name: REPORT.into(),
                blob: report,
            }],
            list: None,
            error: None,
        };
        let inspect = NodeProgress {
            node: "inspect".into(),
            state: NodeState::Succeeded.into(),
            total: 4,
            done: 4,
            ..Default::default()
        };
        let event = WorkflowEvent {
            workflow_id: id.into(),
            sequence: 1,
            state: WorkflowState::Succeeded.into(),
            nodes: vec![inspect],
            output: base::Value::from(output).into(),
            ..Default::default()
        };
        let message = NewMessage {
            queue: names::service_events("vvs"),
            id: names::event_id(&event.workflow_id, event.sequence),
            payload: envelope::to_payload(&envelope::seal(&event)),
            ..Default::default()
        };
        self.queue
            .enqueue(vec![message])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
    }
}
