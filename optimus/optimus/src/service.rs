use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use blob::Value;
use buffa::{Message, MessageName};
use clock::Timestamp;
use errors::Error;
use serde::Serialize;

use crate::caller::Caller;
use crate::versions::Pins;
use crate::view::Stage;

/// What a service adds to the kit: its messages, its rules and its results.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// The service's request as it is kept and shown.
    type Request: Message + MessageName + fmt::Debug + 'static;
    /// The service's response as it is kept and shown. Roles that call read it as JSON.
    type Response: Message + Serialize + fmt::Debug + 'static;

    /// Short name, part of queue and key-space names: "ves".
    fn name(&self) -> &str;

    /// The RPC that takes requests in: "EncodeVideo". Roles name it in their calls.
    fn method(&self) -> &str;

    /// The workflow definition that a request starts: "ves.encode".
    fn definition(&self) -> &str;

    /// The one that this checked request starts, for a service that has several.
    fn definition_of(&self, _request: &Self::Request) -> String {
        self.definition().to_owned()
    }

    /// Checks what a request says; every problem at once when it is refused.
    ///
    /// A request that was accepted before must pass again, whatever has become of
    /// its files since: only then is its idempotency key looked at.
    async fn check(
        &self,
        caller: &Caller,
        request: Self::Request,
    ) -> Result<Checked<Self::Request>, Vec<Error>>;

    /// Makes the input of the workflow (24 KiB encoded at most), which runs the functions that it
    /// is pinned to, for a checked request, which is a new one; every problem at once when its
    /// files, say, are not there.
    async fn prepare(
        &self,
        caller: &Caller,
        request: &Self::Request,
        pins: &Pins,
    ) -> Result<Value, Vec<Error>>;

    /// Called when the workflow has succeeded, before the request is recorded as
    /// succeeded: brings the output to where the request wants it and makes the
    /// response. An error fails the request.
    ///
    /// It runs again after a crash or a retryable error, also when it had
    /// succeeded: doing it twice must be doing it once.
    async fn succeeded(&self, ended: Ended<'_, Self::Request>) -> Result<Self::Response, Error>;

    /// The response of a request that failed or was canceled.
    fn failed(&self, error: Error) -> Self::Response;
}

/// A request that says nothing wrong.
#[derive(Clone, Debug)]
pub struct Checked<R> {
    /// The request, as it shall be shown.
    pub request: R,
    /// Equal for equal requests, so that a key used for another request is noticed.
    pub fingerprint: String,
    /// Two requests with the same key are one; in a call, the call's id stands for it.
    pub idempotency_key: Option<String>,
    /// Searchable facts, handed to the workflow.
    pub attributes: BTreeMap<String, String>,
    /// Of the versions of functions; empty: none in particular.
    pub channel: String,
    /// Lower is more urgent; `None`: by time of acceptance. A call brings its own.
    pub priority: Option<i64>,
    /// When the work has lost its worth.
    pub deadline: Option<Timestamp>,
}

/// A request whose workflow has succeeded.
#[derive(Debug)]
pub struct Ended<'a, R> {
    /// Of the request and its workflow.
    pub id: &'a str,
    pub request: &'a R,
    /// What the workflow ended with.
    pub output: Value,
    /// How each node ended.
    pub stages: Vec<Stage>,
}
