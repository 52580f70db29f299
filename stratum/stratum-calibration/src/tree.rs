//! Rules that tell samples apart by their attributes: a decision tree, read from its first leaf
//! to its last.

use std::collections::BTreeMap;

use crate::Size;
use crate::test::Test;

/// A sample, and the size that it should have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example<'a> {
    pub(crate) sample: usize,
    pub(crate) attributes: &'a BTreeMap<String, String>,
    pub(crate) size: Size,
}

/// What holds of some samples, and of none before them.
#[derive(Debug)]
pub(crate) struct Leaf<'a> {
    /// All of them hold; none is always.
    pub(crate) tests: Vec<Test>,
    pub(crate) examples: Vec<Example<'a>>,
}

impl Leaf<'_> {
    pub(crate) fn when(&self) -> Option<String> {
        let tests: Vec<String> = self.tests.iter().map(Test::to_string).collect();
        (!tests.is_empty()).then(|| tests.join(" && "))
    }
}

/// The leaves: the first whose tests hold is meant, and the last always does.
pub(crate) fn grow(examples: Vec<Example>) -> Vec<Leaf> {
    let attributes: Vec<_> = examples.iter().map(|one| one.attributes).collect();
    let mut leaves = Vec::new();
    split(examples, &[], &Test::of_all(&attributes), &mut leaves);
    leaves
}

fn split<'a>(examples: Vec<Example<'a>>, path: &[Test], tests: &[Test], to: &mut Vec<Leaf<'a>>) {
    let best = match is_pure(&examples) {
        true => None,
        false => best(&examples, tests),
    };
    let Some(test) = best else {
        let tests = path.to_owned();
        return to.push(Leaf { tests, examples });
    };
    let (held, not): (Vec<_>, Vec<_>) = examples
        .into_iter()
        .partition(|one| test.holds(one.attributes));
    let mut further: Vec<Test> = path.to_owned();
    further.retain(|known| !test.narrows(known));
    further.push(test.clone());
    split(held, &further, tests, to);
    split(not, path, tests, to);
}

fn is_pure(examples: &[Example]) -> bool {
    examples.windows(2).all(|two| two[0].size == two[1].size)
}

/// The test after which sizes are least mixed; of equals the one that leaves the larger sizes for
/// last, where what was never measured ends too.
fn best<'t>(examples: &[Example], tests: &'t [Test]) -> Option<&'t Test> {
    let judged = tests.iter().filter_map(|test| {
        let sides = examples.iter().partition(|one| test.holds(one.attributes));
        let (held, not): (Vec<&Example>, Vec<&Example>) = sides;
        let useful = !held.is_empty() && !not.is_empty();
        let largest = held.iter().map(|one| (one.size.memory_mb, one.size.cpus));
        useful.then(|| (mixed(&held) + mixed(&not), largest.max(), test))
    });
    let best = judged.min_by(|a, b| {
        let rest = || (a.1, a.2).cmp(&(b.1, b.2));
        a.0.total_cmp(&b.0).then_with(rest)
    });
    best.map(|(_, _, test)| test)
}

/// Gini's impurity, times the number of examples.
fn mixed(examples: &[&Example]) -> f64 {
    let mut counts = BTreeMap::<Size, f64>::new();
    for one in examples {
        *counts.entry(one.size).or_default() += 1.0;
    }
    let all = examples.len() as f64;
    all - counts.values().map(|count| count * count).sum::<f64>() / all.max(1.0)
}
