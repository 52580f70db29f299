//! The catalog for those who look after functions.

use std::sync::Arc;

use connectrpc::{RequestContext, Response, Router, ServiceRequest, ServiceResult};
use errors::Error;
use proto::stratum::v1::{self as wire, FunctionService, FunctionServiceExt};
use rpc::refuse_one;

use crate::wire::{digest, function, percent, published};
use crate::{Catalog, ChannelName, Published, Setting};

impl Catalog {
    /// The service, for [`rpc::Server::services`].
    pub fn into_services(self) -> Router {
        Arc::new(self).register(Router::new())
    }

    async fn publish_to(
        &self,
        asked: &wire::PublishVersionRequest,
    ) -> Result<wire::PublishedFunction, Error> {
        let channel = match asked.channel.as_str() {
            "" => None,
            name => Some((ChannelName::new(name)?, percent(asked.percent))),
        };
        let (name, of) = self.publish(digest(&asked.digest)?, channel).await?;
        Ok(published(name.as_str(), &of))
    }

    async fn changed(
        &self,
        name: &str,
        change: impl FnOnce(&mut Published) -> Result<(), Error>,
    ) -> Result<wire::PublishedFunction, Error> {
        let name = function(name)?;
        let of = self.change(&name, change).await?;
        Ok(published(name.as_str(), &of))
    }
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl FunctionService for Catalog {
    async fn publish_version(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::PublishVersionRequest>,
    ) -> ServiceResult<wire::PublishVersionResponse> {
        let function = self.publish_to(&request.to_owned_message()).await;
        Response::ok(wire::PublishVersionResponse {
            function: Some(function.map_err(refuse_one)?).into(),
            ..Default::default()
        })
    }

    async fn promote_version(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::PromoteVersionRequest>,
    ) -> ServiceResult<wire::PromoteVersionResponse> {
        let asked = request.to_owned_message();
        let function = self.changed(&asked.function, |of| {
            let channel = ChannelName::or_stable(&asked.channel)?;
            let (digest, percent) = (of.find(&asked.version)?, percent(asked.percent));
            of.promote(channel, Setting { digest, percent })
        });
        Response::ok(wire::PromoteVersionResponse {
            function: Some(function.await.map_err(refuse_one)?).into(),
            ..Default::default()
        })
    }

    async fn rollback_channel(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RollbackChannelRequest>,
    ) -> ServiceResult<wire::RollbackChannelResponse> {
        let asked = request.to_owned_message();
        let function = self.changed(&asked.function, |of| {
            of.rollback(&ChannelName::or_stable(&asked.channel)?)
        });
        Response::ok(wire::RollbackChannelResponse {
            function: Some(function.await.map_err(refuse_one)?).into(),
            ..Default::default()
        })
    }

    async fn remove_version(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RemoveVersionRequest>,
    ) -> ServiceResult<wire::RemoveVersionResponse> {
        let asked = request.to_owned_message();
        let function = self.changed(&asked.function, |of| of.remove(of.find(&asked.version)?));
        Response::ok(wire::RemoveVersionResponse {
            function: Some(function.await.map_err(refuse_one)?).into(),
            ..Default::default()
        })
    }

    async fn list_published(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListPublishedRequest>,
    ) -> ServiceResult<wire::ListPublishedResponse> {
        let asked = request.to_owned_message().function;
        let all = self.list().await.map_err(refuse_one)?;
        let functions = all
            .iter()
            .filter(|(name, _)| asked.is_empty() || *name == asked);
        Response::ok(wire::ListPublishedResponse {
            functions: functions.map(|(name, of)| published(name, of)).collect(),
            ..Default::default()
        })
    }
}
