//! What is counted for those who watch over queues: how often what happened, how
//! urgent those are that wait, and for how long they have.

use std::collections::{BTreeMap, HashMap};

use crate::events::Happening;
use crate::message::Message;
use crate::name::Name;
use crate::{MessageState, QueueCount, Queues};

/// Spans of time of one queue that are told apart; of more, neighbours are joined.
const MAX_SPANS: usize = 4_096;
/// How exactly a deadline is told, at best: milliseconds.
const DEADLINE_WIDTH: i64 = 10_000;
/// How exactly an age is told, at best: milliseconds.
const AGE_WIDTH: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;

/// How often each [`Happening`] happened, in the order of [`Happening::ALL`].
pub type Happened = [u64; Happening::ALL.len()];

/// What is known of one queue, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    pub count: QueueCount,
    pub happened: Happened,
    /// Of those pending, by priority as a deadline: those that are late,
    pub overdue: u64,
    /// those due within an hour,
    pub within_hour: u64,
    /// and the others. All to ten seconds, or more coarsely where they lie in more than
    /// 4,096 spans of that.
    pub later: u64,
    /// Since when the oldest pending message has been pending, or since this owner took
    /// the queue over: Unix milliseconds.
    pub oldest: Option<i64>,
}

/// What is known of all queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// By name: those that were configured first.
    pub queues: Vec<QueueStats>,
    /// All others together, those that are gone included.
    pub rest: QueueStats,
    /// When this was: Unix milliseconds.
    pub now: i64,
}

/// Counts of all queues.
#[derive(Default)]
pub(crate) struct Tally {
    queues: HashMap<Name, QueueTally>,
    /// Of queues that are gone.
    gone: Happened,
    /// Since when a message is pending that was not so from its beginning.
    again: HashMap<u64, i64>,
}

#[derive(Default)]
struct QueueTally {
    happened: Happened,
    deadlines: Spans,
    /// Those that have been pending since they came.
    fresh: Arrivals,
    /// Those that are pending again, by since when.
    again: Spans,
}

impl Tally {
    /// Counts what is there.
    fn begin(&mut self, now: i64, message: &Message) {
        if message.state.kind() == MessageState::Pending {
            let queue = self.queues.entry(message.queue.clone()).or_default();
            queue.deadlines.add(message.priority, DEADLINE_WIDTH);
            queue.fresh.found(now);
        }
    }

    /// Counts what happened to a message that was in a state with a priority.
    pub(crate) fn moved(
        &mut self,
        now: i64,
        sequence: u64,
        message: &Message,
        from: Option<(MessageState, i64)>,
        happening: Happening,
    ) {
        let queue = self.queues.entry(message.queue.clone()).or_default();
        queue.happened[happening as usize] += 1;
        let was = from.filter(|(state, _)| *state == MessageState::Pending);
        let is = message.state.kind() == MessageState::Pending;
        if let Some((_, priority)) = was {
            queue.deadlines.subtract(priority, DEADLINE_WIDTH);
        }
        if is {
            queue.deadlines.add(message.priority, DEADLINE_WIDTH);
        }
        match (was.is_some(), is) {
            (true, false) => leave(&mut self.again, queue, sequence),
            (false, true) if from.is_none() => queue.fresh.add(now, sequence),
            (false, true) => {
                queue.again.add(now, AGE_WIDTH);
                self.again.insert(sequence, now);
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Counts that a message is forgotten.
    pub(crate) fn left(&mut self, sequence: u64, message: &Message, from: MessageState) {
        let queue = self.queues.entry(message.queue.clone()).or_default();
        queue.happened[Happening::Forgotten as usize] += 1;
        if from == MessageState::Pending {
            queue.deadlines.subtract(message.priority, DEADLINE_WIDTH);
            leave(&mut self.again, queue, sequence);
        }
    }

    /// A queue is gone; what happened in it did.
    pub(crate) fn forget(&mut self, queue: &str) {
        if let Some(tally) = self.queues.remove(queue) {
            add_all(&mut self.gone, &tally.happened);
        }
    }
}

fn leave(again: &mut HashMap<u64, i64>, queue: &mut QueueTally, sequence: u64) {
    match again.remove(&sequence) {
        Some(since) => queue.again.subtract(since, AGE_WIDTH),
        None => queue.fresh.subtract(sequence),
    }
}

fn add_all(sum: &mut Happened, happened: &Happened) {
    sum.iter_mut()
        .zip(happened)
        .for_each(|(sum, more)| *sum += more);
}

/// How many values lie in which span. Spans grow wider when there are too many.
#[derive(Default)]
struct Spans {
    /// How often the width was doubled.
    doubled: u32,
    counts: BTreeMap<i64, u64>,
}

impl Spans {
    fn width(&self, least: i64) -> i64 {
        least.saturating_mul(1_i64.checked_shl(self.doubled).unwrap_or(i64::MAX))
    }

    fn add(&mut self, value: i64, least: i64) {
        *self
            .counts
            .entry(value.div_euclid(self.width(least)))
            .or_default() += 1;
        while self.counts.len() > MAX_SPANS {
            self.doubled += 1;
            for (span, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(span.div_euclid(2)).or_default() += count;
            }
        }
    }

    fn subtract(&mut self, value: i64, least: i64) {
        let span = value.div_euclid(self.width(least));
        if let Some(count) = self.counts.get_mut(&span) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&span);
            }
        }
        if self.counts.is_empty() {
            self.doubled = 0;
        }
    }

    /// Values in spans that begin before this one.
    fn before(&self, value: i64, least: i64) -> u64 {
        let end = value.div_euclid(self.width(least));
        self.counts.range(..end).map(|(_, count)| count).sum()
    }

    fn first(&self, least: i64) -> Option<i64> {
        let (span, _) = self.counts.first_key_value()?;
        Some(span.saturating_mul(self.width(least)))
    }
}

/// How many of the messages that came at about the same time are there still.
#[derive(Default)]
struct Arrivals(BTreeMap<u64, Arrived>);

struct Arrived {
    at: i64,
    count: u64,
}

impl Arrivals {
    /// One that came before all others.
    fn found(&mut self, now: i64) {
        let arrived = self.0.entry(0).or_insert(Arrived { at: now, count: 0 });
        arrived.count += 1;
    }

    /// Sequences only grow.
    fn add(&mut self, now: i64, sequence: u64) {
        match self.0.last_entry() {
            Some(mut last) if now - last.get().at < AGE_WIDTH => last.get_mut().count += 1,
            _ => {
                self.0.insert(sequence, Arrived { at: now, count: 1 });
                if self.0.len() > MAX_SPANS {
                    self.join();
                }
            }
        }
    }

    fn subtract(&mut self, sequence: u64) {
        if let Some((first, arrived)) = self.0.range_mut(..=sequence).next_back() {
            arrived.count -= 1;
            if arrived.count == 0 {
                let first = *first;
                self.0.remove(&first);
            }
        }
    }

    /// Joins each with the next.
    fn join(&mut self) {
        let mut all = std::mem::take(&mut self.0).into_iter();
        while let Some((first, mut arrived)) = all.next() {
            arrived.count += all.next().map_or(0, |(_, next)| next.count);
            self.0.insert(first, arrived);
        }
    }

    fn first(&self) -> Option<i64> {
        self.0.first_key_value().map(|(_, arrived)| arrived.at)
    }
}

impl QueueTally {
    fn stats(&self, count: QueueCount, now: i64) -> QueueStats {
        let least = DEADLINE_WIDTH;
        let overdue = self.deadlines.before(now, least);
        let soon = self.deadlines.before(now.saturating_add(HOUR_MS), least);
        let oldest = [self.fresh.first(), self.again.first(AGE_WIDTH)];
        QueueStats {
            overdue,
            within_hour: soon - overdue,
            later: count.pending.saturating_sub(soon),
            oldest: oldest.into_iter().flatten().min().map(|at| at.min(now)),
            happened: self.happened,
            count,
        }
    }
}

impl QueueStats {
    /// Both together, under the name of this one.
    pub fn add(&mut self, other: &Self) {
        let (sum, more) = (&mut self.count, &other.count);
        sum.invisible += more.invisible;
        sum.pending += more.pending;
        sum.running += more.running;
        sum.completed += more.completed;
        sum.canceled += more.canceled;
        sum.errored += more.errored;
        add_all(&mut self.happened, &other.happened);
        self.overdue += other.overdue;
        self.within_hour += other.within_hour;
        self.later += other.later;
        let oldest = [self.oldest, other.oldest].into_iter().flatten();
        self.oldest = oldest.min();
    }
}

impl Queues {
    /// Begins to count what happens, where that is not done yet. To be called before
    /// anything happens.
    pub fn keep_tally(&mut self) {
        if self.observed.tally.is_none() {
            let mut tally = Tally::default();
            let messages = self.messages.iter().map(|(_, message)| message);
            messages.for_each(|message| tally.begin(self.now, &message));
            self.observed.tally = Some(tally);
        }
    }

    /// A queue is gone that had a configuration.
    pub(crate) fn forget_tally(&mut self, queue: &str) {
        if let Some(tally) = &mut self.observed.tally {
            tally.forget(queue);
        }
    }

    /// What is known of each of at most so many queues, and of all others together.
    /// Nothing, unless a [tally is kept](Self::keep_tally).
    pub fn stats(&self, limit: usize) -> Stats {
        let Some(tally) = &self.observed.tally else {
            return Stats::default();
        };
        let mut names: Vec<_> = self.index.queues.iter().collect();
        names.sort_unstable_by_key(|(name, queue)| (queue.config.is_none(), *name));
        let none = QueueTally::default();
        let mut stats = Stats {
            now: self.now,
            ..Stats::default()
        };
        stats.rest.happened = tally.gone;
        for (at, (name, queue)) in names.into_iter().enumerate() {
            let known = tally.queues.get(name).unwrap_or(&none);
            let queue = known.stats(queue.count(name), self.now);
            match at < limit {
                true => stats.queues.push(queue),
                false => stats.rest.add(&queue),
            }
        }
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_deadlines_are_told_more_coarsely_but_all_are() {
        let mut spans = Spans::default();
        let deadlines = (0..100_000).map(|n| n * 60_000);
        deadlines
            .clone()
            .for_each(|at| spans.add(at, DEADLINE_WIDTH));
        assert!(spans.counts.len() <= MAX_SPANS);
        let half = spans.before(50_000 * 60_000, DEADLINE_WIDTH);
        assert!(
            half.abs_diff(50_000) <= 100_000 / MAX_SPANS as u64 * 2,
            "{half}"
        );
        deadlines.for_each(|at| spans.subtract(at, DEADLINE_WIDTH));
        assert!(spans.counts.is_empty());
    }

    #[test]
    fn the_oldest_is_known_however_many_came_since() {
        let mut arrivals = Arrivals::default();
        (0..20_000).for_each(|n| arrivals.add(n as i64 * AGE_WIDTH, n));
        assert!(arrivals.0.len() <= MAX_SPANS);
        assert_eq!(arrivals.first(), Some(0));
        (0..10_000).for_each(|n| arrivals.subtract(n));
        let oldest = arrivals.first().unwrap() / AGE_WIDTH;
        assert!((9_984..=10_000).contains(&oldest), "{oldest}");
        (10_000..20_000).for_each(|n| arrivals.subtract(n));
        assert_eq!(arrivals.first(), None);
    }
}
