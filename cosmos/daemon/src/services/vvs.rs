//! The Video Validation Service.

use std::sync::Arc;

use optimus::Requests;
use plato::InvalidDefinition;
use rpc::Router;
use stratum::{LoadError, Places};
use vvs_api::service::{VvsConfig, VvsRpc, VvsService};
use vvs_api::validate::Policy;
use vvs_api::wire::VideoValidationServiceExt as _;

use super::{Api, Built};
use crate::roles;
use crate::stack::Stack;

pub(crate) struct Vvs;

impl Built for Vvs {
    fn name(&self) -> &'static str {
        "vvs"
    }

    fn register(&self, registry: &mut plato::Registry) -> Result<(), InvalidDefinition> {
        vvs_workflow::register(registry)
    }

    fn packages(&self) -> Result<stratum::Registry, LoadError> {
        vvs_workflow::packages(&Places::default())
    }

    fn open(&self, stack: &mut Stack, api: &Api, routes: Router) -> Router {
        Arc::new(VvsRpc::new(start(stack, api))).register(routes)
    }
}

/// Takes its requests, from this process.
pub(crate) fn start(stack: &mut Stack, api: &Api) -> Requests<VvsService> {
    let config = VvsConfig {
        policy: Policy {
            sources: api.sources.clone(),
            trust_blobs: false,
        },
    };
    roles::optimus(stack, api, VvsService::new(config, api.blobs.clone()))
}
