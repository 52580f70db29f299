//! A throwaway PostgreSQL server for tests.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// How long a server may take to start, recovery included.
const STARTING: Duration = Duration::from_secs(120);
/// How long the server's processes may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The unprivileged account that runs the server when the tests run as root,
/// which the server refuses.
const ACCOUNT: &str = "postgres";

/// PostgreSQL's programs on this machine, and the account to run them as.
#[derive(Clone, Debug)]
pub struct Programs {
    directory: PathBuf,
    account: Option<(u32, u32)>,
}

impl Programs {
    /// Finds the newest installed version; otherwise says what is missing.
    pub fn find() -> Result<Self, String> {
        let directory = newest().ok_or("PostgreSQL is not installed (apt install postgresql)")?;
        let account = match is_root() {
            true => Some(account().ok_or(format!("there is no account {ACCOUNT}"))?),
            false => None,
        };
        Ok(Self { directory, account })
    }

    /// The account that owns the server's files, if it is not this process's.
    pub fn account(&self) -> Option<(u32, u32)> {
        self.account
    }

    /// Creates the files of an empty database whose superuser is `cosmos`, with
    /// further `options` of `initdb`.
    pub fn init(&self, data: &Path, options: &[&str]) -> io::Result<()> {
        let arguments = [
            "--username=cosmos",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ];
        Self::run(
            self.command("initdb")
                .args(arguments)
                .args(options)
                .arg("-D")
                .arg(data),
        )
    }

    /// One of the programs, to be run as the account.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    fn run(command: &mut Command) -> io::Result<()> {
        let output = command.output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{command:?}: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ))),
        }
    }
}

fn newest() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let versions = installed.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        programs
            .join("initdb")
            .exists()
            .then_some((version, programs))
    });
    versions.max().map(|(_, programs)| programs)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn account() -> Option<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(ACCOUNT))?;
    let mut ids = line.split(':').skip(2).map(str::parse);
    Some((ids.next()?.ok()?, ids.next()?.ok()?))
}

/// A server on a data directory, reached by a Unix socket only. It is stopped
/// when dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    data: PathBuf,
    home: PathBuf,
    settings: Vec<String>,
    /// The first process; `None` while it does not run.
    postmaster: Option<Child>,
}

impl Server {
    /// Starts a server on the files in `data` and waits until it answers; its
    /// socket and its log lie in `home`. Each of `settings` is `name=value`.
    pub fn start(
        programs: &Programs,
        data: &Path,
        home: &Path,
        settings: &[&str],
    ) -> io::Result<Self> {
        let (data, home) = (data.to_owned(), home.to_owned());
        let mut server = Self {
            programs: programs.clone(),
            data,
            home,
            settings: settings.iter().map(ToString::to_string).collect(),
            postmaster: None,
        };
        server.launch()?;
        Ok(server)
    }

    fn launch(&mut self) -> io::Result<()> {
        let log = File::create(self.log())?;
        let mut command = self.programs.command("postgres");
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-h", "", "-k"])
            .arg(&self.home);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        // A group of its own, so that Ctrl-C stops the tests and they the server.
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        self.postmaster = Some(command.spawn()?);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while !self.is_ready() {
            let ended = self
                .postmaster
                .as_mut()
                .map(Child::try_wait)
                .transpose()?
                .flatten();
            if ended.is_some() || start.elapsed() > STARTING {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(io::Error::other(format!(
                    "the server did not start ({ended:?}): {log}"
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The server writes its process and, when it takes connections, its state
    /// into a file.
    fn is_ready(&self) -> bool {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines();
        let process = lines.next().and_then(|line| line.trim().parse().ok());
        process == self.postmaster.as_ref().map(Child::id)
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// How to connect, in libpq's form.
    pub fn config(&self) -> String {
        format!("host={} user=cosmos dbname=postgres", self.home.display())
    }

    /// Stops the server as a crash would: no checkpoint, connections are cut.
    /// Returns when none of its processes is left.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(mut postmaster) = self.postmaster.take() else {
            return Ok(());
        };
        let family = family(postmaster.id() as i32);
        signal(&family[..1], Signal::QUIT);
        if !ended(&family, PATIENCE) {
            signal(&family, Signal::KILL);
        }
        postmaster.wait()?;
        match ended(&family, PATIENCE) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "the server's processes {family:?} remain"
            ))),
        }
    }

    /// Ends every process of the server by SIGKILL, and returns when none is left.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(mut postmaster) = self.postmaster.take() else {
            return Ok(());
        };
        let family = family(postmaster.id() as i32);
        signal(&family, Signal::KILL);
        postmaster.wait()?;
        match ended(&family, PATIENCE) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "the server's processes {family:?} remain"
            ))),
        }
    }

    /// Ends the process of one connection, if there is any, by SIGKILL. The server then ends all
    /// others too, and recovers.
    pub fn kill_backend(&mut self) -> io::Result<()> {
        let postmaster = self.postmaster.as_ref().map(Child::id);
        let family = postmaster.map(|first| family(first as i32));
        let family = family.unwrap_or_default();
        let backend = family.into_iter().find(|process| is_backend(*process));
        signal(backend.as_slice(), Signal::KILL);
        match ended(backend.as_slice(), PATIENCE) {
            true => Ok(()),
            false => Err(io::Error::other("a connection's process remains")),
        }
    }

    /// Starts the server again after [`Server::stop`] or [`Server::kill`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.launch()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "a throwaway PostgreSQL server is left behind");
        }
    }
}

/// A process and its children.
fn family(process: i32) -> Vec<i32> {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    std::iter::once(process).chain(children).collect()
}

/// Whether the process serves a connection, as it says in its title.
fn is_backend(process: i32) -> bool {
    let title = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).contains("[local]")
}

fn signal(processes: &[i32], signal: Signal) {
    for process in processes
        .iter()
        .filter_map(|process| Pid::from_raw(*process))
    {
        // One that has ended meanwhile is what is wanted.
        let _ = rustix::process::kill_process(process, signal);
    }
}

fn ended(processes: &[i32], patience: Duration) -> bool {
    let start = Instant::now();
    while !processes.iter().all(|process| has_ended(*process)) {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Whether the process is gone, or only waits for its parent to notice.
fn has_ended(process: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return true;
    };
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// A server with an empty database in a temporary directory. Everything is
/// removed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    // Last, so that the files outlive the server.
    _home: TempDir,
}

impl Cluster {
    /// Creates the database and starts the server.
    pub fn start(programs: &Programs) -> io::Result<Self> {
        Self::start_with(programs, &[])
    }

    /// As [`start`](Self::start); each of `settings` is `name=value`.
    pub fn start_with(programs: &Programs, settings: &[&str]) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("cosmos-pg-").tempdir()?;
        if let Some((user, group)) = programs.account {
            chown(home.path(), Some(user), Some(group))?;
        }
        let data = home.path().join("data");
        programs.init(&data, &[])?;
        let server = Server::start(programs, &data, home.path(), settings)?;
        Ok(Self {
            server,
            _home: home,
        })
    }

    /// How to connect, in libpq's form.
    pub fn config(&self) -> String {
        self.server.config()
    }

    /// The server, to be stopped and started.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}
