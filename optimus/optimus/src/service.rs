use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use buffa::Message;
use clock::Timestamp;
use errors::Error;
use proto::base::v1::Value;

/// What a service adds to the kit: its messages, its rules and its results.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// The service's request as it is kept and shown.
    type Request: Message + fmt::Debug + 'static;
    /// The service's response as it is kept and shown.
    type Response: Message + fmt::Debug + 'static;

    /// Short name, part of queue and key-space names: "ves".
    fn name(&self) -> &str;

    /// The workflow definition that a request starts: "ves.encode".
    fn definition(&self) -> &str;

    /// Validates a request and says what it starts; every problem at once when it is refused.
    async fn accept(&self, request: Self::Request) -> Result<Accepted<Self::Request>, Vec<Error>>;

    /// Called when the workflow has succeeded, before the request is recorded as
    /// succeeded: brings `output`, the workflow's last value, to where the request
    /// wants it and makes the response. An error fails the request.
    ///
    /// It runs again after a crash or a retryable error, also when it had
    /// succeeded: doing it twice must be doing it once.
    async fn succeeded(
        &self,
        id: &str,
        request: &Self::Request,
        output: Value,
    ) -> Result<Self::Response, Error>;

    /// The response of a request that failed or was canceled.
    fn failed(&self, error: Error) -> Self::Response;
}

/// A request that a service has accepted.
#[derive(Clone, Debug)]
pub struct Accepted<R> {
    /// The request, as it shall be shown.
    pub request: R,
    /// The input of the workflow; 24 KiB encoded at most.
    pub input: Value,
    /// Equal for equal requests, so that a key used for another request is noticed.
    pub fingerprint: String,
    /// Two requests with the same key are one.
    pub idempotency_key: Option<String>,
    /// Searchable facts, handed to the workflow.
    pub attributes: BTreeMap<String, String>,
    /// Lower is more urgent; `None`: by time of acceptance.
    pub priority: Option<i64>,
    /// When the work has lost its worth.
    pub deadline: Option<Timestamp>,
}
