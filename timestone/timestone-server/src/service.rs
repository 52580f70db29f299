use std::sync::Arc;

use bytes::Bytes;
use connectrpc::{
    ConnectError, PreEncoded, RequestContext, Response, Router, ServiceRequest, ServiceResult,
    ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use proto::timestone::v1::{self as wire, TimestoneService, TimestoneServiceExt};
use timestone::{Clause, Counted, Filter, MessageKey, QueueConfig, Search, limits};
use timestone_client::wire::{
    Inward, Outward, Problem, all, dequeued, each, required, sent, to_outcome,
};
use timestone_client::{
    CallRefusal, DequeueRequest, EventSearch, Outcomes, SubscribeRequest, Timestone,
    TimestoneError, WatchRequest,
};

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
        TimestoneError::Refused(CallRefusal { code, problem }) => Error::user(code, problem),
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

    async fn get_queue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetQueueRequest>,
    ) -> ServiceResult<wire::GetQueueResponse> {
        let queue = request.to_owned_message().queue;
        let view = self.timestone.queue(&queue).await.map_err(refuse)?;
        Response::ok(wire::GetQueueResponse {
            queue: view.map(Outward::outward).into(),
            ..Default::default()
        })
    }

    async fn delete_queue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DeleteQueueRequest>,
    ) -> ServiceResult<wire::DeleteQueueResponse> {
        let wire::DeleteQueueRequest { queues, force, .. } = request.to_owned_message();
        let outcomes = self.timestone.delete_queues(queues, force);
        Response::ok(wire::DeleteQueueResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn enqueue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::EnqueueRequest>,
    ) -> ServiceResult<wire::EnqueueResponse> {
        let messages = each("messages", request.view().messages.iter());
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
    ) -> ServiceResult<PreEncoded<wire::DequeueResponse>> {
        let mut request = request.to_owned_message();
        let filter = std::mem::take(&mut request.filter).into_option();
        let request = DequeueRequest::inward(request).map_err(invalid)?;
        let leased = match filter.map(Clause::inward).transpose().map_err(invalid)? {
            Some(filter) => self.timestone.dequeue_matching(request, filter).await,
            None => self.timestone.dequeue(request).await,
        };
        let leased = leased.map_err(refuse)?;
        Response::ok(dequeued(&leased))
    }

    async fn subscribe(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::SubscribeRequest>,
    ) -> ServiceResult<ServiceStream<PreEncoded<wire::SubscribeResponse>>> {
        let request = SubscribeRequest::inward(request.to_owned_message());
        let messages = self.timestone.subscribe(request.map_err(invalid)?);
        let messages = messages.await.map_err(refuse)?;
        Response::stream_ok(messages.map(|messages| match messages {
            Ok(messages) => Ok(sent(&messages)),
            Err(error) => Err(refuse(error)),
        }))
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

    async fn reschedule(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RescheduleRequest>,
    ) -> ServiceResult<wire::RescheduleResponse> {
        let schedules = each("schedules", request.to_owned_message().schedules);
        let outcomes = self.timestone.reschedule(schedules.map_err(invalid)?);
        Response::ok(wire::RescheduleResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn redrive(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RedriveRequest>,
    ) -> ServiceResult<wire::RedriveResponse> {
        let wire::RedriveRequest {
            messages, attempts, ..
        } = request.to_owned_message();
        let messages = each("messages", messages).map_err(invalid)?;
        let attempts = (attempts > 0).then_some(attempts);
        let outcomes = self.timestone.redrive(messages, attempts);
        Response::ok(wire::RedriveResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn find_messages(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::FindMessagesRequest>,
    ) -> ServiceResult<wire::FindMessagesResponse> {
        let search = Search::inward(request.to_owned_message()).map_err(invalid)?;
        let found = self.timestone.find(search).await.map_err(refuse)?;
        Response::ok(found.outward())
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
        let request = request.to_owned_message();
        match request.filter.into_option() {
            Some(filter) => {
                let filter = Filter::inward(filter).map_err(invalid)?;
                self.count_matching(&request.queues, &filter, request.cursor.into())
                    .await
            }
            None => self.count_all(&request.queues).await,
        }
    }

    async fn watch_queue(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::WatchQueueRequest>,
    ) -> ServiceResult<ServiceStream<wire::WatchQueueResponse>> {
        let request = WatchRequest::inward(request.to_owned_message()).map_err(invalid)?;
        let told = self.timestone.watch(request).await.map_err(refuse)?;
        Response::stream_ok(told.map(|told| told.map(Outward::outward).map_err(refuse)))
    }

    async fn get_message_history(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetMessageHistoryRequest>,
    ) -> ServiceResult<wire::GetMessageHistoryResponse> {
        let key = request.to_owned_message().key.into_option();
        let key: MessageKey = required("key", key).map_err(invalid)?;
        let history = self.timestone.history(&key).await.map_err(refuse)?;
        Response::ok(history.outward())
    }

    async fn find_events(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::FindEventsRequest>,
    ) -> ServiceResult<wire::FindEventsResponse> {
        let search = EventSearch::inward(request.to_owned_message()).map_err(invalid)?;
        let found = self.timestone.find_events(search).await.map_err(refuse)?;
        Response::ok(found.outward())
    }

    async fn list_queues(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListQueuesRequest>,
    ) -> ServiceResult<wire::ListQueuesResponse> {
        let wire::ListQueuesRequest {
            prefix,
            after,
            limit,
            ..
        } = request.to_owned_message();
        let limit = match limit {
            0 => limits::MAX_PAGE,
            limit => limit,
        };
        let views = self.timestone.list_queues(&prefix, &after, limit);
        let views = views.await.map_err(refuse)?;
        let names = views.iter().map(|view| view.count.queue.clone());
        Response::ok(wire::ListQueuesResponse {
            queues: names.collect(),
            more: views.len() == limit as usize,
            views: all(views),
            ..Default::default()
        })
    }
}

impl TimestoneServer {
    async fn count_all(&self, queues: &[String]) -> ServiceResult<wire::CountMessagesResponse> {
        let counts = self.timestone.count(queues).await.map_err(refuse)?;
        Response::ok(wire::CountMessagesResponse {
            counts: all(counts),
            ..Default::default()
        })
    }

    async fn count_matching(
        &self,
        queues: &[String],
        filter: &Filter,
        cursor: Bytes,
    ) -> ServiceResult<wire::CountMessagesResponse> {
        let [queue] = queues else {
            let problem = format!("names {} queues; with a filter exactly one", queues.len());
            return Err(rpc::refuse_one(
                Error::user("INVALID_ARGUMENT", problem).at("queues"),
            ));
        };
        let counted = self.timestone.count_matching(queue, filter, cursor);
        let Counted { count, next } = counted.await.map_err(refuse)?;
        Response::ok(wire::CountMessagesResponse {
            counts: vec![count.outward()],
            next_cursor: next.unwrap_or_default().to_vec(),
            ..Default::default()
        })
    }
}
