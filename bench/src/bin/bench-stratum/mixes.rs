//! The mixes: published here, the same for everybody with the same seed.

use stratum_placement::Resources;
use stratum_simulator::Random;

/// Tasks in the order of their arrival, for hosts of one capacity.
pub struct Mix {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether the tasks were cut out of whole hosts, so that they fit without waste.
    pub is_perfect: bool,
    pub capacity: Resources,
    pub demands: Vec<Resources>,
}

/// 16 processors, 64 GB, 10 Gbit/s, 1 TB.
const HOST: Resources = Resources::new(16, 64_000, 10_000, 1_000_000);

const LADDER: [Resources; 4] = [
    Resources::new(1, 1_000, 250, 8_000),
    Resources::new(1, 2_000, 500, 16_000),
    Resources::new(1, 4_000, 750, 64_000),
    Resources::new(1, 8_000, 1_000, 64_000),
];

/// Encoders by resolution and codec, assemblers, inspectors, packagers.
const STUDIO: [Resources; 8] = [
    Resources::new(2, 4_000, 750, 12_000),
    Resources::new(4, 6_000, 500, 16_000),
    Resources::new(8, 12_000, 750, 32_000),
    Resources::new(12, 40_000, 1_000, 64_000),
    Resources::new(1, 12_000, 2_000, 250_000),
    Resources::new(1, 3_000, 400, 8_000),
    Resources::new(3, 24_000, 500, 32_000),
    Resources::new(2, 2_000, 3_000, 100_000),
];

/// Each asks much of one resource and little of the others.
const ONE_SIDED: [Resources; 8] = [
    Resources::new(6, 4_000, 300, 30_000),
    Resources::new(3, 3_000, 200, 10_000),
    Resources::new(1, 24_000, 300, 30_000),
    Resources::new(1, 14_000, 200, 20_000),
    Resources::new(1, 4_000, 4_000, 30_000),
    Resources::new(1, 2_000, 2_000, 20_000),
    Resources::new(1, 4_000, 300, 400_000),
    Resources::new(1, 2_000, 200, 150_000),
];

/// More than half a host, and what may fit beside it.
const HALVES: [Resources; 6] = [
    Resources::new(9, 20_000, 1_000, 100_000),
    Resources::new(10, 36_000, 2_000, 200_000),
    Resources::new(6, 24_000, 1_000, 100_000),
    Resources::new(7, 12_000, 3_000, 300_000),
    Resources::new(4, 34_000, 1_000, 100_000),
    Resources::new(3, 8_000, 500, 50_000),
];

/// Sets that fill a host: see [`cut`].
const CUTS: [&[Resources]; 4] = [
    &[
        Resources::new(3, 4_000, 500, 50_000),
        Resources::new(3, 4_000, 500, 50_000),
        Resources::new(3, 4_000, 500, 50_000),
        Resources::new(3, 4_000, 500, 50_000),
        Resources::new(2, 24_000, 4_000, 400_000),
        Resources::new(2, 24_000, 4_000, 400_000),
    ],
    &[
        Resources::new(8, 16_000, 2_000, 200_000),
        Resources::new(5, 8_000, 2_000, 200_000),
        Resources::new(3, 40_000, 6_000, 600_000),
    ],
    &[
        Resources::new(1, 8_000, 1_000, 100_000),
        Resources::new(1, 8_000, 1_000, 100_000),
        Resources::new(6, 32_000, 1_000, 600_000),
        Resources::new(8, 16_000, 7_000, 200_000),
    ],
    &[
        Resources::new(7, 20_000, 3_000, 300_000),
        Resources::new(4, 20_000, 3_000, 300_000),
        Resources::new(4, 4_000, 3_000, 300_000),
        Resources::new(1, 20_000, 1_000, 100_000),
    ],
];

/// Every mix, with about so many tasks.
pub fn all(seed: u64, tasks: usize) -> Vec<Mix> {
    let of = |name, about, shapes: &[Resources], salt: u64| {
        let mut random = Random::new(seed * 1_000 + salt);
        Mix {
            name,
            about,
            is_perfect: false,
            capacity: HOST,
            demands: (0..tasks)
                .map(|_| shapes[random.below(shapes.len())])
                .collect(),
        }
    };
    vec![
        of(
            "ladder",
            "the shapes that come with the platform, equally often",
            &LADDER,
            1,
        ),
        of(
            "studio",
            "encoders, assemblers, inspectors and packagers, equally often",
            &STUDIO,
            2,
        ),
        of("one-sided", "each asks much of one resource", &ONE_SIDED, 3),
        of("halves", "tasks of about half a host", &HALVES, 4),
        cut(
            "cut",
            "whole hosts cut to pieces, in any order",
            seed,
            tasks,
            &CUTS,
        ),
        cut(
            "cut-in-two-ways",
            "whole hosts cut to pieces in two ways",
            seed,
            tasks,
            &CUTS[..2],
        ),
        skewed(seed, tasks),
    ]
}

/// Few of the large ones, many of the small.
fn skewed(seed: u64, tasks: usize) -> Mix {
    let mut random = Random::new(seed * 1_000 + 5);
    let mut demand = || {
        let n = random.below(STUDIO.len()).min(random.below(STUDIO.len()));
        STUDIO[[5, 0, 1, 4, 7, 6, 2, 3][n]]
    };
    Mix {
        name: "skewed",
        about: "the studio's shapes, small ones more often",
        is_perfect: false,
        capacity: HOST,
        demands: (0..tasks).map(|_| demand()).collect(),
    }
}

/// Tasks that fit on so many whole hosts without anything left over.
fn cut(
    name: &'static str,
    about: &'static str,
    seed: u64,
    tasks: usize,
    cuts: &[&[Resources]],
) -> Mix {
    let mut random = Random::new(seed * 1_000 + 6 + cuts.len() as u64);
    let mut demands = Vec::new();
    while demands.len() < tasks {
        demands.extend(cuts[random.below(cuts.len())]);
    }
    random.shuffle(&mut demands);
    Mix {
        name,
        about,
        is_perfect: true,
        capacity: HOST,
        demands,
    }
}
