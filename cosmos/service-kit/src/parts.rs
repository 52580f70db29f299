//! What the roles stand on: state, blobs, queues, time, names. Which adapter serves is chosen
//! here and nowhere else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use rpc::Token;
use store::Store;
use store_fjall::{FjallStore, Options};
use store_postgres::PostgresStore;
use stratum_docker::Engine;
use stratum_init::{Containers, Init};
use timestone_client::Client;

use crate::Config;

/// The wall clock.
pub fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// The store that `config` names; embedded, it is the folder `name` below `data`,
/// as one process at a time can open it.
pub async fn open_store(config: &Config, name: &str) -> Result<Arc<dyn Store>> {
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
pub fn embedded(folder: &Path, options: Options) -> Result<Arc<dyn Store>> {
    private_folder(folder.parent().unwrap_or(folder))?;
    let store = FjallStore::open_with(folder, clock(), options);
    let store = store.with_context(|| format!("cannot open the store {}", folder.display()))?;
    Ok(Arc::new(store))
}

/// The blob store in `root`, made if need be.
pub fn open_blobs(name: &str, root: &Path) -> Result<Blobs> {
    private_folder(root)?;
    let blobs = LocalBlobs::open(name, root);
    let blobs = blobs.with_context(|| format!("cannot open the blob store {}", root.display()))?;
    Ok(Blobs::new(Arc::new(blobs), []))
}

/// Makes a folder that only its owner can enter; one that exists is left as it is.
pub fn private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// The name of this host.
pub fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() { "host".into() } else { name }
}

/// A name for this process as an owner of workflows. A store that one process can open has one
/// owner, who takes back at once what it had leased before it was restarted; owners that share a
/// store must differ.
pub fn plato_name(config: &Config) -> String {
    match (&config.plato.name, config.is_embedded()) {
        (Some(name), _) => name.clone(),
        (None, true) => host_name(),
        (None, false) => format!("{}-{}", host_name(), ids::time_ordered()),
    }
}

/// The token of the installation; the first role to start makes it.
pub fn token(config: &Config) -> Result<Token> {
    let path = config.token_path();
    private_folder(path.parent().unwrap_or(&path))?;
    Token::load_or_create(&path).with_context(|| format!("cannot use the token {}", path.display()))
}

/// The blob store of the installation.
pub fn blobs(config: &Config) -> Result<Blobs> {
    open_blobs(&config.blobs.name, &config.blob_root())
}

/// The container engine that `config` names, for what the agent of this name runs.
pub async fn containers(config: &Config, agent: &str) -> Result<Option<Arc<dyn Containers>>> {
    let Some(socket) = &config.stratum.docker else {
        return Ok(None);
    };
    // Two installations of a host may share an engine.
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    let owner = format!("{agent}@{}", data.display());
    containers_at(socket, &owner).await.map(Some)
}

/// The container engine at `socket`; `owner` labels what is run there.
pub async fn containers_at(socket: &Path, owner: &str) -> Result<Arc<dyn Containers>> {
    let shown = socket.display().to_string();
    let engine = Engine::connect(&shown, owner, &Init::locate()?, clock()).await;
    let engine = engine.with_context(|| format!("cannot use the container engine at {shown}"))?;
    Ok(Arc::new(engine))
}

/// The queues, wherever they are served.
pub fn remote(config: &Config) -> Result<Client> {
    let token = token(config)?;
    let url = config.timestone_url();
    let client = Client::connect(&url, &token);
    let client = client.with_context(|| format!("cannot use the queue server {url}"))?;
    Ok(client.with_blobs(blobs(config)?))
}

/// The servers that sources may come from.
///
/// # Errors
/// What of their configuration cannot be used.
pub fn source_servers(config: &Config) -> Result<sources::Remote> {
    sources::Remote::new(&config.sources).context("the configuration's sources cannot be used")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_role_to_start_makes_the_token_and_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("not/there/yet"),
            ..Config::default()
        };
        let first = token(&config).unwrap();
        assert!(
            token(&config)
                .unwrap()
                .is(&std::fs::read(config.token_path()).unwrap()[..64])
        );
        assert!(format!("{first:?}").contains('…'));
    }
}
