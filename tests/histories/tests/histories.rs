//! Histories of the queue in this process are linearizable; of a queue with a mistake, some are not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use histories::call::{Act, Answer, Call, Token};
use histories::planted::Mistake;
use histories::search::{Verdict, judge};
use histories::spec::{Lapses, Spec};
use histories::trial::Trial;

#[test]
fn what_clients_see_is_explained_by_one_order() {
    let (mut crashes, mut jumps) = (0, 0);
    for seed in 0..150 {
        let trial = Trial::seeded(seed);
        let history = trial.run();
        let calls = &history.calls;
        let answered = calls.iter().filter(|call| call.answer.is_some()).count();
        assert!(answered > 30, "{trial:?}: {answered}");
        assert_eq!(history.judge(), Verdict::Linearizable, "{trial:?}");
        assert_eq!(history.breaches(), Default::default(), "{trial:?}");
        crashes += calls.iter().filter(|call| call.act == Act::Restart).count();
        jumps += usize::from(trial.jumps);
    }
    assert!(crashes > 50 && jumps > 50, "{crashes} {jumps}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    let strip = |mut calls: Vec<Call>| {
        for call in &mut calls {
            // Nonces are unguessable on purpose.
            let forget = |token: &mut Token| token.nonce = 0;
            match &mut call.act {
                Act::Complete(t) | Act::Release(t) | Act::Retry(t) | Act::Extend(t) => forget(t),
                _ => {}
            }
            if let Some(Answer::Leased(token)) = &mut call.answer {
                forget(token);
            }
        }
        calls
    };
    for seed in [3, 4] {
        let trial = Trial::seeded(seed);
        let (first, second) = (trial.run(), trial.run());
        assert_eq!(strip(first.calls), strip(second.calls), "{trial:?}");
        assert_eq!(first.sights, second.sights, "{trial:?}");
    }
}

#[test]
fn every_planted_mistake_is_found() {
    for mistake in Mistake::ALL {
        let found = (0..20).any(|seed| {
            let mistake = Some(mistake);
            let trial = Trial {
                mistake,
                ..Trial::seeded(seed)
            };
            trial.run().is_wrong()
        });
        assert!(found, "{mistake:?}");
    }
}

/// A call that takes all the time there is, unless told otherwise.
fn call(act: Act, answer: Option<Answer>, called: u64, returned: u64) -> Call {
    Call {
        client: 0,
        act,
        answer,
        called,
        returned,
        from_ms: 0,
        to_ms: 0,
    }
}

const SPEC: Spec = Spec {
    lease_ms: 10,
    repeats: false,
    exclusive: false,
    lapses: Lapses::InTime(0),
};

fn enqueue(message: u16, priority: i64) -> Act {
    Act::Enqueue {
        message,
        priority,
        value: 0,
    }
}

fn leased(message: u16, delivery: u32) -> Option<Answer> {
    Some(Answer::Leased(Token {
        message,
        delivery,
        nonce: 7,
    }))
}

fn explained(calls: &[Call]) -> bool {
    judge(&SPEC, calls) == Verdict::Linearizable
}

#[test]
fn calls_at_the_same_time_may_have_their_effects_in_any_order() {
    let both = |second: (u64, u64)| {
        [
            call(enqueue(1, 0), Some(Answer::Done), 0, 5),
            call(Act::Dequeue, leased(1, 1), second.0, second.1),
        ]
    };
    assert!(explained(&both((1, 3))));
    assert!(explained(&both((6, 7))));
    let mut early = both((6, 7));
    early[0].called = 8;
    early[0].returned = 9;
    early.reverse();
    assert!(!explained(&early));
}

#[test]
fn a_value_that_is_held_holds_its_messages_back() {
    let exclusive = Spec {
        exclusive: true,
        ..SPEC
    };
    let calls = [
        call(enqueue(1, 0), Some(Answer::Done), 0, 1),
        call(enqueue(2, 1), Some(Answer::Done), 2, 3),
        call(Act::Dequeue, leased(1, 1), 4, 5),
        call(Act::Dequeue, leased(2, 1), 6, 7),
    ];
    assert!(explained(&calls));
    assert!(judge(&exclusive, &calls) != Verdict::Linearizable);
    assert_eq!(judge(&exclusive, &calls[..3]), Verdict::Linearizable);
}

#[test]
fn what_was_never_told_may_have_happened_or_not() {
    for answer in [leased(1, 1), Some(Answer::Nothing)] {
        let calls = [
            call(enqueue(1, 0), None, 0, 1),
            call(Act::Dequeue, answer, 2, 3),
        ];
        assert!(explained(&calls), "{answer:?}");
    }
}

#[test]
fn what_nobody_was_given_may_be_given_back_at_once() {
    let first = |answer| {
        let added = call(enqueue(1, 0), Some(Answer::Done), 0, 1);
        let first = call(Act::Dequeue, answer, 2, 3);
        let second = call(Act::Dequeue, leased(1, 2), 4, 5);
        explained(&[added, first, second])
    };
    assert!(first(None));
    assert!(!first(leased(1, 1)));
    assert!(!first(Some(Answer::Nothing)));
}

#[test]
fn a_take_over_grants_leases_anew_also_those_of_calls_at_the_same_time() {
    let at = |from_ms, to_ms, call: Call| Call {
        from_ms,
        to_ms,
        ..call
    };
    let calls = [
        at(0, 0, call(enqueue(1, 0), Some(Answer::Done), 0, 1)),
        at(0, 0, call(Act::Dequeue, leased(1, 1), 2, 5)),
        at(0, 8, call(Act::Restart, Some(Answer::Done), 3, 4)),
        at(15, 15, call(Act::Dequeue, Some(Answer::Nothing), 6, 7)),
    ];
    assert!(explained(&calls));
    assert!(!explained(&[&calls[..2], &calls[3..]].concat()));
}

#[test]
fn what_was_never_told_has_no_effect_after_its_end() {
    let lost = call(enqueue(1, 0), None, 0, 1);
    let looked = call(Act::Dequeue, Some(Answer::Nothing), 2, 3);
    let leased = call(Act::Dequeue, leased(1, 1), 4, 5);
    assert!(!explained(&[lost.clone(), looked.clone(), leased.clone()]));
    let late = Call {
        returned: 4,
        ..lost
    };
    assert!(explained(&[late, looked, leased]));
}

#[test]
fn a_lease_lapses_when_its_time_has_come_and_not_before() {
    let again = |from_ms: i64, to_ms: i64, answer| {
        let second = Call {
            from_ms,
            to_ms,
            ..call(Act::Dequeue, answer, 4, 5)
        };
        let first = Call {
            to_ms: 2,
            ..call(Act::Dequeue, leased(1, 1), 2, 3)
        };
        let added = call(enqueue(1, 0), Some(Answer::Done), 0, 1);
        explained(&[added, first, second])
    };
    assert!(!again(3, 9, leased(1, 2)));
    assert!(again(3, 10, leased(1, 2)));
    assert!(again(11, 11, Some(Answer::Nothing)));
    assert!(!again(12, 12, Some(Answer::Nothing)));
}
