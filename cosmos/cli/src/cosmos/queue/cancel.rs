//! `cosmos queue cancel`.

use timestone::{MessageKey, MessageState, MessageView, Outcome, Refusal, limits};
use timestone_client::Timestone;

use super::Desk;
use super::args::CancelArgs;
use super::batch::{Tally, Verb, keys, rehearse};
use super::server::refused;
use crate::stop::Stop;

const CANCEL: Verb = Verb {
    done: "canceled",
    unchanged: "had ended before",
};

pub(super) async fn cancel(desk: &Desk, args: &CancelArgs) -> Result<(), Stop> {
    desk.server.queue(&args.queue).await?;
    let mut tally = Tally::new(desk, CANCEL);
    for keys in keys(&args.queue, &args.ids).chunks(limits::MAX_BATCH) {
        let keys = meant(desk, args, keys, &mut tally).await?;
        match args.dry_run {
            true if args.unseen => keys.iter().for_each(|key| tally.planned(key)),
            true => rehearse(&mut tally, &keys, judge).await?,
            false => act(desk, args, keys, &mut tally).await?,
        }
    }
    tally.end()
}

/// Those that are there; the queue itself would cancel the others too, for when they come.
async fn meant(
    desk: &Desk,
    args: &CancelArgs,
    keys: &[MessageKey],
    tally: &mut Tally<'_>,
) -> Result<Vec<MessageKey>, Stop> {
    let mut meant = Vec::new();
    for key in keys {
        match args.unseen || desk.server.message(key).await?.is_some() {
            true => meant.push(key.clone()),
            false => tally.refused(key, unseen(key)),
        }
    }
    Ok(meant)
}

fn unseen(key: &MessageKey) -> errors::Error {
    let error = refused(Refusal::NotFound(key.clone()));
    error.hint("look at the id; --unseen cancels what is to come")
}

fn judge(view: &MessageView) -> Result<Outcome, Refusal> {
    match view.state {
        MessageState::Invisible | MessageState::Pending | MessageState::Running => {
            Ok(Outcome::Done)
        }
        _ => Ok(Outcome::Duplicate),
    }
}

async fn act(
    desk: &Desk,
    args: &CancelArgs,
    keys: Vec<MessageKey>,
    tally: &mut Tally<'_>,
) -> Result<(), Stop> {
    let outcomes = desk.server.queues.cancel(keys.clone(), &args.reason).await;
    let outcomes = outcomes.map_err(|error| desk.server.told(error))?;
    let fared = keys.iter().zip(outcomes);
    fared.for_each(|(key, outcome)| tally.fared(key, outcome));
    Ok(())
}
