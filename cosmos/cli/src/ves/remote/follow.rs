//! Following a request until it has ended.

use std::time::Duration;

use clock::{Clock, SystemClock, Timestamp};
use connectrpc::client::CallOptions;
use errors::{Class, Error};
use tokio_util::sync::CancellationToken;
use ves_api::wire::{RequestView, WatchRequestRequest};

use super::server::{Server, may_pass};
use super::view;
use crate::stop::Stop;
use crate::ves::report::{Reporter, Summary};
use crate::ves::snapshot::Snapshot;

/// How long one call follows; then the next one goes on.
const CALL: Duration = Duration::from_secs(300);
/// A server that was there may be away for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Reports until the request has ended. A server that goes away is waited for a while, unless it
/// never was there.
pub(super) async fn follow(
    server: &Server,
    id: &str,
    reporter: &mut Reporter,
    stop: &CancellationToken,
) -> Result<RequestView, Stop> {
    tokio::select! {
        ended = until_end(server, id, reporter) => ended,
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

async fn until_end(
    server: &Server,
    id: &str,
    reporter: &mut Reporter,
) -> Result<RequestView, Stop> {
    let mut last: Option<RequestView> = None;
    let mut away: Option<Timestamp> = None;
    loop {
        let before = last.as_ref().map(|view| view.version);
        let ended = watch(server, id, reporter, &mut last).await;
        if let Some(view) = last.take_if(|view| view::has_ended(view)) {
            return Ok(view);
        }
        let moved = last.as_ref().map(|view| view.version) != before;
        away = away.filter(|_| !moved);
        match ended {
            Ok(()) => {}
            Err(errors) if is_time_up(&errors) => {}
            Err(errors) => {
                let now = SystemClock.now();
                let since = away.unwrap_or(now);
                if last.is_none() || !may_pass(&errors) || now.since(since) > PATIENCE {
                    return Err(errors.into());
                }
                if away.is_none() {
                    reporter.say("the server is away; trying again");
                }
                away = Some(since);
            }
        }
        SystemClock.sleep(PAUSE).await;
    }
}

/// Whether the call took as long as it may, and nothing is wrong.
pub(super) fn is_time_up(errors: &[Error]) -> bool {
    errors
        .first()
        .is_some_and(|error| error.class == Class::Deadline)
}

/// One call: reports each state and keeps the last, until the request or the call ends.
async fn watch(
    server: &Server,
    id: &str,
    reporter: &mut Reporter,
    last: &mut Option<RequestView>,
) -> Result<(), Vec<Error>> {
    let request = WatchRequestRequest {
        request_id: id.to_owned(),
        ..Default::default()
    };
    let options = CallOptions::default().with_timeout(CALL);
    let told = |refusal| server.told(&refusal);
    let call = server.client.watch_request_with_options(request, options);
    let mut states = call.await.map_err(told)?;
    while let Some(state) = states.message().await.map_err(told)? {
        if let Some(view) = state.to_owned_message().view.into_option() {
            reporter.update(Snapshot::of_wire(&view));
            *last = Some(view);
        }
    }
    Ok(())
}

/// What a request came to: one encode, or those of a ladder.
pub(super) fn summaries(view: RequestView) -> Result<Vec<Summary>, Stop> {
    if let Some(error) = view::error(&view) {
        return Err(error.into());
    }
    let elapsed = view.updated_unix_ms.saturating_sub(view.created_unix_ms);
    let elapsed = Duration::from_millis(u64::try_from(elapsed).unwrap_or_default());
    let response = view.response.into_option().unwrap_or_default();
    let rungs = response.rungs.into_iter();
    let rungs = rungs.filter_map(|rung| rung.output_video.into_option());
    let videos = response.output_video.into_option().into_iter().chain(rungs);
    let summaries = videos.map(|video| Summary {
        output: view::path_of(&video.uri),
        ..Summary::of(view.request_id.clone(), video, elapsed)
    });
    let summaries: Vec<Summary> = summaries.collect();
    match summaries.is_empty() {
        true => Err(Error::platform("NO_OUTPUT", "it ended without an output").into()),
        false => Ok(summaries),
    }
}
