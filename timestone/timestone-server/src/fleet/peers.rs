use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rpc::{Channel, Token};
use timestone_client::{RemoteShard, Shard, Timestone, TimestoneError};

use crate::LocalTimestone;

/// Servers to which a channel is kept; more are reached anew.
const MAX_PEERS: usize = 256;

/// Where one shard is asked.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) timestone: Arc<dyn Timestone>,
    pub(super) shard: Arc<dyn Shard>,
}

impl From<Arc<LocalTimestone>> for Desk {
    fn from(local: Arc<LocalTimestone>) -> Self {
        Self {
            timestone: local.clone(),
            shard: local,
        }
    }
}

impl From<RemoteShard> for Desk {
    fn from(remote: RemoteShard) -> Self {
        Self {
            timestone: Arc::new(remote.timestone()),
            shard: Arc::new(remote),
        }
    }
}

/// The other servers, by address.
#[derive(Debug)]
pub(super) struct Peers {
    token: Token,
    channels: Mutex<HashMap<String, Channel>>,
}

impl Peers {
    pub(super) fn new(token: Token) -> Self {
        Self {
            token,
            channels: Mutex::default(),
        }
    }

    /// A shard of the server at `address`.
    pub(super) fn desk(&self, address: &str, shard: u32) -> Result<Desk, TimestoneError> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(address) {
            return Ok(RemoteShard::new(channel.clone(), shard).into());
        }
        let channel = rpc::connect(address, &self.token);
        let channel = channel.map_err(|why| TimestoneError::Unavailable(why.to_string()))?;
        if channels.len() >= MAX_PEERS {
            channels.clear();
        }
        channels.insert(address.to_owned(), channel.clone());
        Ok(RemoteShard::new(channel, shard).into())
    }
}
