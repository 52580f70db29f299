//! What a `cosmos-init` runs in, as its host holds it: a process, or somebody's container.

use std::future::Future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use crate::{Error, Exit};

/// How it ended.
pub type Ending = Pin<Box<dyn Future<Output = Result<Exit, Error>> + Send>>;

/// The life of one `cosmos-init`. It ends by itself when its control socket closes.
pub trait Carrier: Send + 'static {
    /// The command runs; its process group, as init sees it.
    fn started(&mut self, _group: i32) {}

    /// Waits until nothing of it is left. `told` is what init reported, if it did.
    ///
    /// # Errors
    /// [`Error::InitDied`] when init reported nothing and the reason is not known.
    fn end(self: Box<Self>, told: Option<Exit>) -> Ending;
}

/// A process of this host.
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

impl Process {
    pub(crate) fn new(child: Child) -> Self {
        Self { child, group: None }
    }
}

impl Carrier for Process {
    fn started(&mut self, group: i32) {
        self.group = Pid::from_raw(group);
    }

    fn end(mut self: Box<Self>, told: Option<Exit>) -> Ending {
        Box::pin(async move {
            let status = self.child.wait().await;
            if let Some(exit) = told {
                return status.map(|_| exit).map_err(Error::from);
            }
            // Init is gone without its word: what it guarded must not stay.
            if let Some(group) = self.group {
                // Already gone is as good.
                let _ = kill_process_group(group, Signal::KILL);
            }
            Err(Error::InitDied {
                status: describe(status),
            })
        })
    }
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("exit code {}", status.code().unwrap_or_default()),
        },
        Err(e) => e.to_string(),
    }
}
