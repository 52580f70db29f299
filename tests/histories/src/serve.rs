//! The server that is killed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clock::{SharedClock, SystemClock};
use rpc::{Server, Token};
use store::Store;
use store_fjall::FjallStore;
use store_postgres::PostgresStore;
use timestone_server::{OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

use crate::planted::{self, Mistake};

/// Serves the queue until killed, and writes its address into `folder/url`: over the embedded
/// store below `folder`, or over PostgreSQL as told by `database`.
pub async fn serve(folder: &Path, database: Option<&str>, mistake: Option<Mistake>) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store: Arc<dyn Store> = match database {
        Some(config) => Arc::new(PostgresStore::connect(config).await?),
        None => Arc::new(FjallStore::open(folder.join("store"), Arc::clone(&clock))?),
    };
    // Always of the same name, so that the next need not wait.
    let options = OwnerOptions {
        ttl: Duration::from_millis(500),
        ..OwnerOptions::new("served")
    };
    let timestone = planted::start(store, clock, options, mistake);
    let services = TimestoneServer::new(timestone).into_services();
    let server = Server::new(token(folder)?).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await?;
    std::fs::write(folder.join("url.new"), bound.url())?;
    std::fs::rename(folder.join("url.new"), folder.join("url"))?;
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

/// Whoever knows the folder may call.
pub(crate) fn token(folder: &Path) -> Result<Token> {
    Ok(Token::load_or_create(&folder.join("token"))?)
}
