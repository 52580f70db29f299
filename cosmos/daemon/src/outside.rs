//! Services that are programs of their own: started, looked after, started again.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use plato_runtime::Remote;
use proto::plato::v1::PlatoServiceClient;
use rpc::Token;
use service_kit::{ANNOUNCED, Declaration};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::services::Services;
use crate::stack::Stack;
use crate::{Config, parts};

/// A program that ends at once is not started again at once.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// One that ran for so long is started again like the first time.
const WELL: Duration = Duration::from_secs(30);
/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

type Client = PlatoServiceClient<rpc::Transport>;

/// The services that the configuration names.
pub(crate) fn declared(built_in: Services, config: &Config) -> Result<Vec<Declaration>> {
    let folders = config.services.iter();
    let declared: Vec<_> = folders
        .map(|folder| Declaration::read(folder))
        .collect::<Result<_>>()?;
    let mut names: Vec<&str> = built_in.iter().map(|service| service.name()).collect();
    for service in &declared {
        ensure!(
            !names.contains(&service.name.as_str()),
            "two services are named `{}`",
            service.name
        );
        names.push(&service.name);
    }
    Ok(declared)
}

/// Names of those that are programs of their own.
pub(crate) fn programs(built_in: Services, config: &Config) -> Result<Vec<String>> {
    let mut programs = Vec::new();
    for service in declared(built_in, config)? {
        if service.program()?.is_some() {
            programs.push(service.name);
        }
    }
    Ok(programs)
}

/// Starts the programs of all of them; where each is looked after.
pub(crate) fn start(stack: &mut Stack, built_in: Services, config: &Config) -> Result<Vec<Remote>> {
    let token = parts::token(config)?;
    let mut remotes = Vec::new();
    for service in declared(built_in, config)? {
        let Some(program) = service.program()? else {
            continue;
        };
        let (there, client) = watch::channel(None);
        let name = service.name.clone();
        let keeper = Keeper {
            program,
            service,
            config: config.file.clone(),
            token: token.clone(),
            there,
            stop: CancellationToken::new(),
        };
        let stop = keeper.stop.clone();
        let kept = tokio::spawn(keeper.keep());
        stack.push("service", async move {
            stop.cancel();
            // One that panicked has killed its program.
            let _ = kept.await;
        });
        remotes.push(Remote::new(name, client));
    }
    Ok(remotes)
}

/// Keeps the program of one service running.
struct Keeper {
    service: Declaration,
    program: PathBuf,
    config: Option<PathBuf>,
    token: Token,
    there: watch::Sender<Option<Client>>,
    stop: CancellationToken,
}

impl Keeper {
    async fn keep(self) {
        let (clock, name) = (parts::clock(), &self.service.name);
        let mut pause = FIRST_PAUSE;
        while !self.stop.is_cancelled() {
            let began = clock.elapsed();
            if let Err(error) = self.run_once().await {
                tracing::error!(service = name, "{error:#}");
            }
            self.there.send_replace(None);
            if clock.elapsed() > began + WELL {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = clock.sleep(pause) => {}
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// One life of the program.
    async fn run_once(&self) -> Result<()> {
        let mut child = self.spawn()?;
        tracing::info!(
            service = self.service.name,
            pid = child.id(),
            "service started"
        );
        // Its end tells the program that nobody looks after it any more.
        let lifeline = child.stdin.take();
        tokio::select! {
            ended = self.attend(&mut child) => ended,
            () = self.stop.cancelled() => {
                drop(lifeline);
                let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
                ended.context("it did not end in time, and was killed")?.map(drop)?;
                Ok(())
            }
        }
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.service.command[1..])
            .arg("--with-parent");
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = command.kill_on_drop(true).spawn();
        spawned.with_context(|| format!("cannot start {}", self.program.display()))
    }

    /// Hears where it serves, then waits for its end.
    async fn attend(&self, child: &mut Child) -> Result<()> {
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output).lines();
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix(ANNOUNCED) {
                    let channel = rpc::connect(url, &self.token)?;
                    let client = Client::new(channel.transport, channel.config);
                    self.there.send_replace(Some(client));
                }
            }
        }
        anyhow::bail!("the service ended: {}", child.wait().await?)
    }
}
