use clock::Timestamp;
use errors::Error;
use serde::{Deserialize, Serialize};

/// The states of a request. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is on stable storage; its workflow has not been heard of.
    Accepted,
    /// Its workflow runs, or its result is being brought to its place.
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl State {
    /// Whether it cannot change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// The states of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageState {
    /// Waits for what it depends on.
    Waiting,
    Running,
    Succeeded,
    Failed,
    Skipped,
    Canceled,
}

impl StageState {
    /// In lower case: "waiting".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Canceled => "canceled",
        }
    }
}

/// How far one node of the workflow is.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub name: String,
    pub state: StageState,
    /// Tasks: 1, or the elements of a map.
    pub total: u64,
    pub done: u64,
    pub running: u64,
    /// Of `done`, those answered by an earlier, equal invocation.
    pub reused: u64,
    /// Sum over the running tasks of how far each is, 0 to 1 each.
    pub in_flight: f64,
    /// Tasks tried again.
    pub retries: u64,
    /// Milliseconds of processor time, and of it what decoding took.
    pub cpu_ms: u64,
    pub decode_cpu_ms: u64,
    /// Bytes of output so far.
    pub output_bytes: u64,
}

/// A request as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct View<Request, Response> {
    pub id: String,
    pub state: State,
    pub request: Request,
    /// Set when it has ended.
    pub response: Option<Response>,
    /// Why it failed or was canceled.
    pub error: Option<Error>,
    pub stages: Vec<Stage>,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Grows by one with each change.
    pub version: u64,
}
