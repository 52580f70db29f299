use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, SystemClock};
use futures::StreamExt;
use futures::stream::BoxStream;
use optimus::{Caller, Config, OptimusRuntime, Requests, State, View};
use proto::base::v1 as wire;
use store::{FaultStore, MemoryStore, Store};
use store_fjall::FjallStore;
use timestone::MessageState;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::echo::{Echo, Script, asking};
use crate::plato::Plato;
use crate::role::Role;

pub(crate) type EchoView = View<wire::Envelope, wire::Value>;
pub(crate) type Views = BoxStream<'static, Result<EchoView, errors::Error>>;

/// Longer than any step takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One machine with its disk: queues, the API layer, and the workflow layer's double.
pub(crate) struct World {
    disk: Disk,
    pub(crate) script: Arc<Script>,
    pub(crate) store: Arc<FaultStore<dyn Store>>,
    queue: Arc<LocalTimestone>,
    pub(crate) optimus: Option<OptimusRuntime<Echo>>,
    pub(crate) requests: Requests<Echo>,
    pub(crate) plato: Plato,
    pub(crate) role: Role,
}

enum Disk {
    Memory {
        api: MemoryStore,
        queue: MemoryStore,
    },
    Files(tempfile::TempDir),
}

impl Disk {
    fn open(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        match self {
            Self::Memory { api, queue } => (Arc::new(api.handle()), Arc::new(queue.handle())),
            Self::Files(folder) => {
                let open = |name: &str| -> Arc<dyn Store> {
                    let path: PathBuf = folder.path().join(name);
                    Arc::new(FjallStore::open(path, clock()).unwrap())
                };
                (open("api"), open("queue"))
            }
        }
    }

    /// What a crash leaves.
    fn crash(self) -> Self {
        match self {
            Self::Memory { api, queue } => Self::Memory {
                api: api.crash(),
                queue: queue.crash(),
            },
            files => files,
        }
    }
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

pub(crate) fn config(owner: &str) -> Config {
    Config {
        owner: owner.into(),
        ownership: Duration::from_secs(5),
        ..Config::default()
    }
}

impl World {
    pub(crate) async fn in_memory() -> Self {
        let store = || MemoryStore::new(clock());
        let disk = Disk::Memory {
            api: store(),
            queue: store(),
        };
        Self::on(disk, Arc::default()).await
    }

    pub(crate) async fn on_disk() -> Self {
        Self::on(Disk::Files(tempfile::tempdir().unwrap()), Arc::default()).await
    }

    async fn on(disk: Disk, script: Arc<Script>) -> Self {
        let (api, queue) = disk.open();
        let queue = Arc::new(LocalTimestone::start(
            queue,
            clock(),
            OwnerOptions::new("queue"),
        ));
        let client = Client::new(queue.clone());
        let store = Arc::new(FaultStore::new(api));
        let echo = Echo(Arc::clone(&script));
        let optimus =
            OptimusRuntime::start(config("api"), store.clone(), client.clone(), clock(), echo);
        let requests = optimus.requests();
        within(requests.ready()).await;
        Self {
            disk,
            script,
            store,
            queue,
            requests,
            optimus: Some(optimus),
            plato: Plato::new(client.clone()),
            role: Role::new(client),
        }
    }

    /// Kills everything where it stands and starts it again from the disk.
    pub(crate) async fn kill(self) -> Self {
        let Self {
            disk,
            script,
            mut optimus,
            queue,
            store,
            plato,
            role,
            requests,
        } = self;
        let disk = disk.crash();
        if matches!(disk, Disk::Files(_)) {
            // One process cannot open the same files twice.
            optimus.take().unwrap().shutdown().await;
            queue.shutdown().await;
        }
        drop((optimus, requests, queue, store, plato, role));
        Self::on(disk, script).await
    }

    pub(crate) async fn submit(&self, body: &str) -> String {
        self.requests
            .submit(&Caller::default(), asking(body, ""))
            .await
            .unwrap()
    }

    pub(crate) async fn ended(&self, id: &str) -> EchoView {
        let view = within(self.requests.wait(id, PATIENCE)).await.unwrap();
        assert!(view.state.is_final(), "{view:?}");
        view
    }

    /// Waits until the message of a call is not waiting any more.
    pub(crate) async fn until_settled(&self, call: &str) {
        within(async {
            while self.role.state(call).await != MessageState::Completed {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until an input is being made.
    pub(crate) async fn until_prepared(&self) {
        within(async {
            while self.script.prepared.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(crate) async fn watch(&self, id: &str) -> Views {
        self.requests.watch(id).await.unwrap()
    }

    /// Waits until the request is seen in a state.
    pub(crate) async fn seen(&self, id: &str, wanted: impl Fn(&EchoView) -> bool) -> EchoView {
        let mut views = self.watch(id).await;
        within(async {
            loop {
                let view = views.next().await.expect("more changes").unwrap();
                if wanted(&view) {
                    return view;
                }
            }
        })
        .await
    }

    /// Asks until it is in this state: who watches is told nothing more after an end.
    pub(crate) async fn becomes(&self, id: &str, state: State) -> EchoView {
        within(async {
            loop {
                let view = self.requests.get(id).await.unwrap();
                if view.state == state {
                    return view;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub(crate) async fn running(&self, id: &str) -> EchoView {
        self.seen(id, |view| view.state == State::Running).await
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes too long")
}

pub(crate) fn inline(view: &EchoView) -> &[u8] {
    &view.response.as_ref().unwrap().inline
}
