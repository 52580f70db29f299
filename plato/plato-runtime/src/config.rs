use std::time::Duration;

/// How one process owns the workflows of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// The service whose workflows these are: "ves".
    pub service: String,
    /// Stable name of this process, unique among those of the service.
    pub process: String,
    /// Groups that workflows are divided into. Recorded in the store at the first
    /// start; a process that is configured otherwise refuses to start.
    pub groups: u32,
    /// After this much silence another process may take a group over. Renewed at
    /// a third of it.
    pub ttl: Duration,
    /// Messages taken from an inbox at a time, at most 1,024.
    pub batch: u32,
    /// Tasks of one node that may run, be prepared or wait for a retry at a time.
    pub window: usize,
    /// At least this long between two `WorkflowEvent`s of one workflow that tell
    /// of progress. The last one is never held back.
    pub notify_every: Duration,
    /// Events of a workflow between two of its snapshots: what a recovery reads at most.
    pub snapshot_every: u64,
    /// Whether the queue is in this process and keeps its messages in the same store: then
    /// what a commit hands to the queue may share its sync.
    pub queue_in_store: bool,
    /// How long ids of messages are kept to recognise a redelivery. Longer than
    /// Timestone may deliver one again.
    pub inbox_retention: Duration,
    /// Whether the code of nodes has threads of its own, as it may block. Without, it runs on
    /// the thread of the runtime and one run is like the other: for tests in virtual time.
    pub code_threads: bool,
    /// How long a workflow that has ended is kept, with its journal and its results;
    /// `None` = for ever.
    pub keep_ended: Option<Duration>,
    /// How many workflows that have ended are kept, of all groups together and to within
    /// their number; the oldest go first. `None` = however many there are.
    pub keep_ended_count: Option<u64>,
}

impl RuntimeConfig {
    /// The defaults, for `process` of `service`.
    pub fn new(service: impl Into<String>, process: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            process: process.into(),
            groups: 4,
            ttl: Duration::from_secs(10),
            batch: 256,
            window: plato::limits::DEFAULT_WINDOW,
            notify_every: Duration::from_millis(250),
            snapshot_every: 512,
            queue_in_store: false,
            inbox_retention: Duration::from_secs(2 * 86_400),
            code_threads: true,
            keep_ended: Some(Duration::from_secs(90 * 86_400)),
            keep_ended_count: None,
        }
    }
}
