use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use optimus::{Config, OptimusRuntime, Page, State};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use rpc::{Server, Token};
use store::MemoryStore;
use tempfile::TempDir;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::service::{Validation, registry};

const TOKEN: &str = "0123456789abcdef0123";
/// Longer than any step takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The service and its queue, whose server may go away and come back.
pub(crate) struct Site {
    queue: Arc<LocalTimestone>,
    server: Option<Served>,
    address: SocketAddr,
    url: String,
    optimus: OptimusRuntime<Validation>,
    _plato: PlatoRuntime,
    _folder: TempDir,
}

struct Served {
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

fn token() -> Token {
    Token::parse(TOKEN).unwrap()
}

impl Site {
    pub(crate) async fn new() -> Self {
        let store = || Arc::new(MemoryStore::new(clock()));
        let queue = LocalTimestone::start(store(), clock(), OwnerOptions::new("queue"));
        let queue = Arc::new(queue);
        let client = Client::new(queue.clone());
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        let blobs = Blobs::new(Arc::new(blobs), []);
        let plato = RuntimeConfig::new("vvs", "a");
        let registry = Arc::new(registry());
        let plato = PlatoRuntime::start(plato, store(), client.clone(), blobs, registry, clock());
        let plato = plato.await.unwrap();
        let optimus =
            OptimusRuntime::start(Config::default(), store(), client, clock(), Validation);
        let (server, address, url) = serve(&queue, ([127, 0, 0, 1], 0).into()).await;
        Self {
            queue,
            server: Some(server),
            address,
            url,
            optimus,
            _plato: plato,
            _folder: folder,
        }
    }

    /// A client of the queue server, as another process has it.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.url, &token()).unwrap()
    }

    pub(crate) async fn close(&mut self) {
        let server = self.server.take().unwrap();
        server.stop.cancel();
        server.serving.await.unwrap().unwrap();
    }

    pub(crate) async fn open(&mut self) {
        let (server, ..) = serve(&self.queue, self.address).await;
        self.server = Some(server);
    }

    /// Waits until as many requests as `wanted` have ended in this state.
    pub(crate) async fn until(&self, state: State, wanted: usize) {
        let requests = self.optimus.requests();
        let reached = async {
            loop {
                let views = requests.list(&Page::default()).await.unwrap().views;
                if views.iter().filter(|view| view.state == state).count() == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(reached).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.iter().for_each(|server| server.stop.cancel());
    }
}

async fn serve(queue: &Arc<LocalTimestone>, address: SocketAddr) -> (Served, SocketAddr, String) {
    let services = TimestoneServer::new(queue.clone()).into_services();
    let bound = Server::new(token()).services(services).bind(address).await;
    let bound = bound.unwrap();
    let (address, url) = (bound.address(), bound.url());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(bound.serve(stop.clone()));
    (Served { stop, serving }, address, url)
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes too long")
}
