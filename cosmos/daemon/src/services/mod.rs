//! The services that are built in: a file each, and a line in [`ALL`].

pub(crate) mod ves;
pub(crate) mod vvs;

use std::path::PathBuf;
use std::sync::Arc;

use blob::Blobs;
use plato::InvalidDefinition;
use rpc::Router;
use store::Store;
use stratum::LoadError;
use timestone_client::Client;

use crate::stack::Stack;

/// Every service that is built in.
pub(crate) const ALL: Services = &[&ves::Ves, &vvs::Vvs];

/// What a validation by itself needs.
pub(crate) const VALIDATION: Services = &[&vvs::Vvs];

pub(crate) type Services = &'static [&'static dyn Built];

/// A service as the roles see it.
pub(crate) trait Built: Sync {
    /// Short name, part of queue and key-space names: "ves".
    fn name(&self) -> &'static str;

    /// Makes its workflows known.
    fn register(&self, registry: &mut plato::Registry) -> Result<(), InvalidDefinition>;

    /// Its functions, as executables of this machine.
    fn packages(&self) -> Result<stratum::Registry, LoadError>;

    /// Takes its requests; those of callers outside by methods that are added to `routes`.
    fn open(&self, stack: &mut Stack, api: &Api, routes: Router) -> Router;
}

/// What the API layer of a service stands on, and what it may do.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) settings: optimus::Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timestone: Client,
    pub(crate) blobs: Blobs,
    /// What may be a source.
    pub(crate) sources: sources::Sources,
    /// Folders that files may be written to.
    pub(crate) output_roots: Vec<PathBuf>,
}

#[cfg(test)]
mod tests;
