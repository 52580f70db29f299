//! How many placements a second, with thousands of hosts that are nearly full.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bench::stats::{Spread, spread};
use serde::Serialize;
use stratum_placement::{
    Class, Decision, Host, Patience, Placer, Pool, PoolId, Resources, Task, TaskId,
};

use crate::rules::{Rule, choose};
use stratum_simulator::Random;

pub const HOSTS: usize = 5_000;
const CAPACITY: Resources = Resources::new(64, 256_000, 25_000, 4_000_000);
const SHAPES: [Resources; 8] = [
    Resources::new(2, 4_000, 750, 12_000),
    Resources::new(4, 6_000, 500, 16_000),
    Resources::new(8, 12_000, 750, 32_000),
    Resources::new(12, 40_000, 1_000, 64_000),
    Resources::new(1, 12_000, 500, 250_000),
    Resources::new(1, 3_000, 400, 8_000),
    Resources::new(3, 24_000, 500, 32_000),
    Resources::new(2, 2_000, 900, 100_000),
];
const POOLS: [&str; 4] = ["film", "series", "trailers", "tests"];

/// Placements a second.
#[derive(Serialize)]
pub struct Rate {
    pub hosts: usize,
    pub placements: usize,
    /// 100 tasks end, 100 others come, and a round decides.
    pub rounds_of_100: Option<Spread>,
    /// A round for each task.
    pub one_by_one: Option<Spread>,
    /// As many tasks as fill three quarters of the cluster, at once, while nothing runs.
    pub burst: Option<Spread>,
    /// Best-fit that looks at every host, one by one; without pools and priorities.
    pub scan_best_fit: Option<Spread>,
}

pub fn measure(runs: usize, placements: usize) -> Result<Rate> {
    let (mut rounds, mut single, mut burst, mut scan) = (vec![], vec![], vec![], vec![]);
    for run in 0..runs {
        eprintln!("rate: run {} of {runs}", run + 1);
        scan.push(scanning(run as u64, placements / 10)?);
        let (mut cluster, filled) = Cluster::filled(run as u64)?;
        burst.push(filled);
        rounds.push(cluster.churn(placements, 100)?);
        single.push(cluster.churn(placements / 10, 1)?);
    }
    Ok(Rate {
        hosts: HOSTS,
        placements,
        rounds_of_100: spread(rounds),
        one_by_one: spread(single),
        burst: spread(burst),
        scan_best_fit: spread(scan),
    })
}

struct Cluster {
    placer: Placer,
    pools: Vec<PoolId>,
    random: Random,
    running: Vec<TaskId>,
    next: u64,
    now: u64,
}

impl Cluster {
    /// Fills most of a cluster at once; and how many placements a second that were.
    fn filled(seed: u64) -> Result<(Self, f64)> {
        let pools = POOLS.map(|name| Pool {
            reserved: Resources::new(HOSTS as u64 * 8, 0, 0, 0),
            ..Pool::named(name)
        });
        let mut placer = Placer::new(pools.to_vec(), Patience::default())?;
        for n in 0..HOSTS {
            let name = format!("h{n}");
            let capacity = CAPACITY;
            placer.add_host(Host { name, capacity })?;
        }
        let found = POOLS
            .iter()
            .map(|name| placer.pool(name).context("a pool is missing"));
        let mut cluster = Self {
            pools: found.collect::<Result<_>>()?,
            placer,
            random: Random::new(seed),
            running: Vec::new(),
            next: 0,
            now: 0,
        };
        // 4.1 processors each.
        let tasks = HOSTS * 64 * 3 / 4 / 4;
        let start = Instant::now();
        (0..tasks).try_for_each(|_| cluster.submit())?;
        let placed = cluster.decide();
        let rate = placed as f64 / start.elapsed().as_secs_f64();
        ensure!(placed == tasks, "{placed} of {tasks} were placed");
        while cluster.placer.waiting() < 100 {
            (0..100).try_for_each(|_| cluster.submit())?;
            cluster.decide();
        }
        Ok((cluster, rate))
    }

    fn submit(&mut self) -> Result<()> {
        let id = TaskId(self.next);
        self.next += 1;
        self.placer.submit(Task {
            id,
            pool: self.pools[self.random.below(self.pools.len())],
            class: Class::Normal,
            deadline: Some(self.now + 60_000 * self.random.below(600) as u64),
            since: self.now,
            demand: SHAPES[self.random.below(SHAPES.len())],
        })?;
        Ok(())
    }

    fn decide(&mut self) -> usize {
        let decisions = self.placer.decide(self.now);
        let starts = decisions.iter().filter_map(|decision| match decision {
            Decision::Start(start) => Some(start.task),
            Decision::Preempt(_) | Decision::Keep(_) => None,
        });
        let before = self.running.len();
        self.running.extend(starts);
        self.running.len() - before
    }

    /// So many tasks end and come, then a round decides, until so many were placed.
    fn churn(&mut self, placements: usize, each: usize) -> Result<f64> {
        let (mut placed, start) = (0, Instant::now());
        while placed < placements {
            self.now += 10;
            for _ in 0..each {
                let ended = self.random.below(self.running.len());
                self.placer.remove(self.running.swap_remove(ended));
                self.submit()?;
            }
            placed += self.decide();
        }
        Ok(placed as f64 / start.elapsed().as_secs_f64())
    }
}

/// The same churn by looking at every host.
fn scanning(seed: u64, placements: usize) -> Result<f64> {
    let mut random = Random::new(seed);
    let mut free = vec![CAPACITY; HOSTS];
    let mut running = Vec::new();
    loop {
        let demand = SHAPES[random.below(SHAPES.len())];
        let Some(host) = choose(Rule::FirstFit, &free, CAPACITY, demand) else {
            break;
        };
        free[host] = free[host].minus(demand);
        running.push((host, demand));
    }
    let (mut placed, start) = (0, Instant::now());
    while placed < placements {
        let (host, demand): (usize, Resources) = running.swap_remove(random.below(running.len()));
        free[host] = free[host].plus(demand);
        let demand = SHAPES[random.below(SHAPES.len())];
        if let Some(host) = black_box(choose(Rule::BestFit, &free, CAPACITY, demand)) {
            free[host] = free[host].minus(demand);
            running.push((host, demand));
            placed += 1;
        }
        ensure!(!running.is_empty(), "nothing fits any more");
    }
    Ok(placed as f64 / start.elapsed().as_secs_f64())
}
