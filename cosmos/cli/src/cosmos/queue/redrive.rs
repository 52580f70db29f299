//! `cosmos queue redrive`.

use errors::Error;
use timestone::{MessageKey, MessageState, MessageView, Outcome, Refusal, limits};
use timestone_client::Timestone;

use super::Desk;
use super::args::RedriveArgs;
use super::batch::{Tally, Verb, keys, rehearse};
use super::find::Pages;
use crate::stop::Stop;

const REDRIVE: Verb = Verb {
    done: "redriven",
    unchanged: "not errored",
};

pub(super) async fn redrive(desk: &Desk, args: &RedriveArgs) -> Result<(), Stop> {
    if !args.all && !args.meant.clauses.is_empty() {
        return Err(
            Error::user("INVALID_ARGUMENT", "narrows --all down, not ids")
                .at("--where")
                .hint("name --all in place of the ids")
                .into(),
        );
    }
    desk.server.queue(&args.queue).await?;
    let mut tally = Tally::new(desk, REDRIVE);
    match args.all {
        true => all(desk, args, &mut tally).await?,
        false => {
            let keys = keys(&args.queue, &args.ids);
            some(desk, args, &keys, &mut tally).await?;
        }
    }
    tally.end()
}

/// Page by page. What errors again meanwhile stands before the page, or on a later one.
async fn all(desk: &Desk, args: &RedriveArgs, tally: &mut Tally<'_>) -> Result<(), Stop> {
    let filter = args.meant.filter([MessageState::Errored]);
    let mut pages = Pages::new(&args.queue, filter);
    while let Some(page) = pages.next(&desk.server, limits::MAX_PAGE.into()).await? {
        let keys: Vec<_> = page.into_iter().map(|view| view.key).collect();
        match args.dry_run {
            true => keys.iter().for_each(|key| tally.planned(key)),
            false => act(desk, args, &keys, tally).await?,
        }
    }
    Ok(())
}

async fn some(
    desk: &Desk,
    args: &RedriveArgs,
    keys: &[MessageKey],
    tally: &mut Tally<'_>,
) -> Result<(), Stop> {
    match args.dry_run {
        true => rehearse(tally, keys, judge).await,
        false => act(desk, args, keys, tally).await,
    }
}

fn judge(view: &MessageView) -> Result<Outcome, Refusal> {
    match view.state {
        MessageState::Errored => Ok(Outcome::Done),
        MessageState::Canceled => Err(Refusal::Canceled(view.key.clone())),
        _ => Ok(Outcome::Duplicate),
    }
}

async fn act(
    desk: &Desk,
    args: &RedriveArgs,
    keys: &[MessageKey],
    tally: &mut Tally<'_>,
) -> Result<(), Stop> {
    for keys in keys.chunks(limits::MAX_BATCH) {
        let outcomes = desk.server.queues.redrive(keys.to_vec(), args.attempts);
        let outcomes = outcomes.await.map_err(|error| desk.server.told(error))?;
        let fared = keys.iter().zip(outcomes);
        fared.for_each(|(key, outcome)| tally.fared(key, outcome));
    }
    Ok(())
}
