use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clock::SystemClock;
use store::{Store, StoreError};
use store_fjall::{FjallStore, Options};
use store_postgres::PostgresStore;

/// Where a worker finds its store; as text for its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The directory of an embedded store.
    Fjall(PathBuf),
    /// How to connect to a server.
    Postgres(String),
}

/// Little memory, so that tables are written and merged, and journals changed,
/// while the power is cut.
pub const OPTIONS: Options = Options {
    memtable_bytes: 256 << 10,
    cache_bytes: 4 << 20,
    in_place: true,
};

impl Target {
    /// Opens the store.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Fjall(path) => Ok(Arc::new(FjallStore::open_with(
                path,
                Arc::new(SystemClock),
                OPTIONS,
            )?)),
            Self::Postgres(config) => Ok(Arc::new(PostgresStore::connect(config).await?)),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fjall(path) => write!(f, "fjall:{}", path.display()),
            Self::Postgres(config) => write!(f, "postgres:{config}"),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("fjall", path)) => Ok(Self::Fjall(path.into())),
            Some(("postgres", config)) => Ok(Self::Postgres(config.to_owned())),
            _ => Err(format!(
                "{text:?} is neither fjall:PATH nor postgres:CONFIG"
            )),
        }
    }
}
