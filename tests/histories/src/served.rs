//! A server in a process of its own, and the database under it, that can be killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::ValueEnum;
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
}

/// What is killed, by SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blow {
    /// The queue's server.
    Server,
    /// One connection's process of PostgreSQL, after which all others are ended too.
    Backend,
    /// Every process of PostgreSQL.
    Database,
    /// Every process of PostgreSQL, and the queue's server.
    Both,
}

/// The server.
pub struct Served {
    program: PathBuf,
    folder: TempDir,
    mistake: Option<Mistake>,
    child: Option<Child>,
    database: Option<Cluster>,
}

impl Served {
    /// Runs `program serve`.
    pub async fn start(program: &Path, adapter: Adapter, mistake: Option<Mistake>) -> Result<Self> {
        let database = match adapter {
            Adapter::Fjall => None,
            Adapter::Postgres => {
                let programs = Programs::find().map_err(|why| anyhow!(why))?;
                Some(Cluster::start(&programs)?)
            }
        };
        let mut served = Self {
            program: program.to_owned(),
            folder: tempfile::tempdir()?,
            mistake,
            child: None,
            database,
        };
        served.spawn()?;
        served.ready().await?;
        Ok(served)
    }

    pub fn adapter(&self) -> Adapter {
        match self.database {
            Some(_) => Adapter::Postgres,
            None => Adapter::Fjall,
        }
    }

    /// Kills, and waits until all is there again.
    pub async fn strike(&mut self, blow: Blow) -> Result<()> {
        match blow {
            Blow::Server => self.kill()?,
            Blow::Backend => self.database()?.server().kill_backend()?,
            Blow::Database => self.database()?.server().kill()?,
            Blow::Both => {
                self.database()?.server().kill()?;
                self.kill()?;
            }
        }
        if matches!(blow, Blow::Database | Blow::Both) {
            self.database()?.server().restart()?;
        }
        if self.child.is_none() {
            self.spawn()?;
        }
        self.ready().await
    }

    fn database(&mut self) -> Result<&mut Cluster> {
        self.database.as_mut().context("there is no database")
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    fn spawn(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        command.arg("serve").arg(folder).stdin(Stdio::null());
        if let Some(database) = &self.database {
            command.args(["--database", &database.config()]);
        }
        if let Some(mistake) = self.mistake.and_then(|mistake| mistake.to_possible_value()) {
            command.args(["--mistake", mistake.get_name()]);
        }
        let _ = std::fs::remove_file(folder.join("url"));
        self.child = Some(command.spawn().context("cannot start the server")?);
        Ok(())
    }

    /// Waits until calls are answered.
    async fn ready(&mut self) -> Result<()> {
        let end = std::time::Instant::now() + PATIENCE;
        while !self.answers().await {
            if self.has_ended()? {
                // A server that finds its database in recovery ends; it is started again.
                ensure!(self.database.is_some(), "the server has ended");
                self.spawn()?;
            }
            ensure!(std::time::Instant::now() < end, "the server does not come");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn has_ended(&mut self) -> Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_some()),
            None => Ok(true),
        }
    }

    async fn answers(&self) -> bool {
        match self.client() {
            Ok(client) => client.count(&[]).await.is_ok(),
            Err(_) => false,
        }
    }

    /// A client that does not try again.
    pub fn client(&self) -> Result<RemoteTimestone> {
        let folder = self.folder.path();
        let url = std::fs::read_to_string(folder.join("url"))?;
        let client = RemoteTimestone::connect(&url, &token(folder)?)?;
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
        let _ = self.kill();
    }
}
