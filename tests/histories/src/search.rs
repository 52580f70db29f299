//! Whether some order of the calls of a history explains it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::call::{Act, Answer, Call};
use crate::spec::{Given, Spec, State};

/// Calls of one history, at most: as many as a set of them has bits.
pub const CALLS: usize = 128;
/// States that are looked at before a history is given up as too hard.
const STATES: usize = 4_000_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// No order explains the history. The longest that explains a part of it leaves these calls.
    Impossible {
        explained: usize,
        left: Vec<Call>,
    },
    /// It was given up.
    TooHard,
}

/// A set of calls that have had their effects, and the queue after them.
type Point = (u128, State);

/// Judges a history of at most [`CALLS`] calls.
///
/// # Panics
/// When there are more.
pub fn judge(spec: &Spec, calls: &[Call]) -> Verdict {
    assert!(calls.len() <= CALLS, "a history of {} calls", calls.len());
    let search = Search::of(spec, calls);
    let mut seen = Seen::default();
    let mut open: Vec<Point> = vec![(0, State::default())];
    let mut best = 0_u128;
    while let Some((done, state)) = open.pop() {
        if done.count_ones() > best.count_ones() {
            best = done;
        }
        let next = search.next(done);
        if next.is_empty() {
            return Verdict::Linearizable;
        }
        if seen.points.len() > STATES {
            return Verdict::TooHard;
        }
        for point in search.steps(&next, done, &state) {
            if seen.insert(&point) {
                open.push(point);
            }
        }
    }
    impossible(calls, best)
}

/// What is known before the search begins.
struct Search<'a> {
    spec: &'a Spec,
    calls: &'a [Call],
    /// For each call those that began after it had returned: it cannot follow them.
    later: Vec<u128>,
    given: Given,
}

impl<'a> Search<'a> {
    fn of(spec: &'a Spec, calls: &'a [Call]) -> Self {
        let given = calls.iter().filter_map(|call| match call.answer {
            Some(Answer::Leased(token)) => Some(token.spent()),
            _ => None,
        });
        Self {
            spec,
            calls,
            later: later(calls),
            given: given.collect(),
        }
    }

    /// Where one more call leads, the likeliest last.
    fn steps(&self, next: &[usize], done: u128, state: &State) -> Vec<Point> {
        let ends = self.ends(done);
        let mut points = Vec::new();
        for place in next.iter().rev() {
            let call = &self.calls[*place];
            let told = call.answer.is_some();
            // A take-over that changes nothing now grants leases anew if it comes later.
            let free = ends >> place & 1 == 0 && call.act != Act::Restart;
            for after in self.spec.after(state, call, &self.given) {
                let changes = after != *state;
                let point = (done | 1 << place, after);
                match (told, changes) {
                    // What is told and changes nothing can as well be told now.
                    (true, false) if free => return vec![point],
                    // What was never told and changes nothing explains nothing.
                    (false, false) => {}
                    (true, _) | (_, true) => points.push(point),
                }
            }
        }
        points
    }

    /// Calls that may have had their effect next: those that began before any other that is left
    /// ended. The likeliest come first: whose end is nearest, and last those that may never have
    /// had any. None when every answer is explained.
    fn next(&self, done: u128) -> Vec<usize> {
        let calls = self.calls;
        let left = |place: &usize| done >> place & 1 == 0;
        let answered = (0..calls.len()).filter(left);
        let ends = answered.filter(|place| calls[*place].answer.is_some());
        let Some(first_end) = ends.map(|place| calls[place].returned).min() else {
            return Vec::new();
        };
        let may =
            |place: &usize| calls[*place].called < first_end && self.later[*place] & done == 0;
        let mut next: Vec<_> = (0..calls.len()).filter(left).filter(may).collect();
        next.sort_by_key(|place| (calls[*place].answer.is_none(), calls[*place].returned));
        without_twins(calls, next)
    }

    /// Calls after which one that was never told can have no effect any more, which it may have
    /// yet.
    fn ends(&self, done: u128) -> u128 {
        let calls = self.calls;
        let open = |place: &usize| done >> place & 1 == 0 && calls[*place].answer.is_none();
        let open = (0..calls.len()).filter(open);
        open.fold(0, |ends, place| ends | self.later[place])
    }
}

/// Points that were looked at, by their hashes: of two that are the same by chance one would be
/// overlooked, which can make a history look impossible and never make it look right.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    points: HashSet<(u128, u64)>,
}

impl Seen {
    /// Whether the point is new.
    fn insert(&mut self, (done, state): &Point) -> bool {
        self.points.insert((*done, self.hasher.hash_one(state)))
    }
}

/// Of calls that ask the same and were never told, the first alone is tried: another may follow
/// whenever it may.
fn without_twins(calls: &[Call], next: Vec<usize>) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for place in next {
        let call = &calls[place];
        let twin = |other: &&usize| {
            let other = &calls[**other];
            call.answer.is_none()
                && other.answer.is_none()
                && other.act == call.act
                && other.from_ms <= call.from_ms
        };
        if !kept.iter().any(|other| twin(&other)) {
            kept.push(place);
        }
    }
    kept
}

/// For each call those that began after it had returned: it cannot follow them.
fn later(calls: &[Call]) -> Vec<u128> {
    let bit = |(place, call): (usize, &Call), end| u128::from(call.called > end) << place;
    let after = |end| calls.iter().enumerate().map(|call| bit(call, end)).sum();
    calls.iter().map(|call| after(call.returned)).collect()
}

fn impossible(calls: &[Call], best: u128) -> Verdict {
    let left = (0..calls.len()).filter(|place| best >> place & 1 == 0);
    Verdict::Impossible {
        explained: best.count_ones() as usize,
        left: left.map(|place| calls[place].clone()).collect(),
    }
}
