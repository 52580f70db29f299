//! What the roles stand on: state, blobs, time, names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use store::Store;
use store_fjall::{FjallStore, Options};
use store_postgres::PostgresStore;

use crate::Config;

/// The wall clock.
pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// The store that `config` names; embedded, it is the folder `name` below `data`,
/// as one process at a time can open it.
pub(crate) async fn open_store(config: &Config, name: &str) -> Result<Arc<dyn Store>> {
    match config.store.as_str() {
        "embedded" => embedded(&config.data.join(name), Options::default()),
        url if url.starts_with("postgres") || url.contains("host=") => Ok(Arc::new(
            PostgresStore::connect(url)
                .await
                .context("cannot open the PostgreSQL store")?,
        )),
        other => bail!("store: `{other}` is neither `embedded` nor a PostgreSQL connection string"),
    }
}

/// The embedded store in `folder`, made if need be.
pub(crate) fn embedded(folder: &Path, options: Options) -> Result<Arc<dyn Store>> {
    private_folder(folder.parent().unwrap_or(folder))?;
    let store = FjallStore::open_with(folder, clock(), options);
    let store = store.with_context(|| format!("cannot open the store {}", folder.display()))?;
    Ok(Arc::new(store))
}

/// The blob store in `root`, made if need be.
pub(crate) fn open_blobs(name: &str, root: &Path) -> Result<Blobs> {
    private_folder(root)?;
    let blobs = LocalBlobs::open(name, root);
    let blobs = blobs.with_context(|| format!("cannot open the blob store {}", root.display()))?;
    Ok(Blobs::new(Arc::new(blobs), []))
}

/// Makes a folder that only its owner can enter; one that exists is left as it is.
pub(crate) fn private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// The name of this host.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() { "host".into() } else { name }
}
