//! The queue as one would write it down without caring for speed: a list of
//! messages that is searched from end to end each time.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::wording;
use crate::message::Act;
use crate::{
    Completion, Demand, Failure, LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView,
    NewMessage, Notice, Outcome, QueueConfig, QueueCount, Refusal, Session,
};

#[derive(Clone, Debug)]
pub(super) struct Entry {
    key: MessageKey,
    priority: i64,
    payload: Bytes,
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
        forget_at: i64,
    },
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
        let entry = &mut self.entries[index];
        entry.error = error.clone();
        entry.phase = Phase::Over {
            state,
            tombstone: false,
            forget_at: self.now + retention as i64,
        };
        if state != MessageState::Errored {
            entry.payload = Bytes::new();
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
        let default = self.config(&message.queue).attempts;
        self.entries.push(Entry {
            key: key_of(message),
            priority: message.priority,
            payload: message.payload.clone(),
            reply_to: message.reply_to.clone(),
            attempts_left: message.attempts.unwrap_or(default),
            deliveries: 0,
            error: None,
            settled: None,
            phase: Phase::Waiting(self.now + message.invisible_ms as i64),
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
            None if self.is_full(&message.queue) => Err("QUEUE_FULL"),
            None => {
                self.add(message);
                Ok(Outcome::Done)
            }
        }
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
        let mut ready = self.sorted(|entry| {
            demand.queues.contains(&entry.key.queue)
                && matches!(entry.phase, Phase::Waiting(from) if from <= self.now)
        });
        ready.truncate(demand.max as usize);
        for index in &ready {
            let default = self.config(&self.entries[*index].key.queue).lease_ms;
            let lease_ms = demand.lease_ms.unwrap_or(default);
            let entry = &mut self.entries[*index];
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
        }
        ready
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
            metadata: BTreeMap::new(),
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
        let late = |message: &NewMessage| {
            self.find(&key_of(message)).is_none()
                && message.not_after.is_some_and(|end| self.now > end)
        };
        match messages.iter().any(late) {
            true => Err("TOO_LATE"),
            false => Ok(()),
        }
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
