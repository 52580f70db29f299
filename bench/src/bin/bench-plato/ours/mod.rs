//! Plato and Timestone in one process, as `cosmos up` runs them, over one embedded store; the
//! steps run in another.

mod clients;
mod served;
mod server;
mod worker;
mod workflows;

use std::path::Path;

use anyhow::Result;
use async_trait::async_trait;
use tempfile::TempDir;

pub use self::clients::Clients;
pub use self::served::{Served, Working};
pub use self::server::serve;
pub use self::worker::work;
pub use self::workflows::{FAN_OUT, IDLE, IDLE_FUNCTION};

use self::workflows::TEN;
use crate::engine::{Act, Cpu, Done, Engine, drive};

/// Server and worker, with an empty store.
pub struct Ours {
    clients: Clients,
    // The worker before the server it talks to, both before their files.
    worker: Working,
    server: Served,
    _folder: TempDir,
}

impl Ours {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(scratch)?;
        let server = Served::start(folder.path()).await?;
        Ok(Self {
            clients: Clients::of(server.client()?).await?,
            worker: Working::start(folder.path(), &[])?,
            server,
            _folder: folder,
        })
    }

    pub fn server(&self) -> &Served {
        &self.server
    }

    pub async fn once(&self, act: Act) -> Result<()> {
        match act {
            Act::Steps => self.clients.run(TEN, 0).await,
            Act::FanOut(elements) => self.clients.run(FAN_OUT, elements).await,
        }
    }
}

#[async_trait(?Send)]
impl Engine for Ours {
    fn version(&self) -> String {
        format!("plato {}", env!("CARGO_PKG_VERSION"))
    }

    async fn run(&self, act: Act, clients: usize, times: usize) -> Result<Done> {
        drive(clients, times, async || self.once(act).await).await
    }

    fn cpu(&self) -> Result<Cpu> {
        Ok(Cpu {
            server: self.server.cpu()?,
            worker: self.worker.cpu()?,
        })
    }
}
