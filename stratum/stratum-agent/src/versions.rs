//! Versions of functions that are not installed here but published: fetched when the first
//! invocation that is pinned to one comes, by the digest that it is pinned to.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blob::{BlobRef, Blobs, Digest};
use clock::SharedClock;
use errors::Error;
use stratum::{FunctionName, LoadError, Manifest, Package, Places, limits};
use tokio::sync::{Mutex, OnceCell};

use crate::missed::{Again, Missed};
use crate::work_dir::{io as io_error, staging};

/// What would do where a version is not published.
pub(crate) const PUBLISH: &str =
    "publish it again from the same files: cosmos function publish FOLDER";

/// Fetched versions. They stay as long as the agent lives, a limited number of them: one that an
/// invocation holds stays until it has ended.
pub(crate) struct Versions {
    blobs: Blobs,
    /// Of their programs; made for the first.
    folder: OnceCell<PathBuf>,
    known: Mutex<Known>,
    clock: SharedClock,
}

/// What was looked for.
#[derive(Debug, Default)]
struct Known {
    fetched: HashMap<Digest, Fetched>,
    missed: Missed,
}

#[derive(Debug)]
struct Fetched {
    package: Arc<Package>,
    /// Counts up with each use of any.
    used: u64,
}

impl Versions {
    /// None yet.
    pub(crate) fn new(blobs: Blobs, clock: SharedClock) -> Self {
        Self {
            blobs,
            folder: OnceCell::new(),
            known: Mutex::default(),
            clock,
        }
    }

    /// The version of `function` with this digest, if it is published. One that was not to be had
    /// is looked for again after a while, and not for every invocation.
    pub(crate) async fn get(
        &self,
        function: &FunctionName,
        digest: Digest,
    ) -> Result<Option<Arc<Package>>, Error> {
        let package = self.of_digest(digest).await?;
        match package.as_ref().map(|package| &package.function.name) {
            Some(name) if name != function => {
                let message = format!("{digest} is a version of `{name}`, not of `{function}`");
                Err(Error::user("OTHER_FUNCTION", message))
            }
            _ => Ok(package),
        }
    }

    async fn of_digest(&self, digest: Digest) -> Result<Option<Arc<Package>>, Error> {
        let mut known = self.known.lock().await;
        if let Some(package) = known.use_fetched(digest) {
            return Ok(Some(package));
        }
        if let Some(again) = known.missed.early(digest, self.clock.now()) {
            return Err(not_yet(digest, again));
        }
        let fetched = self.fetch(digest).await;
        let package = match fetched {
            Ok(Some(package)) => Arc::new(package),
            Ok(None) => {
                known.missed.note(digest, None, self.clock.now());
                return Ok(None);
            }
            Err(error) => {
                let now = self.clock.now();
                known.missed.note(digest, Some(error.clone()), now);
                return Err(error);
            }
        };
        tracing::info!(function = package.function.name.as_str(), %digest, "version fetched");
        known.missed.forget(digest);
        known.keep(digest, Arc::clone(&package));
        Ok(Some(package))
    }

    async fn fetch(&self, digest: Digest) -> Result<Option<Package>, Error> {
        let Some(blob) = self.kept(digest).await? else {
            return Ok(None);
        };
        let bytes = self.blobs.home().get(&blob, limits::MANIFEST).await;
        let bytes = bytes.map_err(|error| staging(&error))?;
        let text = String::from_utf8_lossy(&bytes);
        let manifest = Manifest::parse(&text)
            .map_err(|error| Error::user("NOT_A_VERSION", format!("{digest}: {error}")))?;
        let program = match manifest.program {
            None => None,
            Some(program) => match self.kept(program).await? {
                Some(blob) => Some(self.copy(digest, &blob).await?),
                None => return Ok(None),
            },
        };
        let loaded = tokio::task::spawn_blocking(|| {
            Package::of_manifest(manifest, program, &Places::default())
        });
        let loaded = loaded.await.map_err(|error| staging(&error))?;
        loaded.map(Some).map_err(|error| unusable(&error))
    }

    async fn kept(&self, digest: Digest) -> Result<Option<BlobRef>, Error> {
        let home = self.blobs.home();
        let kept = home.look(digest).await.map_err(|error| staging(&error))?;
        Ok(kept.map(|kept| BlobRef {
            store: home.name().to_owned(),
            digest,
            size: kept.size,
            content_type: String::new(),
        }))
    }

    /// The program as a file that can be run.
    async fn copy(&self, version: Digest, program: &BlobRef) -> Result<PathBuf, Error> {
        let home = self.blobs.home();
        let folder = self.folder.get_or_try_init(|| home.staging("functions"));
        let folder = folder.await.map_err(|error| staging(&error))?;
        let path = folder.join(version.to_hex());
        let from = home.local_path(program, folder).await;
        let from = from.map_err(|error| staging(&error))?;
        let to = path.clone();
        let copied = tokio::task::spawn_blocking(move || executable(&from, &to)).await;
        let copied = copied.map_err(|error| staging(&error))?;
        copied.map_err(|error| io_error("copy", &path, &error))?;
        Ok(path)
    }

    /// Removes the programs; nothing runs any more.
    pub(crate) async fn discard(&self) {
        let Some(folder) = self.folder.get() else {
            return;
        };
        if let Err(error) = self.blobs.home().discard(folder).await {
            tracing::warn!(%error, "fetched functions were left behind");
        }
    }
}

impl Known {
    fn use_fetched(&mut self, digest: Digest) -> Option<Arc<Package>> {
        let used = self.next_use();
        let one = self.fetched.get_mut(&digest)?;
        one.used = used;
        Some(Arc::clone(&one.package))
    }

    fn keep(&mut self, digest: Digest, package: Arc<Package>) {
        self.make_room();
        let used = self.next_use();
        self.fetched.insert(digest, Fetched { package, used });
    }

    fn next_use(&self) -> u64 {
        let uses = self.fetched.values().map(|one| one.used);
        uses.max().unwrap_or(0) + 1
    }

    /// Lets go of those that were used longest ago, and run nothing.
    fn make_room(&mut self) {
        while self.fetched.len() >= limits::FETCHED {
            let idle = self
                .fetched
                .iter()
                .filter(|(_, one)| Arc::strong_count(&one.package) == 1);
            let oldest = idle.min_by_key(|(_, one)| one.used);
            let Some(digest) = oldest.map(|(digest, _)| *digest) else {
                return;
            };
            if let Some(Fetched { package, .. }) = self.fetched.remove(&digest)
                && package.function.image.is_none()
                && let Err(error) = fs::remove_file(&package.program)
            {
                tracing::warn!(%error, "a fetched function was left behind");
            }
        }
    }
}

/// What was told when it was looked for, and when it will be again.
fn not_yet(digest: Digest, again: Again) -> Error {
    let Again { error, ago, after } = again;
    let seconds = |time: Duration| time.as_millis().div_ceil(1_000);
    let when = format!(
        "it was looked for {} s ago, and is again in {} s",
        seconds(ago),
        seconds(after)
    );
    match error {
        Some(mut error) => {
            error.message = format!("{}; {when}", error.message);
            error
        }
        None => {
            let message = format!("the version {digest} is not published; {when}");
            Error::platform("VERSION_MISSING", message).hint(PUBLISH)
        }
    }
}

fn executable(from: &Path, to: &Path) -> io::Result<()> {
    let copied =
        fs::copy(from, to).and_then(|_| fs::set_permissions(to, Permissions::from_mode(0o755)));
    if copied.is_err() {
        // It would be in the way of the next copy.
        let _ = fs::remove_file(to);
    }
    copied
}

/// Another host may have what this one has not.
fn unusable(error: &LoadError) -> Error {
    Error::platform("VERSION_UNUSABLE", error.to_string())
        .hint("install on this host what the version was published with, or publish it again")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use blob::LocalBlobs;
    use clock::{ManualClock, Timestamp};

    use super::*;

    fn manifest(name: &str) -> Manifest {
        let image = format!("sha256:{}", "0".repeat(64));
        Manifest {
            program: None,
            tools: vec![],
            declaration: format!("name: {name}\nversion: '1'\ncommand: [a]\nimage: {image}\n"),
        }
    }

    #[tokio::test]
    async fn what_was_not_to_be_had_is_looked_for_again_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        let blobs = Blobs::new(Arc::new(blobs), []);
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_000)));
        let versions = Versions::new(blobs.clone(), clock.clone());
        let (name, wanted) = (FunctionName::new("a").unwrap(), manifest("a"));
        let found = async || versions.get(&name, wanted.digest()).await;
        assert!(found().await.unwrap().is_none());
        let put = blobs.home().put(wanted.to_string().into(), "text/plain");
        put.await.unwrap();
        let told = found().await.unwrap_err();
        assert_eq!(told.code, "VERSION_MISSING");
        assert!(
            told.message
                .ends_with("looked for 0 s ago, and is again in 1 s"),
            "{told}"
        );
        clock.advance(Duration::from_secs(1));
        assert_eq!(found().await.unwrap().unwrap().function.name, name);
    }

    #[tokio::test]
    async fn a_failed_fetch_keeps_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open("local", folder.path()).unwrap();
        let blobs = Blobs::new(Arc::new(blobs), []);
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_000)));
        let versions = Versions::new(blobs.clone(), clock.clone());
        let junk = blobs.home().put("junk".into(), "text/plain").await.unwrap();
        let name = FunctionName::new("a").unwrap();
        let told = async || versions.get(&name, junk.digest).await.unwrap_err();
        let (first, second) = (told().await, told().await);
        assert_eq!(
            (&*first.code, &*second.code),
            ("NOT_A_VERSION", "NOT_A_VERSION")
        );
        assert!(second.message.starts_with(&first.message), "{second}");
        assert!(second.message.ends_with("again in 1 s"), "{second}");
    }
}
