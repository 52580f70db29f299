//! The store and the queues that the processes share, and the processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clock::SystemClock;
use plato_runtime::WorkflowReader;
use rpc::{Server, Token};
use store::Store;
use store_postgres::PostgresStore;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

use super::{GROUPS, SERVICE};
use crate::programs;

/// What a process logs for each group that it reads from the store.
const RECOVERED: &str = "group recovered";
/// What it logs for each that it does not own any more.
const LEFT: [&str; 2] = ["group given up", "group lost"];

pub(super) struct Site {
    store: Arc<dyn Store>,
    pub(super) client: Client,
    database: String,
    url: String,
    folder: PathBuf,
    nodes: BTreeMap<String, Node>,
    stop: CancellationToken,
}

/// A Plato process; killed when dropped.
struct Node {
    child: Child,
    /// How long its log was when it began.
    log_begins: usize,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    /// Serves the queues, and starts both processes.
    pub(super) async fn start(folder: &Path, database: &str) -> Result<Self> {
        let store: Arc<dyn Store> = Arc::new(PostgresStore::connect(database).await?);
        let options = OwnerOptions::new(ids::time_ordered());
        let queues = LocalTimestone::start(store.clone(), Arc::new(SystemClock), options);
        let queues = Arc::new(queues);
        let server = Server::new(Token::load_or_create(&folder.join("token"))?);
        let services = TimestoneServer::new(queues.clone()).into_services();
        let bound = server.services(services);
        let bound = bound.bind(([127, 0, 0, 1], 0).into()).await?;
        let (url, stop) = (bound.url(), CancellationToken::new());
        tokio::spawn(bound.serve(stop.clone()));
        crate::wide_map::open_blobs(&folder.join("blobs"))?;
        let mut site = Self {
            store,
            client: Client::new(queues),
            database: database.to_owned(),
            url,
            folder: folder.to_owned(),
            nodes: BTreeMap::new(),
            stop,
        };
        site.start_node("first")?;
        site.start_node("second")?;
        Ok(site)
    }

    /// Starts a process, its log appended to what its predecessors logged.
    pub(super) fn start_node(&mut self, name: &str) -> Result<()> {
        let mut options = fs::File::options();
        let log = options.create(true).append(true).open(self.log(name))?;
        let log_begins = usize::try_from(log.metadata()?.len())?;
        let mut command = programs::program("soak-takeovers")?;
        command.args(["node", "--name", name]);
        command.args(["--store", &self.database, "--timestone", &self.url]);
        command.arg("--token").arg(self.folder.join("token"));
        command.arg("--blobs").arg(self.folder.join("blobs"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = programs::spawn(&mut command)?;
        let node = Node { child, log_begins };
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }

    /// SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self, name: &str) -> Result<()> {
        let node = self.nodes.get_mut(name).context("it does not run")?;
        let ended = node.child.try_wait()?;
        ensure!(ended.is_none(), "{name} had ended by itself: {ended:?}");
        drop(self.nodes.remove(name));
        Ok(())
    }

    /// Groups that a process owns.
    pub(super) fn owned(&self, name: &str) -> Result<u64> {
        let node = self.nodes.get(name).context("it does not run")?;
        let log = fs::read_to_string(self.log(name))?;
        let log = log.get(node.log_begins..).unwrap_or_default();
        let count = |what| log.matches(what).count() as u64;
        Ok(count(RECOVERED).saturating_sub(LEFT.into_iter().map(count).sum()))
    }

    pub(super) fn reader(&self) -> WorkflowReader {
        WorkflowReader::new(self.store.clone(), SERVICE, GROUPS)
    }

    /// How often a group was read from the store.
    pub(super) fn recoveries(&self) -> u64 {
        let logs = self
            .nodes
            .keys()
            .map(|name| fs::read_to_string(self.log(name)));
        let logs = logs.map(Result::unwrap_or_default);
        logs.map(|log| log.matches(RECOVERED).count() as u64).sum()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("log")
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}
