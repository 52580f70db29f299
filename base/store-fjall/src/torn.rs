//! The end of a journal that a power cut tore.
//!
//! A batch that was being written when the power went may be on the disk in part: its first and
//! last pages, and not those between. The engine takes one whose end is there for a damaged one
//! and refuses to open. But a batch is only ever written after the one before was synced, so what
//! is torn is the last, and nobody was told that it is stored: it is cut off. If that does not
//! help, something else is damaged, and the journal is left as it was found.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::directory::sync_directory;

/// What every batch ends with, in the engine's format.
const BATCH_END: &[u8] = b"FJL\x03";
const JOURNAL: &str = "jnl";
/// A journal as it was found, until it is known whether it can be mended.
const FOUND: &str = "found";

/// Opens a database by `start`, if need be without the torn end of its journal.
pub(crate) fn open<T>(path: &Path, start: impl Fn() -> fjall::Result<T>) -> fjall::Result<T> {
    put_back(path)?;
    match start() {
        Err(fjall::Error::JournalRecovery(why)) => match cut(path)? {
            Some(journal) => {
                let started = start();
                if started.is_err() {
                    put_back(path)?;
                    return Err(fjall::Error::JournalRecovery(why));
                }
                keep(path, &journal)?;
                started
            }
            None => Err(fjall::Error::JournalRecovery(why)),
        },
        started => started,
    }
}

/// Ends the last journal before its last batch; what it was before lies beside it.
fn cut(path: &Path) -> io::Result<Option<PathBuf>> {
    let Some(journal) = last_journal(path)? else {
        return Ok(None);
    };
    let bytes = fs::read(&journal)?;
    let Some(torn) = last_end(&bytes) else {
        return Ok(None);
    };
    let found = journal.with_extension(FOUND);
    fs::copy(&journal, &found)?;
    File::open(&found)?.sync_all()?;
    sync_directory(path)?;
    let whole = last_end(&bytes[..torn - BATCH_END.len()]).unwrap_or(0);
    let file = OpenOptions::new().write(true).open(&journal)?;
    file.set_len(whole as u64)?;
    file.sync_all()?;
    Ok(Some(journal))
}

/// It can be opened without.
fn keep(path: &Path, journal: &Path) -> io::Result<()> {
    let journal_path = journal.display();
    tracing::warn!(journal = %journal_path, "a batch that a power cut had torn was cut off; nobody had been told that it was stored");
    fs::remove_file(journal.with_extension(FOUND))?;
    sync_directory(path)
}

/// Undoes a [`cut`], also one that was itself cut short.
fn put_back(path: &Path) -> io::Result<()> {
    for found in with_extension(path, FOUND)? {
        fs::rename(&found, found.with_extension(JOURNAL))?;
        sync_directory(path)?;
    }
    Ok(())
}

/// Where the last batch of these ends.
fn last_end(bytes: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(BATCH_END.len());
    let start = windows.rposition(|window| window == BATCH_END)?;
    Some(start + BATCH_END.len())
}

/// Journals are numbered; the last is the one that was written to.
fn last_journal(path: &Path) -> io::Result<Option<PathBuf>> {
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let journals = with_extension(path, JOURNAL)?;
    Ok(journals.into_iter().max_by_key(number))
}

fn with_extension(path: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|of| of == extension) {
            paths.push(path);
        }
    }
    Ok(paths)
}
