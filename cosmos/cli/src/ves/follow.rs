use errors::Error;
use futures::StreamExt;
use optimus::{Requests, Service, View};
use tokio_util::sync::CancellationToken;

use super::report::Reporter;
use super::snapshot::Snapshot;
use crate::stop::Stop;

/// Reports of a request in this process until it has ended.
pub(super) async fn follow<S: Service>(
    requests: &Requests<S>,
    id: &str,
    reporter: &mut Reporter,
    stop: &CancellationToken,
) -> Result<View<S::Request, S::Response>, Stop> {
    let mut views = requests.watch(id).await?;
    loop {
        let next = tokio::select! {
            next = views.next() => next,
            () = stop.cancelled() => return Err(Stop::Interrupted),
        };
        let view =
            next.ok_or_else(|| Error::platform("LOST", "the request's state was lost"))??;
        reporter.update(Snapshot::of(&view));
        if view.state.is_final() {
            return Ok(view);
        }
    }
}
