use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use blob::{BlobStore, Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use errors::Error;
use optimus::{Config, OptimusRuntime, Pins, Versions};
use proto::base::v1 as base;
use proto::plato::v1::{
    CancelWorkflow, NodeProgress, NodeState, StartWorkflow, WorkflowEvent, WorkflowState,
};
use rpc::{Router, Server, Token};
use serde_json::json;
use store::MemoryStore;
use tempfile::TempDir;
use timestone::{Completion, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio_util::sync::CancellationToken;
use ves_api::service::{VesConfig, VesRpc, VesService};
use ves_api::summary::{RECIPE, Summary, VIDEO};
use ves_api::validate::Policy;
use ves_api::wire::{VideoEncodingServiceClient, VideoEncodingServiceExt};

pub(crate) const TOKEN: &str = "0123456789abcdef0123";

/// One version of one function, whatever the channel.
#[derive(Debug)]
struct Pinned;

#[async_trait]
impl Versions for Pinned {
    async fn pins(&self, service: &str, channel: &str, _: &str) -> Result<Pins, Error> {
        assert_eq!(service, "ves");
        match channel {
            "none" => Err(Error::user("NO_SUCH_CHANNEL", "there is none").at("channel")),
            _ => Ok([("ves-avc".into(), format!("sha256/aa{channel}"))].into()),
        }
    }
}

/// The service on a port of its own, and the workflow layer's double.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) address: SocketAddr,
    url: String,
    stop: CancellationToken,
    _optimus: OptimusRuntime<VesService>,
    queue: Client,
    blobs: Blobs,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in")).unwrap();
        fs::create_dir_all(at("out")).unwrap();
        fs::write(at("in/a film.mp4"), "source").unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let store = || Arc::new(MemoryStore::new(clock.clone()));
        let queue = LocalTimestone::start(store(), clock.clone(), OwnerOptions::new("queue"));
        let queue = Client::new(Arc::new(queue));
        let local: Arc<dyn BlobStore> = Arc::new(LocalBlobs::open("local", &at("blobs")).unwrap());
        let blobs = Blobs::new(local, []);
        let config = VesConfig {
            policy: Policy::below([at("in")], [at("out")]),
        };
        let service = VesService::new(config, blobs.clone());
        let settings = Config {
            versions: Arc::new(Pinned),
            ..Config::default()
        };
        let optimus = OptimusRuntime::start(settings, store(), queue.clone(), clock, service);
        let services = Arc::new(VesRpc::new(optimus.requests())).register(Router::new());
        let server = Server::new(Token::parse(TOKEN).unwrap()).services(services);
        let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, url) = (bound.address(), bound.url());
        let stop = CancellationToken::new();
        tokio::spawn(bound.serve(stop.clone()));
        Self {
            address,
            url,
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

    /// A request to encode into out/b.mp4.
    pub(crate) fn request(&self) -> serde_json::Value {
        json!({"request": {
            "videoSource": {"uri": self.uri("in/a film.mp4")},
            "recipe": {"codec": {"format": "CODEC_FORMAT_AVC"}, "rateControl": {"crf": 20}},
            "output": {"uri": self.uri("out/b.mp4")},
            "labels": {"title": "Lights"},
        }})
    }

    /// A client over HTTP/2, speaking gRPC.
    pub(crate) fn grpc(&self) -> VideoEncodingServiceClient<rpc::Transport> {
        let channel = rpc::connect(&self.url, &Token::parse(TOKEN).unwrap()).unwrap();
        let config = channel.config.with_protocol(connectrpc::Protocol::Grpc);
        let config = config.with_default_timeout(Duration::from_secs(120));
        VideoEncodingServiceClient::new(channel.transport, config)
    }

    /// What the workflow layer is asked next.
    pub(crate) async fn started(&self) -> StartWorkflow {
        envelope::open(&self.next().await).unwrap()
    }

    pub(crate) async fn canceled(&self) -> CancelWorkflow {
        envelope::open(&self.next().await).unwrap()
    }

    async fn next(&self) -> base::Envelope {
        let request = DequeueRequest {
            queues: (0..4)
                .map(|group| names::workflow_inbox("ves", group))
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
        envelope::of_payload(&message.payload).unwrap()
    }

    /// Tells that three of four chunks are done, one of them as before.
    pub(crate) async fn running(&self, id: &str) {
        let event = WorkflowEvent {
            sequence: 1,
            ..event(id, WorkflowState::Running, 3)
        };
        self.tell(event).await;
    }

    /// Tells that the workflow has succeeded with `video`.
    pub(crate) async fn succeeded(&self, id: &str, video: &'static str) {
        let home = self.blobs.home();
        let recipe = json!({
            "boundaries": ["0", "30", "60"],
            "encoderArgs": ["-preset", "medium"],
            "format": {"pixelFormat": "yuv420p"},
        });
        let recipe = home
            .put(recipe.to_string().into(), "application/json")
            .await
            .unwrap();
        let video = home.put(video.into(), "video/mp4").await.unwrap();
        let summary = Summary {
            frames: 60,
            chunks: 4,
            bytes: video.size,
            checks: vec!["frame-count".into()],
            warnings: Vec::new(),
            quality: None,
        };
        let output = blob::Value {
            inline: serde_json::to_vec(&summary).unwrap().into(),
            blobs: [(VIDEO, video), (RECIPE, recipe)]
                .map(|(name, blob)| blob::NamedBlob {
                    name: name.into(),
                    blob,
                })
                .into(),
            list: None,
            error: None,
        };
        let event = WorkflowEvent {
            sequence: 2,
            output: base::Value::from(output).into(),
            ..event(id, WorkflowState::Succeeded, 4)
        };
        self.tell(event).await;
    }

    /// Tells that the workflow has succeeded with this answer.
    pub(crate) async fn answered(&self, id: &str, answer: &serde_json::Value) {
        let output = blob::Value::inline(answer.to_string());
        let event = WorkflowEvent {
            sequence: 2,
            output: base::Value::from(output).into(),
            ..event(id, WorkflowState::Succeeded, 4)
        };
        self.tell(event).await;
    }

    async fn tell(&self, event: WorkflowEvent) {
        let message = NewMessage {
            queue: names::service_events("ves"),
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

fn event(id: &str, state: WorkflowState, done: u64) -> WorkflowEvent {
    let encoder = NodeProgress {
        node: "encoder".into(),
        state: NodeState::Running.into(),
        total: 4,
        done,
        from_memo: 1,
        in_flight: 0.5,
        cpu_ms: 700,
        decode_cpu_ms: 70,
        ..Default::default()
    };
    WorkflowEvent {
        workflow_id: id.into(),
        state: state.into(),
        nodes: vec![encoder],
        ..Default::default()
    }
}
