//! Whether there is work, told whenever that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use timestone::QueueCount;
use timestone_client::{Timestone, TimestoneError, Watch, WatchRequest};

use crate::trigger::Trigger;

/// First as it is, then at each change; ends with the first error.
pub(crate) fn activity(
    timestone: Arc<dyn Timestone>,
    trigger: Trigger,
) -> BoxStream<'static, Result<bool, TimestoneError>> {
    let queues = trigger.queues.iter().cloned();
    let counts = queues.map(|queue| counts(Arc::clone(&timestone), queue).boxed());
    let mut known: BTreeMap<String, QueueCount> = BTreeMap::new();
    let mut told = None;
    stream::select_all(counts)
        .filter_map(move |count| {
            let told = match count {
                Err(error) => Some(Err(error)),
                Ok(count) => {
                    known.insert(count.queue.clone(), count);
                    let active = trigger.is_active(trigger.work(known.values()));
                    let complete = known.len() == trigger.queues.len();
                    let news = (complete || active) && told.replace(active) != Some(active);
                    news.then_some(Ok(active))
                }
            };
            std::future::ready(told)
        })
        .boxed()
}

/// What a queue holds, at each change. One that is gone may come again.
fn counts(
    timestone: Arc<dyn Timestone>,
    queue: String,
) -> impl stream::Stream<Item = Result<QueueCount, TimestoneError>> + Send {
    let begun: (_, Option<Watch>) = (timestone, None);
    stream::try_unfold(begun, move |(timestone, watch)| {
        let request = WatchRequest {
            counts_only: true,
            ..WatchRequest::of(&queue)
        };
        async move {
            let mut watch = match watch {
                Some(watch) => watch,
                None => timestone.watch(request).await?,
            };
            match watch.next().await.transpose()? {
                None => Ok(None),
                Some(told) if told.deleted => Ok(Some((told.count, (timestone, None)))),
                Some(told) => Ok(Some((told.count, (timestone, Some(watch))))),
            }
        }
    })
}
