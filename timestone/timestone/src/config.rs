use std::collections::{BTreeMap, BTreeSet};

/// How a queue treats its messages. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Whether its messages exclude one another.
    pub kind: QueueKind,
    /// Lease of a delivery.
    pub lease_ms: u64,
    /// How long a message that says nothing itself is invisible first.
    pub invisible_ms: u64,
    /// Deliveries allowed.
    pub attempts: u32,
    /// How long an ended message is remembered, for deduplication.
    pub retention_ms: u64,
    /// Messages that may wait or run.
    pub max_depth: u64,
    /// Producers are refused.
    pub enqueue_blocked: bool,
    /// Nothing is leased; what is leased goes on.
    pub dequeue_blocked: bool,
    /// Where messages go that end errored.
    pub dead_letter: Option<DeadLetter>,
    /// Metadata keys by which messages are found without looking at each.
    pub indexed: BTreeSet<String>,
    /// Whose turn it is, where not simply the most urgent message comes first.
    pub fairness: Option<Fairness>,
    /// Shards that its messages are spread over, by their ids; no more than there are.
    pub partitions: u32,
}

/// Whether messages of a queue exclude one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QueueKind {
    #[default]
    Simple,
    /// At most one message of each value of this metadata key is leased.
    Exclusive { key: String },
}

/// Where messages go that end errored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub queue: String,
    /// Whether the payload stays behind as well; else it moves.
    pub copy: bool,
}

/// Tenants of a queue take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fairness {
    /// The metadata key whose values are the tenants.
    pub key: String,
    /// Turns of a tenant for each turn of one that is not listed here.
    pub weights: BTreeMap<String, u32>,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            kind: QueueKind::Simple,
            lease_ms: 30_000,
            invisible_ms: 0,
            attempts: 16,
            retention_ms: 86_400_000,
            max_depth: 10_000_000,
            enqueue_blocked: false,
            dequeue_blocked: false,
            dead_letter: None,
            indexed: BTreeSet::new(),
            fairness: None,
            partitions: 1,
        }
    }
}

impl QueueConfig {
    /// The metadata key whose values exclude one another.
    pub fn exclusive_key(&self) -> Option<&str> {
        match &self.kind {
            QueueKind::Simple => None,
            QueueKind::Exclusive { key } => Some(key),
        }
    }

    /// The metadata key whose values are the tenants.
    pub fn tenant_key(&self) -> Option<&str> {
        self.fairness.as_ref().map(|fairness| fairness.key.as_str())
    }

    /// Every metadata key by which messages are found.
    pub(crate) fn found_by(&self) -> BTreeSet<&str> {
        let indexed = self.indexed.iter().map(String::as_str);
        indexed
            .chain(self.exclusive_key())
            .chain(self.tenant_key())
            .collect()
    }

    /// Whether messages stand in the same places under both.
    pub(crate) fn arranges_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.tenant_key() == other.tenant_key()
            && self.found_by() == other.found_by()
    }
}

impl Fairness {
    pub(crate) fn weight(&self, tenant: &str) -> u32 {
        self.weights.get(tenant).copied().unwrap_or(1)
    }
}
