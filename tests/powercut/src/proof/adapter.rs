use std::io;

use super::Target;
use crate::disk::{Disk, Model};
use crate::{Mount, Random};

/// A kind of store on the disk.
pub trait Adapter {
    /// A disk on which no store was opened yet.
    fn blank(&self) -> io::Result<Disk>;

    /// The models of a disk on which nothing may be lost.
    fn models(&self) -> &[Model];

    /// After how many changes of the disk its power goes: sometimes while the
    /// store is still being created or recovered, mostly while it commits.
    fn cut_after(&self, random: &mut Random) -> u64;

    /// Starts what has to run besides the worker. May fail if the power goes.
    fn start(&self, mount: &Mount) -> io::Result<Box<dyn Running>>;
}

/// What runs besides the worker, until it is dropped.
pub trait Running {
    /// How the worker reaches the store.
    fn target(&self) -> Target;

    /// Kills everything that runs, and returns when it is gone.
    fn kill(&mut self) -> io::Result<()>;
}
