//! The calls that an exchange carries.

use buffa::Message;
use connectrpc::ConnectError;
use connectrpc::client::CallOptions;
use proto::timestone::v1::__buffa::oneof::exchange_request::Call;
use proto::timestone::v1::__buffa::oneof::exchange_response::Answer;
use proto::timestone::v1::{self as wire, TimestoneServiceClient};
use rpc::Transport;

/// A call that can be made alone and over an exchange.
pub(crate) trait Exchanged: Message + Clone + Into<Call> {
    type Answer;

    /// `None` = that of another call.
    fn answered(answer: Answer) -> Option<Self::Answer>;

    fn alone(
        self,
        client: &TimestoneServiceClient<Transport>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Self::Answer, ConnectError>> + Send;
}

macro_rules! exchanged {
    ($($request:ident, $method:ident => $answer:ident, $variant:ident;)*) => {
        $(impl Exchanged for wire::$request {
            type Answer = wire::$answer;

            fn answered(answer: Answer) -> Option<Self::Answer> {
                match answer {
                    Answer::$variant(answer) => Some(*answer),
                    _ => None,
                }
            }

            async fn alone(
                self,
                client: &TimestoneServiceClient<Transport>,
                options: CallOptions,
            ) -> Result<Self::Answer, ConnectError> {
                Ok(client.$method(self, options).await?.into_owned())
            }
        })*
    };
}

exchanged! {
    EnqueueRequest, enqueue_with_options => EnqueueResponse, Enqueue;
    DequeueRequest, dequeue_with_options => DequeueResponse, Dequeue;
    CompleteRequest, complete_with_options => CompleteResponse, Complete;
    FailRequest, fail_with_options => FailResponse, Fail;
    ReleaseRequest, release_with_options => ReleaseResponse, Release;
    ExtendLeaseRequest, extend_lease_with_options => ExtendLeaseResponse, ExtendLease;
}
