//! Versions of functions that are not installed here but published: fetched when the first
//! invocation that is pinned to one comes, by the digest that it is pinned to.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blob::{BlobRef, Blobs, Digest};
use errors::Error;
use stratum::{FunctionName, LoadError, Manifest, Package, Places, limits};
use tokio::sync::{Mutex, OnceCell};

use crate::work_dir::{io as io_error, staging};

/// Fetched versions. They stay as long as the agent lives, a limited number of them: one that an
/// invocation holds stays until it has ended.
#[derive(Debug)]
pub(crate) struct Versions {
    blobs: Blobs,
    /// Of their programs; made for the first.
    folder: OnceCell<PathBuf>,
    fetched: Mutex<HashMap<Digest, Fetched>>,
}

#[derive(Debug)]
struct Fetched {
    package: Arc<Package>,
    /// Counts up with each use of any.
    used: u64,
}

impl Versions {
    /// None yet.
    pub(crate) fn new(blobs: Blobs) -> Self {
        Self {
            blobs,
            folder: OnceCell::new(),
            fetched: Mutex::default(),
        }
    }

    /// The version of `function` with this digest, if it is published.
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
        let mut fetched = self.fetched.lock().await;
        let used = fetched.values().map(|one| one.used).max().unwrap_or(0) + 1;
        if let Some(one) = fetched.get_mut(&digest) {
            one.used = used;
            return Ok(Some(Arc::clone(&one.package)));
        }
        let Some(package) = self.fetch(digest).await?.map(Arc::new) else {
            return Ok(None);
        };
        tracing::info!(function = package.function.name.as_str(), %digest, "version fetched");
        self.make_room(&mut fetched);
        let one = Fetched {
            package: Arc::clone(&package),
            used,
        };
        fetched.insert(digest, one);
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

    /// Lets go of those that were used longest ago, and run nothing.
    fn make_room(&self, fetched: &mut HashMap<Digest, Fetched>) {
        while fetched.len() >= limits::FETCHED {
            let idle = fetched
                .iter()
                .filter(|(_, one)| Arc::strong_count(&one.package) == 1);
            let oldest = idle.min_by_key(|(_, one)| one.used);
            let Some(digest) = oldest.map(|(digest, _)| *digest) else {
                return;
            };
            if let Some(Fetched { package, .. }) = fetched.remove(&digest)
                && package.function.image.is_none()
                && let Err(error) = fs::remove_file(&package.program)
            {
                tracing::warn!(%error, "a fetched function was left behind");
            }
        }
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
