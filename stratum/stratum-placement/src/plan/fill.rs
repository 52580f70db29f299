//! What one host is filled with.

use super::Problem;
use crate::resources::DIMENSIONS;
use crate::{Resources, limits};

type Shares = [u64; DIMENSIONS];

/// How the next task for a host is chosen, and how much dimensions matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    choice: Choice,
    weight: Weight,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    /// Asks most of what the host has most of.
    Aligned,
    /// Leaves the shortest vector of what is free.
    Nearest,
    /// The largest sum.
    Largest,
    /// The largest in its largest dimension.
    Widest,
    /// The combination that uses most, among a bounded number of them.
    Fullest,
    /// As before, with one of the largest at least: it only becomes harder to place.
    Completed,
}

#[derive(Clone, Copy, Debug)]
enum Weight {
    Even,
    /// By how much of it the remaining tasks ask for.
    Scarce,
    /// By the square of that.
    VeryScarce,
}

impl Rule {
    /// For hosts that already run something.
    pub(crate) const USED: Self = Self {
        choice: Choice::Nearest,
        weight: Weight::Scarce,
    };

    /// For another try, with other urgencies.
    pub(crate) const AGAIN: Self = Self {
        choice: Choice::Completed,
        weight: Weight::Scarce,
    };

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use Choice::{Aligned, Completed, Fullest, Largest, Nearest, Widest};
        let choices = [Nearest, Aligned, Largest, Widest, Fullest, Completed];
        let weights = [Weight::Scarce, Weight::Even, Weight::VeryScarce];
        choices
            .into_iter()
            .flat_map(move |choice| weights.map(|weight| Self { choice, weight }))
    }
}

/// How many of each demand go onto a host with so much `free`.
pub(crate) fn fill(problem: &Problem<'_>, free: Resources, left: &[u64], rule: Rule) -> Vec<u64> {
    let weights = weights(problem, left, rule.weight);
    match rule.choice {
        Choice::Fullest => fullest(problem, free, left, weights, 0),
        Choice::Completed => fullest(problem, free, left, weights, 1),
        _ => one_by_one(problem, free, left, weights, rule.choice),
    }
}

fn weights(problem: &Problem<'_>, left: &[u64], weight: Weight) -> Shares {
    if matches!(weight, Weight::Even) {
        return [1; DIMENSIONS];
    }
    let parts = problem.demands.iter().zip(left);
    let all = parts.fold(Resources::default(), |sum, (demand, count)| {
        sum.plus(demand.times(*count))
    });
    let shares = all.shares(problem.whole);
    let most = shares.into_iter().max().unwrap_or(0).max(1);
    let relative = shares.map(|share| u128::from(share) * 1_000 / u128::from(most));
    relative.map(|r| {
        let weighed = match weight {
            Weight::VeryScarce => r * r / 1_000,
            _ => r,
        };
        u64::try_from(weighed).unwrap_or(0).max(1)
    })
}

fn one_by_one(
    problem: &Problem<'_>,
    mut free: Resources,
    left: &[u64],
    weights: Shares,
    choice: Choice,
) -> Vec<u64> {
    let mut pattern = vec![0; left.len()];
    loop {
        let fitting =
            (0..left.len()).filter(|k| pattern[*k] < left[*k] && problem.demands[*k].fits(free));
        let shares = free.shares(problem.whole);
        let scored = fitting.map(|k| (score(choice, weights, problem.shares[k], shares), k));
        let Some((_, best)) = scored.max() else {
            return pattern;
        };
        pattern[best] += 1;
        free = free.minus(problem.demands[best]);
    }
}

fn score(choice: Choice, weights: Shares, demand: Shares, free: Shares) -> i128 {
    let sum = |term: &dyn Fn(usize) -> u128| -> i128 {
        let terms = (0..DIMENSIONS).map(|d| u128::from(weights[d]) * term(d));
        i128::try_from(terms.sum::<u128>()).unwrap_or(i128::MAX)
    };
    match choice {
        Choice::Aligned => sum(&|d| u128::from(demand[d]) * u128::from(free[d])),
        Choice::Nearest => -sum(&|d| u128::from(free[d].saturating_sub(demand[d])).pow(2)),
        Choice::Largest | Choice::Fullest | Choice::Completed => sum(&|d| u128::from(demand[d])),
        Choice::Widest => demand.into_iter().max().map_or(0, i128::from),
    }
}

/// The best of a bounded number of combinations, large demands first.
fn fullest(
    problem: &Problem<'_>,
    free: Resources,
    left: &[u64],
    weights: Shares,
    of_largest: u64,
) -> Vec<u64> {
    let value = |k: usize| {
        let value = score(Choice::Largest, weights, problem.shares[k], [0; DIMENSIONS]);
        value * i128::from(problem.urgency[k])
    };
    let mut order: Vec<usize> = (0..left.len()).filter(|k| left[*k] > 0).collect();
    order.sort_by_key(|k| (std::cmp::Reverse(value(*k)), *k));
    let mut search = Search {
        problem,
        left,
        values: order.iter().map(|k| value(*k)).collect(),
        order,
        of_largest,
        tried: 0,
        current: vec![0; left.len()],
        best: (-1, Vec::new()),
    };
    search.from(0, free, 0);
    search.best.1
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    left: &'a [u64],
    order: Vec<usize>,
    values: Vec<i128>,
    /// How many of the first of the order there are at least, where they fit.
    of_largest: u64,
    tried: u32,
    current: Vec<u64>,
    best: (i128, Vec<u64>),
}

impl Search<'_> {
    /// Decides how many of the demand at `position` of the order to take, from most to none.
    fn from(&mut self, position: usize, free: Resources, value: i128) {
        self.tried += 1;
        let Some(&k) = self.order.get(position) else {
            if value > self.best.0 {
                self.best = (value, self.current.clone());
            }
            return;
        };
        let demand = self.problem.demands[k];
        let most = room_for(demand, free).min(self.left[k]);
        let least = if position == 0 {
            self.of_largest.min(most)
        } else {
            0
        };
        for count in (least..=most).rev() {
            self.current[k] = count;
            let gained = self.values[position] * i128::from(count);
            self.from(
                position + 1,
                free.minus(demand.times(count)),
                value + gained,
            );
            if self.tried >= limits::COMBINATIONS {
                break;
            }
        }
        self.current[k] = 0;
    }
}

/// How many of `demand` fit.
fn room_for(demand: Resources, free: Resources) -> u64 {
    let needed = demand.amounts().into_iter().zip(free.amounts());
    let each = needed.filter_map(|(demand, free)| free.checked_div(demand));
    each.min().unwrap_or(u64::MAX)
}
