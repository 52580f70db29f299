use std::sync::Arc;

use bytes::Bytes;
use connectrpc::{
    ConnectError, InboundStream, PreEncoded, RequestContext, Response, Router, ServiceRequest,
    ServiceResult, ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use proto::timestone::v1::{self as wire, TimestoneService, TimestoneServiceExt};
use timestone::{Counted, Filter, MessageKey, QueueConfig, Search, limits};
use timestone_client::wire::{
    Inward, Outward, Problem, all, dequeued, each, required, sent, to_outcome,
};
use timestone_client::{
    CallRefusal, EventSearch, Outcomes, SubscribeRequest, Timestone, TimestoneError, WatchRequest,
};

use crate::act;
use crate::exchange::Exchange;
use crate::fleet::{Fleet, Served, ShardServer, shard_of_call};

/// Serves a queue to other processes.
#[derive(Clone)]
pub struct TimestoneServer {
    timestone: Arc<dyn Timestone>,
    shards: Option<Arc<Served>>,
}

impl TimestoneServer {
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self {
            timestone,
            shards: None,
        }
    }

    /// Serves all queues of a fleet, and to its other servers the shards that are owned here.
    pub fn of_fleet(fleet: &Fleet) -> Self {
        Self {
            timestone: fleet.router(),
            shards: Some(fleet.shards()),
        }
    }

    /// The service, for [`rpc::Server::services`].
    pub fn into_services(self) -> Router {
        let shards = self.shards.clone().map(ShardServer::new);
        let services = Arc::new(self).register(Router::new());
        match shards {
            Some(shards) => services.merge(shards.into_services()),
            None => services,
        }
    }

    /// Whom the call is for: the shard that it names, if it was passed on.
    pub(crate) fn at(&self, context: &RequestContext) -> Result<Arc<dyn Timestone>, ConnectError> {
        match (&self.shards, shard_of_call(context)?) {
            (Some(shards), Some(shard)) => Ok(shards.get(shard).map_err(refuse)?),
            _ => Ok(Arc::clone(&self.timestone)),
        }
    }
}

pub(crate) fn refuse(error: TimestoneError) -> ConnectError {
    rpc::refuse_one(match error {
        TimestoneError::Unavailable(why) => {
            Error::platform("UNAVAILABLE", why).hint("try again; nothing is done twice")
        }
        TimestoneError::Refused(CallRefusal { code, problem }) => Error::user(code, problem),
    })
}

pub(crate) fn invalid(problems: Vec<Problem>) -> ConnectError {
    rpc::refuse(problems.into_iter().map(Error::from))
}

pub(crate) fn told(outcomes: Outcomes) -> Vec<wire::Outcome> {
    outcomes.into_iter().map(to_outcome).collect()
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl TimestoneService for TimestoneServer {
    async fn put_queue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::PutQueueRequest>,
    ) -> ServiceResult<wire::PutQueueResponse> {
        let timestone = self.at(&context)?;
        let wire::PutQueueRequest { queue, config, .. } = request.to_owned_message();
        let config = QueueConfig::inward(config.into_option().unwrap_or_default());
        let config = config.map_err(invalid)?;
        let put = timestone.put_queue(&queue, config);
        put.await.map_err(refuse)?;
        Response::ok(wire::PutQueueResponse::default())
    }

    async fn get_queue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::GetQueueRequest>,
    ) -> ServiceResult<wire::GetQueueResponse> {
        let timestone = self.at(&context)?;
        let queue = request.to_owned_message().queue;
        let view = timestone.queue(&queue).await.map_err(refuse)?;
        Response::ok(wire::GetQueueResponse {
            queue: view.map(Outward::outward).into(),
            ..Default::default()
        })
    }

    async fn delete_queue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::DeleteQueueRequest>,
    ) -> ServiceResult<wire::DeleteQueueResponse> {
        let timestone = self.at(&context)?;
        let wire::DeleteQueueRequest { queues, force, .. } = request.to_owned_message();
        let outcomes = timestone.delete_queues(queues, force);
        Response::ok(wire::DeleteQueueResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn enqueue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::EnqueueRequest>,
    ) -> ServiceResult<wire::EnqueueResponse> {
        let timestone = self.at(&context)?;
        Response::ok(act::enqueue(&*timestone, request.view()).await?)
    }

    async fn dequeue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::DequeueRequest>,
    ) -> ServiceResult<PreEncoded<wire::DequeueResponse>> {
        let timestone = self.at(&context)?;
        let leased = act::dequeue(&*timestone, request.to_owned_message()).await?;
        Response::ok(dequeued(&leased))
    }

    async fn subscribe(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::SubscribeRequest>,
    ) -> ServiceResult<ServiceStream<PreEncoded<wire::SubscribeResponse>>> {
        let timestone = self.at(&context)?;
        let request = SubscribeRequest::inward(request.to_owned_message());
        let messages = timestone.subscribe(request.map_err(invalid)?);
        let messages = messages.await.map_err(refuse)?;
        Response::stream_ok(messages.map(|messages| match messages {
            Ok(messages) => Ok(sent(&messages)),
            Err(error) => Err(refuse(error)),
        }))
    }

    async fn complete(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::CompleteRequest>,
    ) -> ServiceResult<wire::CompleteResponse> {
        let timestone = self.at(&context)?;
        Response::ok(act::complete(&*timestone, request.to_owned_message()).await?)
    }

    async fn fail(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::FailRequest>,
    ) -> ServiceResult<wire::FailResponse> {
        let timestone = self.at(&context)?;
        Response::ok(act::fail(&*timestone, request.to_owned_message()).await?)
    }

    async fn release(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ReleaseRequest>,
    ) -> ServiceResult<wire::ReleaseResponse> {
        let timestone = self.at(&context)?;
        Response::ok(act::release(&*timestone, request.to_owned_message()).await?)
    }

    async fn extend_lease(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ExtendLeaseRequest>,
    ) -> ServiceResult<wire::ExtendLeaseResponse> {
        let timestone = self.at(&context)?;
        Response::ok(act::extend_lease(&*timestone, request.to_owned_message()).await?)
    }

    async fn cancel(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::CancelRequest>,
    ) -> ServiceResult<wire::CancelResponse> {
        let timestone = self.at(&context)?;
        let wire::CancelRequest {
            messages, reason, ..
        } = request.to_owned_message();
        let messages = each("messages", messages).map_err(invalid)?;
        let outcomes = timestone.cancel(messages, &reason);
        Response::ok(wire::CancelResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn reschedule(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RescheduleRequest>,
    ) -> ServiceResult<wire::RescheduleResponse> {
        let timestone = self.at(&context)?;
        let schedules = each("schedules", request.to_owned_message().schedules);
        let outcomes = timestone.reschedule(schedules.map_err(invalid)?);
        Response::ok(wire::RescheduleResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn redrive(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RedriveRequest>,
    ) -> ServiceResult<wire::RedriveResponse> {
        let timestone = self.at(&context)?;
        let wire::RedriveRequest {
            messages, attempts, ..
        } = request.to_owned_message();
        let messages = each("messages", messages).map_err(invalid)?;
        let attempts = (attempts > 0).then_some(attempts);
        let outcomes = timestone.redrive(messages, attempts);
        Response::ok(wire::RedriveResponse {
            outcomes: told(outcomes.await.map_err(refuse)?),
            ..Default::default()
        })
    }

    async fn find_messages(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::FindMessagesRequest>,
    ) -> ServiceResult<wire::FindMessagesResponse> {
        let timestone = self.at(&context)?;
        let search = Search::inward(request.to_owned_message()).map_err(invalid)?;
        let found = timestone.find(search).await.map_err(refuse)?;
        Response::ok(found.outward())
    }

    async fn get_message(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::GetMessageRequest>,
    ) -> ServiceResult<wire::GetMessageResponse> {
        let timestone = self.at(&context)?;
        let key = request.to_owned_message().key.into_option();
        let key: MessageKey = required("key", key).map_err(invalid)?;
        let message = timestone.get(&key).await.map_err(refuse)?;
        Response::ok(wire::GetMessageResponse {
            message: message.map(Outward::outward).into(),
            ..Default::default()
        })
    }

    async fn count_messages(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::CountMessagesRequest>,
    ) -> ServiceResult<wire::CountMessagesResponse> {
        let timestone = self.at(&context)?;
        let request = request.to_owned_message();
        match request.filter.into_option() {
            Some(filter) => {
                let filter = Filter::inward(filter).map_err(invalid)?;
                count_matching(&timestone, &request.queues, &filter, request.cursor.into()).await
            }
            None => count_all(&timestone, &request.queues).await,
        }
    }

    async fn watch_queue(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::WatchQueueRequest>,
    ) -> ServiceResult<ServiceStream<wire::WatchQueueResponse>> {
        let timestone = self.at(&context)?;
        let request = WatchRequest::inward(request.to_owned_message()).map_err(invalid)?;
        let told = timestone.watch(request).await.map_err(refuse)?;
        Response::stream_ok(told.map(|told| told.map(Outward::outward).map_err(refuse)))
    }

    async fn get_message_history(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::GetMessageHistoryRequest>,
    ) -> ServiceResult<wire::GetMessageHistoryResponse> {
        let timestone = self.at(&context)?;
        let key = request.to_owned_message().key.into_option();
        let key: MessageKey = required("key", key).map_err(invalid)?;
        let history = timestone.history(&key).await.map_err(refuse)?;
        Response::ok(history.outward())
    }

    async fn find_events(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::FindEventsRequest>,
    ) -> ServiceResult<wire::FindEventsResponse> {
        let timestone = self.at(&context)?;
        let search = EventSearch::inward(request.to_owned_message()).map_err(invalid)?;
        let found = timestone.find_events(search).await.map_err(refuse)?;
        Response::ok(found.outward())
    }

    async fn exchange(
        &self,
        context: RequestContext,
        requests: InboundStream<wire::ExchangeRequest>,
    ) -> ServiceResult<ServiceStream<PreEncoded<wire::ExchangeResponse>>> {
        self.at(&context)?;
        Response::stream_ok(Exchange::new(self.clone(), context, requests).answers())
    }

    async fn list_queues(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ListQueuesRequest>,
    ) -> ServiceResult<wire::ListQueuesResponse> {
        let timestone = self.at(&context)?;
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
        let views = timestone.list_queues(&prefix, &after, limit);
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

async fn count_all(
    timestone: &Arc<dyn Timestone>,
    queues: &[String],
) -> ServiceResult<wire::CountMessagesResponse> {
    let counts = timestone.count(queues).await.map_err(refuse)?;
    Response::ok(wire::CountMessagesResponse {
        counts: all(counts),
        ..Default::default()
    })
}

async fn count_matching(
    timestone: &Arc<dyn Timestone>,
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
    let counted = timestone.count_matching(queue, filter, cursor);
    let Counted { count, next } = counted.await.map_err(refuse)?;
    Response::ok(wire::CountMessagesResponse {
        counts: vec![count.outward()],
        next_cursor: next.unwrap_or_default().to_vec(),
        ..Default::default()
    })
}
