//! `cosmos queue events`.

use clock::{Clock, SystemClock};
use timestone::{Event, limits};
use timestone_client::{EventSearch, Timestone};

use super::args::EventsArgs;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table};
use crate::units::{count, local_time};

pub(super) async fn events(desk: &Desk, args: &EventsArgs) -> Result<(), Stop> {
    let mut search = search(args);
    let mut found = Vec::new();
    let mut left = args.limit;
    let more = loop {
        search.limit = u32::try_from(left).map_or(limits::MAX_PAGE, |n| n.min(limits::MAX_PAGE));
        let page = desk.server.queues.find_events(search.clone()).await;
        let page = page.map_err(|error| desk.server.told(error))?;
        left -= page.events.len() as u64;
        let events = page.events.iter();
        events.for_each(|event| desk.output.item(&json::Happened::from(event)));
        if !desk.json {
            found.extend(page.events);
        }
        match page.next {
            Some(next) if left > 0 => search.cursor = next,
            next => break next.is_some(),
        }
    };
    match found.is_empty() {
        true => desk.output.say("no events"),
        false if desk.json => {}
        false => desk.output.result(&(), || table(&found).render(desk.paint)),
    }
    if more {
        let shown = count(args.limit, "event");
        desk.output
            .say(&format!("{shown} shown; there may be more (--limit)"));
    }
    Ok(())
}

fn search(args: &EventsArgs) -> EventSearch {
    let now = SystemClock.now();
    let ago = args.last.map(|last| {
        let last = i64::try_from(last.0.as_millis()).unwrap_or(i64::MAX);
        now.unix_ms().saturating_sub(last).max(0)
    });
    EventSearch {
        queue: args.queue.clone(),
        happenings: args.happened.clone(),
        owner: args.by.clone(),
        error_code: args.code.clone(),
        since: args.since.map(|since| since.unix_ms(now)).or(ago),
        until: args.until.map(|until| until.unix_ms(now)),
        ..EventSearch::default()
    }
}

/// An event a line, the oldest first.
fn table(found: &[Event]) -> Table {
    let mut table = Table::new(&[
        Column::text("TIME"),
        Column::text("EVENT"),
        Column::name("QUEUE"),
        Column::name("ID"),
        Column::number("TRY"),
        Column::opening("ABOUT"),
    ]);
    for event in found {
        let tone = event.to.map(words::tone).unwrap_or_default();
        table.row([
            local_time(event.at).into(),
            Cell::toned(words::happening(event.happening), tone),
            one_line(&event.queue).into(),
            one_line(&event.id).into(),
            event.deliveries.to_string().into(),
            words::event_about(event).into(),
        ]);
    }
    table
}
