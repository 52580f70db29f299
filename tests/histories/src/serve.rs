//! The servers that are killed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clock::{SharedClock, SystemClock};
use rpc::{Bound, Server, Token};
use store::Store;
use store_fjall::FjallStore;
use store_postgres::PostgresStore;
use timestone_server::{Fleet, FleetOptions, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;

use crate::planted::{self, Mistake};

/// Over several servers, what queues are spread over.
const SHARDS: u32 = 6;
/// How long a server may be silent.
const OWNERSHIP: Duration = Duration::from_millis(500);

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
        ttl: OWNERSHIP,
        ..OwnerOptions::new("served")
    };
    let timestone = planted::start(store, clock, options, mistake);
    let services = TimestoneServer::new(timestone).into_services();
    let server = Server::new(token(folder)?).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await?;
    tell(folder, &bound)?;
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

/// Serves a share of the queues until killed, as one of several servers over PostgreSQL.
pub async fn serve_with_others(
    folder: &Path,
    database: &str,
    mistake: Option<Mistake>,
) -> Result<()> {
    let store: Arc<dyn Store> = Arc::new(PostgresStore::connect(database).await?);
    let clock: SharedClock = Arc::new(SystemClock);
    let mut options = FleetOptions::new(token(folder)?);
    options.owner.ttl = OWNERSHIP;
    options.shards = Some(SHARDS);
    // Mistakes are made with messages; how many shards there are is settled before.
    drop(Fleet::new(Arc::clone(&store), Arc::clone(&clock), options.clone()).await?);
    let store = planted::store(store, Arc::clone(&clock), mistake);
    let fleet = Fleet::new(store, clock, options).await?;
    let services = TimestoneServer::of_fleet(&fleet).into_services();
    let server = Server::new(token(folder)?).services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await?;
    fleet.join(&bound.url());
    tell(folder, &bound)?;
    bound.serve(CancellationToken::new()).await?;
    Ok(())
}

fn tell(folder: &Path, bound: &Bound) -> Result<()> {
    std::fs::write(folder.join("url.new"), bound.url())?;
    Ok(std::fs::rename(folder.join("url.new"), folder.join("url"))?)
}

/// Whoever knows the folder may call.
pub(crate) fn token(folder: &Path) -> Result<Token> {
    Ok(Token::load_or_create(&folder.join("token"))?)
}
