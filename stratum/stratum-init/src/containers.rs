//! Commands in containers: what an engine's adapter gives to a host.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use crate::{Error, Running, Spec};

/// A future of an adapter.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The container that a command gets.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The image, by its digest.
    pub image: &'a str,
    /// Processors.
    pub cpus: u32,
    /// A directory of the host, not there yet and out of the command's reach, for its control
    /// socket.
    pub control: &'a Path,
}

/// Runs commands in containers, each under a `cosmos-init` of its own.
pub trait Containers: fmt::Debug + Send + Sync {
    /// Starts what `spec` says, its program by its path in the image; returns when it runs.
    ///
    /// Of the host, the command sees what the spec's sandbox names and its working directory, by
    /// the paths that they have on the host. It has the image's environment, and over it the
    /// spec's; the memory of the spec's limits; and no network, unless the sandbox says so.
    ///
    /// # Errors
    /// As [`crate::Init::spawn`], and [`Error::Engine`].
    fn launch<'a>(&'a self, container: Container<'a>, spec: &'a Spec) -> Answer<'a, Running>;

    /// Removes the containers that an earlier life of this host left; how many there were.
    fn sweep(&self) -> Answer<'_, usize>;
}
