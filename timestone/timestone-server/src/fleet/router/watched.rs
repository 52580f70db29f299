//! Who watches a queue goes on where it went, and watches all its shards.

use std::time::Duration;

use futures::future::try_join_all;
use futures::stream::{self, SelectAll, StreamExt};
use timestone::QueueCount;
use timestone_client::{TimestoneError, Watch, WatchRequest, Watched};
use tokio::time::{Instant, sleep_until};

use super::Router;
use super::managed::add;

/// How often it is looked whether the queue is spread as before.
const LOOKS: Duration = Duration::from_secs(5);
/// How often, when it is about to be gone.
const SOON: Duration = Duration::from_millis(50);

/// Watches a queue wherever it lives.
pub(super) async fn watch(router: Router, request: WatchRequest) -> Result<Watch, TimestoneError> {
    let (watching, first) = Watching::begin(router, request).await?;
    let rest = stream::unfold(Some(watching), |watching| async {
        let mut watching = watching?;
        let told = watching.next().await;
        let is_last = told.as_ref().map_or(true, |told| told.deleted);
        Some((told, (!is_last).then_some(watching)))
    });
    Ok(stream::iter([Ok(first)]).chain(rest).boxed())
}

/// What a shard tells next, or `None` when it is over.
type Told = (usize, Option<Result<Watched, TimestoneError>>);

struct Watching {
    router: Router,
    request: WatchRequest,
    shards: Vec<u32>,
    /// What each of them was last told to hold.
    counts: Vec<QueueCount>,
    told: SelectAll<stream::BoxStream<'static, Told>>,
    look_at: Instant,
    /// It is gone in one of its shards: until when it should be in all.
    ends: Option<Instant>,
}

impl Watching {
    /// Begins in all shards; what they hold now.
    async fn begin(
        router: Router,
        request: WatchRequest,
    ) -> Result<(Self, Watched), TimestoneError> {
        let shards = router.spread_of(&request.queue).await?;
        let begun = shards.iter().map(|shard| begin(&router, *shard, &request));
        let begun = try_join_all(begun).await?;
        let mut told = SelectAll::new();
        let mut counts = Vec::new();
        for (part, (first, watch)) in begun.into_iter().enumerate() {
            counts.push(first.count);
            let next = watch.map(move |told| (part, Some(told)));
            let end = stream::iter([(part, None)]);
            told.push(next.chain(end).boxed());
        }
        let watching = Self {
            router,
            request,
            shards,
            counts,
            told,
            look_at: Instant::now() + LOOKS,
            ends: None,
        };
        let first = Watched {
            count: watching.count(),
            ..Watched::default()
        };
        Ok((watching, first))
    }

    fn count(&self) -> QueueCount {
        let mut sum = QueueCount {
            queue: self.request.queue.clone(),
            ..QueueCount::default()
        };
        self.counts.iter().for_each(|count| add(&mut sum, count));
        sum
    }

    /// What is told next; where an owner is gone, all is counted anew.
    async fn next(&mut self) -> Result<Watched, TimestoneError> {
        loop {
            let (part, told) = tokio::select! {
                Some(told) = self.told.next() => told,
                () = sleep_until(self.look_at) => match self.look().await? {
                    Some(told) => return Ok(told),
                    None => continue,
                },
            };
            match told {
                Some(Ok(told)) => return Ok(self.tell(part, told)),
                Some(Err(TimestoneError::Refused(refusal))) => {
                    return Err(TimestoneError::Refused(refusal));
                }
                None if self.ends.is_some() => {}
                Some(Err(TimestoneError::Unavailable(_))) | None => {
                    return self.begin_anew().await;
                }
            }
        }
    }

    fn tell(&mut self, part: usize, told: Watched) -> Watched {
        self.counts[part] = told.count;
        let in_parts = self.shards.len() > 1;
        if told.deleted && in_parts {
            // Its first shard is the last that a queue is deleted in, which may be no event.
            let now = Instant::now();
            (self.look_at, self.ends) = (now, self.ends.or(Some(now + LOOKS)));
        }
        Watched {
            count: self.count(),
            deleted: told.deleted && !in_parts,
            ..told
        }
    }

    /// Looks whether the queue is spread as before, or gone.
    async fn look(&mut self) -> Result<Option<Watched>, TimestoneError> {
        let queue = self.request.queue.clone();
        let now = Instant::now();
        let Some(until) = self.ends else {
            self.look_at = now + LOOKS;
            let is_as_before = self.router.spread_of(&queue).await? == self.shards;
            return self.anew_unless(is_as_before).await;
        };
        self.look_at = now + SOON;
        match self.router.home_view(&queue).await? {
            None => Ok(Some(Watched {
                count: self.count(),
                deleted: true,
                ..Watched::default()
            })),
            // It was not deleted after all.
            Some(_) => self.anew_unless(now < until).await,
        }
    }

    async fn anew_unless(&mut self, is_as_before: bool) -> Result<Option<Watched>, TimestoneError> {
        match is_as_before {
            true => Ok(None),
            false => self.begin_anew().await.map(Some),
        }
    }

    async fn begin_anew(&mut self) -> Result<Watched, TimestoneError> {
        let begun = Self::begin(self.router.clone(), self.request.clone());
        let (watching, first) = begun.await?;
        *self = watching;
        Ok(Watched {
            missed: true,
            ..first
        })
    }
}

/// Begins in one shard, and waits for what it holds.
async fn begin(
    router: &Router,
    shard: u32,
    request: &WatchRequest,
) -> Result<(Watched, Watch), TimestoneError> {
    router
        .at(shard, |desk| {
            let request = request.clone();
            async move {
                let mut watch = desk.timestone.watch(request).await?;
                let gone = || TimestoneError::Unavailable("its owner tells nothing".into());
                let first = watch.next().await.ok_or_else(gone)??;
                Ok((first, watch))
            }
        })
        .await
}
