//! A subscription to queues that live in several shards.
//!
//! The first of them is its *home*: there each subscription waits, under an id that is derived
//! from its own, for nothing but to be replaced by another of the same id, and then ends.

use futures::StreamExt;
use futures::future::{BoxFuture, try_join_all};
use futures::stream::FuturesUnordered;
use timestone::{LeasedMessage, Refusal, Sight, limits};
use timestone_client::{
    CallRefusal, DequeueRequest, SubscribeRequest, Subscription, TimestoneError,
};
use tokio::sync::mpsc;

use super::Router;
use super::several::{Part, are_otherwise};

/// How long one look waits for news.
const WAIT_MS: u64 = 30_000;
/// What one knows, and wants to know, who holds nothing and has no room: nothing is news.
const ONLY_REPLACED: (u32, bool) = (0, true);
/// Takes of one subscription in a millisecond that have numbers of their own, in bits.
const TAKES_A_MS: u32 = 10;
/// Answers that a subscriber may leave unread.
const MAX_UNREAD: usize = 16;

type Sent = mpsc::Sender<Result<Vec<LeasedMessage>, TimestoneError>>;
/// What a part has to tell, and to which question.
type News = BoxFuture<'static, (usize, u64, Result<Sight, TimestoneError>)>;

impl Router {
    pub(super) async fn subscribe_several(
        &self,
        request: SubscribeRequest,
    ) -> Result<Subscription, TimestoneError> {
        let credit = request.credit;
        if credit == 0 || credit as usize > limits::MAX_BATCH {
            let problem = format!("credit is {credit}; from 1 to {}", limits::MAX_BATCH);
            return Err(TimestoneError::Refused(CallRefusal::from(problem)));
        }
        let filter = request.filter.clone();
        let request = demand(request);
        let mut parts = self.parts_of(&request, &filter);
        let mut sights = self.look_at_all(&parts).await?;
        if are_otherwise(&parts, &sights) {
            self.learn_all(&request.queues).await?;
            parts = self.parts_of(&request, &filter);
            sights = self.look_at_all(&parts).await?;
        }
        let home = home(&parts)?;
        if sights.iter().any(|sight| sight.held > 0) {
            // An older one ends all the same.
            let router = self.clone();
            tokio::spawn(async move { router.look(&home, 1, ONLY_REPLACED).await });
            return Err(Refusal::subscription_id_in_use().into());
        }
        let (sender, messages) = mpsc::channel(MAX_UNREAD);
        let subscriber = Subscriber {
            router: self.clone(),
            parts,
            asked: vec![0; sights.len()],
            stale: vec![false; sights.len()],
            sights,
            credit,
            news: FuturesUnordered::new(),
            full: false,
            takes: self.first_take(),
            home,
        };
        tokio::spawn(subscriber.run(sender));
        let next = |mut messages: mpsc::Receiver<_>| async {
            let next = messages.recv().await?;
            Some((next, messages))
        };
        Ok(futures::stream::unfold(messages, next).boxed())
    }
}

impl Router {
    /// A number behind those of the takes of all subscriptions before, so that one of theirs
    /// that comes late does not pass for one that followed.
    fn first_take(&self) -> u64 {
        let now = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        now << TAKES_A_MS
    }
}

/// Where a subscription waits to be replaced.
fn home(parts: &[Part]) -> Result<Part, TimestoneError> {
    let first = parts.first().cloned();
    let no_queue = || TimestoneError::Refused(CallRefusal::from("queues is empty".to_owned()));
    let mut home = first.ok_or_else(no_queue)?;
    let id = home.request.request_id;
    home.request.request_id = ids::derived([b"subscription".as_slice(), id.as_bytes()]);
    Ok(home)
}

/// Returns when another subscription waits in the place of this one.
async fn until_replaced(router: Router, home: Part) -> Result<(), TimestoneError> {
    loop {
        if router.look(&home, WAIT_MS, ONLY_REPLACED).await?.replaced {
            return Ok(());
        }
    }
}

fn demand(request: SubscribeRequest) -> DequeueRequest {
    DequeueRequest {
        queues: request.queues,
        max: request.credit,
        wait_ms: 0,
        lease_ms: request.lease_ms,
        session: request.session,
        request_id: request.subscription_id,
    }
}

/// One who is sent messages of several shards while it has room.
struct Subscriber {
    router: Router,
    parts: Vec<Part>,
    /// What each part was last seen to have.
    sights: Vec<Sight>,
    /// How often each part was asked; only what the last question brings counts.
    asked: Vec<u64>,
    /// Parts that were taken from since.
    stale: Vec<bool>,
    credit: u32,
    news: FuturesUnordered<News>,
    /// Whether what parts have is no news now.
    full: bool,
    /// The number of its last take.
    takes: u64,
    /// Where it waits to be replaced.
    home: Part,
}

impl Subscriber {
    async fn run(mut self, sender: Sent) {
        self.ask_all();
        let mut replaced = Box::pin(until_replaced(self.router.clone(), self.home.clone()));
        loop {
            if let Err(why) = self.top_up(&sender).await {
                // Whoever subscribed has gone, or subscribes again.
                let _ = sender.send(Err(why)).await;
                return;
            }
            let (part, number, sight) = tokio::select! {
                () = sender.closed() => return,
                replaced = &mut replaced => {
                    if let Err(why) = replaced {
                        let _ = sender.send(Err(why)).await;
                    }
                    return;
                }
                Some(news) = self.news.next() => news,
            };
            if number != self.asked[part] {
                continue;
            }
            match sight {
                Ok(sight) if self.is_otherwise(part, &sight) => {
                    let why = "a queue is spread over its shards in another way now".into();
                    let _ = sender.send(Err(TimestoneError::Unavailable(why))).await;
                    return;
                }
                Ok(sight) => (self.sights[part], self.stale[part]) = (sight, false),
                Err(why) => {
                    let _ = sender.send(Err(why)).await;
                    return;
                }
            }
            self.ask(part);
        }
    }

    /// Whether queues are spread otherwise than at the beginning: who is sent messages of them
    /// subscribes again.
    fn is_otherwise(&self, part: usize, sight: &Sight) -> bool {
        sight.spread != self.sights[part].spread
    }

    fn room(&self) -> u32 {
        let held = self.sights.iter().map(|sight| sight.held);
        self.credit
            .saturating_sub(held.fold(0, u32::saturating_add))
    }

    fn ask_all(&mut self) {
        (0..self.parts.len()).for_each(|part| self.ask(part));
    }

    /// Waits for what a part has to tell beside what is known, in place of what it was asked
    /// before.
    fn ask(&mut self, part: usize) {
        self.asked[part] += 1;
        let (router, wanted) = (self.router.clone(), self.parts[part].clone());
        let (known, number) = ((self.sights[part].held, self.full), self.asked[part]);
        self.news.push(Box::pin(async move {
            (part, number, router.look(&wanted, WAIT_MS, known).await)
        }));
    }

    /// Sends what there is room for.
    async fn top_up(&mut self, sender: &Sent) -> Result<(), TimestoneError> {
        let room = self.room();
        if room > 0 && self.sights.iter().any(|sight| !sight.next.is_empty()) {
            self.look_again().await?;
            self.takes += 1;
            let taken = self
                .router
                .take_more(&self.parts, &self.sights, (room, self.takes))
                .await?;
            self.note(&taken);
            let taken = taken.into_iter().flat_map(|(_, taken)| taken);
            let mut taken: Vec<_> = taken.collect();
            taken.sort_by_key(|leased| leased.priority);
            if !taken.is_empty() && sender.send(Ok(taken)).await.is_err() {
                return Err(TimestoneError::Unavailable("nobody reads".into()));
            }
        }
        let full = self.room() == 0;
        if full != self.full {
            // Who waits for other news waits anew.
            self.full = full;
            self.ask_all();
        }
        Ok(())
    }

    /// Looks at parts that may have more than is known: it may be more urgent than what others
    /// have.
    async fn look_again(&mut self) -> Result<(), TimestoneError> {
        let parts: Vec<_> = (0..self.parts.len()).filter(|n| self.stale[*n]).collect();
        let looks = parts
            .iter()
            .map(|part| self.router.look(&self.parts[*part], 0, (0, false)));
        let sights = try_join_all(looks).await?;
        for (part, sight) in parts.into_iter().zip(sights) {
            (self.sights[part], self.stale[part]) = (sight, false);
        }
        Ok(())
    }

    /// What parts were seen to have is not so any more.
    fn note(&mut self, taken: &[(u32, Vec<LeasedMessage>)]) {
        for part in 0..self.parts.len() {
            let shard = self.parts[part].shard;
            let of = taken.iter().filter(|(of, _)| *of == shard);
            let of: usize = of.map(|(_, messages)| messages.len()).sum();
            let sight = &mut self.sights[part];
            let had = !std::mem::take(&mut sight.next).is_empty();
            if of > 0 || had {
                sight.held += u32::try_from(of).unwrap_or(u32::MAX);
                self.stale[part] = true;
                self.ask(part);
            }
        }
    }
}
