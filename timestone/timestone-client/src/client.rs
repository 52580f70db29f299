use std::ops::Deref;
use std::sync::Arc;

use errors::Error;
use rpc::Token;

use crate::{Coalesced, Consumer, RemoteTimestone, SubscribeRequest, Timestone};

/// A handle on the queue, cheap to clone, whether it lives in this process or elsewhere.
#[derive(Clone)]
pub struct Client(Arc<dyn Timestone>);

impl Client {
    /// A client of a queue in this process, or of any other implementation.
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self(timestone)
    }

    /// A client of the queue served at `url`, to callers with `token`. Connects
    /// with the first call. Must be called on a runtime. Calls that are made at the
    /// same time through it and its clones [travel together](Coalesced).
    pub fn connect(url: &str, token: &Token) -> Result<Self, Error> {
        let remote = RemoteTimestone::connect(url, token)?;
        Ok(Self::new(Arc::new(Coalesced::new(Arc::new(remote)))))
    }

    /// A subscription that lasts, for the workers of this process.
    pub fn consume(&self, request: SubscribeRequest) -> Consumer {
        Consumer::start(Arc::clone(&self.0), request)
    }
}

impl Deref for Client {
    type Target = dyn Timestone;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}
