use std::sync::Arc;

use connectrpc::{ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult};
use errors::Error;
use proto::timestone::v1::{self as wire, TimestoneService, TimestoneServiceExt};
use timestone::{MessageKey, QueueConfig, QueueCount};
use timestone_client::wire::{Inward, Outward, Problem, all, each, required, to_outcome};
use timestone_client::{DequeueRequest, Outcomes, Timestone, TimestoneError};

/// Serves a queue to other processes.
pub struct TimestoneServer {
    timestone: Arc<dyn Timestone>,
}

impl TimestoneServer {
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self { timestone }
    }

    /// The service, for [`rpc::Server::services`].
    pub fn into_services(self) -> Router {
        Arc::new(self).register(Router::new())
    }
}

fn refuse(error: TimestoneError) -> ConnectError {
    rpc::refuse_one(match error {
        TimestoneError::Unavailable(why) => {
            Error::platform("UNAVAILABLE", why).hint("try again; nothing is done twice")
        }
        TimestoneError::Refused(why) => Error::user("INVALID_ARGUMENT", why),
    })
}

fn invalid(problems: Vec<Problem>) -> ConnectError {
    rpc::refuse(problems.into_iter().map(Error::from))
}

fn told(outcomes: Outcomes) -> Vec<wire::Outcome> {
    outcomes.into_iter().map(to_outcome).collect()
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl TimestoneService for TimestoneServer {
    async fn put_queue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::PutQueueRequest>,
    ) -> ServiceResult<wire::PutQueueResponse> {
        let wire::PutQueueRequest { queue, config, .. } = request.to_owned_message();
        let config = QueueConfig::inward(config.into_option().unwrap_or_default());
        let config = config.map_err(invalid)?;
        let put = self.timestone.put_queue(&queue, config);
        put.await.map_err(refuse)?;
        Response::ok(wire::PutQueueResponse::default())
    }

    async fn enqueue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::EnqueueRequest>,
    ) -> ServiceResult<wire::EnqueueResponse> {
        let messages = each("messages", request.to_owned_message().messages);
        let outcomes = self.timestone.enqueue(messages.map_err(invalid)?);
        Response::ok(wire::EnqueueResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn dequeue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DequeueRequest>,
    ) -> ServiceResult<wire::DequeueResponse> {
        let request = DequeueRequest::inward(request.to_owned_message());
        let request = request.map_err(invalid)?;
        let leased = self.timestone.dequeue(request).await.map_err(refuse)?;
        Response::ok(wire::DequeueResponse {
            messages: all(leased),
            ..Default::default()
        })
    }

    async fn complete(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CompleteRequest>,
    ) -> ServiceResult<wire::CompleteResponse> {
        let completions = each("completions", request.to_owned_message().completions);
        let outcomes = self.timestone.complete(completions.map_err(invalid)?);
        Response::ok(wire::CompleteResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn fail(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::FailRequest>,
    ) -> ServiceResult<wire::FailResponse> {
        let failures = each("failures", request.to_owned_message().failures);
        let outcomes = self.timestone.fail(failures.map_err(invalid)?);
        Response::ok(wire::FailResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn release(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ReleaseRequest>,
    ) -> ServiceResult<wire::ReleaseResponse> {
        let wire::ReleaseRequest { tokens, refund, .. } = request.to_owned_message();
        let tokens = each("tokens", tokens).map_err(invalid)?;
        let outcomes = self.timestone.release(tokens, refund);
        Response::ok(wire::ReleaseResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn extend_lease(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExtendLeaseRequest>,
    ) -> ServiceResult<wire::ExtendLeaseResponse> {
        let wire::ExtendLeaseRequest {
            tokens, lease_ms, ..
        } = request.to_owned_message();
        let lease_ms = (lease_ms > 0).then_some(lease_ms);
        let tokens = each("tokens", tokens).map_err(invalid)?;
        let outcomes = self.timestone.extend(tokens, lease_ms);
        Response::ok(wire::ExtendLeaseResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn cancel(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CancelRequest>,
    ) -> ServiceResult<wire::CancelResponse> {
        let wire::CancelRequest {
            messages, reason, ..
        } = request.to_owned_message();
        let messages = each("messages", messages).map_err(invalid)?;
        let outcomes = self.timestone.cancel(messages, &reason);
        Response::ok(wire::CancelResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn get_message(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetMessageRequest>,
    ) -> ServiceResult<wire::GetMessageResponse> {
        let key = request.to_owned_message().key.into_option();
        let key: MessageKey = required("key", key).map_err(invalid)?;
        let message = self.timestone.get(&key).await.map_err(refuse)?;
        Response::ok(wire::GetMessageResponse {
            message: message.map(Outward::outward).into(),
            ..Default::default()
        })
    }

    async fn count_messages(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CountMessagesRequest>,
    ) -> ServiceResult<wire::CountMessagesResponse> {
        let queues = request.to_owned_message().queues;
        let counts = self.timestone.count(&queues).await.map_err(refuse)?;
        Response::ok(wire::CountMessagesResponse {
            counts: all(counts),
            ..Default::default()
        })
    }

    async fn list_queues(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListQueuesRequest>,
    ) -> ServiceResult<wire::ListQueuesResponse> {
        let prefix = request.to_owned_message().prefix;
        let counts = self.timestone.count(&[]).await.map_err(refuse)?;
        let wanted = |count: QueueCount| count.queue.starts_with(&prefix).then_some(count.queue);
        Response::ok(wire::ListQueuesResponse {
            queues: counts.into_iter().filter_map(wanted).collect(),
            ..Default::default()
        })
    }
}
