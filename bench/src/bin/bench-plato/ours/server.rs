//! The server that is measured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use rpc::Token;
use store::Store;
use store_fjall::FjallStore;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

use super::clients::{GROUPS, SERVICE};
use super::workflows;

/// Between two looks whether every group is owned.
const LOOK: Duration = Duration::from_millis(2);

/// Serves queue and workflows from `folder` until killed: what `cosmos up` does, without the
/// agent and the API. The file `owned` is written once every group is owned.
pub async fn serve(folder: &Path) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store: Arc<dyn Store> =
        Arc::new(FjallStore::open(folder.join("store"), Arc::clone(&clock))?);
    let options = OwnerOptions::new(ids::time_ordered());
    let queues = Arc::new(LocalTimestone::start(
        Arc::clone(&store),
        Arc::clone(&clock),
        options,
    ));
    let token = Token::load_or_create(&folder.join("token"))?;
    let listen = std::fs::read_to_string(folder.join("listen"))?.parse()?;
    let services = TimestoneServer::new(queues.clone()).into_services();
    let bound = rpc::Server::new(token).services(services);
    let bound = bound.bind(listen).await?;
    let config = RuntimeConfig {
        groups: GROUPS,
        queue_in_store: true,
        ..RuntimeConfig::new(SERVICE, "bench")
    };
    let runtime = PlatoRuntime::start(
        config,
        store,
        Client::new(queues),
        blobs(folder)?,
        Arc::new(workflows::registry()?),
        clock,
    );
    let runtime = runtime.await?;
    let folder = folder.to_owned();
    tokio::spawn(async move {
        while runtime.counts().recoveries < u64::from(GROUPS) {
            tokio::time::sleep(LOOK).await;
        }
        std::fs::write(folder.join("owned"), "")?;
        // The runtime lives as long as the server.
        std::future::pending::<std::io::Result<()>>().await
    });
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

/// Where lists are, for server and worker.
pub fn blobs(folder: &Path) -> Result<Blobs> {
    let blobs = LocalBlobs::open("local", &folder.join("blobs"))?;
    Ok(Blobs::new(Arc::new(blobs), []))
}
