//! The Video Encoding Service.

use std::sync::Arc;

use optimus::Requests;
use plato::InvalidDefinition;
use rpc::Router;
use stratum::{LoadError, Places};
use ves_api::service::{VesConfig, VesRpc, VesService};
use ves_api::validate::Policy;
use ves_api::wire::{VideoEncodingServiceExt as _, VirtualAssemblyServiceExt as _};
use ves_assembly::{AssemblyRpc, Encodes};

use super::{Api, Built};
use crate::roles;
use crate::stack::Stack;

pub(crate) struct Ves;

impl Built for Ves {
    fn name(&self) -> &'static str {
        "ves"
    }

    fn register(&self, registry: &mut plato::Registry) -> Result<(), InvalidDefinition> {
        ves_workflow::register(registry)
    }

    fn packages(&self) -> Result<stratum::Registry, LoadError> {
        ves_workflow::packages(&Places::default())
    }

    fn open(&self, stack: &mut Stack, api: &Api, routes: Router) -> Router {
        let requests = start(stack, api);
        let encodes = Encodes::new(api.store.clone(), api.settings.groups, api.blobs.clone());
        let routes = Arc::new(VesRpc::new(requests.clone())).register(routes);
        Arc::new(AssemblyRpc::new(requests, encodes)).register(routes)
    }
}

/// Takes its requests, from this process.
pub(crate) fn start(stack: &mut Stack, api: &Api) -> Requests<VesService> {
    let config = VesConfig {
        policy: Policy::of(api.sources.clone(), api.output_roots.clone()),
    };
    roles::optimus(stack, api, VesService::new(config, api.blobs.clone()))
}
