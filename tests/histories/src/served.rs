//! Histories over a server in a process of its own, which is killed meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clock::{SharedClock, SystemClock};
use rpc::{Server, Token};
use store_fjall::FjallStore;
use timestone_client::{Coalesced, RemoteTimestone, Timestone};
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Random;
use crate::call::{Act, Answer, Call};
use crate::record::{Caller, Notes, config};
use crate::spec::Spec;

/// The shortest that a lease can be: histories are short.
const LEASE_MS: u64 = 100;
/// Calls of one history: fewer than where time is told exactly, as more orders are possible.
const CALLS: u32 = 40;
/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves the queue stored below `folder`, and writes the address into `folder/url`, until killed.
pub async fn serve(folder: &Path) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store = FjallStore::open(folder.join("store"), Arc::clone(&clock))?;
    let options = OwnerOptions {
        ttl: Duration::from_millis(500),
        ..OwnerOptions::new("served")
    };
    let timestone = LocalTimestone::start(Arc::new(store), clock, options);
    let services = TimestoneServer::new(Arc::new(timestone)).into_services();
    let server = Server::new(token(folder)?).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await?;
    std::fs::write(folder.join("url.new"), bound.url())?;
    std::fs::rename(folder.join("url.new"), folder.join("url"))?;
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

fn token(folder: &Path) -> Result<Token> {
    Ok(Token::load_or_create(&folder.join("token"))?)
}

/// A server that can be killed.
pub struct Served {
    program: PathBuf,
    folder: PathBuf,
    child: Child,
}

impl Served {
    /// Runs `program serve folder`.
    pub async fn start(program: &Path, folder: &Path) -> Result<Self> {
        let mut served = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            child: spawn(program, folder)?,
        };
        served.ready().await?;
        Ok(served)
    }

    /// SIGKILL, and another start.
    pub async fn restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(&self.program, &self.folder)?;
        self.ready().await
    }

    /// Waits until calls are answered.
    async fn ready(&mut self) -> Result<()> {
        let end = std::time::Instant::now() + PATIENCE;
        while !self.answers().await {
            ensure!(self.child.try_wait()?.is_none(), "the server has ended");
            ensure!(std::time::Instant::now() < end, "the server does not come");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    async fn answers(&self) -> bool {
        match self.client() {
            Ok(client) => client.count(&[]).await.is_ok(),
            Err(_) => false,
        }
    }

    /// A client that does not try again.
    fn client(&self) -> Result<RemoteTimestone> {
        let url = std::fs::read_to_string(self.folder.join("url"))?;
        let client = RemoteTimestone::connect(&url, &token(&self.folder)?)?;
        Ok(client.patient(Duration::ZERO))
    }

    /// One history in a queue of its own, with a kill in its middle.
    pub async fn history(&mut self, seed: u64) -> Result<(Spec, Vec<Call>)> {
        let queue = format!("q{seed}");
        let mut random = Random::new(seed);
        let exclusive = random.below(2) == 1;
        let config = config(LEASE_MS, exclusive);
        self.client()?.put_queue(&queue, config).await?;
        let notes = Notes::new(Arc::new(SystemClock));
        let clients = 2 + random.below(4) as u32;
        let shared = self.shared(random.below(2) == 1)?;
        let (mut senders, mut callers) = (Vec::new(), Vec::new());
        for number in 0..clients {
            let (sender, timestone) = watch::channel(self.reach(shared.as_ref())?);
            senders.push(sender);
            let caller = Caller {
                number,
                queue: queue.clone(),
                timestone,
                notes: notes.clone(),
                random: Random::new(seed ^ u64::from(number + 1) << 32),
                messages: 12,
                tokens: Vec::new(),
            };
            callers.push(tokio::spawn(caller.run(CALLS / clients)));
        }
        tokio::time::sleep(Duration::from_millis(random.below(40))).await;
        self.note_restart(&notes).await?;
        let shared = self.shared(shared.is_some())?;
        for sender in senders {
            sender.send_replace(self.reach(shared.as_ref())?);
        }
        for caller in callers {
            caller.await.context("a client failed")?;
        }
        let spec = Spec {
            lease_ms: LEASE_MS as i64,
            repeats: false,
            exclusive,
        };
        Ok((spec, notes.calls()))
    }

    async fn note_restart(&mut self, notes: &Notes) -> Result<()> {
        let mut restarted = Ok(());
        let restart = async {
            restarted = self.restart().await;
            Some(Answer::Done)
        };
        notes.note(u32::MAX, Act::Restart, restart).await;
        restarted
    }

    /// The one client of all, whose calls travel together.
    fn shared(&self, wanted: bool) -> Result<Option<Coalesced>> {
        let client = wanted.then(|| self.client()).transpose()?;
        Ok(client.map(|client| Coalesced::new(Arc::new(client))))
    }

    fn reach(&self, shared: Option<&Coalesced>) -> Result<Arc<dyn Timestone>> {
        Ok(match shared {
            Some(shared) => Arc::new(shared.clone()),
            None => Arc::new(self.client()?),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, folder: &Path) -> Result<Child> {
    let mut command = Command::new(program);
    command.arg("serve").arg(folder).stdin(Stdio::null());
    let _ = std::fs::remove_file(folder.join("url"));
    command.spawn().context("cannot start the server")
}
