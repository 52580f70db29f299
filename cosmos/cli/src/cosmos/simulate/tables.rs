//! What came of the runs, for people.

use std::time::Duration;

use stratum_simulator::{Mix, Outcome};

use crate::colour::Paint;
use crate::table::{Cell, Column, Table, Tone};
use crate::units::Age;

pub(super) fn in_words(mix: &Mix, outcomes: &[Outcome], paint: Paint) -> String {
    let Some(first) = outcomes.first() else {
        return String::new();
    };
    let title = format!(
        "{}: {} hosts of {} processors, {} hours, {} invocations",
        paint.strong(&mix.name),
        first.hosts,
        mix.host.shape.cpus,
        first.hours,
        first.arrived
    );
    let about = paint.faint(&mix.about);
    let (costs, waits) = (costs(outcomes).render(paint), waits(outcomes).render(paint));
    format!("{title}\n{about}\n\n{costs}\n\n{waits}")
}

fn costs(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(&[
        Column::text("POLICY"),
        Column::number("ENDED"),
        Column::number("UTILISATION"),
        Column::number("HOST HOURS"),
        Column::number("COST"),
        Column::number("PER CORE HOUR"),
        Column::number("LAUNCHES"),
        Column::number("PREEMPTED"),
        Column::number("LOST CORE HOURS"),
    ]);
    for outcome in outcomes {
        table.row([
            Cell::from(outcome.policy.as_str()),
            Cell::from(outcome.ended.to_string()),
            Cell::from(format!("{:.1} %", outcome.utilisation_percent)),
            Cell::from(format!("{:.0}", outcome.host_hours)),
            Cell::from(format!("{:.2}", outcome.cost)),
            Cell::from(format!("{:.4}", outcome.cost_per_core_hour)),
            Cell::from(outcome.launches.to_string()),
            Cell::count(outcome.preemptions, Tone::Plain),
            Cell::from(format!("{:.1}", outcome.lost_core_hours)),
        ]);
    }
    table
}

fn waits(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(&[
        Column::text("CLASS"),
        Column::text("POLICY"),
        Column::number("INVOCATIONS"),
        Column::number("WAIT P50"),
        Column::number("P95"),
        Column::number("P99"),
        Column::number("MAX"),
        Column::number("LATE"),
    ]);
    for class in ["critical", "preferred", "normal", "opportunistic"] {
        for outcome in outcomes {
            let Some(by) = outcome.classes.get(class) else {
                continue;
            };
            let late = match by.late_percent > 1.0 {
                true => Tone::Notable,
                false => Tone::Plain,
            };
            table.row([
                Cell::from(class),
                Cell::from(outcome.policy.as_str()),
                Cell::from(by.arrived.to_string()),
                Cell::from(wait(by.wait_p50_s)),
                Cell::from(wait(by.wait_p95_s)),
                Cell::from(wait(by.wait_p99_s)),
                Cell::from(wait(by.wait_max_s)),
                Cell::toned(format!("{:.2} %", by.late_percent), late),
            ]);
        }
    }
    table
}

fn wait(seconds: f64) -> String {
    match seconds < 10.0 {
        true => format!("{seconds:.1} s"),
        false => Age(Duration::from_secs_f64(seconds)).to_string(),
    }
}
