//! How many hosts are used for tasks that are there at once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use stratum_placement::{
    Class, Decision, Host, Patience, Placer, Pool, Resources, Task, TaskId, lower_bound,
    volume_bound,
};

use crate::mixes::{self, Mix};
use crate::rules::{RULES, Rule, decreasing, hosts_used};

/// One mix with one seed.
#[derive(Serialize)]
pub struct Packed {
    pub mix: &'static str,
    pub about: &'static str,
    pub seed: u64,
    pub tasks: usize,
    /// Whether the tasks were cut out of whole hosts, so that the bound can be reached.
    pub is_perfect: bool,
    /// Nobody can do with fewer: sums, and what is larger than half a host.
    pub lower_bound: u64,
    /// The sums alone.
    pub volume_bound: u64,
    pub ours: u64,
    /// In the order of arrival, as they place.
    pub rules: BTreeMap<Rule, u64>,
    /// The largest first, for which they would have to know all of them beforehand.
    pub rules_decreasing: BTreeMap<Rule, u64>,
}

pub fn measure(seeds: u64, tasks: usize) -> Result<Vec<Packed>> {
    let mut all = Vec::new();
    for seed in 1..=seeds {
        for mix in mixes::all(seed, tasks) {
            eprintln!("packing {} with seed {seed}", mix.name);
            all.push(packed(&mix, seed)?);
        }
    }
    Ok(all)
}

fn packed(mix: &Mix, seed: u64) -> Result<Packed> {
    let sorted = decreasing(&mix.demands, mix.capacity);
    let used = |demands: &[Resources]| {
        let hosts = RULES.map(|rule| (rule, hosts_used(rule, demands, mix.capacity)));
        hosts.into_iter().collect()
    };
    Ok(Packed {
        mix: mix.name,
        about: mix.about,
        seed,
        tasks: mix.demands.len(),
        is_perfect: mix.is_perfect,
        lower_bound: lower_bound(&mix.demands, mix.capacity),
        volume_bound: volume_bound(&mix.demands, mix.capacity),
        ours: ours(mix)?,
        rules: used(&mix.demands),
        rules_decreasing: used(&sorted),
    })
}

/// The hosts that Stratum uses, of as many as there are tasks.
fn ours(mix: &Mix) -> Result<u64> {
    let mut placer = Placer::new(vec![Pool::named("all")], Patience::default())?;
    let pool = placer.pool("all").context("the pool is there")?;
    for n in 0..mix.demands.len() {
        let name = format!("h{n}");
        let capacity = mix.capacity;
        placer.add_host(Host { name, capacity })?;
    }
    for (n, demand) in mix.demands.iter().enumerate() {
        placer.submit(Task {
            id: TaskId(n as u64),
            pool,
            class: Class::Normal,
            deadline: None,
            since: 0,
            demand: *demand,
        })?;
    }
    let decisions = placer.decide(0);
    let starts = decisions.iter().filter_map(|decision| match decision {
        Decision::Start(start) => Some(start.host),
        Decision::Preempt(_) | Decision::Keep(_) => None,
    });
    let hosts: BTreeSet<_> = starts.collect();
    ensure!(
        decisions.len() == mix.demands.len() && placer.waiting() == 0,
        "not all were placed"
    );
    Ok(hosts.len() as u64)
}
