//! The catalog of functions, as those ask for it who begin workflows.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use errors::Error;
use optimus::Pins;
use stratum_catalog::Catalog;

/// Chooses the versions of functions by what is published.
#[derive(Clone, Debug)]
pub(crate) struct Versions(pub(crate) Catalog);

#[async_trait]
impl optimus::Versions for Versions {
    /// Functions of a service that is built in carry its name: `ves-avc`.
    async fn pins(&self, service: &str, channel: &str, workflow: &str) -> Result<Pins, Error> {
        let prefix = format!("{service}-");
        let its = |function: &str| function.starts_with(&prefix);
        self.0.pins(its, channel, workflow).await
    }
}

#[async_trait]
impl plato_runtime::Pinning for Versions {
    async fn pins(
        &self,
        functions: &BTreeSet<String>,
        channel: &str,
        workflow: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let its = |function: &str| functions.contains(function);
        self.0.pins(its, channel, workflow).await
    }
}
