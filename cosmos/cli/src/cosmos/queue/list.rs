//! `cosmos queue list`.

use timestone::{QueueView, limits};
use timestone_client::Timestone;

use super::args::ListArgs;
use super::{Desk, json};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table, Tone};

pub(super) async fn list(desk: &Desk, args: &ListArgs) -> Result<(), Stop> {
    let views = collect(desk, args).await?;
    match (desk.json, views.is_empty()) {
        (true, _) => views
            .iter()
            .for_each(|view| desk.output.item(&json::Queue::from(view))),
        (false, true) => desk.output.say("no queues"),
        (false, false) => desk.output.result(&(), || table(&views).render(desk.paint)),
    }
    Ok(())
}

async fn collect(desk: &Desk, args: &ListArgs) -> Result<Vec<QueueView>, Stop> {
    let mut found: Vec<QueueView> = Vec::new();
    loop {
        let left = args.limit - found.len() as u64;
        let limit = u32::try_from(left).map_or(limits::MAX_PAGE, |left| left.min(limits::MAX_PAGE));
        let after = found.last().map_or("", |view| &view.count.queue).to_owned();
        let page = desk.server.queues.list_queues(&args.prefix, &after, limit);
        let page = page.await.map_err(|error| desk.server.told(error))?;
        let was_last = page.len() < limit as usize;
        found.extend(page);
        if was_last || found.len() as u64 >= args.limit {
            return Ok(found);
        }
    }
}

fn table(views: &[QueueView]) -> Table {
    let mut table = Table::new(&[
        Column::cut("QUEUE"),
        Column::number("PENDING"),
        Column::number("INVISIBLE"),
        Column::number("RUNNING"),
        Column::number("ERRORED"),
        Column::number("COMPLETED"),
        Column::number("CANCELED"),
        Column::cut("NOTES"),
    ]);
    for view in views {
        let count = &view.count;
        table.row([
            one_line(&count.queue).into(),
            Cell::count(count.pending, Tone::Plain),
            Cell::count(count.invisible, Tone::Plain),
            Cell::count(count.running, Tone::Notable),
            Cell::count(count.errored, Tone::Bad),
            Cell::count(count.completed, Tone::Plain),
            Cell::count(count.canceled, Tone::Plain),
            Cell::toned(notes(view), Tone::Notable),
        ]);
    }
    table
}

fn notes(view: &QueueView) -> &'static str {
    match (
        view.deleting,
        view.config.enqueue_blocked,
        view.config.dequeue_blocked,
    ) {
        (true, _, _) => "deleting",
        (_, true, true) => "blocked",
        (_, true, false) => "enqueue blocked",
        (_, false, true) => "dequeue blocked",
        (_, false, false) => "",
    }
}

#[cfg(test)]
mod tests {
    use timestone::{QueueConfig, QueueCount};

    use super::*;
    use crate::colour::Paint;

    #[test]
    fn queues_are_a_table_that_fits() {
        let view = |queue: &str, errored, blocked| QueueView {
            config: QueueConfig {
                dequeue_blocked: blocked,
                ..QueueConfig::default()
            },
            configured: true,
            deleting: false,
            count: QueueCount {
                queue: queue.into(),
                pending: 1_234_567,
                errored,
                ..QueueCount::default()
            },
        };
        let views = [
            view("stratum/ves-avc", 3, true),
            view(&"x".repeat(255), 0, false),
        ];
        let text = table(&views).render(Paint::default());
        let lines: Vec<_> = text.lines().collect();
        let titles: Vec<_> = lines[0].split_whitespace().collect();
        assert_eq!(titles[..3], ["QUEUE", "PENDING", "INVISIBLE"]);
        let numbers: Vec<_> = lines[1].split_whitespace().collect();
        assert_eq!(numbers[1..5], ["1234567", "0", "0", "3"]);
        assert!(lines[1].starts_with("stratum/ves-avc  "), "{text}");
        assert!(lines[1].ends_with("dequeue blocked"), "{text}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert!(lines[2].starts_with("xxxxxxxxx"), "{text}");
    }
}
