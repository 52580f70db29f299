//! A host with a queue, a blob store and functions that are shell scripts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blob::list::ListReader;
use blob::{Blobs, LocalBlobs, Value};
use clock::SystemClock;
use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use store::{MemoryStore, Store};
use store_fjall::FjallStore;
use stratum::{
    CanonicalJson, Content, FileName, FunctionName, Input, Invocation, InvocationResult, Places,
    Registry, Source, SourceIdentity,
};
use stratum_agent::{Agent, Config};
use stratum_docker::Engine;
use stratum_init::Containers;
use timestone::{LeasedMessage, MessageKey, MessageView, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::time::timeout;

/// Long enough for a busy machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

const REPLIES: &str = "plato/test/0";

pub struct World {
    pub directory: PathBuf,
    pub timestone: Client,
    pub blobs: Blobs,
    pub functions: PathBuf,
    /// Where functions run, if not in sandboxes.
    engine: Option<Arc<Engine>>,
    _temporary: Option<tempfile::TempDir>,
}

/// What the shell scripts of functions run in an image.
const PROGRAMS: [&str; 13] = [
    "/bin/sh",
    "/bin/bash",
    "/bin/cat",
    "/bin/ls",
    "/bin/ln",
    "/bin/mkdir",
    "/bin/sleep",
    "/bin/touch",
    "/usr/bin/cut",
    "/usr/bin/env",
    "/usr/bin/head",
    "/usr/bin/sort",
    "/usr/bin/tail",
];

impl World {
    /// A host that is gone after the test.
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let world = Self::of(temporary.path(), store);
        Self {
            _temporary: Some(temporary),
            ..world
        }
    }

    /// A host in `directory` that finds there what an earlier process left.
    pub fn durable(directory: &Path) -> Self {
        let store = FjallStore::open(directory.join("store"), Arc::new(SystemClock));
        Self::of(directory, Arc::new(store.unwrap()))
    }

    fn of(directory: &Path, store: Arc<dyn Store>) -> Self {
        // Cargo builds a package's own programs for its tests, but not another's.
        corpus::init_binary().unwrap();
        let functions = directory.join("functions");
        fs::create_dir_all(&functions).unwrap();
        let options = OwnerOptions::new("test");
        let queue = LocalTimestone::start(store, Arc::new(SystemClock), options);
        let blobs = LocalBlobs::open("local", &directory.join("blobs")).unwrap();
        Self {
            timestone: Client::new(Arc::new(queue)),
            blobs: Blobs::new(Arc::new(blobs), []),
            functions,
            directory: directory.to_owned(),
            engine: None,
            _temporary: None,
        }
    }

    /// From now on, the functions that there are run in containers of the engine at `socket`.
    pub async fn contain(&mut self, socket: &str) {
        let init = stratum_init::Init::at(corpus::init_binary().unwrap());
        let owner = format!("agent@{}", self.directory.display());
        let engine = Engine::connect(socket, &owner, &init, Arc::new(SystemClock));
        let engine = engine.await.unwrap();
        let names = fs::read_dir(&self.functions).unwrap();
        let names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
        let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
        let scripts = names.iter().map(|name| {
            let script = fs::read_to_string(self.functions.join(name).join("run.sh"));
            (format!("function/{name}.sh"), script.unwrap())
        });
        let archive = corpus::root_archive(&PROGRAMS, &scripts.collect()).unwrap();
        let image = engine.import(archive.into()).await.unwrap();
        for name in names {
            let path = self.functions.join(name).join("function.yaml");
            let yaml = fs::read_to_string(&path).unwrap();
            let yaml = yaml.replace("[run.sh]", &format!("[{name}.sh]"));
            fs::write(path, format!("{yaml}image: {image}\n")).unwrap();
        }
        self.engine = Some(Arc::new(engine));
    }

    /// Containers of this host that there are; they are gone afterwards.
    pub async fn sweep(&self) -> usize {
        self.engine.as_ref().unwrap().sweep().await.unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A function that is a shell script; `more` are further lines of its `function.yaml`.
    pub fn function(&self, name: &str, more: &str, script: &str) {
        let directory = self.functions.join(name);
        fs::create_dir_all(&directory).unwrap();
        let yaml = format!("name: {name}\nversion: '1'\ncommand: [run.sh]\n{more}\n");
        fs::write(directory.join("function.yaml"), yaml).unwrap();
        let program = directory.join("run.sh");
        fs::write(&program, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.load(&self.functions, &Places::default()).unwrap();
        registry
    }

    pub async fn agent(&self) -> Agent {
        self.agent_with(Config::new("agent", 2, 8_000_000_000))
            .await
    }

    pub async fn agent_with(&self, config: Config) -> Agent {
        let clock = Arc::new(SystemClock);
        let (timestone, blobs) = (self.timestone.clone(), self.blobs.clone());
        let containers = self.engine.clone().map(|engine| engine as _);
        let config = Config {
            containers,
            ..config
        };
        let started = Agent::start(config, self.registry(), timestone, blobs, clock);
        started.await.unwrap()
    }

    pub async fn enqueue(&self, invocation: Invocation) {
        self.enqueue_with(invocation, |_| {}).await;
    }

    pub async fn enqueue_with(&self, invocation: Invocation, edit: impl FnOnce(&mut Envelope)) {
        let wire = wire::Invocation::from(invocation.clone());
        let mut envelope = Envelope {
            reply_to: REPLIES.into(),
            correlation_id: invocation.workflow.clone(),
            ..envelope::seal(&wire)
        };
        edit(&mut envelope);
        let message = NewMessage {
            queue: names::function(invocation.function.as_str()),
            id: invocation.id.clone(),
            payload: envelope::to_payload(&envelope),
            reply_to: Some(REPLIES.into()),
            ..NewMessage::default()
        };
        let outcomes = self.timestone.enqueue(vec![message]).await.unwrap();
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
    }

    /// Runs an invocation to its result.
    pub async fn run(&self, invocation: Invocation) -> InvocationResult {
        self.enqueue(invocation).await;
        self.result().await
    }

    /// The next result; progress is passed over.
    pub async fn result(&self) -> InvocationResult {
        loop {
            let envelope = self.reply().await;
            if envelope::holds::<wire::InvocationResult>(&envelope) {
                let result: wire::InvocationResult = envelope::open(&envelope).unwrap();
                return result.try_into().unwrap();
            }
        }
    }

    /// The next message in the inbox.
    pub async fn reply(&self) -> Envelope {
        let session = Session {
            owner: "test".into(),
            boot: "1".into(),
        };
        let message = self.lease(REPLIES, session).await;
        let envelope = envelope::of_payload(&message.payload).unwrap();
        let completion = timestone::Completion {
            token: message.token,
            then_enqueue: vec![],
        };
        self.timestone.complete(vec![completion]).await.unwrap();
        envelope
    }

    pub async fn lease(&self, queue: &str, session: Session) -> LeasedMessage {
        let request = || DequeueRequest {
            queues: vec![queue.into()],
            max: 1,
            wait_ms: 1_000,
            lease_ms: None,
            session: session.clone(),
            request_id: uuid::Uuid::now_v7().to_string(),
        };
        let leased = async {
            loop {
                let mut messages = self.timestone.dequeue(request()).await.unwrap();
                if let Some(message) = messages.pop() {
                    return message;
                }
            }
        };
        timeout(PATIENCE, leased).await.unwrap()
    }

    pub async fn message(&self, function: &str, id: &str) -> MessageView {
        let key = MessageKey {
            queue: names::function(function),
            id: id.into(),
        };
        self.timestone.get(&key).await.unwrap().unwrap()
    }

    pub async fn blob(&self, value: &Value, name: &str) -> String {
        let blob = value
            .blob(name)
            .unwrap_or_else(|| panic!("{name} in {value:?}"));
        let bytes = self.blobs.get(blob, 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub async fn elements(&self, value: &Value) -> Vec<String> {
        let list = value.list.clone().unwrap();
        let mut reader = ListReader::open(&self.blobs, list).await.unwrap();
        let all = reader.all().await.unwrap();
        let text = |value: Value| String::from_utf8(value.inline.to_vec()).unwrap();
        all.into_iter().map(text).collect()
    }

    pub async fn put(&self, text: &str) -> Content {
        let put = self.blobs.home().put(text.to_owned().into(), "text/plain");
        Content::Blob(put.await.unwrap())
    }

    /// Directories of attempts that exist now.
    pub fn attempts(&self) -> usize {
        let staging = self.path("blobs/staging");
        let processes = fs::read_dir(staging)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let directories = processes.filter(|path| path.is_dir());
        directories
            .map(|path| fs::read_dir(path).unwrap().count())
            .sum()
    }
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let held = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, held)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

pub fn invocation(function: &str, id: &str) -> Invocation {
    Invocation {
        id: id.into(),
        function: FunctionName::new(function).unwrap(),
        function_digest: None,
        params: CanonicalJson::parse(b"{}").unwrap(),
        inputs: vec![],
        attributes: BTreeMap::new(),
        generation: 0,
        outgrown: 0,
        memo: false,
        workflow: "workflow".into(),
        node: "node".into(),
        element: 0,
    }
}

pub fn input(name: &str, content: Content) -> Input {
    Input {
        name: FileName::new(name).unwrap(),
        content,
    }
}

pub fn source(path: &Path) -> Source {
    Source {
        uri: format!("file://{}", path.display()),
        identity: SourceIdentity::from(&fs::metadata(path).unwrap()),
    }
}
