//! `cosmos queue drain`.

use std::time::Duration;

use errors::{Class, Error};
use timestone::{QueueConfig, QueueCount, QueueView};

use super::args::DrainArgs;
use super::server::Server;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::signals;
use crate::stop::Stop;

/// The queue is not asked more often.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(50);

pub(super) async fn drain(desk: &Desk, args: &DrainArgs) -> Result<(), Stop> {
    let view = desk.server.queue(&args.queue).await?;
    refuse_endless(&view)?;
    if args.dry_run {
        let queue = one_line(&args.queue);
        let waiting = words::waiting(&view.count);
        let words =
            || format!("{queue} would be blocked for new messages and waited for: {waiting}");
        desk.output.result(&json::Queue::from(&view), words);
        return Ok(());
    }
    block(desk, &view).await?;
    wait(desk, args, view).await
}

async fn block(desk: &Desk, view: &QueueView) -> Result<(), Error> {
    let config = QueueConfig {
        enqueue_blocked: true,
        ..view.config.clone()
    };
    match config == view.config {
        true => Ok(()),
        false => desk.server.put(&view.count.queue, config).await,
    }
}

async fn wait(desk: &Desk, args: &DrainArgs, mut view: QueueView) -> Result<(), Stop> {
    let stop = signals::stop();
    let timeout = args.timeout.map_or(Duration::MAX, |timeout| timeout.0);
    view.config.enqueue_blocked = true;
    tell(desk, &view);
    let ended = tokio::select! {
        ended = tokio::time::timeout(timeout, until_empty(desk, args, &mut view)) => ended,
        () = stop.cancelled() => {
            desk.output.say(BLOCKED);
            return Err(Stop::Interrupted);
        }
    };
    ended.unwrap_or_else(|_| Err(timed_out(&view.count).into()))
}

const BLOCKED: &str =
    "the queue stays blocked for new messages; `cosmos queue unblock` lets them in";

/// Tells every count that differs from the one before.
async fn until_empty(desk: &Desk, args: &DrainArgs, last: &mut QueueView) -> Result<(), Stop> {
    let server = desk.server.patient();
    while words::depth(&last.count) > 0 {
        tokio::time::sleep(args.interval.0.max(MIN_INTERVAL)).await;
        let view = look(&server, &args.queue).await?;
        if view.count != last.count {
            tell(desk, &view);
        }
        *last = view;
    }
    if !desk.json {
        desk.output
            .result(&(), || format!("{} is empty", one_line(&args.queue)));
    }
    Ok(())
}

fn tell(desk: &Desk, view: &QueueView) {
    desk.output.item(&json::Queue::from(view));
    if words::depth(&view.count) > 0 {
        desk.output.say(&words::waiting(&view.count));
    }
}

async fn look(server: &Server, queue: &str) -> Result<QueueView, Error> {
    let view = server.queue(queue).await?;
    refuse_endless(&view)?;
    Ok(view)
}

fn refuse_endless(view: &QueueView) -> Result<(), Error> {
    match view.config.dequeue_blocked && view.count.pending + view.count.invisible > 0 {
        true => Err(Error::user(
            "DEQUEUE_BLOCKED",
            "the queue gives no messages, so it would never be empty",
        )
        .at("QUEUE")
        .hint(format!(
            "`cosmos queue unblock {} --dequeue` lets workers have them",
            one_line(&view.count.queue)
        ))),
        false => Ok(()),
    }
}

fn timed_out(last: &QueueCount) -> Error {
    let waiting = words::waiting(last);
    Error::new(
        Class::Deadline,
        "TIMED_OUT",
        format!("the queue is not empty yet: {waiting}"),
    )
    .at("--timeout")
    .hint(
        "drain it again to wait on; it stays blocked for new messages until `cosmos queue unblock`",
    )
}
