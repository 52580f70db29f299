//! The server that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench::server::{Server, free_port};
use bench::{cpu, memory};
use clock::{SharedClock, SystemClock};
use rpc::Token;
use serde::Serialize;
use store_fjall::FjallStore;
use timestone::{Completion, QueueConfig};
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

use super::fill::{Kind, QUEUE, enqueue};
use super::probe;

/// Processor time in half a second that a server at rest may take.
const REST: Duration = Duration::from_millis(20);
/// How long its store may work on what it took.
const PATIENCE: Duration = Duration::from_secs(300);

/// Serves the queue from `folder` until killed: what `cosmos run timestone` does.
pub async fn serve(folder: &Path) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store = FjallStore::open(folder.join("store"), Arc::clone(&clock))?;
    let options = OwnerOptions::new(ids::time_ordered());
    let local = LocalTimestone::start(Arc::new(store), clock, options);
    let token = Token::load_or_create(&folder.join("token"))?;
    let services = TimestoneServer::new(Arc::new(local)).into_services();
    let listen = std::fs::read_to_string(folder.join("listen"))?.parse()?;
    let bound = rpc::Server::new(token)
        .services(services)
        .bind(listen)
        .await?;
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

/// From the start of a server until it has given a message.
#[derive(Clone, Copy, Serialize)]
pub struct Recovery {
    pub wall_s: f64,
    /// Until its store was open and it listened.
    pub store_s: f64,
    /// Processor time.
    pub cpu_s: f64,
}

/// A running server, and the folder of its files.
pub struct Served {
    server: Server,
    folder: PathBuf,
    listen: String,
    token: Token,
}

impl Served {
    pub async fn start(folder: &Path) -> Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        std::fs::write(folder.join("listen"), &listen)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").arg(folder);
        let mut served = Self {
            server: Server::start(&mut command, &folder.join("log"))?,
            token: Token::load_or_create(&folder.join("token"))?,
            folder: folder.to_owned(),
            listen,
        };
        served.server.listening(&served.listen).await?;
        Ok(served)
    }

    pub fn client(&self) -> Result<Client> {
        Ok(Client::connect(
            &format!("http://{}", self.listen),
            &self.token,
        )?)
    }

    /// A queue that forgets what is completed, as only what waits is to be measured.
    pub async fn put_queue(&self) -> Result<()> {
        let config = QueueConfig {
            retention_ms: 0,
            max_depth: u64::MAX,
            ..QueueConfig::default()
        };
        Ok(self.client()?.put_queue(QUEUE, config).await?)
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> Result<u64> {
        memory::resident(self.server.process())
    }

    /// Waits until the server has nothing left to do: its store writes tables in the
    /// background.
    pub async fn settle(&self) -> Result<()> {
        let start = Instant::now();
        let mut before = cpu::of_tree(self.server.process())?;
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let after = cpu::of_tree(self.server.process())?;
            if after.saturating_sub(before) <= REST {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "the server does not rest");
            before = after;
        }
    }

    /// Kills the server and starts it again.
    pub async fn kill_and_restart(self, kind: Kind) -> Result<(Self, Recovery)> {
        let Self { server, folder, .. } = self;
        drop(server);
        let start = Instant::now();
        let served = Self::start(&folder).await?;
        let store = start.elapsed();
        let client = served.client()?;
        let leased = probe::lease(&client, "restart", 1).await?;
        let recovery = Recovery {
            wall_s: start.elapsed().as_secs_f64(),
            store_s: store.as_secs_f64(),
            cpu_s: cpu::of_tree(served.server.process())?.as_secs_f64(),
        };
        let completion = Completion {
            token: leased,
            then_enqueue: Vec::new(),
        };
        client.complete(vec![completion]).await?;
        enqueue(&client, kind, 1).await?;
        Ok((served, recovery))
    }
}
