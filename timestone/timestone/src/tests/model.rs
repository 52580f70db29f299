//! The queue as one would write it down without caring for speed: a list of
//! messages that is searched from end to end each time.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::wording;
use crate::message::Act;
use crate::{
    Clause, Completion, Demand, Failure, Filter, LeaseToken, LeasedMessage, MessageKey,
    MessageState, MessageView, NewMessage, Notice, Outcome, QueueConfig, QueueCount, Refusal,
    Reschedule, Session,
};

#[derive(Clone, Debug)]
pub(super) struct Entry {
    key: MessageKey,
    priority: i64,
    payload: Bytes,
    metadata: BTreeMap<String, String>,
    reply_to: Option<String>,
    attempts_left: u32,
    deliveries: u32,
    error: Option<Bytes>,
    settled: Option<(u32, u64, Act)>,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// May be delivered from then on.
    Waiting(i64),
    Leased(Hold),
    Over {
        state: MessageState,
        tombstone: bool,
        /// Its payload went to a dead-letter queue.
        moved: bool,
        forget_at: i64,
    },
}

/// What the tenants of a queue have spent.
#[derive(Clone, Debug, Default)]
struct Spending {
    now: u64,
    spent: BTreeMap<Option<String>, u64>,
}

#[derive(Clone, Debug)]
struct Hold {
    session: Session,
    request_id: String,
    nonce: u64,
    until: i64,
    first_ms: u64,
    longest_ms: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) configs: BTreeMap<String, QueueConfig>,
    entries: Vec<Entry>,
    boots: BTreeMap<String, String>,
    retired: Vec<Session>,
    answers: BTreeMap<(Session, String), u32>,
    spending: BTreeMap<String, Spending>,
}

impl Model {
    fn config(&self, queue: &str) -> QueueConfig {
        self.configs.get(queue).cloned().unwrap_or_default()
    }

    fn find(&self, key: &MessageKey) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == *key)
    }

    pub(super) fn keys(&self) -> Vec<MessageKey> {
        self.entries.iter().map(|entry| entry.key.clone()).collect()
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms as i64;
        self.settle_due();
    }

    fn due(&self, entry: &Entry) -> Option<i64> {
        let due = match &entry.phase {
            Phase::Waiting(_) => return None,
            Phase::Leased(hold) => hold.until,
            Phase::Over { forget_at, .. } => *forget_at,
        };
        (due <= self.now).then_some(due)
    }

    /// What is due first is done first.
    fn settle_due(&mut self) {
        loop {
            let due = (0..self.entries.len())
                .filter_map(|index| Some((self.due(&self.entries[index])?, index)))
                .min();
            let Some((_, index)) = due else {
                return;
            };
            match self.entries[index].phase {
                Phase::Leased(_) => self.again(index, 0),
                _ => drop(self.entries.remove(index)),
            }
        }
    }

    fn again(&mut self, index: usize, in_ms: u64) {
        if self.entries[index].attempts_left > 0 {
            self.entries[index].phase = Phase::Waiting(self.now + in_ms as i64);
            return;
        }
        let error = wording::used_up(
            self.entries[index].deliveries,
            self.entries[index].error.as_ref(),
        );
        self.end(index, MessageState::Errored, Some(error), true);
    }

    fn end(&mut self, index: usize, state: MessageState, error: Option<Bytes>, tell: bool) {
        let before = self.entries[index].clone();
        let retention = self.config(&before.key.queue).retention_ms;
        let moved = state == MessageState::Errored && self.send_dead_letter(&before, &error);
        let entry = &mut self.entries[index];
        entry.error = error.clone();
        entry.phase = Phase::Over {
            state,
            tombstone: false,
            moved,
            forget_at: self.now + retention as i64,
        };
        if state != MessageState::Errored || moved {
            entry.payload = Bytes::new();
            entry.metadata.clear();
        }
        if let (true, Some(reply_to), Some(error)) = (tell, &before.reply_to, &error) {
            let notice = Notice {
                key: &before.key,
                state,
                error,
                deliveries: before.deliveries,
                payload: &before.payload,
            };
            self.announce(reply_to, before.priority, &notice);
        }
    }

    /// Whether the payload went along.
    fn send_dead_letter(&mut self, entry: &Entry, error: &Option<Bytes>) -> bool {
        let Some(policy) = self.config(&entry.key.queue).dead_letter else {
            return false;
        };
        let key = letter_of(entry, &policy.queue);
        if self.find(&key).is_some() {
            return false;
        }
        let config = self.config(&policy.queue);
        self.entries.push(Entry {
            key,
            reply_to: None,
            attempts_left: config.attempts,
            deliveries: 0,
            error: error.clone(),
            settled: None,
            phase: Phase::Waiting(self.now + config.invisible_ms as i64),
            ..entry.clone()
        });
        !policy.copy
    }

    pub(super) fn redrive(
        &mut self,
        key: &MessageKey,
        attempts: Option<u32>,
    ) -> Result<Outcome, &'static str> {
        let index = self.find(key).ok_or("MESSAGE_NOT_FOUND")?;
        let Phase::Over { state, moved, .. } = self.entries[index].phase else {
            return Ok(Outcome::Duplicate);
        };
        match state {
            MessageState::Canceled => return Err("CANCELED"),
            MessageState::Errored => {}
            _ => return Ok(Outcome::Duplicate),
        }
        let config = self.config(&key.queue);
        let mut index = index;
        if moved {
            let queue = config.dead_letter.ok_or("PAYLOAD_GONE")?.queue;
            let letter = letter_of(&self.entries[index], &queue);
            let letter = self.find(&letter).ok_or("PAYLOAD_GONE")?;
            let there = &self.entries[letter];
            match there.phase {
                Phase::Waiting(_) => {}
                Phase::Over {
                    state: MessageState::Errored,
                    moved: false,
                    ..
                } => {}
                _ => return Err("PAYLOAD_GONE"),
            }
            let letter = self.entries.remove(letter);
            index = self.find(key).unwrap();
            self.entries[index].payload = letter.payload;
            self.entries[index].metadata = letter.metadata;
        }
        self.entries[index].attempts_left = attempts.unwrap_or(config.attempts);
        self.entries[index].phase = Phase::Waiting(self.now);
        Ok(Outcome::Done)
    }

    pub(super) fn reschedule(&mut self, to: &Reschedule) -> Result<Outcome, &'static str> {
        let index = self.find(&to.key).ok_or("MESSAGE_NOT_FOUND")?;
        let now = self.now;
        let entry = &mut self.entries[index];
        let from = match &entry.phase {
            Phase::Waiting(from) => (*from).max(now),
            Phase::Over {
                state: MessageState::Canceled,
                ..
            } => return Err("CANCELED"),
            _ => return Err("MESSAGE_NOT_WAITING"),
        };
        let priority = to.priority.unwrap_or(entry.priority);
        let visible_at = to.visible_at.unwrap_or(from).max(now);
        if (priority, visible_at) == (entry.priority, from) {
            return Ok(Outcome::Duplicate);
        }
        entry.priority = priority;
        entry.phase = Phase::Waiting(visible_at);
        Ok(Outcome::Done)
    }

    pub(super) fn block(&mut self, queue: &str, config: QueueConfig) {
        self.configs.insert(queue.into(), config);
    }

    pub(super) fn delete(&mut self, queue: &str, force: bool) -> Result<Outcome, &'static str> {
        let is_here = |entry: &Entry| entry.key.queue == queue;
        if !self.configs.contains_key(queue) && !self.entries.iter().any(is_here) {
            return Ok(Outcome::Duplicate);
        }
        let count = self.count(queue);
        if !force && count.invisible + count.pending + count.running > 0 {
            return Err("QUEUE_NOT_EMPTY");
        }
        while let Some(first) = self.first_here(queue) {
            if !matches!(self.entries[first].phase, Phase::Over { .. }) {
                let error = Some(wording::canceled("its queue was deleted"));
                self.end(first, MessageState::Canceled, error, true);
            }
            self.entries.remove(first);
        }
        self.configs.remove(queue);
        self.spending.remove(queue);
        Ok(Outcome::Done)
    }

    /// By state, then by rank.
    fn first_here(&self, queue: &str) -> Option<usize> {
        let here = (0..self.entries.len()).filter(|index| self.entries[*index].key.queue == queue);
        here.min_by_key(|index| {
            let entry = &self.entries[*index];
            let state = self.view(&entry.key, 0).unwrap().state;
            (state, entry.priority, *index)
        })
    }

    /// The messages that are meant, by key.
    pub(super) fn search(&self, queue: &str, filter: &Filter) -> Vec<MessageKey> {
        let here = self.entries.iter().filter(|entry| entry.key.queue == queue);
        let meant = here.filter(|entry| {
            let state = self.view(&entry.key, 0).unwrap().state;
            let clauses = &filter.metadata;
            (filter.states.is_empty() || filter.states.contains(&state))
                && clauses.iter().all(|clause| holds(clause, entry))
        });
        let mut keys: Vec<_> = meant.map(|entry| entry.key.clone()).collect();
        keys.sort();
        keys
    }

    fn announce(&mut self, reply_to: &str, priority: i64, notice: &Notice<'_>) {
        self.hand_on(&NewMessage {
            queue: reply_to.into(),
            id: format!("{}/{}/terminated", notice.key.queue, notice.key.id),
            payload: wording::terminated(notice),
            priority,
            ..NewMessage::default()
        });
    }

    fn is_tombstone(&self, index: usize) -> bool {
        matches!(
            self.entries[index].phase,
            Phase::Over {
                tombstone: true,
                ..
            }
        )
    }

    fn bury(&mut self, index: usize, message: &NewMessage) {
        let error = self.entries[index].error.clone().unwrap();
        if let Some(reply_to) = &message.reply_to {
            let key = self.entries[index].key.clone();
            let notice = Notice {
                key: &key,
                state: MessageState::Canceled,
                error: &error,
                deliveries: 0,
                payload: &message.payload,
            };
            self.announce(reply_to, message.priority, &notice);
        }
    }

    fn hand_on(&mut self, message: &NewMessage) {
        match self.find(&key_of(message)) {
            Some(index) if self.is_tombstone(index) => self.bury(index, message),
            Some(_) => {}
            None => self.add(message),
        }
    }

    fn add(&mut self, message: &NewMessage) {
        let config = self.config(&message.queue);
        let invisible_ms = match message.invisible_ms {
            0 => config.invisible_ms,
            ms => ms,
        };
        self.entries.push(Entry {
            key: key_of(message),
            priority: message.priority,
            payload: message.payload.clone(),
            metadata: message.metadata.clone(),
            reply_to: message.reply_to.clone(),
            attempts_left: message.attempts.unwrap_or(config.attempts),
            deliveries: 0,
            error: None,
            settled: None,
            phase: Phase::Waiting(self.now + invisible_ms as i64),
        });
    }

    pub(super) fn enqueue(&mut self, message: &NewMessage) -> Result<Outcome, &'static str> {
        match self.find(&key_of(message)) {
            Some(index) if self.is_tombstone(index) => {
                self.bury(index, message);
                Err("CANCELED")
            }
            Some(_) => Ok(Outcome::Duplicate),
            None if message.not_after.is_some_and(|end| self.now > end) => Err("TOO_LATE"),
            None if self.lacks_key(message) => Err("INVALID_ARGUMENT"),
            None if self.config(&message.queue).enqueue_blocked => Err("ENQUEUE_BLOCKED"),
            None if self.is_full(&message.queue) => Err("QUEUE_FULL"),
            None => {
                self.add(message);
                Ok(Outcome::Done)
            }
        }
    }

    fn lacks_key(&self, message: &NewMessage) -> bool {
        let config = self.config(&message.queue);
        let key = config.exclusive_key();
        key.is_some_and(|key| !message.metadata.contains_key(key))
    }

    fn is_full(&self, queue: &str) -> bool {
        let open =
            |entry: &&Entry| entry.key.queue == queue && !matches!(entry.phase, Phase::Over { .. });
        let open = self.entries.iter().filter(open).count();
        open as u64 >= self.config(queue).max_depth
    }

    pub(super) fn dequeue(
        &mut self,
        demand: &Demand,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Vec<LeasedMessage>, &'static str> {
        self.check_filter(demand)?;
        self.enter(&demand.session)?;
        let is_held =
            |hold: &Hold| hold.session == demand.session && hold.request_id == demand.request_id;
        let held =
            self.sorted(|entry| matches!(&entry.phase, Phase::Leased(hold) if is_held(hold)));
        let leased = match held.is_empty() {
            false => held,
            true => self.lease(demand, nonce),
        };
        if !leased.is_empty() {
            let request = (demand.session.clone(), demand.request_id.clone());
            *self.answers.entry(request).or_default() += 1;
        }
        Ok(leased.iter().map(|index| self.leased(*index)).collect())
    }

    fn check_filter(&self, demand: &Demand) -> Result<(), &'static str> {
        let Some(wanted) = &demand.filter else {
            return Ok(());
        };
        let can = |queue: &String| {
            let config = self.config(queue);
            let key = Some(wanted.key.as_str());
            let plain = config.exclusive_key().is_none() && config.tenant_key().is_none();
            config.exclusive_key() == key
                || config.tenant_key() == key
                || (plain && config.indexed.contains(&wanted.key))
        };
        match demand.queues.iter().all(can) {
            true => Ok(()),
            false => Err("INVALID_ARGUMENT"),
        }
    }

    fn enter(&mut self, session: &Session) -> Result<(), &'static str> {
        if self.retired.contains(session) {
            return Err("INVALID_ARGUMENT");
        }
        let before = self
            .boots
            .insert(session.owner.clone(), session.boot.clone());
        if before.as_ref() == Some(&session.boot) {
            return Ok(());
        }
        self.retired.extend(before.map(|boot| Session {
            owner: session.owner.clone(),
            boot,
        }));
        for entry in &mut self.entries {
            if let Phase::Leased(hold) = &mut entry.phase
                && hold.session.owner == session.owner
                && hold.session.boot != session.boot
            {
                hold.until = self.now;
            }
        }
        self.settle_due();
        Ok(())
    }

    /// The entries wanted, most urgent first.
    fn sorted(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<usize> {
        let mut found: Vec<_> = (0..self.entries.len())
            .filter(|index| wanted(&self.entries[*index]))
            .collect();
        found.sort_by_key(|index| (self.entries[*index].priority, *index));
        found
    }

    fn lease(&mut self, demand: &Demand, nonce: &mut dyn FnMut() -> u64) -> Vec<usize> {
        let mut leased = Vec::new();
        for _ in 0..demand.max {
            let queues = demand.queues.iter();
            let next = queues.filter_map(|queue| self.next(queue, demand.filter.as_ref()));
            let Some(index) = next.min_by_key(|index| (self.entries[*index].priority, *index))
            else {
                break;
            };
            self.spend(index);
            let default = self.config(&self.entries[index].key.queue).lease_ms;
            let lease_ms = demand.lease_ms.unwrap_or(default);
            let entry = &mut self.entries[index];
            entry.attempts_left -= 1;
            entry.deliveries += 1;
            entry.phase = Phase::Leased(Hold {
                session: demand.session.clone(),
                request_id: demand.request_id.clone(),
                nonce: nonce(),
                until: self.now + lease_ms as i64,
                first_ms: lease_ms,
                longest_ms: lease_ms,
            });
            leased.push(index);
        }
        leased.sort_by_key(|index| (self.entries[*index].priority, *index));
        leased
    }

    /// What a queue would give next.
    fn next(&self, queue: &str, wanted: Option<&Clause>) -> Option<usize> {
        if self.config(queue).dequeue_blocked {
            return None;
        }
        let open = self.sorted(|entry| {
            entry.key.queue == queue
                && matches!(entry.phase, Phase::Waiting(from) if from <= self.now)
                && !self.is_excluded(entry)
                && wanted.is_none_or(|wanted| holds(wanted, entry))
        });
        // The sort is stable: the most urgent of those who spent the least.
        open.into_iter()
            .min_by_key(|index| self.spent(&self.entries[*index]))
    }

    fn is_excluded(&self, entry: &Entry) -> bool {
        let config = self.config(&entry.key.queue);
        config.exclusive_key().is_some_and(|key| {
            self.entries.iter().any(|other| {
                other.key.queue == entry.key.queue
                    && matches!(other.phase, Phase::Leased(_))
                    && other.metadata.get(key) == entry.metadata.get(key)
            })
        })
    }

    /// What the tenant of a message has spent; the same for all where there are none.
    fn spent(&self, entry: &Entry) -> u64 {
        let spending = self.spending.get(&entry.key.queue);
        let spending = spending.cloned().unwrap_or_default();
        match self.tenant(entry) {
            Some(tenant) => {
                let spent = spending.spent.get(&tenant).copied();
                spending.now.max(spent.unwrap_or_default())
            }
            None => 0,
        }
    }

    fn tenant(&self, entry: &Entry) -> Option<Option<String>> {
        let config = self.config(&entry.key.queue);
        let key = config.tenant_key()?;
        Some(entry.metadata.get(key).cloned())
    }

    fn spend(&mut self, index: usize) {
        let entry = self.entries[index].clone();
        let Some(tenant) = self.tenant(&entry) else {
            return;
        };
        let first = self.next(&entry.key.queue, None).unwrap();
        let is_first = self.tenant(&self.entries[first]) == Some(tenant.clone());
        let fairness = self.config(&entry.key.queue).fairness.unwrap();
        let weight = tenant
            .as_ref()
            .and_then(|tenant| fairness.weights.get(tenant));
        let spent = self.spent(&entry);
        let spending = self.spending.entry(entry.key.queue).or_default();
        if is_first {
            spending.now = spending.now.max(spent);
        }
        let cost = (1 << 20) / u64::from(weight.copied().unwrap_or(1));
        spending.spent.insert(tenant, spent + cost);
    }

    fn leased(&self, index: usize) -> LeasedMessage {
        let entry = &self.entries[index];
        let Phase::Leased(hold) = &entry.phase else {
            panic!("{entry:?} is not leased");
        };
        LeasedMessage {
            token: LeaseToken {
                key: entry.key.clone(),
                delivery: entry.deliveries,
                nonce: hold.nonce,
            },
            payload: entry.payload.clone(),
            priority: entry.priority,
            metadata: entry.metadata.clone(),
            lease_until: hold.until,
            lease_ms: hold.first_ms,
            attempts_left: entry.attempts_left,
        }
    }

    pub(super) fn undo(&mut self, session: &Session, request_id: &str, answer: u32) {
        self.forget_answers();
        let request = (session.clone(), request_id.to_owned());
        if self.answers.get(&request) != Some(&answer) {
            return;
        }
        for entry in &mut self.entries {
            if matches!(&entry.phase, Phase::Leased(hold)
                if hold.session == *session && hold.request_id == request_id)
            {
                entry.attempts_left += 1;
                entry.phase = Phase::Waiting(self.now);
            }
        }
    }

    /// Answers are remembered while a lease of theirs runs.
    pub(super) fn forget_answers(&mut self) {
        let running: Vec<_> = self.entries.iter().filter_map(request_of).collect();
        self.answers.retain(|request, _| running.contains(request));
    }

    fn claim(&self, token: &LeaseToken, act: Option<Act>) -> Result<Option<usize>, &'static str> {
        let index = self.find(&token.key).ok_or("LEASE_LOST")?;
        let entry = &self.entries[index];
        let settled = act.map(|act| (token.delivery, token.nonce, act));
        if settled.is_some() && entry.settled == settled {
            return Ok(None);
        }
        match &entry.phase {
            Phase::Leased(hold)
                if hold.nonce == token.nonce
                    && entry.deliveries == token.delivery
                    && hold.until > self.now =>
            {
                Ok(Some(index))
            }
            Phase::Over {
                state: MessageState::Canceled,
                tombstone: false,
                ..
            } => Err("CANCELED"),
            _ => Err("LEASE_LOST"),
        }
    }

    fn check_hand_on(&self, messages: &[NewMessage]) -> Result<(), &'static str> {
        if messages.iter().any(|message| message.id.is_empty()) {
            return Err("INVALID_ARGUMENT");
        }
        for message in messages {
            match self.find(&key_of(message)) {
                Some(_) => {}
                None if message.not_after.is_some_and(|end| self.now > end) => {
                    return Err("TOO_LATE");
                }
                None if self.lacks_key(message) => return Err("INVALID_ARGUMENT"),
                None => {}
            }
        }
        Ok(())
    }

    pub(super) fn complete(&mut self, completion: &Completion) -> Result<Outcome, &'static str> {
        let Some(index) = self.claim(&completion.token, Some(Act::Completed))? else {
            return Ok(Outcome::Duplicate);
        };
        self.check_hand_on(&completion.then_enqueue)?;
        self.settle(index, &completion.token, Act::Completed);
        self.end(index, MessageState::Completed, None, false);
        completion
            .then_enqueue
            .iter()
            .for_each(|message| self.hand_on(message));
        Ok(Outcome::Done)
    }

    pub(super) fn fail(&mut self, failure: &Failure) -> Result<Outcome, &'static str> {
        let Some(index) = self.claim(&failure.token, Some(Act::Failed))? else {
            return Ok(Outcome::Duplicate);
        };
        self.check_hand_on(&failure.then_enqueue)?;
        self.settle(index, &failure.token, Act::Failed);
        let error = Some(failure.error.clone());
        if failure.last {
            let tell = failure.then_enqueue.is_empty();
            self.end(index, MessageState::Errored, error, tell);
        } else {
            self.entries[index].error = error;
            self.again(index, failure.retry_in_ms);
        }
        failure
            .then_enqueue
            .iter()
            .for_each(|message| self.hand_on(message));
        Ok(Outcome::Done)
    }

    pub(super) fn release(
        &mut self,
        token: &LeaseToken,
        refund: bool,
    ) -> Result<Outcome, &'static str> {
        let Some(index) = self.claim(token, Some(Act::Released))? else {
            return Ok(Outcome::Duplicate);
        };
        self.settle(index, token, Act::Released);
        self.entries[index].attempts_left += u32::from(refund);
        self.again(index, 0);
        Ok(Outcome::Done)
    }

    fn settle(&mut self, index: usize, token: &LeaseToken, act: Act) {
        self.entries[index].settled = Some((token.delivery, token.nonce, act));
    }

    pub(super) fn extend(
        &mut self,
        token: &LeaseToken,
        lease_ms: Option<u64>,
    ) -> Result<Outcome, &'static str> {
        let index = self.claim(token, None)?.unwrap();
        if let Phase::Leased(hold) = &mut self.entries[index].phase {
            let lease_ms = lease_ms.unwrap_or(hold.first_ms);
            hold.until = self.now + lease_ms as i64;
            hold.longest_ms = hold.longest_ms.max(lease_ms);
        }
        Ok(Outcome::Done)
    }

    pub(super) fn cancel(&mut self, key: &MessageKey, reason: &str) -> Outcome {
        let error = Some(wording::canceled(reason));
        match self.find(key) {
            Some(index) if matches!(self.entries[index].phase, Phase::Over { .. }) => {
                Outcome::Duplicate
            }
            Some(index) => {
                self.end(index, MessageState::Canceled, error, true);
                Outcome::Done
            }
            None => {
                self.add(&NewMessage {
                    queue: key.queue.clone(),
                    id: key.id.clone(),
                    attempts: Some(0),
                    ..NewMessage::default()
                });
                let index = self.entries.len() - 1;
                self.end(index, MessageState::Canceled, error, false);
                if let Phase::Over { tombstone, .. } = &mut self.entries[index].phase {
                    *tombstone = true;
                }
                Outcome::Done
            }
        }
    }

    /// Leases begin anew, and who lives is no longer known.
    pub(super) fn crash(&mut self) {
        self.boots.clear();
        self.retired.clear();
        self.answers.clear();
        self.spending.clear();
        for entry in &mut self.entries {
            if let Phase::Leased(hold) = &mut entry.phase {
                hold.until = self.now + hold.longest_ms as i64;
            }
        }
    }

    /// What an onlooker sees; the version is the machine's own matter.
    pub(super) fn view(&self, key: &MessageKey, version: u64) -> Option<MessageView> {
        let entry = &self.entries[self.find(key)?];
        let (state, until, owner) = match &entry.phase {
            Phase::Waiting(from) if *from <= self.now => (MessageState::Pending, None, None),
            Phase::Waiting(from) => (MessageState::Invisible, Some(*from), None),
            Phase::Leased(hold) => {
                let owner = hold.session.owner.clone();
                (MessageState::Running, Some(hold.until), Some(owner))
            }
            Phase::Over { state, .. } => (*state, None, None),
        };
        Some(MessageView {
            key: key.clone(),
            state,
            priority: entry.priority,
            deliveries: entry.deliveries,
            attempts_left: entry.attempts_left,
            owner,
            until,
            metadata: entry.metadata.clone(),
            version,
            error: entry.error.clone(),
            payload: entry.payload.clone(),
        })
    }

    pub(super) fn count(&self, queue: &str) -> QueueCount {
        let mut count = QueueCount {
            queue: queue.into(),
            ..QueueCount::default()
        };
        let here = self.entries.iter().filter(|entry| entry.key.queue == queue);
        for view in here.filter_map(|entry| self.view(&entry.key, 0)) {
            let counter = match view.state {
                MessageState::Invisible => &mut count.invisible,
                MessageState::Pending => &mut count.pending,
                MessageState::Running => &mut count.running,
                MessageState::Completed => &mut count.completed,
                MessageState::Canceled => &mut count.canceled,
                MessageState::Errored => &mut count.errored,
            };
            *counter += 1;
        }
        count
    }
}

fn letter_of(entry: &Entry, queue: &str) -> MessageKey {
    let Entry {
        key, deliveries, ..
    } = entry;
    MessageKey {
        queue: queue.into(),
        id: format!("{}/{}/errored/{deliveries}", key.queue, key.id),
    }
}

fn holds(clause: &Clause, entry: &Entry) -> bool {
    let value = entry.metadata.get(&clause.key);
    value.is_some_and(|value| clause.any_of.contains(value))
}

fn key_of(message: &NewMessage) -> MessageKey {
    MessageKey {
        queue: message.queue.clone(),
        id: message.id.clone(),
    }
}

fn request_of(entry: &Entry) -> Option<(Session, String)> {
    match &entry.phase {
        Phase::Leased(hold) => Some((hold.session.clone(), hold.request_id.clone())),
        _ => None,
    }
}

/// Refusals are compared by their code.
pub(super) fn code(outcome: Result<Outcome, Refusal>) -> Result<Outcome, &'static str> {
    outcome.map_err(|refusal| refusal.code())
}
