use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connectrpc::ConnectError;
use connectrpc::client::CallOptions;
use errors::Error;
use futures::stream;
use proto::timestone::v1::{self as wire, TimestoneServiceClient};
use rpc::{Channel, Token, Transport};
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, QueueConfig, QueueCount, QueueView, Reschedule, Search, limits,
};

use crate::exchange::{Exchange, Exchanged};
use crate::patience::Patience;
use crate::wire::{Inward, Item, Outward, Problem, all, each, outcome_of, required};
use crate::{
    CallRefusal, DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes,
    SubscribeRequest, Subscription, Timestone, TimestoneError, Watch, WatchRequest, Watched,
};

/// How long one try may take, beyond what the caller waits for.
const TRY: Duration = Duration::from_secs(10);

/// The queue of another process.
///
/// A call that finds no server is tried again, with the same ids, for as long as
/// the caller is patient; that is safe because every call is idempotent.
#[derive(Clone)]
pub struct RemoteTimestone {
    client: TimestoneServiceClient<Transport>,
    exchange: Option<Arc<Exchange>>,
    patience: Duration,
}

impl RemoteTimestone {
    /// How long a call is tried where the caller says nothing.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// The queue served at `url`, or at one of several between commas, to callers with
    /// `token`. Connects with the first call. Must be called on a runtime. Small calls share
    /// one stream, where the server knows such.
    pub fn connect(url: &str, token: &Token) -> Result<Self, Error> {
        let remote = rpc::connect(url, token).map(Self::through)?;
        Ok(Self {
            exchange: Some(Exchange::new(remote.client.clone())),
            ..remote
        })
    }

    /// The queue at the other end of `channel`. Each call is made alone.
    pub fn through(channel: Channel) -> Self {
        let Channel { transport, config } = channel;
        Self {
            client: TimestoneServiceClient::new(transport, config),
            exchange: None,
            patience: Self::PATIENCE,
        }
    }

    /// Tries each call for so long before it is given up as unavailable; zero
    /// means one try.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    async fn lease(
        &self,
        request: wire::DequeueRequest,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let wait = Duration::from_millis(request.wait_ms.min(limits::MAX_WAIT_MS));
        let answer = self.ask(wait, request).await?;
        each("messages", answer.messages).map_err(misread)
    }

    /// Makes a call that may take `longer` than others.
    async fn call<T, F>(
        &self,
        longer: Duration,
        call: impl Fn(CallOptions) -> F,
    ) -> Result<T, TimestoneError>
    where
        F: Future<Output = Result<T, ConnectError>>,
    {
        self.try_again(|| async {
            let answer = call(options(longer)).await;
            answer.map_err(|refusal| of_refusal(&refusal))
        })
        .await
    }

    /// The same for one that may share a stream.
    async fn ask<R: Exchanged>(
        &self,
        longer: Duration,
        request: R,
    ) -> Result<R::Answer, TimestoneError> {
        self.try_again(|| self.ask_once(longer, request.clone()))
            .await
    }

    async fn ask_once<R: Exchanged>(
        &self,
        longer: Duration,
        request: R,
    ) -> Result<R::Answer, TimestoneError> {
        let line = self.exchange.as_ref().and_then(Exchange::line);
        let room = line.and_then(|line| Some((line.room(&request)?, line)));
        let Some((room, line)) = room else {
            let answer = request.alone(&self.client, options(longer)).await;
            return answer.map_err(|refusal| of_refusal(&refusal));
        };
        let late = |_| TimestoneError::Unavailable("there was no answer in time".into());
        let answer = tokio::time::timeout(TRY + longer, line.call(room, request.into())).await;
        R::answered(answer.map_err(late)??)
            .ok_or_else(|| TimestoneError::Refused("the server answered another call".into()))
    }

    /// Tries again what finds no server.
    async fn try_again<T, F>(&self, once: impl Fn() -> F) -> Result<T, TimestoneError>
    where
        F: Future<Output = Result<T, TimestoneError>>,
    {
        let mut patience = Patience::starting_now(self.patience);
        loop {
            match once().await {
                Err(TimestoneError::Unavailable(why)) => {
                    if !patience.pause().await {
                        return Err(TimestoneError::Unavailable(why));
                    }
                    tracing::debug!(%why, "a call of the queue is tried again");
                }
                answer => return answer,
            }
        }
    }
}

impl std::fmt::Debug for RemoteTimestone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteTimestone")
            .field("url", self.client.config().base_uri())
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// One try of a call that may take `longer` than others.
pub(crate) fn options(longer: Duration) -> CallOptions {
    CallOptions::default().with_timeout(TRY + longer)
}

/// What may go away by itself is unavailability; the rest will stay refused.
pub(crate) fn of_refusal(refusal: &ConnectError) -> TimestoneError {
    of_errors(&rpc::told(refusal))
}

pub(crate) fn of_errors(errors: &[Error]) -> TimestoneError {
    let said: Vec<_> = errors.iter().map(Error::to_string).collect();
    let passes = |error: &Error| error.is_retryable() || error.class == errors::Class::Deadline;
    match errors.iter().all(passes) {
        true => TimestoneError::Unavailable(said.join("; ")),
        false => TimestoneError::Refused(CallRefusal {
            code: errors.first().map(|e| e.code.clone()).unwrap_or_default(),
            problem: said.join("; "),
        }),
    }
}

/// One outcome per item, or the server does not speak our language.
pub(crate) fn outcomes(
    told: Vec<wire::Outcome>,
    items: &[Item],
) -> Result<Outcomes, TimestoneError> {
    match told.len() == items.len() {
        true => Ok(told
            .into_iter()
            .zip(items)
            .map(|(told, item)| outcome_of(told, item))
            .collect()),
        false => Err(TimestoneError::Refused(CallRefusal::from(format!(
            "the server answered {} outcomes for {} items",
            told.len(),
            items.len()
        )))),
    }
}

pub(crate) fn misread(problems: Vec<Problem>) -> TimestoneError {
    let problems: Vec<_> = problems.into_iter().map(Error::from).collect();
    let said: Vec<_> = problems.iter().map(Error::to_string).collect();
    TimestoneError::Refused(CallRefusal::from(format!(
        "the server's answer is malformed: {}",
        said.join("; ")
    )))
}

fn items<'a, T>(of: &'a [T]) -> Vec<Item>
where
    Item: From<&'a T>,
{
    of.iter().map(Item::from).collect()
}

#[async_trait]
impl Timestone for RemoteTimestone {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        let request = wire::PutQueueRequest {
            queue: queue.to_owned(),
            config: Some(config.outward()).into(),
            ..Default::default()
        };
        self.call(Duration::ZERO, |options| {
            self.client.put_queue_with_options(request.clone(), options)
        })
        .await
        .map(|_| ())
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        let request = wire::GetQueueRequest {
            queue: queue.to_owned(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client.get_queue_with_options(request.clone(), options)
        });
        let view = answer.await?.into_owned().queue.into_option();
        view.map(QueueView::inward).transpose().map_err(misread)
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        let request = wire::ListQueuesRequest {
            prefix: prefix.to_owned(),
            after: after.to_owned(),
            limit,
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .list_queues_with_options(request.clone(), options)
        });
        each("views", answer.await?.into_owned().views).map_err(misread)
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        let items = items(&queues);
        let request = wire::DeleteQueueRequest {
            queues,
            force,
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .delete_queue_with_options(request.clone(), options)
        });
        outcomes(answer.await?.into_owned().outcomes, &items)
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        let items = items(&messages);
        let request = wire::EnqueueRequest {
            messages: all(messages),
            ..Default::default()
        };
        let answer = self.ask(Duration::ZERO, request).await?;
        outcomes(answer.outcomes, &items)
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.lease(request.outward()).await
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let request = wire::DequeueRequest {
            filter: Some(filter.outward()).into(),
            ..request.outward()
        };
        self.lease(request).await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        // It lasts as long as a call may: where it ends, messages under way wait for their
        // leases to lapse.
        let options = CallOptions::default().with_timeout(rpc::limits::MAX_CALL_TIMEOUT);
        let stream = self
            .client
            .subscribe_with_options(request.outward(), options)
            .await;
        let stream = stream.map_err(|refusal| of_refusal(&refusal))?;
        Ok(Box::pin(stream::unfold(stream, |mut stream| async {
            let answer = stream.message().await.transpose()?;
            let messages = answer
                .map_err(|refusal| of_refusal(&refusal))
                .and_then(|answer| {
                    let messages = answer.to_owned_message().messages;
                    each("messages", messages).map_err(misread)
                });
            Some((messages, stream))
        })))
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        let items = items(&completions);
        let request = wire::CompleteRequest {
            completions: all(completions),
            ..Default::default()
        };
        let answer = self.ask(Duration::ZERO, request).await?;
        outcomes(answer.outcomes, &items)
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        let items = items(&failures);
        let request = wire::FailRequest {
            failures: all(failures),
            ..Default::default()
        };
        let answer = self.ask(Duration::ZERO, request).await?;
        outcomes(answer.outcomes, &items)
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        let items = items(&tokens);
        let request = wire::ReleaseRequest {
            tokens: all(tokens),
            refund,
            ..Default::default()
        };
        let answer = self.ask(Duration::ZERO, request).await?;
        outcomes(answer.outcomes, &items)
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        let items = items(&tokens);
        let request = wire::ExtendLeaseRequest {
            tokens: all(tokens),
            lease_ms: lease_ms.unwrap_or_default(),
            ..Default::default()
        };
        let answer = self.ask(Duration::ZERO, request).await?;
        outcomes(answer.outcomes, &items)
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        let items = items(&messages);
        let request = wire::CancelRequest {
            messages: all(messages),
            reason: reason.to_owned(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client.cancel_with_options(request.clone(), options)
        });
        outcomes(answer.await?.into_owned().outcomes, &items)
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        let items = items(&schedules);
        let request = wire::RescheduleRequest {
            schedules: all(schedules),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .reschedule_with_options(request.clone(), options)
        });
        outcomes(answer.await?.into_owned().outcomes, &items)
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        let items = items(&messages);
        let request = wire::RedriveRequest {
            messages: all(messages),
            attempts: attempts.unwrap_or_default(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client.redrive_with_options(request.clone(), options)
        });
        outcomes(answer.await?.into_owned().outcomes, &items)
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        let request = search.outward();
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .find_messages_with_options(request.clone(), options)
        });
        Found::inward(answer.await?.into_owned()).map_err(misread)
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        let request = wire::CountMessagesRequest {
            queues: vec![queue.to_owned()],
            filter: Some(filter.clone().outward()).into(),
            cursor: cursor.to_vec(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .count_messages_with_options(request.clone(), options)
        });
        let wire::CountMessagesResponse {
            counts,
            next_cursor,
            ..
        } = answer.await?.into_owned();
        let count = required("counts[0]", counts.into_iter().next()).map_err(misread)?;
        let next = (!next_cursor.is_empty()).then(|| next_cursor.into());
        Ok(Counted { count, next })
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        let request = wire::GetMessageRequest {
            key: Some(key.clone().outward()).into(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .get_message_with_options(request.clone(), options)
        });
        let view = answer.await?.into_owned().message.into_option();
        view.map(MessageView::inward).transpose().map_err(misread)
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        let request = wire::CountMessagesRequest {
            queues: queues.to_vec(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .count_messages_with_options(request.clone(), options)
        });
        each("counts", answer.await?.into_owned().counts).map_err(misread)
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        let options = CallOptions::default().with_timeout(rpc::limits::MAX_CALL_TIMEOUT);
        let stream = self
            .client
            .watch_queue_with_options(request.outward(), options);
        let stream = stream.await;
        let stream = stream.map_err(|refusal| of_refusal(&refusal))?;
        Ok(Box::pin(stream::unfold(stream, |mut stream| async {
            let answer = stream.message().await.transpose()?;
            let watched = answer
                .map_err(|refusal| of_refusal(&refusal))
                .and_then(|answer| Watched::inward(answer.to_owned_message()).map_err(misread));
            Some((watched, stream))
        })))
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        let request = wire::GetMessageHistoryRequest {
            key: Some(key.clone().outward()).into(),
            ..Default::default()
        };
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .get_message_history_with_options(request.clone(), options)
        });
        MessageHistory::inward(answer.await?.into_owned()).map_err(misread)
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        let request = search.outward();
        let answer = self.call(Duration::ZERO, |options| {
            self.client
                .find_events_with_options(request.clone(), options)
        });
        FoundEvents::inward(answer.await?.into_owned()).map_err(misread)
    }
}
