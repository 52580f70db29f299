//! `cosmos queue find`.

use timestone::{Filter, MessageView, Search, limits};

use super::args::FindArgs;
use super::server::Server;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table};
use crate::units::count;

pub(super) async fn find(desk: &Desk, args: &FindArgs) -> Result<(), Stop> {
    desk.server.queue(&args.queue).await?;
    let states = args.state.iter().copied().map(Into::into);
    let mut pages = Pages::new(&args.queue, args.meant.filter(states));
    let mut found = Vec::new();
    let mut left = args.limit;
    while let Some(page) = pages.next(&desk.server, left).await? {
        left -= page.len() as u64;
        page.iter()
            .for_each(|view| desk.output.item(&json::Message::from(view)));
        if !desk.json {
            found.extend(page);
        }
        if left == 0 {
            break;
        }
    }
    if !desk.json {
        show(desk, &found);
    }
    if pages.has_more() {
        let shown = count(args.limit, "message");
        let line = format!("{shown} shown; there may be more (--limit)");
        desk.output.say(&line);
    }
    Ok(())
}

fn show(desk: &Desk, found: &[MessageView]) {
    match found.is_empty() {
        true => desk.output.say("no messages"),
        false => desk.output.result(&(), || table(found).render(desk.paint)),
    }
}

/// Messages of one queue that are meant, page by page.
pub(super) struct Pages {
    search: Search,
    /// Whether the last page was read.
    ended: bool,
}

impl Pages {
    pub(super) fn new(queue: &str, filter: Filter) -> Self {
        Self {
            search: Search {
                queue: queue.to_owned(),
                filter,
                ..Search::default()
            },
            ended: false,
        }
    }

    /// The next page of at most so many messages; it may be empty. `None` after the last.
    pub(super) async fn next(
        &mut self,
        server: &Server,
        max: u64,
    ) -> Result<Option<Vec<MessageView>>, Stop> {
        if self.ended {
            return Ok(None);
        }
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        self.search.limit = max.clamp(1, limits::MAX_PAGE);
        let found = server.find(self.search.clone()).await?;
        self.ended = found.next.is_none();
        self.search.cursor = found.next.unwrap_or_default();
        Ok(Some(found.messages))
    }

    pub(super) fn has_more(&self) -> bool {
        !self.ended
    }
}

/// A message a line.
fn table(found: &[MessageView]) -> Table {
    let mut table = Table::new(&[
        Column::name("ID"),
        Column::text("STATE"),
        Column::number("PRIORITY"),
        Column::number("TRIES"),
        Column::number("LEFT"),
        Column::text("UNTIL"),
        Column::opening("ABOUT"),
    ]);
    for view in found {
        table.row([
            one_line(&view.key.id).into(),
            Cell::toned(words::state(view.state), words::tone(view.state)),
            view.priority.to_string().into(),
            view.deliveries.to_string().into(),
            view.attempts_left.to_string().into(),
            words::until(view).into(),
            words::about(view).into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use buffa::Message;
    use bytes::Bytes;
    use errors::Error;
    use proto::base::v1 as base;
    use timestone::{MessageKey, MessageState};

    use super::*;
    use crate::colour::Paint;

    fn view(id: &str, state: MessageState) -> MessageView {
        MessageView {
            key: MessageKey {
                queue: "jobs".into(),
                id: id.into(),
            },
            state,
            priority: -5,
            deliveries: 2,
            attempts_left: 14,
            owner: None,
            until: None,
            metadata: [("tenant".to_owned(), "a".to_owned())].into(),
            version: 7,
            error: None,
            payload: Bytes::new(),
        }
    }

    #[test]
    fn messages_are_a_table_that_fits() {
        let error = Error::function("EXIT_1", "it\nbroke").hint("mend it");
        let errored = MessageView {
            error: Some(base::Error::from(error).encode_to_vec().into()),
            ..view("17", MessageState::Errored)
        };
        let running = MessageView {
            owner: Some("w@host".into()),
            until: Some(words::now() + 90_500),
            ..view(&"long/".repeat(40), MessageState::Running)
        };
        let text = table(&[view("16", MessageState::Pending), errored, running]);
        let text = text.render(Paint::default());
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(rows[1], ["16", "pending", "-5", "2", "14", "tenant=a"]);
        assert_eq!(rows[2][..5], ["17", "errored", "-5", "2", "14"]);
        assert_eq!(rows[2][5], "it\\nbroke [EXIT_1]; t…");
        assert_eq!(rows[3][5..], ["in 1 m", "by w@host; tenant=a"]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
}
