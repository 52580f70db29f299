//! Several servers over one store, any of which may die.
//!
//! The queues are spread over a fixed number of shards, each a key space of the store with a
//! fence of its own. Every server takes its [share] of the shards, [keeps](keeper) them by
//! renewing them, and takes those over whose owner fell silent. Any of them can be asked for
//! anything: its [router] knows whose each shard is and passes calls on, once. What a message of
//! one shard means for queues of another goes there as an errand, by a [relay].
//!
//! | shard                | what                                                     |
//! |----------------------|----------------------------------------------------------|
//! | `<prefix>/<n>`       | the queues whose names hash to n                         |
//! | `<prefix>/seat/<n>`  | nothing; whoever owns it is a member, and can be reached |
//! | `<prefix>/fleet`     | how many shards there are                                |

mod keeper;
mod peers;
mod plan;
mod relay;
mod router;
mod served;
mod sharding;
mod share;
mod table;

use std::sync::Arc;

use clock::SharedClock;
use rpc::Token;
use store::{Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::OwnerOptions;
use keeper::Keeper;
use peers::Peers;
use router::{Router, Turn};
pub(crate) use served::Served;
pub(crate) use sharding::{ShardServer, shard_of_call};
use table::Tables;

/// The most shards that queues can be spread over.
pub(crate) const MAX_SHARDS: u32 = 1_024;

/// How a server takes part.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// For each shard; its name, its place and whether it yields are seen to here.
    pub owner: OwnerOptions,
    /// What servers show one another.
    pub token: Token,
    /// How many shards there shall be, which is settled by the first server for good.
    /// `None`: 16, or what is there.
    pub shards: Option<u32>,
    /// What the names of shards begin with.
    pub prefix: String,
}

impl FleetOptions {
    /// Servers that show one another `token`.
    pub fn new(token: Token) -> Self {
        Self {
            owner: OwnerOptions::new(ids::time_ordered()),
            token,
            shards: None,
            prefix: "timestone".into(),
        }
    }
}

/// Why a server cannot take part.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("the store of the queues: {0}")]
    Store(#[from] StoreError),
    #[error(
        "the queues are spread over {found} shards, not {wanted}: that is settled when they are \
         first used; leave it out of the configuration"
    )]
    OtherShards { found: u32, wanted: u32 },
    #[error("{0} shards; from 1 to {MAX_SHARDS}")]
    NoSuchNumber(u32),
}

/// A server among others.
#[derive(Debug)]
pub struct Fleet {
    served: Arc<Served>,
    tables: Arc<Tables>,
    router: Arc<Router>,
    keeper: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
}

impl Fleet {
    /// A server that knows the others, and owns nothing until it [joins](Self::join).
    pub async fn new(
        store: Arc<dyn Store>,
        clock: SharedClock,
        options: FleetOptions,
    ) -> Result<Self, FleetError> {
        let shards = plan::settle(store.as_ref(), &options).await?;
        let tables = Arc::new(Tables::new(shards));
        let served = Arc::new(Served::default());
        let peers = Peers::new(options.token.clone());
        let router = Router::new(
            Arc::clone(&served),
            Arc::clone(&tables),
            peers,
            options.owner.ttl,
            Turn::new(Arc::clone(&store), &options.prefix),
            Arc::clone(&clock),
        );
        let router = Arc::new(router);
        let keeper = Keeper::new(store, clock, options, Arc::clone(&router));
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keeper.run(stop.clone()));
        Ok(Self {
            served,
            tables,
            router,
            keeper: tokio::sync::Mutex::new(Some(keeper)),
            stop,
        })
    }

    /// Takes a share of the shards from now on, as a server that the others reach at
    /// `advertise`: `http://10.0.0.7:7401`. Doing so again changes nothing.
    pub fn join(&self, advertise: &str) {
        self.tables.join(advertise);
    }

    /// All queues, wherever they live.
    pub fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router)
    }

    /// The shards that are owned here at the moment.
    pub fn served(&self) -> Vec<Arc<crate::LocalTimestone>> {
        self.served.all()
    }

    /// Whether every shard has an owner, and this server as many as it shall.
    pub fn is_settled(&self) -> bool {
        self.tables.is_settled()
    }

    pub(crate) fn shards(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// Stores and answers what was accepted, and gives everything up, so that the others can
    /// take it without waiting.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        if let Some(keeper) = self.keeper.lock().await.take() {
            // One that panicked has nothing left to give up.
            let _ = keeper.await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
