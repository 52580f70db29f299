//! How few hosts could be enough.

use crate::Resources;
use crate::resources::DIMENSIONS;

/// A number of hosts of this `capacity` below which `demands` cannot be placed, whoever places
/// them: in each dimension, the sum over what a host has; and what is larger than half a host
/// needs one of its own, together with what fits nowhere beside it (Martello and Toth, 1990).
pub fn lower_bound(demands: &[Resources], capacity: Resources) -> u64 {
    let dimensions = (0..DIMENSIONS).filter(|d| capacity.amounts()[*d] > 0);
    let bounds = dimensions.map(|d| {
        let mut amounts: Vec<u64> = demands.iter().map(|demand| demand.amounts()[d]).collect();
        amounts.sort_unstable();
        in_one(&amounts, capacity.amounts()[d])
    });
    bounds.max().unwrap_or(0)
}

/// As [`lower_bound`], by the sums alone: what a host that could be cut to pieces would do with.
pub fn volume_bound(demands: &[Resources], capacity: Resources) -> u64 {
    let sum = demands
        .iter()
        .fold(Resources::default(), |sum, d| sum.plus(*d));
    let needed = sum.amounts().into_iter().zip(capacity.amounts());
    let scarce = needed.filter(|(_, each)| *each > 0);
    let bounds = scarce.map(|(sum, each)| sum.div_ceil(each));
    bounds.max().unwrap_or(0)
}

/// The bound in one dimension; `amounts` ascend.
fn in_one(amounts: &[u64], capacity: u64) -> u64 {
    let mut thresholds: Vec<u64> = amounts
        .iter()
        .copied()
        .filter(|a| a * 2 <= capacity)
        .collect();
    thresholds.push(0);
    thresholds.sort_unstable();
    thresholds.dedup();
    let bounds = thresholds
        .into_iter()
        .map(|small| with_threshold(amounts, capacity, small));
    bounds.max().unwrap_or(0)
}

/// Leaving out what is smaller than `small`: those above `capacity - small` are alone, those above
/// half are apart, and the rest fills what is left beside the latter.
fn with_threshold(amounts: &[u64], capacity: u64, small: u64) -> u64 {
    let alone_from = amounts.partition_point(|a| *a <= capacity - small);
    let apart_from = amounts
        .partition_point(|a| a * 2 <= capacity)
        .min(alone_from);
    let small_from = amounts.partition_point(|a| *a < small).min(apart_from);
    let alone = (amounts.len() - alone_from) as u64;
    let apart = (alone_from - apart_from) as u64;
    let beside = apart * capacity - amounts[apart_from..alone_from].iter().sum::<u64>();
    let rest: u64 = amounts[small_from..apart_from].iter().sum();
    alone + apart + rest.saturating_sub(beside).div_ceil(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(amounts: &[u64]) -> Vec<Resources> {
        amounts
            .iter()
            .map(|a| Resources::new(*a, 0, 0, 0))
            .collect()
    }

    #[test]
    fn the_scarcest_dimension_decides() {
        let host = Resources::new(8, 32_000, 0, 0);
        let demands = vec![Resources::new(1, 16_000, 0, 0); 10];
        assert_eq!(volume_bound(&demands, host), 5);
        assert_eq!(lower_bound(&demands, host), 5);
        assert_eq!(lower_bound(&[], host), 0);
    }

    #[test]
    fn what_is_larger_than_half_a_host_needs_one_of_its_own() {
        let host = Resources::new(8, 1, 0, 0);
        for (amounts, volume, bound) in [
            (&[5, 5, 5][..], 2, 3),
            (&[5, 5, 5, 3, 3], 3, 3),
            (&[5, 5, 4], 2, 3),
            (&[4, 4, 4, 4], 2, 2),
            (&[8, 1], 2, 2),
            (&[7, 7, 2, 2], 3, 3),
        ] {
            assert_eq!(volume_bound(&cpus(amounts), host), volume, "{amounts:?}");
            assert_eq!(lower_bound(&cpus(amounts), host), bound, "{amounts:?}");
        }
    }
}
