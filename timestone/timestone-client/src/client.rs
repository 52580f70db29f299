use std::ops::Deref;
use std::sync::Arc;

use blob::Blobs;
use errors::Error;
use rpc::Token;

use crate::reference::ByReference;
use crate::{Coalesced, Consumer, RemoteTimestone, SubscribeRequest, Timestone};

/// A handle on the queue, cheap to clone, whether it lives in this process or elsewhere.
#[derive(Clone)]
pub struct Client(Arc<ByReference>);

impl Client {
    /// A client of a queue in this process, or of any other implementation.
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self(Arc::new(ByReference::new(timestone)))
    }

    /// A client of the queue served at `url`, to callers with `token`. Connects
    /// with the first call. Must be called on a runtime. Calls that are made at the
    /// same time through it and its clones [travel together](Coalesced).
    pub fn connect(url: &str, token: &Token) -> Result<Self, Error> {
        let remote = RemoteTimestone::connect(url, token)?;
        Ok(Self::new(Arc::new(Coalesced::new(Arc::new(remote)))))
    }

    /// The same queue, whose payloads may be larger than those that travel, up to
    /// [`MAX_REFERRED_BYTES`](crate::MAX_REFERRED_BYTES): they go through `blobs`, which
    /// all who work on the queue must have.
    pub fn with_blobs(self, blobs: Blobs) -> Self {
        Self(Arc::new(self.0.with_blobs(blobs)))
    }

    /// A subscription that lasts, for the workers of this process.
    pub fn consume(&self, request: SubscribeRequest) -> Consumer {
        let queue: Arc<dyn Timestone> = self.0.clone();
        Consumer::start(queue, request)
    }
}

impl Deref for Client {
    type Target = dyn Timestone;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}
