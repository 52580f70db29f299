//! The most urgent messages of queues that live in several shards.
//!
//! Each shard is asked how urgent its next message is; the most urgent of all is taken, and
//! with it those behind it that are at least as urgent as what the next shard has. What comes
//! meanwhile may have to wait for the next time.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{select_all, try_join_all};
use timestone::{Clause, LeasedMessage, Sight};
use timestone_client::{DequeueRequest, Look, Take, TimestoneError};
use tokio::time::Instant;

use super::Router;

/// What is wanted of one shard.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) shard: u32,
    /// With the queues of this shard alone.
    pub(super) request: DequeueRequest,
    pub(super) filter: Option<Clause>,
}

impl Part {
    pub(super) fn new(
        (shard, queues): (u32, Vec<String>),
        request: &DequeueRequest,
        filter: &Option<Clause>,
    ) -> Self {
        Self {
            shard,
            request: DequeueRequest {
                queues,
                ..request.clone()
            },
            filter: filter.clone(),
        }
    }
}

impl Router {
    /// What a worker holds and could get in one shard, when that is news.
    pub(super) async fn look(
        &self,
        part: &Part,
        wait_ms: u64,
        (held, full): (u32, bool),
    ) -> Result<Sight, TimestoneError> {
        let look = Look {
            request: DequeueRequest {
                wait_ms,
                ..part.request.clone()
            },
            filter: part.filter.clone(),
            held,
            full,
        };
        self.at(part.shard, |desk| {
            let look = look.clone();
            async move { desk.shard.look(look).await }
        })
        .await
    }

    /// Takes up to `room` of the most urgent messages of all parts.
    pub(super) async fn take(
        &self,
        parts: &[Part],
        sights: &[Sight],
        room: u32,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let next = sights.iter().enumerate();
        let mut next: BTreeMap<usize, i64> = next
            .filter_map(|(index, sight)| Some((index, sight.next?)))
            .collect();
        let mut taken = Vec::new();
        while taken.len() < room as usize {
            let Some(first) = least(&next, None) else {
                break;
            };
            let second = least(&next, Some(first)).and_then(|second| next.get(&second).copied());
            let more = room - u32::try_from(taken.len()).unwrap_or(room);
            let Some(part) = parts.get(first) else {
                break;
            };
            let some = self.take_up_to(part, more, second).await?;
            taken.extend(some);
            next.remove(&first);
            if taken.len() < room as usize && !next.is_empty() {
                let sight = self.look(part, 0, (0, false)).await?;
                next.extend(sight.next.filter(|n| Some(*n) > second).map(|n| (first, n)));
            }
        }
        Ok(taken)
    }

    async fn take_up_to(
        &self,
        part: &Part,
        max: u32,
        up_to: Option<i64>,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let take = Take {
            request: DequeueRequest {
                max,
                ..part.request.clone()
            },
            filter: part.filter.clone(),
            up_to,
        };
        self.at(part.shard, |desk| {
            let take = take.clone();
            async move { desk.shard.take(take).await }
        })
        .await
    }

    pub(super) async fn dequeue_several(
        &self,
        parts: Vec<(u32, Vec<String>)>,
        request: DequeueRequest,
        filter: Option<Clause>,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| Part::new(part, &request, &filter))
            .collect();
        let end = Instant::now() + Duration::from_millis(request.wait_ms);
        loop {
            let looks = parts.iter().map(|part| self.look(part, 0, (0, false)));
            let sights = try_join_all(looks).await?;
            if sights.iter().any(|sight| sight.held > 0) {
                return self.held(&parts, &sights).await;
            }
            let taken = self.take(&parts, &sights, request.max).await?;
            let left = end.saturating_duration_since(Instant::now());
            let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            if !taken.is_empty() || left == 0 {
                return Ok(taken);
            }
            let looks = parts
                .iter()
                .map(|part| Box::pin(self.look(part, left, (0, false))));
            select_all(looks).await.0?;
        }
    }

    /// The answer to a request that was made before.
    async fn held(
        &self,
        parts: &[Part],
        sights: &[Sight],
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let parts = parts.iter().zip(sights).filter(|(_, sight)| sight.held > 0);
        let held = parts.map(|(part, _)| {
            self.at(part.shard, |desk| {
                let request = DequeueRequest {
                    wait_ms: 0,
                    ..part.request.clone()
                };
                async move { desk.timestone.dequeue(request).await }
            })
        });
        let mut held: Vec<_> = try_join_all(held).await?.into_iter().flatten().collect();
        held.sort_by_key(|leased| leased.priority);
        Ok(held)
    }
}

/// Which is the most urgent, but for one.
fn least(next: &BTreeMap<usize, i64>, but: Option<usize>) -> Option<usize> {
    let next = next.iter().filter(|(index, _)| Some(**index) != but);
    next.min_by_key(|(_, priority)| **priority)
        .map(|(index, _)| *index)
}
