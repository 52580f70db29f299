//! Whether some order of the calls of a history explains it.

use std::collections::HashSet;

use crate::call::Call;
use crate::spec::{Spec, State};

/// Calls of one history, at most: as many as a set of them has bits.
pub const CALLS: usize = 128;
/// States that are looked at before a history is given up as too hard.
const STATES: usize = 1_000_000;

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
    let start: Point = (0, State::default());
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    let mut best = 0_u128;
    while let Some((done, state)) = open.pop() {
        if done.count_ones() > best.count_ones() {
            best = done;
        }
        let next = next(calls, done);
        if next.is_empty() {
            return Verdict::Linearizable;
        }
        if seen.len() > STATES {
            return Verdict::TooHard;
        }
        for point in steps(spec, calls, &next, done, &state) {
            if seen.insert(point.clone()) {
                open.push(point);
            }
        }
    }
    impossible(calls, best)
}

/// Where one more call leads, the likeliest last.
fn steps(spec: &Spec, calls: &[Call], next: &[usize], done: u128, state: &State) -> Vec<Point> {
    let mut points = Vec::new();
    for place in next.iter().rev() {
        let told = calls[*place].answer.is_some();
        for after in spec.after(state, &calls[*place]) {
            let changes = after != *state;
            let point = (done | 1 << place, after);
            match (told, changes) {
                // What is told and changes nothing can as well be told now.
                (true, false) => return vec![point],
                // What was never told and changes nothing explains nothing.
                (false, false) => {}
                (_, true) => points.push(point),
            }
        }
    }
    points
}

/// Calls that may have had their effect next: those that began before any other that is left
/// ended. The likeliest come first: whose end is nearest, and last those that may never have had
/// any. None when every answer is explained.
fn next(calls: &[Call], done: u128) -> Vec<usize> {
    let left = |place: &usize| done >> place & 1 == 0;
    let answered = (0..calls.len()).filter(left);
    let ends = answered.filter(|place| calls[*place].answer.is_some());
    let Some(first_end) = ends.map(|place| calls[place].returned).min() else {
        return Vec::new();
    };
    let began = |place: &usize| calls[*place].called < first_end;
    let mut next: Vec<_> = (0..calls.len()).filter(left).filter(began).collect();
    next.sort_by_key(|place| (calls[*place].answer.is_none(), calls[*place].returned));
    next
}

fn impossible(calls: &[Call], best: u128) -> Verdict {
    let left = (0..calls.len()).filter(|place| best >> place & 1 == 0);
    Verdict::Impossible {
        explained: best.count_ones() as usize,
        left: left.map(|place| calls[place].clone()).collect(),
    }
}
