//! The processes of ours that are measured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench::server::{Server, free_port};
use bench::{cpu, memory};
use rpc::Token;
use timestone_client::Client;

use super::server;

/// A running server, and the folder of its files.
pub struct Served {
    server: Server,
    folder: PathBuf,
    listen: String,
    token: Token,
}

impl Served {
    /// Starts one in `folder`; returns when it listens and owns every workflow.
    pub async fn start(folder: &Path) -> Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        std::fs::write(folder.join("listen"), &listen)?;
        std::fs::create_dir_all(folder.join("blobs"))?;
        let owned = folder.join("owned");
        if owned.exists() {
            std::fs::remove_file(&owned)?;
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").arg(folder);
        let mut served = Self {
            server: Server::start(&mut command, &folder.join("log"))?,
            token: Token::load_or_create(&folder.join("token"))?,
            folder: folder.to_owned(),
            listen,
        };
        served.server.listening(&served.listen).await?;
        served.server.ready(async || owned.exists()).await?;
        Ok(served)
    }

    /// A client of its queue, which hands large payloads over through its blobs.
    pub fn client(&self) -> Result<Client> {
        let client = Client::connect(&format!("http://{}", self.listen), &self.token)?;
        Ok(client.with_blobs(server::blobs(&self.folder)?))
    }

    /// Kills the server and starts it again: how long until every workflow was owned.
    pub async fn kill_and_restart(self) -> Result<(Self, Duration)> {
        let Self { server, folder, .. } = self;
        drop(server);
        let start = Instant::now();
        let served = Self::start(&folder).await?;
        Ok((served, start.elapsed()))
    }

    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_tree(self.server.process())
    }

    /// The most memory that it has taken, in bytes.
    pub fn peak_memory(&self) -> Result<u64> {
        memory::peak(self.server.process())
    }
}

/// A running worker of the server whose files are in a folder.
pub struct Working(Server);

impl Working {
    /// Starts one, which also works on the functions `more`.
    pub fn start(folder: &Path, more: &[&str]) -> Result<Self> {
        std::fs::write(folder.join("functions"), more.join("\n"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--work").arg(folder);
        Ok(Self(Server::start(
            &mut command,
            &folder.join("worker-log"),
        )?))
    }

    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_tree(self.0.process())
    }
}
