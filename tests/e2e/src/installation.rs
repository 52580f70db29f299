//! An installation of separate processes, one per role, on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use connectrpc::client::{ClientConfig, HttpClient};
use rustix::process::{Pid, Signal, kill_process};
use ves_api::wire;

use crate::{leftovers, programs};

/// How long anything may take before the proof counts as failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// The roles, in the order in which they are started.
pub const ROLES: [&str; 4] = ["timestone", "plato", "stratum", "optimus"];

/// The other queue server of two.
pub const SECOND: &str = "second-timestone";

/// Roles of one installation, each a process of its own.
pub struct Installation {
    folder: PathBuf,
    api: String,
    roles: BTreeMap<String, Child>,
}

impl Installation {
    /// Writes the configuration; nothing runs yet.
    pub fn new(folder: &Path, sources: &Path) -> Result<Self> {
        let (timestone, optimus) = (free_address()?, free_address()?);
        let config = format!(
            "data: {data}\ntimestone: {{listen: {timestone}, lease_seconds: 3}}\n\
             optimus: {{listen: {optimus}, source_roots: [{sources}], output_roots: [{out}]}}\n\
             plato: {{ownership_seconds: 2}}\nstratum: {{cpus: 2}}\n",
            data = folder.join("data").display(),
            sources = sources.display(),
            out = folder.display(),
        );
        let site = Self {
            folder: folder.to_owned(),
            api: format!("http://{optimus}"),
            roles: BTreeMap::new(),
        };
        fs::write(site.config("cosmos"), config)?;
        Ok(site)
    }

    /// The same over a database, with two queue servers, `timestone` and [`SECOND`].
    pub fn over(database: &str, folder: &Path, sources: &Path) -> Result<Self> {
        let site = Self::new(folder, sources)?;
        let config = fs::read_to_string(site.config("cosmos"))?;
        let first = listen_of(&config).context("no address of the queue server")?;
        let second = free_address()?;
        let both = format!("url: \"http://{first},http://{second}\", listen:");
        let config = config.replacen("listen:", &both, 1);
        let config = format!("store: \"{database}\"\n{config}");
        fs::write(site.config("cosmos"), &config)?;
        let listen = |address: &str| format!("listen: {address}");
        let config = config.replacen(&listen(&first), &listen(&second), 1);
        fs::write(site.config(SECOND), config)?;
        Ok(site)
    }

    /// Sources of this server may be read too.
    pub fn allow_server(&self, authority: &str) -> Result<()> {
        let config = fs::read_to_string(self.config("cosmos"))?;
        let sources =
            format!("sources: {{http: [\"http://{authority}/\"], private: [\"{authority}\"]}}\n");
        Ok(fs::write(self.config("cosmos"), config + &sources)?)
    }

    fn config(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.yaml"))
    }

    /// Starts every role.
    pub fn start_all(&mut self) -> Result<()> {
        ROLES.iter().try_for_each(|role| self.start(role))
    }

    /// Starts a role, its log appended to `<name>.log`.
    pub fn start(&mut self, role: &str) -> Result<()> {
        self.start_as(role, role, &[])
    }

    /// Starts a role under another name, so that there can be two of it.
    pub fn start_as(&mut self, name: &str, role: &str, args: &[&str]) -> Result<()> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path(name))?;
        let mut command = programs::program("cosmos")?;
        let own = self.config(name);
        let config = match own.exists() {
            true => own,
            false => self.config("cosmos"),
        };
        command.args(["run", role, "--config"]).arg(config);
        command
            .args(args)
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.roles
            .insert(name.to_owned(), programs::spawn(&mut command)?);
        Ok(())
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let mut child = self
            .roles
            .remove(name)
            .with_context(|| format!("{name} does not run"))?;
        ensure!(
            child.try_wait()?.is_none(),
            "{name} had ended by itself:\n{}",
            self.log(name)
        );
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Ends a role as an operator does (SIGTERM).
    pub fn end(&mut self, name: &str) -> Result<()> {
        self.signal(name, Signal::TERM)?;
        let child = self.roles.remove(name);
        child
            .with_context(|| format!("{name} does not run"))?
            .wait()?;
        Ok(())
    }

    /// Stops a role where it is (SIGSTOP), or lets it go on (SIGCONT).
    pub fn signal(&self, name: &str, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid(name)?, signal)?)
    }

    /// Stops a role in the middle of some work: programs of its own run at that moment.
    pub fn stop_at_work(&self, name: &str) -> Result<()> {
        wait_until("work to be stopped in", || {
            self.signal(name, Signal::STOP)?;
            let at_work = !self.programs_of(name)?.is_empty();
            if !at_work {
                self.signal(name, Signal::CONT)?;
            }
            Ok(at_work)
        })
    }

    /// Programs that a role has started and that have not ended.
    pub fn programs_of(&self, name: &str) -> Result<Vec<i32>> {
        leftovers::children(self.pid(name)?)
    }

    fn pid(&self, name: &str) -> Result<Pid> {
        let child = self
            .roles
            .get(name)
            .with_context(|| format!("{name} does not run"))?;
        Pid::from_raw(child.id().try_into()?).context("a process has a number")
    }

    /// What a role logged.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    /// What all roles logged.
    pub fn logs(&self) -> String {
        let folder = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let logs = folder.filter(|entry| entry.path().extension().is_some_and(|ext| ext == "log"));
        logs.filter_map(|entry| fs::read_to_string(entry.path()).ok())
            .collect()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// A client of the API, with the installation's token.
    pub fn client(&self) -> Result<wire::VideoEncodingServiceClient<HttpClient>> {
        let token = self.token()?;
        let config = ClientConfig::new(self.api.parse()?)
            .with_default_timeout(Duration::from_secs(70))
            .with_default_header("authorization", format!("Bearer {token}"));
        Ok(wire::VideoEncodingServiceClient::new(
            HttpClient::plaintext(),
            config,
        ))
    }

    fn token(&self) -> Result<String> {
        let path = self.folder.join("data/token");
        wait_until("the token", || Ok(path.exists()))?;
        Ok(fs::read_to_string(path)?.trim().to_owned())
    }

    /// Submits a request, again and again while the API is not there, under one idempotency key.
    /// An API that is there and refuses is an error at once.
    pub async fn submit(&self, request: wire::EncodeRequest) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let call = wire::EncodeVideoRequest {
                request: Some(request.clone()).into(),
                ..Default::default()
            };
            match self.client()?.encode_video(call).await {
                Ok(answer) => return Ok(answer.into_owned().request_id),
                Err(error) if refused(&error) || Instant::now() > deadline => {
                    bail!("cannot submit: {error}\n{}", self.logs())
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Reads a request; `None` while the API is not there.
    pub async fn view(&self, id: &str) -> Result<Option<wire::RequestView>> {
        let call = wire::GetRequestRequest {
            request_id: id.to_owned(),
            ..Default::default()
        };
        let answer = self.client()?.get_request(call).await;
        Ok(answer
            .ok()
            .and_then(|answer| answer.into_owned().view.into_option()))
    }

    /// Waits until `reached` holds of the request.
    pub async fn wait_for(
        &self,
        id: &str,
        reached: impl Fn(&wire::RequestView) -> bool,
    ) -> Result<wire::RequestView> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.view(id).await? {
                Some(view) if reached(&view) => return Ok(view),
                Some(view) if ended(&view) => bail!("it ended as {view:?}\n{}", self.logs()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        bail!(
            "not reached in {PATIENCE:?}; it is at {:?}\n{}",
            self.view(id).await?,
            self.logs()
        )
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        for child in self.roles.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The first address that a configuration listens at.
fn listen_of(config: &str) -> Option<String> {
    let (_, rest) = config.split_once("listen: ")?;
    let end = rest.find([',', '}', '\n'])?;
    Some(rest[..end].to_owned())
}

/// Whether the API answered that asking again would not help.
fn refused(error: &connectrpc::ConnectError) -> bool {
    use connectrpc::ErrorCode as Code;
    matches!(
        error.code,
        Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated | Code::NotFound
    )
}

/// Whether a request has ended.
pub fn ended(view: &wire::RequestView) -> bool {
    use wire::RequestState as State;
    matches!(view.state.as_known(), Some(state) if matches!(state, State::Succeeded | State::Failed | State::Canceled))
}

/// Whether a request has succeeded.
pub fn succeeded(view: &wire::RequestView) -> bool {
    view.state.as_known() == Some(wire::RequestState::Succeeded)
}

/// Chunks that are done.
pub fn chunks_done(view: &wire::RequestView) -> u64 {
    view.stages
        .iter()
        .find(|stage| stage.stage == "encoder")
        .map_or(0, |stage| stage.done)
}

/// Waits until `holds`.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < deadline, "no {what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
