//! A subscription to queues that live in several shards.

use futures::StreamExt;
use futures::future::{BoxFuture, try_join_all};
use futures::stream::FuturesUnordered;
use timestone::{LeasedMessage, Sight, limits};
use timestone_client::{
    CallRefusal, DequeueRequest, SubscribeRequest, Subscription, TimestoneError,
};
use tokio::sync::mpsc;

use super::Router;
use super::several::Part;

/// How long one look waits for news.
const WAIT_MS: u64 = 30_000;
/// Answers that a subscriber may leave unread.
const MAX_UNREAD: usize = 16;

type Sent = mpsc::Sender<Result<Vec<LeasedMessage>, TimestoneError>>;
/// What a part has to tell, and to which question.
type News = BoxFuture<'static, (usize, u64, Result<Sight, TimestoneError>)>;

impl Router {
    pub(super) async fn subscribe_several(
        &self,
        parts: Vec<(u32, Vec<String>)>,
        request: SubscribeRequest,
    ) -> Result<Subscription, TimestoneError> {
        let credit = request.credit;
        if credit == 0 || credit as usize > limits::MAX_BATCH {
            let problem = format!("credit is {credit}; from 1 to {}", limits::MAX_BATCH);
            return Err(TimestoneError::Refused(CallRefusal::from(problem)));
        }
        let filter = request.filter.clone();
        let request = demand(request);
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| Part::new(part, &request, &filter))
            .collect();
        let looks = parts.iter().map(|part| self.look(part, 0, (0, false)));
        let sights = try_join_all(looks).await?;
        let (sender, messages) = mpsc::channel(MAX_UNREAD);
        let subscriber = Subscriber {
            router: self.clone(),
            parts,
            asked: vec![0; sights.len()],
            sights,
            credit,
            news: FuturesUnordered::new(),
            full: false,
        };
        tokio::spawn(subscriber.run(sender));
        let next = |mut messages: mpsc::Receiver<_>| async {
            let next = messages.recv().await?;
            Some((next, messages))
        };
        Ok(futures::stream::unfold(messages, next).boxed())
    }
}

fn demand(request: SubscribeRequest) -> DequeueRequest {
    DequeueRequest {
        queues: Vec::new(),
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
    credit: u32,
    news: FuturesUnordered<News>,
    /// Whether what parts have is no news now.
    full: bool,
}

impl Subscriber {
    async fn run(mut self, sender: Sent) {
        self.ask_all();
        loop {
            if let Err(why) = self.top_up(&sender).await {
                // Whoever subscribed has gone, or subscribes again.
                let _ = sender.send(Err(why)).await;
                return;
            }
            let (part, number, sight) = tokio::select! {
                () = sender.closed() => return,
                Some(news) = self.news.next() => news,
            };
            if number != self.asked[part] {
                continue;
            }
            match sight {
                Ok(sight) => self.sights[part] = sight,
                Err(why) => {
                    let _ = sender.send(Err(why)).await;
                    return;
                }
            }
            self.ask(part);
        }
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
        if room > 0 && self.sights.iter().any(|sight| sight.next.is_some()) {
            let taken = self.router.take(&self.parts, &self.sights, room).await?;
            self.note(&taken);
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

    /// What parts were seen to have is not so any more.
    fn note(&mut self, taken: &[LeasedMessage]) {
        for part in 0..self.parts.len() {
            let queues = &self.parts[part].request.queues;
            let of = taken
                .iter()
                .filter(|leased| queues.contains(&leased.token.key.queue));
            let of = u32::try_from(of.count()).unwrap_or(u32::MAX);
            let sight = &mut self.sights[part];
            if of > 0 || sight.next.take().is_some() {
                sight.held += of;
                self.ask(part);
            }
        }
    }
}
