use std::io;
use std::os::unix::fs::chown;

use store_postgres::testing::{Programs, Server};
use tempfile::TempDir;

use super::adapter::{Adapter, Running};
use super::target::Target;
use crate::disk::{Disk, Model};
use crate::{Mount, Random};

/// Small log segments, so that they are changed and used again all the time.
const INIT: &[&str] = &["--wal-segsize=1"];
/// Little memory and frequent checkpoints, so that tables are written too. What
/// decides whether a commit lasts is left at its default.
const SETTINGS: &[&str] = &[
    "shared_buffers=2MB",
    "min_wal_size=2MB",
    "max_wal_size=4MB",
    "checkpoint_timeout=30s",
    "autovacuum_naptime=1s",
    "restart_after_crash=off",
    "max_connections=30",
];

/// The shared store, with its server's files on the disk.
#[derive(Debug)]
pub struct PostgresAdapter {
    programs: Programs,
    /// A new database, as it was made; it is copied for each store.
    blank: Disk,
}

impl PostgresAdapter {
    /// Creates the database that every store begins with.
    pub fn new(programs: Programs) -> io::Result<Self> {
        let home = home(&programs)?;
        let directory = home.path().join("data");
        programs.init(&directory, INIT)?;
        let blank = Disk::load(Model::Strict, home.path())?;
        Ok(Self { programs, blank })
    }
}

/// A directory that the server may use.
fn home(programs: &Programs) -> io::Result<TempDir> {
    let home = tempfile::Builder::new().prefix("powercut-pg-").tempdir()?;
    if let Some((user, group)) = programs.account() {
        chown(home.path(), Some(user), Some(group))?;
    }
    Ok(home)
}

struct Serving {
    server: Server,
    // After the server, whose socket and log it holds.
    _home: TempDir,
}

impl Adapter for PostgresAdapter {
    fn blank(&self) -> io::Result<Disk> {
        Ok(self.blank.clone())
    }

    /// PostgreSQL syncs the file of a new table and never its directory, so it
    /// needs a file system on which the first is enough: ext4, XFS and others.
    fn models(&self) -> &[Model] {
        &[Model::Ext4]
    }

    fn cut_after(&self, random: &mut Random) -> u64 {
        match random.one_in(4) {
            true => 1 + random.below(2_500),
            false => 1_500 + random.below(4_000),
        }
    }

    fn start(&self, mount: &Mount) -> io::Result<Box<dyn Running>> {
        let home = home(&self.programs)?;
        let server = Server::start(&self.programs, &mount.join("data"), home.path(), SETTINGS)?;
        Ok(Box::new(Serving {
            server,
            _home: home,
        }))
    }
}

impl Running for Serving {
    fn target(&self) -> Target {
        Target::Postgres(self.server.config())
    }

    fn kill(&mut self) -> io::Result<()> {
        self.server.stop()
    }
}
