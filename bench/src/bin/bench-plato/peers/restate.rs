//! Restate: its server as the package of npm carries it, its steps in a process of Node.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bench::server::{Server, find, free_port};
use bench::{cpu, npm};
use tempfile::TempDir;

use super::http::Http;
use crate::engine::{Act, Cpu, Done, Engine, drive};

/// The library and the server, pinned, and the service.
const FILES: [(&str, &str); 3] = [
    (
        "package.json",
        include_str!("../../../../peers/restate/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../peers/restate/package-lock.json"),
    ),
    (
        "service.mjs",
        include_str!("../../../../peers/restate/service.mjs"),
    ),
];
/// Below the folder where npm installed.
const PROGRAM: &str = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server";

pub struct Restate {
    ingress: String,
    /// Connections that no client uses now.
    idle: Mutex<Vec<Http>>,
    version: String,
    server: Server,
    service: Server,
    _folder: TempDir,
}

impl Restate {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let home = scratch.parent().unwrap_or(scratch).join("restate");
        npm::install(&home, &FILES).await?;
        let folder = tempfile::tempdir_in(scratch)?;
        let ports = Ports::free()?;
        let mut restate = Self {
            ingress: at(ports.ingress),
            idle: Mutex::default(),
            version: version(&home.join(PROGRAM))?,
            server: server(&home, &ports, folder.path())?,
            service: service(&home, &ports, folder.path())?,
            _folder: folder,
        };
        restate.service.listening(&at(ports.service)).await?;
        restate.server.listening(&restate.ingress).await?;
        restate.register(&ports).await?;
        Ok(restate)
    }

    /// Tells the server of the service; it may still be coming up.
    async fn register(&mut self, ports: &Ports) -> Result<()> {
        let admin = at(ports.admin);
        let deployment = format!("{{\"uri\":\"http://{}\"}}", at(ports.service));
        let register = async || {
            let mut http = Http::connect(&admin).await?;
            http.post("/deployments", &deployment).await
        };
        self.server
            .ready(async || register().await.is_ok())
            .await
            .context("the service was not registered")?;
        // Known to the admin is not yet known to the ingress.
        let first = async || self.once(Act::Steps).await.is_ok();
        for _ in 0..500 {
            if first().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.once(Act::Steps).await
    }

    async fn once(&self, act: Act) -> Result<()> {
        let idle = self.idle().pop();
        let mut http = match idle {
            Some(http) => http,
            None => Http::connect(&self.ingress).await?,
        };
        let (answer, expected) = match act {
            Act::Steps => (http.post("/Steps/ten", "").await?, "9".to_owned()),
            Act::FanOut(elements) => {
                let elements = elements.to_string();
                (http.post("/Fan/out", &elements).await?, elements)
            }
        };
        ensure!(answer == expected, "it answered {answer}");
        self.idle().push(http);
        Ok(())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Http>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Ports {
    node: u16,
    ingress: u16,
    admin: u16,
    service: u16,
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self {
            node: free_port()?,
            ingress: free_port()?,
            admin: free_port()?,
            service: free_port()?,
        })
    }
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// With its defaults, which sync every write; only where it listens is said, and that it
/// tells nobody about us.
fn server(home: &Path, ports: &Ports, folder: &Path) -> Result<Server> {
    let mut command = Command::new(home.join(PROGRAM));
    command
        .args(["--no-logo", "--base-dir"])
        .arg(folder.join("data"));
    let settings = [
        ("DO_NOT_TRACK", "1".into()),
        ("RESTATE_DISABLE_TELEMETRY", "true".into()),
        ("RESTATE_BIND_IP", "127.0.0.1".into()),
        ("RESTATE_ADVERTISED_HOST", "127.0.0.1".into()),
        ("RESTATE_LISTEN_MODE", "tcp".into()),
        ("RESTATE_BIND_PORT", ports.node.to_string()),
        ("RESTATE_INGRESS__BIND_ADDRESS", at(ports.ingress)),
        ("RESTATE_ADMIN__BIND_ADDRESS", at(ports.admin)),
    ];
    command.envs(settings).current_dir(folder);
    Server::start(&mut command, &folder.join("log"))
}

fn service(home: &Path, ports: &Ports, folder: &Path) -> Result<Server> {
    let mut command = Command::new(find("node")?);
    command
        .arg(home.join("service.mjs"))
        .arg(ports.service.to_string());
    command.envs([("RESTATE_LOGGING", "ERROR"), ("NODE_ENV", "production")]);
    Server::start(&mut command, &folder.join("service-log"))
}

fn version(program: &PathBuf) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let words: Vec<_> = told.split_whitespace().take(2).collect();
    ensure!(output.status.success() && words.len() == 2, "{told}");
    Ok(words.join(" "))
}

#[async_trait(?Send)]
impl Engine for Restate {
    fn version(&self) -> String {
        self.version.clone()
    }

    async fn run(&self, act: Act, clients: usize, times: usize) -> Result<Done> {
        drive(clients, times, async || self.once(act).await).await
    }

    fn cpu(&self) -> Result<Cpu> {
        Ok(Cpu {
            server: cpu::of_tree(self.server.process())?,
            worker: cpu::of_tree(self.service.process())?,
        })
    }
}
