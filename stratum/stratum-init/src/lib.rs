//! The tiny first process around every function: limits, sandbox, exit, progress.
//!
//! A host (the agent, the frame-table builder) never runs a function or a media tool directly. It
//! starts `cosmos-init`, which confines the command, relays its progress, and outlives neither
//! the command nor the host:
//!
//! ```no_run
//! # async fn example() -> Result<(), stratum_init::Error> {
//! use stratum_init::{Init, Limits, Output, Sandbox, Spec};
//!
//! let init = Init::locate()?;
//! let mut spec = Spec::new("/usr/bin/ffmpeg", ["-i", "/media/in.mp4", "-f", "null", "-"]);
//! spec.sandbox = Sandbox::strict().read("/media/in.mp4").write("/staging/attempt-1");
//! spec.limits = Limits { memory: Some(4_000_000_000), ..Limits::default() };
//! spec.stderr = Output::file("/staging/attempt-1.stderr", 1 << 20);
//!
//! let mut running = init.spawn(&spec).await?;
//! let progress = running.progress();       // watch::Receiver<Progress>
//! let killer = running.killer();           // cloneable; `killer.kill()` from anywhere
//! let exit = running.wait().await?;        // cancel-safe
//! println!("{} after {:?} CPU, at {}", exit, exit.cpu(), progress.borrow().fraction);
//! # Ok(()) }
//! ```
//!
//! Promises:
//! - **No shell.** `argv` goes to `execve` as it is; the environment is exactly `spec.env`.
//! - **Nothing outlives the host.** Dropping [`Running`], the end of the runtime, or `SIGKILL` to
//!   the host closes the control socket, on which `cosmos-init` kills the command and every
//!   process that descends from it, also those that left the process group.
//! - **Nothing outlives the command.** When the command ends, its left-over descendants are killed
//!   before [`Running::wait`] returns.
//! - **The sandbox holds or the command does not start**, unless the spec says
//!   [`Strictness::BestEffort`]; [`Exit::confinement`] says what was in force.
//! - **Limits end the command with their name**: see [`Reason`].
//!
//! In the command, descriptor 0 is `/dev/null` (or `spec.stdin`), 1 and 2 are its logs or pipes,
//! and 3 takes progress lines: `progress=<0..1>`, or what ffmpeg writes for `-progress pipe:3`.
//! A FIFO is opened by the command itself, below a path of the sandbox.
//!
//! In a container the same `cosmos-init` is the first process; an adapter of its engine is a
//! [`Containers`], and gives a [`Running`] as [`Init::spawn`] does.

mod carrier;
mod containers;
mod error;
mod exit;
mod locate;
mod running;
mod spec;
#[doc(hidden)]
pub mod wire;

pub use carrier::{Carrier, Ending};
pub use containers::{Answer, Container, Containers};
pub use error::Error;
pub use exit::{Confinement, Exit, Reason, Status};
pub use locate::Init;
pub use running::{Killer, Running};
pub use spec::{Input, Limits, Output, Sandbox, Spec, Strictness};
pub use wire::Progress;
