//! Many calls over one stream. See `Exchange` in the contract.
//!
//! All calls of a stream are worked on by one task, so that answers that are ready at the same
//! time leave together; none of them does more there than to be converted, and to wait.

use std::collections::HashMap;

use buffa::MessageView;
use connectrpc::{ConnectError, InboundStream, PreEncoded, RequestContext, StreamMessage};
use errors::Error;
use futures::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt, stream};
use proto::timestone::v1 as wire;
use proto::timestone::v1::__buffa::oneof::exchange_response::Answer;
use proto::timestone::v1::__buffa::view::oneof::exchange_request::Call;
use rpc::Serving;
use timestone::limits::{MAX_EXCHANGED, MAX_EXCHANGED_BYTES};
use timestone_client::wire::{exchanged, exchanged_leases};
use tokio::time::Instant;

use crate::{TimestoneServer, act};

type Request = StreamMessage<wire::ExchangeRequest>;
type Response = PreEncoded<wire::ExchangeResponse>;

/// What became of a call.
struct Ended {
    number: u64,
    path: &'static str,
    begun: Instant,
    answer: Response,
}

/// One stream at work.
pub(crate) struct Exchange {
    server: TimestoneServer,
    context: RequestContext,
    serving: Serving,
    /// `None`: there will be no more.
    requests: Option<InboundStream<wire::ExchangeRequest>>,
    calls: FuturesUnordered<Abortable<BoxFuture<'static, Ended>>>,
    /// Those whose answers somebody waits for.
    waited_for: HashMap<u64, AbortHandle>,
}

impl Exchange {
    pub(crate) fn new(
        server: TimestoneServer,
        context: RequestContext,
        requests: InboundStream<wire::ExchangeRequest>,
    ) -> Self {
        Self {
            serving: Serving::of(context.extensions()),
            server,
            context,
            requests: Some(requests),
            calls: FuturesUnordered::new(),
            waited_for: HashMap::new(),
        }
    }

    /// The greeting, then answers as they come, until there are no more requests and all calls
    /// were answered.
    pub(crate) fn answers(self) -> impl Stream<Item = Result<Response, ConnectError>> + Send {
        let answers = stream::unfold(self, |mut exchange| async {
            let next = exchange.next().await?;
            Some((next, exchange))
        });
        stream::iter([Ok(greeting())]).chain(answers)
    }

    async fn next(&mut self) -> Option<Result<Response, ConnectError>> {
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.calls.next() => if let Some(answer) = self.ended(ended) {
                    return Some(Ok(answer));
                },
                () = self.serving.stopping().cancelled(), if self.requests.is_some() => {
                    self.requests = None;
                }
                Some(request) = next_of(&mut self.requests), if self.requests.is_some() => {
                    match request.and_then(|request| self.begin(request)) {
                        Ok(None) => {}
                        Ok(Some(refusal)) => return Some(Ok(refusal)),
                        Err(error) => {
                            self.end();
                            return Some(Err(error));
                        }
                    }
                }
                else => return None,
            }
        }
    }

    /// Drops whatever is under way.
    fn end(&mut self) {
        self.requests = None;
        self.calls.clear();
    }

    /// The answer of a call, unless nobody waits for it any more.
    fn ended(&mut self, ended: Result<Ended, Aborted>) -> Option<Response> {
        let ended = ended.ok()?;
        self.waited_for.remove(&ended.number)?;
        self.serving.told(ended.path, ended.begun.elapsed());
        Some(ended.answer)
    }

    /// Begins a call, or answers that it cannot be.
    fn begin(&mut self, request: Request) -> Result<Option<Response>, ConnectError> {
        let number = request.view().number;
        if let Some(Call::Forget(_)) = request.view().call {
            if let Some(call) = self.waited_for.remove(&number) {
                call.abort();
            }
            return Ok(None);
        }
        if number == 0 || self.waited_for.contains_key(&number) {
            return Err(rpc::refuse_one(misnumbered(number)));
        }
        if self.waited_for.len() >= MAX_EXCHANGED {
            return Ok(Some(refused(number, &rpc::refuse_one(too_many()))));
        }
        let (abort, registration) = AbortHandle::new_pair();
        self.waited_for.insert(number, abort);
        let call = self.call(request).boxed();
        self.calls.push(Abortable::new(call, registration));
        Ok(None)
    }

    fn call(&self, request: Request) -> impl Future<Output = Ended> + Send + use<> {
        let (server, context) = (self.server.clone(), self.context.clone());
        let stopping = self.serving.stopping().clone();
        let begun = Instant::now();
        async move {
            let number = request.view().number;
            let path = path(&request);
            let answered = tokio::select! {
                biased;
                answered = answer(&server, &context, &request) => answered,
                // Whoever waits for a message would keep the server from stopping.
                () = stopping.cancelled(), if waits(&request) => Err(rpc::refuse_one(stops())),
            };
            Ended {
                number,
                path,
                begun,
                answer: answered.unwrap_or_else(|refusal| refused(number, &refusal)),
            }
        }
    }
}

async fn next_of(
    requests: &mut Option<InboundStream<wire::ExchangeRequest>>,
) -> Option<Result<Request, ConnectError>> {
    let next = requests.as_mut()?.next().await;
    if next.is_none() {
        *requests = None;
    }
    next
}

/// Does what is asked, at the shard where it is asked.
async fn answer(
    server: &TimestoneServer,
    context: &RequestContext,
    request: &Request,
) -> Result<Response, ConnectError> {
    let timestone = server.at(context)?;
    let timestone = &*timestone;
    let request = request.view();
    let answer = match &request.call {
        Some(Call::Enqueue(call)) => act::enqueue(timestone, call).await?.into(),
        Some(Call::Dequeue(call)) => {
            let leased = act::dequeue(timestone, owned(&**call)?).await?;
            return Ok(exchanged_leases(request.number, &leased));
        }
        Some(Call::Complete(call)) => act::complete(timestone, owned(&**call)?).await?.into(),
        Some(Call::Fail(call)) => act::fail(timestone, owned(&**call)?).await?.into(),
        Some(Call::Release(call)) => act::release(timestone, owned(&**call)?).await?.into(),
        Some(Call::ExtendLease(call)) => {
            act::extend_lease(timestone, owned(&**call)?).await?.into()
        }
        Some(Call::Forget(_)) | None => return Err(rpc::refuse_one(unknown())),
    };
    Ok(exchanged(request.number, answer))
}

fn owned<'a, V: MessageView<'a>>(call: &V) -> Result<V::Owned, ConnectError> {
    let malformed = |why: buffa::DecodeError| Error::user("INVALID_ARGUMENT", why.to_string());
    let owned = call.to_owned_message();
    owned.map_err(|why| rpc::refuse_one(malformed(why)))
}

fn waits(request: &Request) -> bool {
    matches!(request.view().call, Some(Call::Dequeue(_)))
}

/// That of the same call made alone.
fn path(request: &Request) -> &'static str {
    match &request.view().call {
        Some(Call::Enqueue(_)) => wire::TIMESTONE_SERVICE_ENQUEUE_SPEC.procedure,
        Some(Call::Dequeue(_)) => wire::TIMESTONE_SERVICE_DEQUEUE_SPEC.procedure,
        Some(Call::Complete(_)) => wire::TIMESTONE_SERVICE_COMPLETE_SPEC.procedure,
        Some(Call::Fail(_)) => wire::TIMESTONE_SERVICE_FAIL_SPEC.procedure,
        Some(Call::Release(_)) => wire::TIMESTONE_SERVICE_RELEASE_SPEC.procedure,
        Some(Call::ExtendLease(_)) => wire::TIMESTONE_SERVICE_EXTEND_LEASE_SPEC.procedure,
        Some(Call::Forget(_)) | None => wire::TIMESTONE_SERVICE_EXCHANGE_SPEC.procedure,
    }
}

fn greeting() -> Response {
    let greeting = wire::Greeting {
        max_calls: MAX_EXCHANGED as u32,
        max_call_bytes: MAX_EXCHANGED_BYTES as u32,
        ..Default::default()
    };
    exchanged(0, greeting.into())
}

fn refused(number: u64, refusal: &ConnectError) -> Response {
    let errors = rpc::told(refusal).into_iter().map(Into::into).collect();
    let refused = wire::CallRefused {
        errors,
        ..Default::default()
    };
    exchanged(number, Answer::from(refused))
}

fn misnumbered(number: u64) -> Error {
    let problem = format!("{number} is 0 or the number of a call that waits for its answer");
    Error::user("INVALID_ARGUMENT", problem).at("number")
}

fn too_many() -> Error {
    let problem = format!("{MAX_EXCHANGED} calls of this stream wait for their answers already");
    Error::platform("TOO_MANY_CALLS", problem).hint("call again when others were answered")
}

fn unknown() -> Error {
    Error::user("UNIMPLEMENTED", "this server does not know such a call")
        .hint("make it alone, or call a newer server")
}

fn stops() -> Error {
    Error::platform("UNAVAILABLE", "the server is stopping").hint("try again")
}
