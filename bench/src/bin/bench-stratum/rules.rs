//! The rules of others, task by task, over all hosts in use.

use serde::Serialize;
use stratum_placement::Resources;

/// How a host is chosen among those with room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    FirstFit,
    /// The least left over, as the sum of shares of a host.
    BestFit,
    /// The score of kube-scheduler's NodeResourcesFit with strategy MostAllocated and its
    /// default weights: processors and memory, 1 each.
    MostAllocated,
}

pub const RULES: [Rule; 3] = [Rule::FirstFit, Rule::BestFit, Rule::MostAllocated];

/// The host that `rule` takes for `demand`; `None` where none has room.
pub fn choose(
    rule: Rule,
    free: &[Resources],
    capacity: Resources,
    demand: Resources,
) -> Option<usize> {
    let mut fitting = (0..free.len()).filter(|host| demand.fits(free[*host]));
    match rule {
        Rule::FirstFit => fitting.next(),
        Rule::BestFit => fitting.min_by_key(|host| left(free[*host].minus(demand), capacity)),
        Rule::MostAllocated => fitting.max_by_key(|host| {
            let used = capacity.minus(free[*host]).plus(demand);
            // Of equals the first, so that it is the same each time.
            (allocated(used, capacity), std::cmp::Reverse(*host))
        }),
    }
}

fn left(left: Resources, capacity: Resources) -> u64 {
    let (left, all) = (left.amounts(), capacity.amounts());
    (0..4).map(|d| left[d] * 1_000_000 / all[d].max(1)).sum()
}

/// 0 to 100, as Kubernetes scores: the mean of both shares.
fn allocated(used: Resources, capacity: Resources) -> u64 {
    let cpus = used.cpus * 100 / capacity.cpus;
    let memory = used.memory_mb * 100 / capacity.memory_mb;
    u64::midpoint(cpus, memory)
}

/// How many hosts `rule` uses for all of them, one after the other.
pub fn hosts_used(rule: Rule, demands: &[Resources], capacity: Resources) -> u64 {
    let mut free: Vec<Resources> = Vec::new();
    for demand in demands {
        let host = choose(rule, &free, capacity, *demand).unwrap_or_else(|| {
            free.push(capacity);
            free.len() - 1
        });
        free[host] = free[host].minus(*demand);
    }
    free.len() as u64
}

/// The largest first, by the sum of shares of a host: what the rules do best with.
pub fn decreasing(demands: &[Resources], capacity: Resources) -> Vec<Resources> {
    let mut sorted = demands.to_vec();
    sorted.sort_by_key(|demand| std::cmp::Reverse((left(*demand, capacity), *demand)));
    sorted
}
