//! The incremental matcher against one that recomputes everything.
#![allow(clippy::unwrap_used, clippy::panic)]

mod generate;
mod naive;

use std::sync::Arc;

use generate::{Change, bases, changes};
use naive::Naive;
use plato_rules::{FactId, Memory, Rules};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

type Waiting = Vec<(String, Vec<FactId>)>;

fn waiting(memory: &Memory) -> Waiting {
    memory
        .waiting()
        .map(|(rule, facts)| {
            let facts = facts.into_iter().map(|(_, fact)| fact);
            (rule.to_owned(), facts.collect())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// After every change: the same matches wait, in the same order, and the same
    /// firings have ceased.
    #[test]
    fn it_agrees_with_one_that_recomputes_everything((base, changes) in (bases(), changes())) {
        let rules = Rules::new(base.clone()).unwrap();
        let (mut memory, mut naive) = (Memory::new(Arc::new(rules)), Naive::new(base));
        let mut firing = 0;
        for change in changes {
            match &change {
                Change::Assert(kind, fields) => {
                    let (asserted, ceased) = memory.assert(kind, fields).unwrap();
                    prop_assert_eq!((asserted.id(), ceased), naive.assert(kind, fields));
                }
                Change::Update(id, fields) => {
                    prop_assert_eq!(memory.update(*id, fields).unwrap().1, naive.update(*id, fields));
                }
                Change::Retract(id) => {
                    prop_assert_eq!(memory.retract(*id).unwrap().1, naive.retract(*id));
                }
                Change::Fire => {
                    firing += 1;
                    prop_assert_eq!(memory.fire(firing).is_some(), naive.fire(firing));
                }
            }
            prop_assert_eq!(waiting(&memory), naive.waiting(), "after {:?}", change);
        }
    }
}

#[test]
fn the_generator_makes_rules_that_match() {
    // A generator whose rules never match would prove nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut fired, mut ceased) = (0, 0);
    for _ in 0..40 {
        let base = bases().new_tree(&mut runner).unwrap().current();
        let all = changes().new_tree(&mut runner).unwrap().current();
        let mut memory = Memory::new(Arc::new(Rules::new(base).unwrap()));
        for (number, change) in (1..).zip(all) {
            let gone = match change {
                Change::Assert(kind, fields) => memory.assert(&kind, &fields).unwrap().1,
                Change::Update(id, fields) => memory.update(id, &fields).unwrap().1,
                Change::Retract(id) => memory.retract(id).unwrap().1,
                Change::Fire => {
                    fired += usize::from(memory.fire(number).is_some());
                    Vec::new()
                }
            };
            ceased += gone.len();
        }
    }
    assert!(fired > 30 && ceased > 10, "{fired} fired, {ceased} ceased");
}
