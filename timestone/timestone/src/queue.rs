use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::labels::{ALL, Counts, Label, Labels, NONE};
use crate::lanes::{Group, Lanes};
use crate::message::{Message, State};
use crate::shelf::{Rank, Shelf};
use crate::spot::{Spot, Tags};
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
        let fair = config.fairness.is_some();
        let has_lanes = fair || config.exclusive_key().is_some();
        self.labels = Labels::new(&config.found_by());
        self.shelf = Shelf::default();
        self.lanes = has_lanes.then(|| Lanes::new(fair));
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
        let spot = self.spot(sequence, message, None);
        self.begin(&spot);
        self.occupy(&spot)
    }

    /// Undoes [`put`](Self::put).
    pub(crate) fn take(&mut self, sequence: u64, message: &Message) -> bool {
        let spot = self.spot(sequence, message, None);
        let opened = self.leave(&spot);
        self.sweep(&spot.tags);
        opened
    }

    /// Changes a message that was [put](Self::put), and puts it where its state belongs then.
    /// Whether something may be leased that could not be before.
    pub(crate) fn change(
        &mut self,
        sequence: u64,
        message: &mut Message,
        edit: impl FnOnce(&mut Message),
    ) -> bool {
        let before = self.spot(sequence, message, None);
        edit(message);
        let now = self.spot(sequence, message, Some(&before.tags));
        // What is about to be leased is excluded first: so its group is looked through once.
        self.begin(&now);
        let opened = self.leave(&before);
        let more = self.occupy(&now);
        self.sweep(&before.tags);
        opened || more
    }

    fn begin(&mut self, spot: &Spot) {
        if let (MessageState::Running, Some(lanes)) = (spot.state, &mut self.lanes) {
            lanes.begin(&self.shelf, spot.tags.group);
        }
    }

    fn occupy(&mut self, spot: &Spot) -> bool {
        let head = self.head(spot);
        for label in spot.tags.iter() {
            self.shelf.insert(label, spot.state, spot.rank);
            self.labels.count_in(label, spot.state);
        }
        let is_pending = spot.state == MessageState::Pending;
        if let (true, Some(lanes)) = (is_pending, &mut self.lanes) {
            let now = head.map_or(spot.rank, |head| head.min(spot.rank));
            lanes.moved(spot.tags.group, head, Some(now));
        }
        is_pending
    }

    fn leave(&mut self, spot: &Spot) -> bool {
        let head = self.head(spot);
        for label in spot.tags.iter() {
            self.shelf.remove(label, spot.state, spot.rank);
            self.labels.count_out(label, spot.state);
        }
        if head == Some(spot.rank) {
            let now = self.head(spot);
            let group = spot.tags.group;
            self.lanes
                .iter_mut()
                .for_each(|lanes| lanes.moved(group, head, now));
        }
        match (spot.state, &mut self.lanes) {
            (MessageState::Running, Some(lanes)) => lanes.end(&self.shelf, spot.tags.group),
            _ => false,
        }
    }

    /// The most urgent message of the group, where it is one of those that wait for their turn.
    fn head(&self, spot: &Spot) -> Option<Rank> {
        let waits = self.lanes.is_some() && spot.state == MessageState::Pending;
        waits.then(|| self.shelf.pending(spot.tags.group.label))?
    }

    /// Forgets the labels that nobody bears any more.
    fn sweep(&mut self, tags: &Tags) {
        let forgotten = self.lanes.as_mut();
        let forgotten = forgotten.map(|lanes| lanes.turns.take_forgotten());
        for label in tags.iter().chain(forgotten.unwrap_or_default()) {
            let lanes = self.lanes.as_ref();
            if !lanes.is_some_and(|lanes| lanes.turns.remembers(label)) {
                self.labels.sweep(label);
            }
        }
    }

    /// Where a message stands by its state; its labels are likely to be `like` these.
    fn spot(&mut self, sequence: u64, message: &Message, like: Option<&Tags>) -> Spot {
        Spot {
            tags: self.tags(message, like),
            state: message.state.kind(),
            rank: (message.priority, sequence),
        }
    }

    fn tags(&mut self, message: &Message, like: Option<&Tags>) -> Tags {
        let mut tags = Tags::default();
        let (mut value, mut tenant) = (NONE, NONE);
        let config = self.config.as_ref().unwrap_or(&DEFAULT);
        for (key, text) in message.details.metadata() {
            let Some(at) = self.labels.key(key) else {
                continue;
            };
            let likely = like.and_then(|like| tags.next_of(like));
            let label = self.labels.value((at, text), likely);
            tags.add(label);
            if config.exclusive_key() == Some(key) {
                value = label;
            }
            if config.tenant_key() == Some(key) {
                tenant = label;
            }
        }
        if self.lanes.is_some() {
            tags.group = self.group(message, value, tenant);
            tags.add(tags.group.label);
        }
        tags
    }

    /// The group of a message with this value and this tenant; only those that wait bear its
    /// label.
    fn group(&mut self, message: &Message, value: Label, tenant: Label) -> Group {
        let config = self.config();
        let is_fair = config.tenant_key().is_some();
        let value = config.exclusive_key().map(|_| value);
        let label = match (value, is_fair) {
            _ if message.state != State::Pending => ALL,
            (Some(value), true) => self.labels.pair(value, tenant),
            (value, _) => value.unwrap_or(tenant),
        };
        Group {
            value,
            tenant,
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
        let Some(fairness) = self.config().fairness.as_ref() else {
            return;
        };
        let text = message.details.get(&fairness.key);
        let tenant = text.and_then(|text| self.labels.find(&fairness.key, text));
        let tenant = tenant.unwrap_or(NONE);
        let weight = fairness.weight(self.labels.text(tenant));
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
