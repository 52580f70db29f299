//! The shards of this server, served to the others.

use std::sync::Arc;

use connectrpc::{
    ConnectError, PreEncoded, RequestContext, Response, Router, ServiceRequest, ServiceResult,
};
use errors::Error;
use proto::timestone::v1::{self as wire, ShardService, ShardServiceExt};
use timestone::MessageKey;
use timestone_client::wire::{Inward, Outward, each, required, taken, to_outcome};
use timestone_client::{Look, SHARD_HEADER, Shard, Take};

use super::Served;
use crate::LocalTimestone;
use crate::service::{invalid, refuse, told};

/// The shard that a call is for, where it says so.
pub(crate) fn shard_of_call(context: &RequestContext) -> Result<Option<u32>, ConnectError> {
    let Some(value) = context.header(SHARD_HEADER) else {
        return Ok(None);
    };
    let shard = value.to_str().ok().and_then(|shard| shard.parse().ok());
    shard.map(Some).ok_or_else(no_shard)
}

fn no_shard() -> ConnectError {
    rpc::refuse_one(Error::user(
        "INVALID_ARGUMENT",
        format!("the header {SHARD_HEADER} must be the number of a shard"),
    ))
}

/// Serves shards to the other servers of the fleet.
pub(crate) struct ShardServer {
    shards: Arc<Served>,
}

impl ShardServer {
    pub(crate) fn new(shards: Arc<Served>) -> Self {
        Self { shards }
    }

    pub(crate) fn into_services(self) -> Router {
        Arc::new(self).register(Router::new())
    }

    fn at(&self, context: &RequestContext) -> Result<Arc<LocalTimestone>, ConnectError> {
        let shard = shard_of_call(context)?.ok_or_else(no_shard)?;
        self.shards.get(shard).map_err(refuse)
    }
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl ShardService for ShardServer {
    async fn look(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::LookRequest>,
    ) -> ServiceResult<wire::LookResponse> {
        let shard = self.at(&context)?;
        let look = Look::inward(request.to_owned_message()).map_err(invalid)?;
        let sight = shard.look(look).await.map_err(refuse)?;
        Response::ok(sight.outward())
    }

    async fn take(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::TakeRequest>,
    ) -> ServiceResult<PreEncoded<wire::TakeResponse>> {
        let shard = self.at(&context)?;
        let take = Take::inward(request.to_owned_message()).map_err(invalid)?;
        Response::ok(taken(&shard.take(take).await.map_err(refuse)?))
    }

    async fn receive(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ReceiveRequest>,
    ) -> ServiceResult<wire::ReceiveResponse> {
        let shard = self.at(&context)?;
        let errands = each("errands", request.to_owned_message().errands);
        let outcomes = shard.receive(errands.map_err(invalid)?).await;
        Response::ok(wire::ReceiveResponse {
            outcomes: told(outcomes.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn recall(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RecallRequest>,
    ) -> ServiceResult<wire::RecallResponse> {
        let shard = self.at(&context)?;
        let wire::RecallRequest {
            letter,
            home,
            attempts,
            ..
        } = request.to_owned_message();
        let letter: MessageKey = required("letter", letter.into_option()).map_err(invalid)?;
        let home: MessageKey = required("home", home.into_option()).map_err(invalid)?;
        let attempts = (attempts > 0).then_some(attempts);
        let outcome = shard.recall(letter, home, attempts).await.map_err(refuse)?;
        Response::ok(wire::RecallResponse {
            outcome: Some(to_outcome(outcome)).into(),
            ..Default::default()
        })
    }
}
