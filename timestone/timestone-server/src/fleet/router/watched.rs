//! Who watches a queue goes on where it went.

use futures::{StreamExt, stream};
use timestone_client::{TimestoneError, Watch, WatchRequest, Watched};

use super::Router;

/// Watches a queue wherever it lives.
pub(super) async fn watch(router: Router, request: WatchRequest) -> Result<Watch, TimestoneError> {
    let first = begin(&router, &request).await?;
    let watching = (router, request, Some(first));
    let told = stream::unfold(watching, |(router, request, mut watch)| async move {
        let told = next(&router, &request, &mut watch).await?;
        let is_last = told.as_ref().map_or(true, |told| told.deleted);
        if is_last {
            watch = None;
        }
        Some((told, (router, request, watch)))
    });
    Ok(told.boxed())
}

async fn begin(router: &Router, request: &WatchRequest) -> Result<Watch, TimestoneError> {
    router
        .of(&request.queue, |desk| {
            let request = request.clone();
            async move { desk.timestone.watch(request).await }
        })
        .await
}

/// What is told next; where the owner is gone, by the next one, who counts anew.
async fn next(
    router: &Router,
    request: &WatchRequest,
    watch: &mut Option<Watch>,
) -> Option<Result<Watched, TimestoneError>> {
    match watch.as_mut()?.next().await {
        Some(Ok(told)) => return Some(Ok(told)),
        Some(Err(TimestoneError::Refused(refusal))) => {
            return Some(Err(TimestoneError::Refused(refusal)));
        }
        Some(Err(TimestoneError::Unavailable(_))) | None => {}
    }
    let mut again = match begin(router, request).await {
        Ok(again) => again,
        Err(why) => return Some(Err(why)),
    };
    let first = again.next().await?;
    *watch = Some(again);
    Some(first.map(|first| Watched {
        missed: true,
        ..first
    }))
}
