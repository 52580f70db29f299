//! The store's directory: locked, and whole after a power cut at any moment.
//!
//! A directory entry is only safe once its directory was synced, and a power cut
//! in the middle of creating a database leaves one that cannot be opened. So a
//! database is created aside, synced with everything in it, and then moved to its
//! name; after every opening the directories are synced again, because opening
//! may have created files.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use fjall::compaction::Leveled;
use fjall::{
    AbstractTree, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Snapshot as View,
};
use rustix::process::nice;
use store::StoreError;

use crate::Options;
use crate::error::{in_use, io as io_error, opening, reading};
use crate::keys::{LAYOUT, LAYOUT_KEY};
use crate::torn;

const KEYSPACE: &str = "store";
/// How large a table becomes. Records mostly come by rising keys: of small tables few are
/// merged again with what comes later, and that is soon done. Fixed when the store is created.
const TABLE_BYTES: u64 = 8 << 20;
/// How many written memtables lie beside each other before they are merged with all that is older.
/// A merge costs about the same for many as for few; a lookup asks each, by its filter.
const TABLES_APART: u8 = 8;
/// How much nicer than others the engine's own threads are: they get a third of a processor
/// that another wants too, and wait for it.
const GIVE_WAY: i32 = 5;

/// An open database in a locked directory. Dropping it closes both.
pub(crate) struct Directory {
    pub(crate) database: Database,
    pub(crate) keyspace: Keyspace,
    view: RwLock<View>,
    memtable_bytes: u64,
    // Last, so that the lock outlives the database.
    _lock: File,
}

impl Directory {
    /// Opens the store at `path`, creating it if it is absent.
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).map_err(|error| io_error("find", path, &error))?;
        make(&path).map_err(|error| io_error("create", &path, &error))?;
        let lock = lock(&path)?;
        let database = path.join("db");
        if !exists(&database)? {
            create(&path, &database, options)?;
        }
        let (database, keyspace) = open(&database, options)?;
        check_layout(&path, &keyspace)?;
        let view = RwLock::new(database.snapshot());
        Ok(Self {
            database,
            keyspace,
            view,
            memtable_bytes: options.memtable_bytes,
            _lock: lock,
        })
    }

    /// What was committed when [`Directory::publish`] was last called.
    pub(crate) fn view(&self) -> View {
        self.view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Begins another memtable where the engine's thread, which is asked to, has not come to
    /// it for long: while it is busy with tables, memory would grow. With four memtables
    /// that are not written yet, the engine has commits wait.
    pub(crate) fn bound_memtable(&self) -> fjall::Result<()> {
        let most = self.memtable_bytes + self.memtable_bytes / 4;
        match self.keyspace.tree.active_memtable().size() > most {
            true => self.keyspace.rotate_memtable().map(drop),
            false => Ok(()),
        }
    }

    /// Lets readers see what was committed; to be called while nothing is being
    /// committed.
    ///
    /// The engine's own newest view would not do: while a batch is being applied,
    /// tables that are written in the background move that view past the batch,
    /// and a reader sees half of it.
    pub(crate) fn publish(&self) {
        let view = self.database.snapshot();
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
    }
}

/// Creates the directory and makes its name last.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|part| !part.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let parents = missing.iter().rev().filter_map(|part| part.parent());
    // The last start may have been cut off before this, so it is always done.
    parents.chain(path.parent()).try_for_each(sync_directory)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let directory = File::open(path).map_err(|error| io_error("open", path, &error))?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(TryLockError::WouldBlock) => Err(in_use(path)),
        Err(TryLockError::Error(error)) => Err(io_error("lock", path, &error)),
    }
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists()
        .map_err(|error| io_error("look at", path, &error))
}

/// Creates an empty database beside its place and moves it there.
fn create(parent: &Path, place: &Path, options: Options) -> Result<(), StoreError> {
    let aside: PathBuf = parent.join("db.new");
    if exists(&aside)? {
        fs::remove_dir_all(&aside).map_err(|error| io_error("remove", &aside, &error))?;
    }
    write_empty(&aside, options).map_err(|error| opening(&aside, error))?;
    sync_tree(&aside, Depth::Files).map_err(|error| io_error("sync", &aside, &error))?;
    fs::rename(&aside, place).map_err(|error| io_error("name", place, &error))?;
    sync_directory(parent).map_err(|error| io_error("sync", parent, &error))
}

fn write_empty(path: &Path, options: Options) -> fjall::Result<()> {
    let (database, keyspace) = start(path, options)?;
    keyspace.insert(LAYOUT_KEY, LAYOUT)?;
    database.persist(PersistMode::SyncAll)
}

fn open(path: &Path, options: Options) -> Result<(Database, Keyspace), StoreError> {
    let opened = torn::open(path, || start(path, options));
    let opened = opened.map_err(|error| opening(path, error))?;
    sync_tree(path, Depth::Directories).map_err(|error| io_error("sync", path, &error))?;
    Ok(opened)
}

/// Starts the engine, whose own threads give way to those that answer: what one of them is
/// about, the writing of a table, takes a processor for longer than a commit may wait.
fn start(path: &Path, options: Options) -> fjall::Result<(Database, Keyspace)> {
    let started = thread::scope(|scope| {
        let behind = scope.spawn(|| {
            // Threads inherit it. Where it is forbidden, they do not give way.
            let _ = nice(GIVE_WAY);
            start_here(path, options)
        });
        behind.join()
    });
    started.unwrap_or_else(|panicked| resume_unwind(panicked))
}

fn start_here(path: &Path, options: Options) -> fjall::Result<(Database, Keyspace)> {
    let database = Database::builder(path)
        .cache_size(options.cache_bytes)
        // With more, the engine's first hands compactions that wait back to itself until another
        // takes them: a processor is busy with nothing.
        .worker_threads(1)
        .open()?;
    let memtable = options.memtable_bytes;
    let keyspace = database.keyspace(KEYSPACE, || {
        let leveled = Leveled::default()
            .with_table_target_size(TABLE_BYTES)
            .with_l0_threshold(TABLES_APART);
        KeyspaceCreateOptions::default()
            .max_memtable_size(memtable)
            .compaction_strategy(Arc::new(leveled))
    })?;
    Ok((database, keyspace))
}

fn check_layout(path: &Path, keyspace: &Keyspace) -> Result<(), StoreError> {
    let path = path.display();
    match keyspace.get(LAYOUT_KEY).map_err(reading)?.as_deref() {
        Some(LAYOUT) => Ok(()),
        Some(other) => Err(StoreError::Corrupt(
            format!("{path} has layout {other:?}, this version reads {LAYOUT:?}").into(),
        )),
        None => Err(StoreError::Corrupt(
            format!("{path} names no layout").into(),
        )),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Directories,
    Files,
}

/// Syncs every directory below `path`, and every file if wanted, leaves first.
fn sync_tree(path: &Path, depth: Depth) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_tree(&entry.path(), depth)?,
            false if depth == Depth::Files => File::open(entry.path())?.sync_all()?,
            false => {}
        }
    }
    sync_directory(path)
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may insist")]

    use super::*;

    /// How nice the threads of this process are whose names begin so.
    fn niceness(name: &str) -> Vec<i32> {
        let threads = fs::read_dir("/proc/self/task").unwrap();
        let stats = threads.map(|thread| thread.unwrap().path().join("stat"));
        // A thread may end meanwhile.
        let stats: Vec<_> = stats.filter_map(|s| fs::read_to_string(s).ok()).collect();
        let named = |stat: &&String| stat.contains(&format!("({name}"));
        let nice = |stat: &String| {
            stat.rsplit(')')
                .next()
                .unwrap()
                .split(' ')
                .nth(17)
                .unwrap()
                .parse()
        };
        stats
            .iter()
            .filter(named)
            .map(|stat| nice(stat).unwrap())
            .collect()
    }

    /// A thread names itself when it first runs.
    fn once_named(name: &str) -> Vec<i32> {
        loop {
            let found = niceness(name);
            if !found.is_empty() {
                return found;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_memtable_does_not_wait_for_the_engine_to_come_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            memtable_bytes: 16 << 10,
            ..Options::default()
        };
        let open = Directory::open(folder.path(), options).unwrap();
        for number in 0..60_u8 {
            open.keyspace
                .insert([b'x', number], [number; 8 << 10])
                .unwrap();
            open.bound_memtable().unwrap();
            let size = open.keyspace.tree.active_memtable().size();
            assert!(size <= 20 << 10, "{size}");
        }
        let all = open.keyspace.iter().count();
        assert_eq!(all, 60 + 1, "with the layout");
    }

    #[test]
    fn the_threads_of_the_engine_give_way() {
        let folder = tempfile::tempdir().unwrap();
        let before = niceness("")[0];
        let _open = Directory::open(folder.path(), Options::default()).unwrap();
        let workers = once_named("fjall:worker");
        assert!(
            workers
                .iter()
                .all(|nice| *nice == (before + GIVE_WAY).min(19))
        );
        // This one does not.
        assert_eq!(niceness("")[0], before);
    }
}
