//! A server in a process of its own, or several, and the database under them, that can be killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use store_postgres::testing::{Cluster, Programs};
use tempfile::TempDir;
use timestone_client::{Coalesced, RemoteTimestone, Timestone};

use crate::planted::Mistake;
use crate::serve::token;

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server stores in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Adapter {
    Fjall,
    Postgres,
    /// Several servers over PostgreSQL.
    Fleet,
}

impl Adapter {
    fn servers(self) -> usize {
        match self {
            Self::Fjall | Self::Postgres => 1,
            Self::Fleet => 3,
        }
    }
}

/// What is killed, by SIGKILL, or stopped for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blow {
    /// The queue's server, or one of them.
    Server,
    /// One of several servers, for longer than it may be silent; then it goes on.
    Stall,
    /// One connection's process of PostgreSQL, after which all others are ended too.
    Backend,
    /// Every process of PostgreSQL.
    Database,
    /// Every process of PostgreSQL, and the queue's server.
    Both,
}

/// How long a stalled server stands still: longer than its shards are its own.
const STALL: Duration = Duration::from_millis(900);

/// The servers.
pub struct Served {
    program: PathBuf,
    folder: TempDir,
    adapter: Adapter,
    mistake: Option<Mistake>,
    servers: Vec<Option<Child>>,
    /// Which is struck next.
    next: usize,
    database: Option<Cluster>,
}

impl Served {
    /// Runs `program serve`.
    pub async fn start(program: &Path, adapter: Adapter, mistake: Option<Mistake>) -> Result<Self> {
        let database = match adapter {
            Adapter::Fjall => None,
            Adapter::Postgres | Adapter::Fleet => {
                let programs = Programs::find().map_err(|why| anyhow!(why))?;
                Some(Cluster::start(&programs)?)
            }
        };
        let mut served = Self {
            program: program.to_owned(),
            folder: tempfile::tempdir()?,
            adapter,
            mistake,
            servers: (0..adapter.servers()).map(|_| None).collect(),
            next: 0,
            database,
        };
        served.ready().await?;
        Ok(served)
    }

    pub fn adapter(&self) -> Adapter {
        self.adapter
    }

    pub fn mistake(&self) -> Option<Mistake> {
        self.mistake
    }

    /// Kills, and waits until all is there again.
    pub async fn strike(&mut self, blow: Blow) -> Result<()> {
        let server = self.next % self.servers.len();
        self.next += 1;
        match blow {
            Blow::Server => self.kill(server)?,
            Blow::Stall => self.stall(server).await?,
            Blow::Backend => self.database()?.server().kill_backend()?,
            Blow::Database => self.database()?.server().kill()?,
            Blow::Both => {
                self.database()?.server().kill()?;
                self.kill(server)?;
            }
        }
        if matches!(blow, Blow::Database | Blow::Both) {
            self.database()?.server().restart()?;
        }
        self.ready().await
    }

    fn database(&mut self) -> Result<&mut Cluster> {
        self.database.as_mut().context("there is no database")
    }

    fn kill(&mut self, server: usize) -> Result<()> {
        if let Some(mut child) = self.servers[server].take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    async fn stall(&mut self, server: usize) -> Result<()> {
        let child = self.servers[server].as_ref().context("it does not run")?;
        let pid = Pid::from_child(child);
        kill_process(pid, Signal::STOP)?;
        tokio::time::sleep(STALL).await;
        Ok(kill_process(pid, Signal::CONT)?)
    }

    fn folder(&self, server: usize) -> PathBuf {
        self.folder.path().join(server.to_string())
    }

    /// Starts what does not run.
    fn spawn(&mut self) -> Result<()> {
        for server in 0..self.servers.len() {
            if self.servers[server].is_none() {
                self.spawn_one(server)?;
            }
        }
        Ok(())
    }

    fn spawn_one(&mut self, server: usize) -> Result<()> {
        let folder = self.folder(server);
        std::fs::create_dir_all(&folder)?;
        // All are of one installation.
        token(self.folder.path())?;
        std::fs::copy(self.folder.path().join("token"), folder.join("token"))?;
        let mut command = Command::new(&self.program);
        command.arg("serve").arg(&folder).stdin(Stdio::null());
        if self.adapter == Adapter::Fleet {
            command.arg("--fleet");
        }
        if let Some(database) = &self.database {
            command.args(["--database", &database.config()]);
        }
        if let Some(mistake) = self.mistake.and_then(|mistake| mistake.to_possible_value()) {
            command.args(["--mistake", mistake.get_name()]);
        }
        let _ = std::fs::remove_file(folder.join("url"));
        self.servers[server] = Some(command.spawn().context("cannot start the server")?);
        Ok(())
    }

    /// Waits until calls are answered.
    async fn ready(&mut self) -> Result<()> {
        self.spawn()?;
        let end = std::time::Instant::now() + PATIENCE;
        while let Err(why) = self.answers().await {
            if self.bury()? {
                // A server that finds its database in recovery ends; it is started again.
                ensure!(self.database.is_some(), "the server has ended");
                self.spawn()?;
            }
            let late = std::time::Instant::now() >= end;
            ensure!(!late, "the server does not come: {why:#}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Whether a server has ended by itself.
    fn bury(&mut self) -> Result<bool> {
        let mut ended = false;
        for server in &mut self.servers {
            if let Some(child) = server
                && child.try_wait()?.is_some()
            {
                *server = None;
                ended = true;
            }
        }
        Ok(ended)
    }

    async fn answers(&self) -> Result<()> {
        self.client()?.count(&[]).await?;
        Ok(())
    }

    /// A client that does not try again.
    pub fn client(&self) -> Result<RemoteTimestone> {
        let url = |server| std::fs::read_to_string(self.folder(server).join("url"));
        let urls: Vec<_> = (0..self.servers.len()).map(url).collect::<Result<_, _>>()?;
        let token = token(self.folder.path())?;
        let client = RemoteTimestone::connect(&urls.join(","), &token)?;
        Ok(client.patient(Duration::ZERO))
    }

    /// Ways to the server, for as many clients: each its own, or all through one that lets calls
    /// travel together.
    pub fn reach(&self, clients: u32, shared: bool) -> Result<Vec<Arc<dyn Timestone>>> {
        if shared {
            let shared = Coalesced::new(Arc::new(self.client()?));
            let clone = |_| Arc::new(shared.clone()) as Arc<dyn Timestone>;
            return Ok((0..clients).map(clone).collect());
        }
        let own = |_| Ok(Arc::new(self.client()?) as Arc<dyn Timestone>);
        (0..clients).map(own).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        (0..self.servers.len()).for_each(|server| drop(self.kill(server)));
    }
}
