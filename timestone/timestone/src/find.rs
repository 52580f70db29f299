//! Messages are found by what they are like.
//!
//! A search walks over the messages of one value of an indexed key, or over all
//! of the queue, state by state and most urgent first, and looks at no more than
//! [`MAX_SCAN`] of them; the cursor tells where the next one goes on.

use bytes::Bytes;

use crate::check;
use crate::labels::{ALL, Label};
use crate::limits::{MAX_DEQUEUE_BYTES, MAX_SCAN};
use crate::message::Message;
use crate::queue::Queue;
use crate::shelf::Rank;
use crate::{Clause, Filter, MessageState, MessageView, QueueCount, Queues, Refusal};

const STATES: [MessageState; 6] = [
    MessageState::Invisible,
    MessageState::Pending,
    MessageState::Running,
    MessageState::Completed,
    MessageState::Canceled,
    MessageState::Errored,
];

/// What to find in one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    pub queue: String,
    pub filter: Filter,
    /// Where an earlier answer ended; empty = from the beginning.
    pub cursor: Bytes,
    /// Messages on the page.
    pub limit: u32,
}

/// A page of messages, without their payloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// There may be none although there are more pages.
    pub messages: Vec<MessageView>,
    /// Where the next page begins. A message that changes meanwhile may be missed,
    /// or be seen twice.
    pub next: Option<Bytes>,
}

/// A page of a count: the sum of all pages is the count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub count: QueueCount,
    pub next: Option<Bytes>,
}

/// Where a walk goes along.
struct Path<'a> {
    filter: &'a Filter,
    /// The clause whose values are walked along; `None` = all messages.
    driver: Option<usize>,
    /// In the order of the clause's values.
    labels: Vec<Option<Label>>,
    states: Vec<MessageState>,
}

/// The next message to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    label: usize,
    state: usize,
    rank: Rank,
}

/// Whether to walk on.
enum Step {
    On,
    /// Stop before this one.
    Full,
}

impl Queues {
    /// A page of the messages that are meant.
    pub fn find(&self, search: &Search) -> Result<Found, Refusal> {
        check::page(search.limit)?;
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let next = self.walk(&search.queue, &search.filter, &search.cursor, |message| {
            let view = message.view();
            bytes += view.error.as_ref().map_or(0, Bytes::len);
            if messages.len() == search.limit as usize || bytes > MAX_DEQUEUE_BYTES {
                return Step::Full;
            }
            messages.push(view);
            Step::On
        })?;
        Ok(Found { messages, next })
    }

    /// A page of the count of the messages that are meant, by state. All of it,
    /// at once, where at most one indexed key is asked for.
    pub fn count_found(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: &Bytes,
    ) -> Result<Counted, Refusal> {
        check::filter(filter)?;
        let known = self.index.queues.get(queue);
        if let (true, Some(known)) = (cursor.is_empty(), known)
            && let Some(count) = known.count_known(queue, filter)
        {
            return Ok(Counted { count, next: None });
        }
        let mut counts = [0; 6];
        let next = self.walk(queue, filter, cursor, |message| {
            counts[message.state.kind() as usize] += 1;
            Step::On
        })?;
        let count = QueueCount::of(queue, &counts);
        Ok(Counted { count, next })
    }

    /// Shows the messages that are meant, until there are no more or enough.
    fn walk(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: &Bytes,
        mut show: impl FnMut(&Message) -> Step,
    ) -> Result<Option<Bytes>, Refusal> {
        check::queue_name("queue", queue)?;
        check::filter(filter)?;
        let Some(queue) = self.index.queues.get(queue) else {
            return Ok(None);
        };
        let path = Path::choose(queue, filter, cursor)?;
        let from = path.position(cursor)?;
        for (looked_at, position) in path.along(queue, from).enumerate() {
            let stop = || Ok(Some(path.cursor(position)));
            if looked_at == MAX_SCAN {
                return stop();
            }
            let message = self.messages.get(position.rank.1);
            let meant = message.filter(|message| path.means(message));
            if let Some(Step::Full) = meant.map(|message| show(&message)) {
                return stop();
            }
        }
        Ok(None)
    }
}

impl Queue {
    /// The count, where it is known without looking at messages.
    fn count_known(&self, queue: &str, filter: &Filter) -> Option<QueueCount> {
        let mut counts = match filter.metadata.as_slice() {
            [] => *self.labels.counts(ALL),
            [clause] if self.labels.has_key(&clause.key) => {
                let labels = labels_of(self, clause).into_iter().flatten();
                labels.fold([0; 6], |mut sum, label| {
                    let counts = self.labels.counts(label);
                    sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
                    sum
                })
            }
            _ => return None,
        };
        let states = states_of(filter);
        for state in STATES.iter().filter(|state| !states.contains(state)) {
            counts[*state as usize] = 0;
        }
        Some(QueueCount::of(queue, &counts))
    }
}

/// Every value once.
fn labels_of(queue: &Queue, clause: &Clause) -> Vec<Option<Label>> {
    let mut values: Vec<_> = clause.any_of.iter().collect();
    values.sort_unstable();
    values.dedup();
    let values = values.into_iter();
    values
        .map(|value| queue.labels.find(&clause.key, value))
        .collect()
}

fn states_of(filter: &Filter) -> Vec<MessageState> {
    let meant = |state: &MessageState| filter.states.is_empty() || filter.states.contains(state);
    STATES.into_iter().filter(meant).collect()
}

impl<'a> Path<'a> {
    /// Along the indexed key with the fewest messages, or as the cursor went.
    fn choose(queue: &Queue, filter: &'a Filter, cursor: &Bytes) -> Result<Self, Refusal> {
        let driver = match cursor.first() {
            None => Self::shortest(queue, filter),
            Some(0) => None,
            Some(clause) => Some(usize::from(*clause) - 1),
        };
        let labels = match driver.map(|driver| filter.metadata.get(driver)) {
            None => vec![Some(ALL)],
            Some(Some(clause)) if queue.labels.has_key(&clause.key) => labels_of(queue, clause),
            Some(_) => return Err(stale()),
        };
        Ok(Self {
            filter,
            driver,
            labels,
            states: states_of(filter),
        })
    }

    fn shortest(queue: &Queue, filter: &Filter) -> Option<usize> {
        let clauses = filter.metadata.iter().enumerate();
        let indexed = clauses.filter(|(_, clause)| queue.labels.has_key(&clause.key));
        let length = |clause: &Clause| -> u64 {
            let labels = labels_of(queue, clause).into_iter().flatten();
            let counts = labels.flat_map(|label| queue.labels.counts(label));
            counts.copied().map(u64::from).sum()
        };
        let shortest = indexed.min_by_key(|(_, clause)| length(clause));
        shortest.map(|(index, _)| index)
    }

    fn along(&self, queue: &Queue, from: Position) -> impl Iterator<Item = Position> {
        let labels = self.labels.iter().enumerate().skip(from.label);
        let known = labels.filter_map(|(index, label)| Some((index, (*label)?)));
        known.flat_map(move |(index, label)| {
            let states = self.states.iter().enumerate();
            let begin = move |(state, kind): (usize, &MessageState)| {
                let begin = Position {
                    label: index,
                    state,
                    rank: (i64::MIN, 0),
                };
                (begin.max(from), *kind)
            };
            let ahead = move |(state, _): &(usize, _)| (index, *state) >= (from.label, from.state);
            states
                .filter(ahead)
                .map(begin)
                .flat_map(move |(begin, kind)| {
                    let ranks = queue.shelf.from(label, kind, begin.rank);
                    ranks.map(move |rank| Position { rank, ..begin })
                })
        })
    }

    fn means(&self, message: &Message) -> bool {
        let clauses = self.filter.metadata.iter().enumerate();
        let mut others = clauses.filter(|(index, _)| Some(*index) != self.driver);
        others.all(|(_, clause)| clause.holds(message.details.get(&clause.key)))
    }

    fn cursor(&self, position: Position) -> Bytes {
        let driver = self.driver.map_or(0, |driver| driver + 1);
        let mut cursor = vec![driver as u8, position.label as u8, position.state as u8];
        cursor.extend(position.rank.0.to_be_bytes());
        cursor.extend(position.rank.1.to_be_bytes());
        cursor.into()
    }

    fn position(&self, cursor: &Bytes) -> Result<Position, Refusal> {
        match &cursor[..] {
            [] => Ok(Position {
                label: 0,
                state: 0,
                rank: (i64::MIN, 0),
            }),
            [_, label, state, rank @ ..] => Ok(Position {
                label: usize::from(*label),
                state: usize::from(*state),
                rank: rank_of(rank).ok_or_else(stale)?,
            }),
            _ => Err(stale()),
        }
    }
}

fn rank_of(bytes: &[u8]) -> Option<Rank> {
    let (priority, sequence) = bytes.split_first_chunk::<8>()?;
    let sequence = sequence.try_into().ok()?;
    Some((i64::from_be_bytes(*priority), u64::from_be_bytes(sequence)))
}

fn stale() -> Refusal {
    check::invalid(
        "cursor",
        "is not of this search, or the queue was configured otherwise since; begin anew".into(),
    )
}
