//! `cosmos queue delete`.

use errors::Error;
use timestone::{MessageKey, Outcome, QueueView, Refusal};
use timestone_client::Timestone;

use super::args::DeleteArgs;
use super::server::refused;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::units::count;

pub(super) async fn delete(desk: &Desk, args: &DeleteArgs) -> Result<(), Stop> {
    let view = desk.server.queue(&args.queue).await?;
    let outcome = match args.dry_run {
        true => rehearsed(&view, args.force),
        false => act(desk, args).await?,
    };
    let outcome = outcome.map_err(refused)?;
    let key = MessageKey {
        queue: args.queue.clone(),
        id: String::new(),
    };
    let name = match (outcome, args.dry_run) {
        (Outcome::Duplicate, _) => "unchanged",
        (Outcome::Done, true) => "planned",
        (Outcome::Done, false) => "done",
    };
    let fared = json::Fared::of(&key, name, None);
    desk.output
        .result(&fared, || in_words(&view, outcome, args.dry_run));
    Ok(())
}

async fn act(desk: &Desk, args: &DeleteArgs) -> Result<Result<Outcome, Refusal>, Stop> {
    let deleted = desk
        .server
        .queues
        .delete_queues(vec![args.queue.clone()], args.force);
    let outcomes = deleted.await.map_err(|error| desk.server.told(error))?;
    let outcome = outcomes.into_iter().next();
    Ok(outcome
        .ok_or_else(|| Error::platform("NO_ANSWER", "the server answered without an outcome"))?)
}

/// What the server would say.
fn rehearsed(view: &QueueView, force: bool) -> Result<Outcome, Refusal> {
    match (view.deleting, words::depth(&view.count)) {
        (true, _) => Ok(Outcome::Duplicate),
        (false, depth) if depth > 0 && !force => Err(Refusal::QueueNotEmpty {
            queue: view.count.queue.clone(),
            depth,
        }),
        (false, _) => Ok(Outcome::Done),
    }
}

fn in_words(view: &QueueView, outcome: Outcome, dry_run: bool) -> String {
    let queue = one_line(&view.count.queue);
    let (counts, depth) = (&view.count, words::depth(&view.count));
    let all = depth + counts.completed + counts.canceled + counts.errored;
    let lost = match (all, depth) {
        (0, _) => String::new(),
        (all, 0) => format!(", and {} forgotten", count(all, "message")),
        (all, depth) => format!(
            ", {depth} that wait or run canceled, and {} forgotten",
            count(all, "message")
        ),
    };
    match (outcome, dry_run) {
        (Outcome::Duplicate, _) => format!("{queue} is being deleted already"),
        (Outcome::Done, true) => format!("{queue} would be deleted{lost}"),
        (Outcome::Done, false) => format!("{queue} is deleted{lost}"),
    }
}

#[cfg(test)]
mod tests {
    use timestone::{QueueConfig, QueueCount};

    use super::*;

    #[test]
    fn what_is_lost_is_said() {
        let view = |pending, completed| QueueView {
            config: QueueConfig::default(),
            configured: true,
            deleting: false,
            count: QueueCount {
                queue: "q".into(),
                pending,
                completed,
                ..QueueCount::default()
            },
        };
        let table = [
            (view(0, 0), "q is deleted"),
            (view(0, 1), "q is deleted, and 1 message forgotten"),
            (
                view(2, 5),
                "q is deleted, 2 that wait or run canceled, and 7 messages forgotten",
            ),
        ];
        for (view, expected) in table {
            assert_eq!(in_words(&view, Outcome::Done, false), expected);
        }
    }
}
