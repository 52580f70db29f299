//! `cosmos queue reschedule`.

use clock::{Clock, SystemClock};
use errors::Error;
use timestone::{MessageState, MessageView, Outcome, Refusal, Reschedule};
use timestone_client::Timestone;

use super::Desk;
use super::args::RescheduleArgs;
use super::batch::{Tally, Verb, keys, rehearse};
use crate::stop::Stop;

const RESCHEDULE: Verb = Verb {
    done: "rescheduled",
    unchanged: "it waits so already",
};

pub(super) async fn reschedule(desk: &Desk, args: &RescheduleArgs) -> Result<(), Stop> {
    desk.server.queue(&args.queue).await?;
    let visible_at = visible_at(args)?;
    let mut tally = Tally::new(desk, RESCHEDULE);
    let keys = keys(&args.queue, std::slice::from_ref(&args.id));
    if args.dry_run {
        rehearse(&mut tally, &keys, judge).await?;
        return tally.end();
    }
    let schedules = keys.iter().map(|key| Reschedule {
        key: key.clone(),
        priority: args.priority,
        visible_at,
    });
    let outcomes = desk.server.queues.reschedule(schedules.collect()).await;
    let outcomes = outcomes.map_err(|error| desk.server.told(error))?;
    let fared = keys.iter().zip(outcomes);
    fared.for_each(|(key, outcome)| tally.fared(key, outcome));
    tally.end()
}

fn judge(view: &MessageView) -> Result<Outcome, Refusal> {
    match view.state {
        MessageState::Invisible | MessageState::Pending => Ok(Outcome::Done),
        MessageState::Canceled => Err(Refusal::Canceled(view.key.clone())),
        _ => Err(Refusal::NotWaiting(view.key.clone())),
    }
}

/// When it may be leased, by the clock here.
fn visible_at(args: &RescheduleArgs) -> Result<Option<i64>, Error> {
    let now = SystemClock.now();
    match (args.at, args.later) {
        (Some(at), _) => Ok(Some(at.unix_ms(now))),
        (None, None) => Ok(None),
        (None, Some(later)) => {
            let later = i64::try_from(later.0.as_millis()).ok();
            let at = later.and_then(|later| now.unix_ms().checked_add(later));
            at.map(Some).ok_or_else(|| {
                Error::user("INVALID_ARGUMENT", "lies too far away")
                    .at("--in")
                    .hint("wait for a year at most")
            })
        }
    }
}
