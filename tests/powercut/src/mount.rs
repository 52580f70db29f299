use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption, SessionACL};
use rustix::mount::UnmountFlags;
use tempfile::TempDir;

use crate::disk::{Disk, Model};
use crate::filesystem::DiskFilesystem;

/// A disk under a directory, until it is taken back.
pub struct Mount {
    session: Option<BackgroundSession>,
    shared: Arc<Shared>,
    directory: TempDir,
}

/// What the calls of the kernel and the mount's owner both see.
pub(crate) struct Shared {
    disk: Mutex<Disk>,
    power: Mutex<Power>,
    cut: Condvar,
    lies: bool,
    watcher: Mutex<Option<Watcher>>,
}

/// Is shown the disk before each change, and how many there were.
pub type Watcher = Box<dyn FnMut(u64, &Disk) + Send>;

/// Counts changes down to the cut.
struct Power {
    changes: u64,
    cut_after: Option<u64>,
}

impl Power {
    fn is_cut(&self) -> bool {
        self.cut_after.is_some_and(|cut| self.changes >= cut)
    }
}

/// How a disk behaves while it is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// The power goes after this many writes, syncs and changes of names: that
    /// and every later change fails.
    pub cut_after: Option<u64>,
    /// Syncs are confirmed and not done: a disk on which every store must fail.
    pub lies: bool,
}

impl Mount {
    /// Mounts `disk` at a new temporary directory.
    pub fn new(disk: Disk, behaviour: Behaviour) -> io::Result<Self> {
        Self::with(Shared::new(disk, behaviour))
    }

    /// As [`new`](Self::new); `watcher` is shown the disk before each change. A copy that it makes
    /// is the disk as if its power went there and then.
    pub fn watched(disk: Disk, behaviour: Behaviour, watcher: Watcher) -> io::Result<Self> {
        let mut shared = Shared::new(disk, behaviour);
        shared.watcher = Mutex::new(Some(watcher));
        Self::with(shared)
    }

    fn with(shared: Shared) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("powercut-").tempdir()?;
        let shared = Arc::new(shared);
        let filesystem = DiskFilesystem {
            shared: Arc::clone(&shared),
        };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("powercut".to_owned())];
        // The server under test may run as another user than the test.
        config.acl = SessionACL::All;
        let session = fuser::spawn_mount(filesystem, directory.path(), &config)?;
        Ok(Self {
            session: Some(session),
            shared,
            directory,
        })
    }

    /// Why this machine cannot mount, if it cannot.
    pub fn probe() -> Result<(), String> {
        match Self::new(Disk::new(Model::Strict), Behaviour::default()) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("FUSE cannot be used: {error}")),
        }
    }

    /// Where the disk is mounted.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path on the disk.
    pub fn join(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Waits for the cut; false if the time is over before.
    pub fn wait_for_cut(&self, patience: Duration) -> bool {
        let power = self.shared.power();
        let waited = self
            .shared
            .cut
            .wait_timeout_while(power, patience, |power| !power.is_cut());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_cut()
    }

    /// How many changes were made so far.
    pub fn changes(&self) -> u64 {
        self.shared.power().changes
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        let mut power = self.shared.power();
        power.cut_after = Some(power.changes);
        self.shared.cut.notify_all();
    }

    /// Unmounts and gives the disk back as it was last seen.
    pub fn unmount(mut self) -> Disk {
        self.cut();
        self.detach();
        let empty = Disk::new(Model::Strict);
        std::mem::replace(&mut *self.shared.disk(), empty)
    }

    /// Takes the disk from its directory. The thread that serves it is not waited
    /// for: it ends when nobody sees the disk any more, and any process that has
    /// copied the table of mounts meanwhile, as containers do, sees it on.
    fn detach(&mut self) {
        // Without the right to do so, the session asks the helper of FUSE.
        let _ = rustix::mount::unmount(self.path(), UnmountFlags::DETACH);
        drop(self.session.take());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.detach();
    }
}

impl Shared {
    fn new(disk: Disk, behaviour: Behaviour) -> Self {
        Self {
            disk: Mutex::new(disk),
            power: Mutex::new(Power {
                changes: 0,
                cut_after: behaviour.cut_after,
            }),
            cut: Condvar::new(),
            lies: behaviour.lies,
            watcher: Mutex::new(None),
        }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk, to be changed once; `None` when its power is cut.
    pub(crate) fn change(&self) -> Option<MutexGuard<'_, Disk>> {
        let mut power = self.power();
        if power.is_cut() {
            return None;
        }
        power.changes += 1;
        if power.is_cut() {
            self.cut.notify_all();
        }
        // Before the count is let go, so that no change passes after the cut.
        let disk = self.disk();
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = watcher.as_mut() {
            watcher(power.changes, &disk);
        }
        Some(disk)
    }

    pub(crate) fn lies(&self) -> bool {
        self.lies
    }

    fn power(&self) -> MutexGuard<'_, Power> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
