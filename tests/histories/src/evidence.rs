//! Breaches that can be told from a history without looking for an order of its calls, to say of
//! what kind a mistake is. Every one of them makes a history impossible; not every impossible
//! history has one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::Serialize;

use crate::call::{Act, Answer, Call, Token};
use crate::notes::Sight;
use crate::spec::Spec;

/// Breaches by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Breaches {
    /// Acknowledged messages that were not there, and acknowledged completions that were undone.
    pub losses: u64,
    /// Messages in the hands of two at once.
    pub double_leases: u64,
    /// Messages of one value, of an exclusive queue, in the hands of two at once.
    pub exclusivity_breaks: u64,
    /// Messages whose version was seen to go back.
    pub versions_gone_back: u64,
}

impl AddAssign for Breaches {
    fn add_assign(&mut self, other: Self) {
        self.losses += other.losses;
        self.double_leases += other.double_leases;
        self.exclusivity_breaks += other.exclusivity_breaks;
        self.versions_gone_back += other.versions_gone_back;
    }
}

/// What speaks for itself in a history.
pub fn breaches(spec: &Spec, calls: &[Call], sights: &[Sight]) -> Breaches {
    let held = held(spec, calls);
    let values = values(calls);
    let same_value = |a: &Held, b: &Held| {
        let value = |held: &Held| values.get(&held.token.message);
        a.token.message != b.token.message && value(a).is_some() && value(a) == value(b)
    };
    Breaches {
        losses: losses(calls),
        double_leases: pairs(&held, |a, b| a.token.message == b.token.message),
        exclusivity_breaks: match spec.exclusive {
            true => pairs(&held, same_value),
            false => 0,
        },
        versions_gone_back: gone_back(sights),
    }
}

fn losses(calls: &[Call]) -> u64 {
    let added = |call: &Call| match (call.act, call.answer) {
        (Act::Enqueue { message, .. }, Some(Answer::Done | Answer::Duplicate)) => Some(message),
        _ => None,
    };
    let completed = |call: &Call| match (call.act, call.answer) {
        (Act::Complete(token), Some(Answer::Done)) => Some(token.message),
        _ => None,
    };
    // Added twice, or leased again after its end.
    let again = |call: &Call| match (call.act, call.answer) {
        (Act::Enqueue { message, .. }, Some(Answer::Done)) => Some(message),
        _ => None,
    };
    let leased = |call: &Call| match call.answer {
        Some(Answer::Leased(token)) => Some(token.message),
        _ => None,
    };
    count_after(calls, added, again) + count_after(calls, completed, leased)
}

/// Messages of which `second` tells in a call that began after `first` had told of them.
fn count_after(
    calls: &[Call],
    first: impl Fn(&Call) -> Option<u16>,
    second: impl Fn(&Call) -> Option<u16>,
) -> u64 {
    let mut told: BTreeMap<u16, u64> = BTreeMap::new();
    for call in calls {
        if let Some(message) = first(call) {
            let end = told.entry(message).or_insert(u64::MAX);
            *end = call.returned.min(*end);
        }
    }
    let after =
        |call: &Call| second(call).filter(|m| told.get(m).is_some_and(|e| *e < call.called));
    calls
        .iter()
        .filter_map(after)
        .collect::<BTreeSet<_>>()
        .len() as u64
}

/// A lease while nobody can have ended it.
struct Held {
    token: Token,
    from: u64,
    to: u64,
    /// The queue's time at which it may lapse.
    lapses: i64,
    /// Of the call that gave it.
    called: u64,
    to_ms: i64,
}

fn held(spec: &Spec, calls: &[Call]) -> Vec<Held> {
    let held = calls.iter().filter_map(|call| match call.answer {
        Some(Answer::Leased(token)) => Some(Held {
            token,
            from: call.returned,
            to: first_end(calls, token),
            lapses: spec.lapses_at(call).0,
            called: call.called,
            to_ms: call.to_ms,
        }),
        _ => None,
    });
    held.collect()
}

/// When somebody first asked to end this delivery.
fn first_end(calls: &[Call], token: Token) -> u64 {
    let ends =
        |call: &&Call| call.act.token() == Some(token) && !matches!(call.act, Act::Extend(_));
    let ends = calls.iter().filter(ends);
    ends.map(|call| call.called).min().unwrap_or(u64::MAX)
}

/// Pairs of leases of which the second was given while the first was held.
fn pairs(held: &[Held], exclude: impl Fn(&Held, &Held) -> bool) -> u64 {
    let given_in = |a: &Held, b: &Held| a.from < b.called && b.from < a.to && b.to_ms < a.lapses;
    let pairs = held.iter().flat_map(|a| held.iter().map(move |b| (a, b)));
    let broken = pairs.filter(|(a, b)| exclude(a, b) && given_in(a, b));
    broken.count() as u64
}

/// Values of messages, where one enqueueing alone can have set them.
fn values(calls: &[Call]) -> BTreeMap<u16, u8> {
    let mut values: BTreeMap<u16, BTreeSet<u8>> = BTreeMap::new();
    for call in calls {
        if let (Act::Enqueue { message, value, .. }, None | Some(Answer::Done)) =
            (call.act, call.answer)
        {
            values.entry(message).or_default().insert(value);
        }
    }
    let one = |(message, values): (u16, BTreeSet<u8>)| match values.len() {
        1 => Some((message, values.first().copied()?)),
        _ => None,
    };
    values.into_iter().filter_map(one).collect()
}

fn gone_back(sights: &[Sight]) -> u64 {
    let goes_back = |older: &&Sight| {
        let mut later = sights.iter().filter(|sight| older.returned < sight.called);
        later.any(|sight| sight.message == older.message && sight.version < older.version)
    };
    let messages = sights.iter().filter(goes_back).map(|sight| sight.message);
    messages.collect::<BTreeSet<_>>().len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Lapses;

    const SPEC: Spec = Spec {
        lease_ms: 10,
        repeats: false,
        exclusive: true,
        lapses: Lapses::InTime(0),
    };

    fn call(n: u64, act: Act, answer: Answer) -> Call {
        Call {
            client: 0,
            act,
            answer: Some(answer),
            called: 2 * n,
            returned: 2 * n + 1,
            from_ms: 0,
            to_ms: 0,
        }
    }

    fn enqueue(message: u16) -> Act {
        Act::Enqueue {
            message,
            priority: 0,
            value: 1,
        }
    }

    fn token(message: u16, delivery: u32) -> Token {
        Token {
            message,
            delivery,
            nonce: 7,
        }
    }

    fn leased(message: u16, delivery: u32) -> Answer {
        Answer::Leased(token(message, delivery))
    }

    #[test]
    fn every_kind_of_breach_is_told_and_nothing_else() {
        let calls = [
            call(0, enqueue(1), Answer::Done),
            call(1, enqueue(2), Answer::Done),
            call(2, Act::Dequeue, leased(1, 1)),
            call(3, Act::Complete(token(1, 1)), Answer::Done),
            call(4, Act::Dequeue, leased(2, 1)),
        ];
        let sight = |n, version| Sight {
            message: 1,
            version,
            called: n,
            returned: n,
        };
        let seen = [sight(1, 1), sight(2, 2), sight(3, 2)];
        assert_eq!(breaches(&SPEC, &calls, &seen), Breaches::default());

        let lost = call(5, enqueue(1), Answer::Done);
        let undone = call(6, Act::Dequeue, leased(1, 2));
        let twice = call(7, Act::Dequeue, leased(2, 2));
        let calls = [&calls[..], &[lost, undone, twice]].concat();
        let found = breaches(&SPEC, &calls, &[sight(1, 2), sight(2, 1)]);
        assert_eq!(found.losses, 2);
        assert_eq!(found.double_leases, 1);
        assert!(found.exclusivity_breaks > 0);
        assert_eq!(found.versions_gone_back, 1);
    }

    #[test]
    fn what_lapsed_or_was_given_back_is_not_held() {
        let given_back = [
            call(0, enqueue(1), Answer::Done),
            call(1, Act::Dequeue, leased(1, 1)),
            call(2, Act::Release(token(1, 1)), Answer::Done),
            call(3, Act::Dequeue, leased(1, 2)),
        ];
        assert_eq!(breaches(&SPEC, &given_back, &[]), Breaches::default());
        let mut later = call(3, Act::Dequeue, leased(1, 2));
        later.to_ms = 10;
        let lapsed = [&given_back[..2], &[later]].concat();
        assert_eq!(breaches(&SPEC, &lapsed, &[]), Breaches::default());
    }
}
