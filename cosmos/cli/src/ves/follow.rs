use errors::Error;
use futures::StreamExt;
use optimus::{Requests, Service, View};
use tokio_util::sync::CancellationToken;

use super::snapshot::Snapshot;
use crate::stop::Stop;

/// Tells how a request in this process goes, until it has ended.
pub(super) async fn follow<S: Service>(
    requests: &Requests<S>,
    id: &str,
    heard: &mut impl FnMut(Snapshot),
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
        heard(Snapshot::of(&view));
        if view.state.is_final() {
            return Ok(view);
        }
    }
}
