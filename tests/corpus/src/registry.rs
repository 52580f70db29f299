//! A registry of container images, for the time of a test.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "docker-registry";
const PATIENCE: Duration = Duration::from_secs(60);
/// What it says before its address.
const LISTENING: &str = "msg=\"listening on ";

/// A registry at a free port of this machine.
#[derive(Debug)]
pub struct ImageRegistry {
    address: String,
    child: Child,
    directory: tempfile::TempDir,
}

impl ImageRegistry {
    /// Skips `what`, loudly, where it cannot be started.
    pub fn start(what: &str) -> Option<Self> {
        let started = Self::launch();
        started.map_err(|why| crate::skip(what, &why)).ok()
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn launch() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{PROGRAM}: {error}");
        let directory = tempfile::tempdir().map_err(failed)?;
        let at = |name: &str| directory.path().join(name);
        let config = format!(
            "version: 0.1\nlog: {{level: info, formatter: text}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n",
            at("data").display()
        );
        fs::write(at("config.yml"), config).map_err(failed)?;
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg(at("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(at("log")).map_err(failed)?)
            .spawn();
        let mut registry = Self {
            child: child.map_err(failed)?,
            address: String::new(),
            directory,
        };
        registry.wait().map(|()| registry)
    }

    fn wait(&mut self) -> Result<(), String> {
        let (began, log) = (Instant::now(), self.directory.path().join("log"));
        loop {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let address = said.split(LISTENING).nth(1);
            if let Some((address, _)) = address.and_then(|rest| rest.split_once('"')) {
                self.address = address.to_owned();
                return Ok(());
            }
            let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if ended || began.elapsed() > PATIENCE {
                let last = said.lines().next_back().unwrap_or_default();
                return Err(format!("{PROGRAM} does not start: {last}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ImageRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
