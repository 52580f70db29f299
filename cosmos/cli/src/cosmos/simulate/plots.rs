//! What came of the runs, as plots.

use stratum_simulator::{Mix, Outcome, Sample};

use crate::chart::{Bars, Line, Lines};

/// Each plot with its file's name.
pub(super) fn all(mix: &Mix, outcomes: &[Outcome]) -> [(&'static str, String); 3] {
    [
        ("utilisation.svg", utilisation(mix, outcomes)),
        ("waits.svg", waits(mix, outcomes)),
        ("cost.svg", cost(mix, outcomes)),
    ]
}

fn utilisation(mix: &Mix, outcomes: &[Outcome]) -> String {
    let line = |outcome: &Outcome, what: &str, value: fn(&Sample) -> u64| {
        let points = outcome.samples.iter();
        Line {
            name: format!("{} {what}", outcome.policy),
            points: points.map(|s| (s.hour, value(s) as f64)).collect(),
        }
    };
    let used = outcomes
        .iter()
        .map(|outcome| line(outcome, "used", |s| s.used));
    let busy = outcomes
        .first()
        .map(|outcome| line(outcome, "busy", |s| s.busy));
    let title = format!(
        "{}: processors of hosts in use, and of those that work",
        mix.name
    );
    let lines = used.chain(busy).collect();
    Lines {
        title: &title,
        x_name: "hour",
        lines,
        marks: vec![],
    }
    .svg()
}

fn waits(mix: &Mix, outcomes: &[Outcome]) -> String {
    let classes = ["critical", "preferred", "normal", "opportunistic"];
    let there = classes
        .into_iter()
        .filter(|class| outcomes.iter().any(|o| o.classes.contains_key(*class)));
    let groups = there.map(|class| {
        let p95 = |outcome: &Outcome| outcome.classes.get(class).map_or(0.0, |by| by.wait_p95_s);
        (class.to_owned(), outcomes.iter().map(p95).collect())
    });
    let title = format!("{}: 95 of 100 wait no longer, in seconds", mix.name);
    Bars {
        title: &title,
        series: names(outcomes),
        groups: groups.collect(),
        is_logarithmic: true,
    }
    .svg()
}

fn cost(mix: &Mix, outcomes: &[Outcome]) -> String {
    let title = format!("{}: cost of an hour of a processor that worked", mix.name);
    let costs = outcomes.iter().map(|outcome| outcome.cost_per_core_hour);
    Bars {
        title: &title,
        series: names(outcomes),
        groups: vec![(String::new(), costs.collect())],
        is_logarithmic: false,
    }
    .svg()
}

fn names(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| outcome.policy.clone())
        .collect()
}
