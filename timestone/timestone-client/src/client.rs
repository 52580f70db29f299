use std::ops::Deref;
use std::sync::Arc;

use crate::Timestone;

/// A handle on the queue, cheap to clone, whether it lives in this process or elsewhere.
#[derive(Clone)]
pub struct Client(Arc<dyn Timestone>);

impl Client {
    /// A client of a queue in this process, or of any other implementation.
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self(timestone)
    }
}

impl Deref for Client {
    type Target = dyn Timestone;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}
