//! What is told in the end.

use std::collections::BTreeMap;

use bench::machine::Machine;
use serde::Serialize;

use crate::packing::Packed;
use crate::rate::Rate;
use crate::reading::Reading;
use crate::rules::{RULES, Rule};

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub ratios: BTreeMap<String, f64>,
    pub packing_over_lower_bound: BTreeMap<&'static str, f64>,
    pub placements_per_s_at_5000_hosts: f64,
    pub rate: Rate,
    pub reading: Reading,
    pub packing: Vec<Packed>,
}

impl Report {
    pub fn new(machine: Machine, packing: Vec<Packed>, rate: Rate, reading: Reading) -> Self {
        let reads = reading
            .ratios()
            .map(|(name, ratio)| (name.to_owned(), ratio));
        Self {
            machine,
            ratios: ratios(&packing).into_iter().chain(reads).collect(),
            packing_over_lower_bound: over_bound(&packing),
            placements_per_s_at_5000_hosts: rate.rounds_of_100.map_or(f64::NAN, |s| s.median),
            rate,
            reading,
            packing,
        }
    }
}

/// Hosts over those of each rule, the worst of all mixes and seeds; and over the bound, the worst
/// of the mixes that can reach it.
fn ratios(packing: &[Packed]) -> BTreeMap<String, f64> {
    let mut ratios = BTreeMap::new();
    for rule in RULES {
        let name = match rule {
            Rule::FirstFit => "first_fit",
            Rule::BestFit => "best_fit",
            Rule::MostAllocated => "most_allocated",
        };
        let worst = |hosts: fn(&Packed) -> &BTreeMap<Rule, u64>| {
            let ratios = packing
                .iter()
                .map(|p| p.ours as f64 / hosts(p)[&rule] as f64);
            ratios.fold(0.0, f64::max)
        };
        ratios.insert(format!("hosts_vs_{name}"), worst(|p| &p.rules));
        ratios.insert(
            format!("hosts_vs_{name}_decreasing"),
            worst(|p| &p.rules_decreasing),
        );
    }
    let perfect = packing.iter().filter(|p| p.is_perfect);
    let over = perfect.map(|p| p.ours as f64 / p.lower_bound as f64);
    ratios.insert("packing_over_lower_bound".into(), over.fold(0.0, f64::max));
    ratios
}

/// The worst seed of each mix.
fn over_bound(packing: &[Packed]) -> BTreeMap<&'static str, f64> {
    let mut worst: BTreeMap<&'static str, f64> = BTreeMap::new();
    for packed in packing {
        let over = packed.ours as f64 / packed.lower_bound as f64;
        let known = worst.entry(packed.mix).or_default();
        *known = known.max(over);
    }
    worst
}
