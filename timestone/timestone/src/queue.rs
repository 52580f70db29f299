use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::labels::{ALL, Counts, Label, Labels, NONE};
use crate::lanes::{Group, Lanes};
use crate::message::{Message, State};
use crate::shelf::{Rank, Shelf};
use crate::{Clause, MessageState, QueueConfig, QueueCount};

static DEFAULT: LazyLock<QueueConfig> = LazyLock::new(QueueConfig::default);

/// One queue: its configuration and where its messages are.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// `None`: never configured.
    pub(crate) config: Option<QueueConfig>,
    /// Its messages are being ended and forgotten, and then itself.
    pub(crate) deleting: bool,
    pub(crate) labels: Labels,
    pub(crate) shelf: Shelf,
    /// `None`: simply the most urgent comes first.
    lanes: Option<Lanes>,
}

/// The labels of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    /// All of them; unused ones are [`ALL`].
    labels: [Label; MAX_LABELS],
    used: usize,
    group: Group,
}

/// All messages, a value of each metadata pair, the group.
const MAX_LABELS: usize = crate::limits::MAX_METADATA_PAIRS + 2;

impl Tags {
    fn iter(&self) -> impl Iterator<Item = Label> + use<> {
        self.labels.into_iter().take(self.used)
    }

    fn add(&mut self, label: Label) {
        if !self.iter().any(|other| other == label) {
            self.labels[self.used] = label;
            self.used += 1;
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            config: None,
            deleting: false,
            labels: Labels::new(&BTreeSet::new()),
            shelf: Shelf::default(),
            lanes: None,
        }
    }
}

impl Queue {
    pub(crate) fn config(&self) -> &QueueConfig {
        self.config.as_ref().unwrap_or(&DEFAULT)
    }

    /// Configures the queue; tells the messages that must be [put](Self::put) in
    /// their places again.
    pub(crate) fn configure(&mut self, config: QueueConfig) -> Vec<u64> {
        let same = self.config().arranges_like(&config);
        self.config = Some(config);
        match same {
            true => Vec::new(),
            false => self.clear_places(),
        }
    }

    fn clear_places(&mut self) -> Vec<u64> {
        let messages = self.shelf.all().map(|rank| rank.1).collect();
        let config = self.config();
        let has_lanes = config.fairness.is_some() || config.exclusive_key().is_some();
        self.labels = Labels::new(&config.found_by());
        self.shelf = Shelf::default();
        self.lanes = has_lanes.then(Lanes::default);
        messages
    }

    /// Whether nothing would be forgotten with it.
    pub(crate) fn is_blank(&self) -> bool {
        self.config.is_none() && self.len() == 0 && !self.deleting
    }

    /// Messages that are remembered.
    pub(crate) fn len(&self) -> u64 {
        let counts = self.labels.counts(ALL);
        counts.iter().copied().map(u64::from).sum()
    }

    /// Messages that wait or run.
    pub(crate) fn depth(&self) -> u64 {
        let counts = self.labels.counts(ALL);
        counts[..3].iter().copied().map(u64::from).sum()
    }

    /// Puts a message where its state belongs. Whether something may be leased
    /// that could not be before.
    pub(crate) fn put(&mut self, sequence: u64, message: &Message) -> bool {
        let (tags, state) = (self.tags(message), message.state.kind());
        let rank = (message.priority, sequence);
        self.lift(&tags, state);
        for label in tags.iter() {
            self.shelf.insert(label, state, rank);
            self.labels.count_in(label, state);
        }
        if let (MessageState::Running, Some(lanes)) = (state, &mut self.lanes) {
            lanes.begin(&self.shelf, tags.group);
        }
        self.settle(&tags, state);
        state == MessageState::Pending
    }

    /// Undoes [`put`](Self::put), up to a [`sweep`](Self::sweep).
    pub(crate) fn take(&mut self, sequence: u64, message: &Message) -> (Tags, bool) {
        let (tags, state) = (self.tags(message), message.state.kind());
        let rank = (message.priority, sequence);
        self.lift(&tags, state);
        for label in tags.iter() {
            self.shelf.remove(label, state, rank);
            self.labels.count_out(label, state);
        }
        self.settle(&tags, state);
        let ended = match (state, &mut self.lanes) {
            (MessageState::Running, Some(lanes)) => lanes.end(&self.shelf, tags.group),
            _ => false,
        };
        (tags, ended)
    }

    fn lift(&mut self, tags: &Tags, state: MessageState) {
        if let (MessageState::Pending, Some(lanes)) = (state, &mut self.lanes) {
            lanes.lift(&self.shelf, tags.group);
        }
    }

    fn settle(&mut self, tags: &Tags, state: MessageState) {
        if let (MessageState::Pending, Some(lanes)) = (state, &mut self.lanes) {
            lanes.settle(&self.shelf, tags.group);
        }
    }

    /// Forgets the labels that nobody bears any more.
    pub(crate) fn sweep(&mut self, tags: &Tags) {
        let forgotten = self.lanes.as_mut();
        let forgotten = forgotten.map(|lanes| lanes.turns.take_forgotten());
        for label in tags.iter().chain(forgotten.unwrap_or_default()) {
            let lanes = self.lanes.as_ref();
            if !lanes.is_some_and(|lanes| lanes.turns.remembers(label)) {
                self.labels.sweep(label);
            }
        }
    }

    fn tags(&mut self, message: &Message) -> Tags {
        let mut tags = Tags {
            labels: [ALL; MAX_LABELS],
            used: 1,
            group: Group {
                value: None,
                tenant: NONE,
                label: ALL,
            },
        };
        for label in self.labels.of(message) {
            tags.add(label);
        }
        if self.lanes.is_some() {
            tags.group = self.group(message);
            tags.add(tags.group.label);
        }
        tags
    }

    /// The group of a message; only those that wait bear its label.
    fn group(&mut self, message: &Message) -> Group {
        let config = self.config();
        let label = |key: &str| {
            let value = message.details.get(key);
            value.and_then(|value| self.labels.find(key, value))
        };
        let value = config.exclusive_key().map(|key| label(key).unwrap_or(NONE));
        let tenant = config.tenant_key().map(|key| label(key).unwrap_or(NONE));
        let label = match (value, tenant) {
            _ if message.state != State::Pending => ALL,
            (Some(value), Some(tenant)) => self.labels.pair(value, tenant),
            (value, tenant) => value.or(tenant).unwrap_or(NONE),
        };
        Group {
            value,
            tenant: tenant.unwrap_or(NONE),
            label,
        }
    }

    /// What would be leased next, of what is wanted.
    pub(crate) fn first(&self, wanted: Option<&Clause>) -> Option<Rank> {
        if self.deleting || self.config().dequeue_blocked {
            return None;
        }
        match (&self.lanes, wanted) {
            (None, None) => self.shelf.pending(ALL),
            (None, Some(wanted)) => self
                .wanted(wanted)
                .filter_map(|v| self.shelf.pending(v))
                .min(),
            (Some(lanes), None) => lanes.first(),
            (Some(lanes), Some(wanted)) if self.config().tenant_key() == Some(&wanted.key) => {
                lanes.first_of_tenants(self.wanted(wanted))
            }
            (Some(lanes), Some(wanted)) => lanes.first_of_values(&self.shelf, self.wanted(wanted)),
        }
    }

    /// What would be leased next, of what is wanted; of a queue whose tenants take turns, the
    /// first stands for those behind it.
    pub(crate) fn ahead(&self, wanted: Option<&Clause>, most: usize) -> Vec<Rank> {
        let first = self.first(wanted);
        match (&self.lanes, wanted) {
            _ if first.is_none() => Vec::new(),
            (None, None) => self.pending(ALL, most).collect(),
            (None, Some(wanted)) => {
                let labels = self.wanted(wanted);
                let mut ahead: Vec<_> = labels.flat_map(|v| self.pending(v, most)).collect();
                ahead.sort_unstable();
                ahead.dedup();
                ahead
            }
            (Some(lanes), None) if self.config().fairness.is_none() => lanes.ahead(most),
            (Some(_), None) => {
                let pending = self.count("").pending.min(most as u64) as usize;
                vec![first.unwrap_or_default(); pending]
            }
            (Some(_), Some(_)) => first.into_iter().collect(),
        }
    }

    fn pending(&self, label: Label, most: usize) -> impl Iterator<Item = Rank> {
        let from = (i64::MIN, 0);
        let pending = self.shelf.from(label, MessageState::Pending, from);
        pending.take(most)
    }

    fn wanted(&self, clause: &Clause) -> impl Iterator<Item = Label> {
        let values = clause.any_of.iter();
        values.filter_map(|value| self.labels.find(&clause.key, value))
    }

    /// The keys of which one may be asked for in a dequeue.
    pub(crate) fn dequeues_by(&self) -> BTreeSet<&str> {
        let config = self.config();
        match self.lanes {
            None => config.found_by(),
            Some(_) => config
                .exclusive_key()
                .into_iter()
                .chain(config.tenant_key())
                .collect(),
        }
    }

    /// A message is about to be delivered: its tenant has had a turn.
    pub(crate) fn serve(&mut self, message: &Message) {
        let tenant = match &self.lanes {
            Some(_) => self.group(message).tenant,
            None => return,
        };
        let fairness = self.config().fairness.as_ref();
        let weight = fairness.map_or(1, |fairness| fairness.weight(self.labels.text(tenant)));
        if let Some(lanes) = &mut self.lanes {
            lanes.turns.serve(tenant, weight);
        }
    }

    pub(crate) fn count(&self, queue: &str) -> QueueCount {
        QueueCount::of(queue, self.labels.counts(ALL))
    }
}

impl QueueCount {
    pub(crate) fn of(queue: &str, counts: &Counts) -> Self {
        let [invisible, pending, running, completed, canceled, errored] = counts.map(u64::from);
        Self {
            queue: queue.to_owned(),
            invisible,
            pending,
            running,
            completed,
            canceled,
            errored,
        }
    }
}
