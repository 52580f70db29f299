//! The most urgent messages of queues that live in several shards.
//!
//! Each shard is asked how urgent its next messages are, and then all at once for their part of
//! the [most urgent of all](super::choice). What comes meanwhile may have to wait for the next
//! time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{select_all, try_join_all};
use timestone::{Clause, LeaseToken, LeasedMessage, Sight, Taken};
use timestone_client::{DequeueRequest, Look, Take, TimestoneError};
use tokio::time::Instant;

use super::Router;
use super::choice::{Wanted, Wish, choose};

/// What is wanted of one shard.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) shard: u32,
    /// With the queues of this shard alone.
    pub(super) request: DequeueRequest,
    pub(super) filter: Option<Clause>,
    /// Shards that these queues are believed to be spread over, summed up.
    spread: u32,
}

impl Part {
    /// Whether it is not seen to be spread as is believed. Old servers do not tell.
    fn is_otherwise(&self, sight: &Sight) -> bool {
        sight.spread > 0 && sight.spread != self.spread
    }
}

/// Whether any part is not spread as is believed.
pub(super) fn are_otherwise(parts: &[Part], sights: &[Sight]) -> bool {
    let mut both = parts.iter().zip(sights);
    both.any(|(part, sight)| part.is_otherwise(sight))
}

/// How a take that is repeated, as its answer was lost, takes nothing twice.
#[derive(Clone, Copy)]
enum Once<'a> {
    /// All that is held under the request is known.
    Known(&'a Known),
    /// It has a number of its own.
    Numbered(u64),
}

impl Wish {
    /// What is asked of the shard.
    fn taken(self, once: Once<'_>, shard: u32) -> (u32, Taken) {
        let (known, number) = match once {
            Once::Known(known) => (Some(known.of(shard)), 0),
            Once::Numbered(number) => (None, number),
        };
        let taken = Taken {
            up_to: self.up_to,
            known,
            number,
        };
        (self.max, taken)
    }
}

/// Those who choose at the moment, by the queues that they choose from.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<HashMap<Vec<String>, Choosing>>);

#[derive(Debug, Default)]
struct Choosing {
    /// Messages that they want.
    wanted: usize,
    workers: usize,
}

impl Crowd {
    /// Tells how many messages others are about to take, until the answer is dropped.
    fn enter<'a>(&'a self, queues: &'a [String], wanted: usize) -> InCrowd<'a> {
        let mut crowd = self.lock();
        let choosing = crowd.entry(queues.to_vec()).or_default();
        let before = choosing.wanted;
        choosing.wanted += wanted;
        choosing.workers += 1;
        drop(crowd);
        InCrowd {
            crowd: self,
            queues,
            wanted,
            before,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<String>, Choosing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct InCrowd<'a> {
    crowd: &'a Crowd,
    queues: &'a [String],
    wanted: usize,
    before: usize,
}

impl Drop for InCrowd<'_> {
    fn drop(&mut self) {
        let mut crowd = self.crowd.lock();
        let Some(choosing) = crowd.get_mut(self.queues) else {
            return;
        };
        choosing.wanted -= self.wanted;
        choosing.workers -= 1;
        if choosing.workers == 0 {
            crowd.remove(self.queues);
        }
    }
}

impl Router {
    /// What is wanted of each shard.
    pub(super) fn parts_of(&self, request: &DequeueRequest, filter: &Option<Clause>) -> Vec<Part> {
        let parts = self.parts(&request.queues).into_iter();
        let part = |(shard, queues): (u32, Vec<String>)| Part {
            shard,
            spread: queues.iter().map(|queue| self.splits.of(queue)).sum(),
            request: DequeueRequest {
                queues,
                ..request.clone()
            },
            filter: filter.clone(),
        };
        parts.map(part).collect()
    }

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

    pub(super) async fn look_at_all(&self, parts: &[Part]) -> Result<Vec<Sight>, TimestoneError> {
        let looks = parts.iter().map(|part| self.look(part, 0, (0, false)));
        try_join_all(looks).await
    }

    /// Takes what is wanted of the most urgent messages of all parts.
    async fn take(
        &self,
        parts: &[Part],
        sights: &[Sight],
        wanted: Wanted,
        once: Once<'_>,
    ) -> Result<Vec<(u32, Vec<LeasedMessage>)>, TimestoneError> {
        let wishes = parts.iter().zip(choose(sights, wanted));
        let wishes = wishes.filter(|(_, wish)| wish.max > 0);
        let takes = wishes.map(|(part, wish)| self.take_of(part, wish.taken(once, part.shard)));
        try_join_all(takes).await
    }

    /// Takes up to `room` of the most urgent messages of all parts, for one who holds others and
    /// numbers what it takes.
    pub(super) async fn take_more(
        &self,
        parts: &[Part],
        sights: &[Sight],
        (room, number): (u32, u64),
    ) -> Result<Vec<(u32, Vec<LeasedMessage>)>, TimestoneError> {
        let queues = parts.iter().flat_map(|part| part.request.queues.clone());
        let queues: Vec<_> = queues.collect();
        let crowd = self.crowd.enter(&queues, room as usize);
        let wanted = Wanted {
            room: room as usize,
            left: crowd.before,
            turn: self.next_turn(),
        };
        self.take(parts, sights, wanted, Once::Numbered(number))
            .await
    }

    async fn take_of(
        &self,
        part: &Part,
        (max, taken): (u32, Taken),
    ) -> Result<(u32, Vec<LeasedMessage>), TimestoneError> {
        let take = Take {
            request: DequeueRequest {
                max,
                ..part.request.clone()
            },
            filter: part.filter.clone(),
            taken,
        };
        let taken = self.at(part.shard, |desk| {
            let take = take.clone();
            async move { desk.shard.take(take).await }
        });
        Ok((part.shard, taken.await?))
    }

    pub(super) async fn dequeue_several(
        &self,
        request: DequeueRequest,
        filter: Option<Clause>,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let mut parts = self.parts_of(&request, &filter);
        let end = Instant::now() + Duration::from_millis(request.wait_ms);
        loop {
            let mut sights = self.look_at_all(&parts).await?;
            if are_otherwise(&parts, &sights) {
                self.learn_all(&request.queues).await?;
                parts = self.parts_of(&request, &filter);
                sights = self.look_at_all(&parts).await?;
            }
            if sights.iter().any(|sight| sight.held > 0) {
                return self.held(&parts, &sights).await;
            }
            let taken = self.take_until_full(&parts, sights, &request).await?;
            let left = end.saturating_duration_since(Instant::now());
            let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            if !taken.is_empty() || left == 0 {
                return Ok(taken);
            }
            let looks = parts
                .iter()
                .map(|part| Box::pin(self.look(part, left, (0, false))));
            if select_all(looks).await.0?.replaced {
                // Its worker has asked again, and waits there.
                return Ok(Vec::new());
            }
        }
    }

    /// Takes as many as are wanted, or as there are: what was seen may be taken by others
    /// meanwhile.
    async fn take_until_full(
        &self,
        parts: &[Part],
        mut sights: Vec<Sight>,
        request: &DequeueRequest,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let mut taken = Known::default();
        let end = Instant::now() + self.patience;
        loop {
            let room = (request.max as usize).saturating_sub(taken.len());
            let seen: usize = sights.iter().map(|sight| sight.next.len()).sum();
            if room == 0 || seen == 0 {
                return Ok(taken.sorted());
            }
            let before = taken.len();
            let some = {
                let crowd = self.crowd.enter(&request.queues, room);
                let wanted = Wanted {
                    room,
                    left: crowd.before,
                    turn: self.next_turn(),
                };
                self.take(parts, &sights, wanted, Once::Known(&taken))
                    .await?
            };
            taken.add(some);
            let got = taken.len() - before;
            if got >= room.min(seen) || Instant::now() > end {
                return Ok(taken.sorted());
            }
            sights = self.look_at_all(parts).await?;
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
            let taken = Taken {
                // Where they have ended meanwhile, nothing is leased anew.
                up_to: Some(i64::MIN),
                known: Some(0),
                number: 0,
            };
            self.take_of(part, (1, taken))
        });
        let mut known = Known::default();
        known.add(try_join_all(held).await?);
        Ok(known.sorted())
    }
}

/// What one call of a worker has leased, by shard, each message once.
#[derive(Default)]
pub(super) struct Known(BTreeMap<u32, BTreeMap<Proof, LeasedMessage>>);

/// Queue, id and number of a lease.
type Proof = (String, String, u64);

impl Known {
    fn add(&mut self, taken: Vec<(u32, Vec<LeasedMessage>)>) {
        for (shard, messages) in taken {
            let of_shard = self.0.entry(shard).or_default();
            for leased in messages {
                let LeaseToken { key, nonce, .. } = &leased.token;
                let proof = (key.queue.clone(), key.id.clone(), *nonce);
                of_shard.insert(proof, leased);
            }
        }
    }

    fn of(&self, shard: u32) -> u32 {
        let of_shard = self.0.get(&shard).map_or(0, BTreeMap::len);
        u32::try_from(of_shard).unwrap_or(u32::MAX)
    }

    fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The most urgent first.
    fn sorted(self) -> Vec<LeasedMessage> {
        let messages = self.0.into_values().flat_map(BTreeMap::into_values);
        let mut messages: Vec<_> = messages.collect();
        messages.sort_by_key(|leased| leased.priority);
        messages
    }
}
