//! Packing many tasks at once: which hosts take how many of each demand.
//!
//! Hosts are filled one after the other, each with what fits it best, as that beats going task by
//! task (Panigrahy et al., Heuristics for Vector Bin Packing, 2011). Hosts that already run
//! something come first. For empty ones no single rule is best for every mix, so that several are
//! tried, then the best again with more weight on what was left over with the most waste (squeaky
//! wheel optimisation: Joslin and Clements, 1999), and the plan with the fewest hosts is kept. The
//! cost depends on how many *kinds* of hosts and demands there are, not on how many of each.

mod fill;

use self::fill::{Rule, fill};
use crate::index::Alike;
use crate::resources::{DIMENSIONS, WHOLE};
use crate::{Resources, limits};

/// The urgency of a demand that is not known to be hard to combine.
const EASY: u64 = 100;

/// What to place, and where it may go.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) hosts: &'a [Alike],
    pub(crate) demands: Vec<Resources>,
    /// The demands as shares of `whole`.
    pub(crate) shares: Vec<[u64; DIMENSIONS]>,
    /// How many of each demand.
    pub(crate) counts: Vec<u64>,
    /// The largest host in each dimension, by which shares are told.
    pub(crate) whole: Resources,
    /// How hard each demand has been to combine, relative to the others.
    urgency: Vec<u64>,
}

/// The same tasks on several hosts that are alike.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    /// Which of the problem's hosts.
    pub(crate) alike: usize,
    /// How many of each demand on one host.
    pub(crate) pattern: Vec<u64>,
    /// On how many hosts.
    pub(crate) times: u64,
}

/// A plan while it is made.
#[derive(Clone, Debug)]
struct Draft {
    fills: Vec<Fill>,
    left: Vec<u64>,
    /// Hosts that are left of each kind.
    hosts: Vec<u64>,
    opened: u64,
}

impl<'a> Problem<'a> {
    /// So many of each demand, onto `hosts`.
    pub(crate) fn new(
        hosts: &'a [Alike],
        wanted: impl IntoIterator<Item = (Resources, u64)>,
        whole: Resources,
    ) -> Self {
        let (demands, counts): (Vec<Resources>, Vec<u64>) = wanted.into_iter().unzip();
        Self {
            hosts,
            shares: demands.iter().map(|demand| demand.shares(whole)).collect(),
            demands,
            urgency: vec![EASY; counts.len()],
            counts,
            whole,
        }
    }
}

/// A plan that places everything, on as few empty hosts as were found; `None` where none was found.
pub(crate) fn plan(mut problem: Problem<'_>) -> Option<Vec<Fill>> {
    let mut draft = Draft::new(&problem);
    draft.fill_used(&problem);
    let least = draft.least(&problem);
    let mut best: Option<Draft> = None;
    let rules = Rule::all().map(|rule| (rule, false));
    let again = std::iter::repeat_n((Rule::AGAIN, true), limits::PASSES);
    for (rule, learns) in rules.chain(again) {
        if best.as_ref().is_some_and(|best| best.opened <= least) {
            break;
        }
        let next = draft.clone().opening(&problem, rule);
        if learns {
            problem.urgency = next.urgency(&problem);
        }
        let is_better = best.as_ref().is_none_or(|best| next.opened < best.opened);
        if next.is_complete() && is_better {
            best = Some(next);
        }
    }
    best.map(|draft| draft.fills)
}

impl Draft {
    fn new(problem: &Problem<'_>) -> Self {
        Self {
            fills: Vec::new(),
            left: problem.counts.clone(),
            hosts: problem.hosts.iter().map(|a| a.hosts.len() as u64).collect(),
            opened: 0,
        }
    }

    fn is_complete(&self) -> bool {
        self.left.iter().all(|left| *left == 0)
    }

    /// Fewer empty hosts than this cannot be enough for what is left.
    fn least(&self, problem: &Problem<'_>) -> u64 {
        let left = taken(problem, &self.left);
        left.dominant_share(problem.whole).div_ceil(WHOLE)
    }

    /// What ended on hosts with much left over becomes more urgent.
    fn urgency(&self, problem: &Problem<'_>) -> Vec<u64> {
        let urgencies = problem.urgency.iter().enumerate();
        let more = urgencies.map(|(k, urgency)| {
            let (mut tasks, mut waste) = (0, 0);
            for fill in self.fills.iter().filter(|fill| fill.pattern[k] > 0) {
                let free = problem.hosts[fill.alike].free;
                let left = free.minus(taken(problem, &fill.pattern)).shares(free);
                let here = fill.pattern[k] * fill.times;
                tasks += here;
                waste += here * left.iter().sum::<u64>() / 2;
            }
            urgency + urgency * (waste / u64::max(tasks, 1)) / WHOLE
        });
        more.map(|urgency| urgency.min(limits::URGENCY)).collect()
    }

    /// The fullest first: what is left on them is the hardest to use.
    fn fill_used(&mut self, problem: &Problem<'_>) {
        let used = problem.hosts.iter().enumerate();
        let mut used: Vec<(u64, usize)> = used
            .filter(|(_, alike)| !alike.is_empty)
            .map(|(n, alike)| (alike.free.shares(problem.whole).iter().sum(), n))
            .collect();
        used.sort_unstable();
        for (_, n) in used {
            while self.hosts[n] > 0 && self.fill_one(problem, n, Rule::USED) {}
        }
    }

    fn opening(mut self, problem: &Problem<'_>, rule: Rule) -> Self {
        while !self.is_complete() && self.open_best(problem, rule) {}
        self
    }

    /// Fills the kind of empty host of which least is left over.
    fn open_best(&mut self, problem: &Problem<'_>, rule: Rule) -> bool {
        let kinds = problem.hosts.iter().enumerate();
        let empty = kinds.filter(|(n, alike)| alike.is_empty && self.hosts[*n] > 0);
        let filled = empty.map(|(n, alike)| {
            let pattern = fill(problem, alike.free, &self.left, rule);
            let used = taken(problem, &pattern).dominant_share(alike.free);
            (used, std::cmp::Reverse(n), pattern)
        });
        match filled.max_by_key(|(used, n, _)| (*used, *n)) {
            Some((_, std::cmp::Reverse(n), pattern)) => self.take(problem, n, pattern),
            None => false,
        }
    }

    fn fill_one(&mut self, problem: &Problem<'_>, n: usize, rule: Rule) -> bool {
        let pattern = fill(problem, problem.hosts[n].free, &self.left, rule);
        self.take(problem, n, pattern)
    }

    /// Fills hosts of kind `n`; not all that could be, since what is best changes with what is left.
    fn take(&mut self, problem: &Problem<'_>, n: usize, pattern: Vec<u64>) -> bool {
        const PART: u64 = 8;
        let used = self
            .left
            .iter()
            .zip(&pattern)
            .filter(|(_, each)| **each > 0);
        let Some(possible) = used.map(|(left, each)| left / each).min() else {
            return false;
        };
        let times = possible.div_ceil(PART).min(self.hosts[n]);
        for (left, each) in self.left.iter_mut().zip(&pattern) {
            *left -= each * times;
        }
        self.hosts[n] -= times;
        self.opened += times * u64::from(problem.hosts[n].is_empty);
        self.fills.push(Fill {
            alike: n,
            pattern,
            times,
        });
        true
    }
}

fn taken(problem: &Problem<'_>, pattern: &[u64]) -> Resources {
    let parts = problem.demands.iter().zip(pattern);
    parts.fold(Resources::default(), |sum, (demand, count)| {
        sum.plus(demand.times(*count))
    })
}
