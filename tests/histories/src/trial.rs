//! One history in this process, over a store that forgets what was not synced.
//!
//! Time and faults come from the seed: the same seed, the same history.

use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, Timestamp};
use store::{MemoryStore, Store};
use timestone_client::{Coalesced, Timestone};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Random;
use crate::call::{Act, Answer, Call};
use crate::planted::{Mistake, Planted};
use crate::record::{Caller, Notes, config};
use crate::spec::Spec;

const QUEUE: &str = "q";
const LEASE_MS: u64 = 1_000;
/// How long a dead server's shard stays its own; longer than time ever jumps, as who loses its
/// shard and takes it again grants every lease anew.
const OWNERSHIP: Duration = Duration::from_secs(5);

/// What a history is made of.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub seed: u64,
    pub clients: u32,
    /// Calls of each client.
    pub calls: u32,
    /// How often the server dies.
    pub crashes: u32,
    /// Whether calls of different clients travel together.
    pub coalesced: bool,
    /// Whether messages of one value exclude one another.
    pub exclusive: bool,
    /// What is wrong with the queue.
    pub mistake: Option<Mistake>,
}

impl Trial {
    /// A trial by its seed: few or many clients, with and without deaths.
    pub fn seeded(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let clients = 2 + random.below(4) as u32;
        Self {
            seed,
            clients,
            calls: 60 / clients,
            crashes: random.below(3) as u32,
            coalesced: random.below(2) == 1,
            exclusive: random.below(2) == 1,
            mistake: None,
        }
    }

    /// What the calls of its history are judged by.
    pub fn spec(&self) -> Spec {
        Spec {
            lease_ms: LEASE_MS as i64,
            repeats: false,
            exclusive: self.exclusive,
        }
    }

    /// The history.
    pub fn run(self) -> Vec<Call> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let calls = runtime.map(|runtime| runtime.block_on(self.record()));
        calls.unwrap_or_default()
    }

    async fn record(self) -> Vec<Call> {
        let clock = ManualClock::new(Timestamp::from_unix_ms(0));
        let notes = Notes::new(Arc::new(clock.clone()));
        let store = MemoryStore::seeded(Arc::new(clock.clone()), self.seed);
        let first = self.start(&store, &clock);
        let config = config(LEASE_MS, self.exclusive);
        let created = first.put_queue(QUEUE, config).await;
        debug_assert!(created.is_ok(), "{created:?}");
        let (mut senders, mut callers) = (Vec::new(), Vec::new());
        for number in 0..self.clients {
            let (sender, timestone) = watch::channel(Arc::clone(&first));
            senders.push(sender);
            let caller = self.caller(number, timestone, &notes);
            callers.push(tokio::spawn(caller.run(self.calls)));
        }
        drop(first);
        self.weather(store, &clock, &senders, &notes, &callers)
            .await;
        for caller in callers {
            let _ = caller.await;
        }
        notes.calls()
    }

    fn start(&self, store: &MemoryStore, clock: &ManualClock) -> Arc<dyn Timestone> {
        let store: Arc<dyn Store> = Arc::new(store.handle());
        let clock = Arc::new(clock.clone());
        let options = OwnerOptions {
            ttl: OWNERSHIP,
            ..OwnerOptions::new("trial")
        };
        let mut timestone: Arc<dyn Timestone> =
            Arc::new(LocalTimestone::start(store, clock, options));
        if let Some(mistake) = self.mistake {
            timestone = Arc::new(Planted::new(timestone, mistake));
        }
        match self.coalesced {
            true => Arc::new(Coalesced::new(timestone)),
            false => timestone,
        }
    }

    fn caller(
        &self,
        number: u32,
        timestone: watch::Receiver<Arc<dyn Timestone>>,
        notes: &Notes,
    ) -> Caller {
        Caller {
            number,
            queue: QUEUE.into(),
            timestone,
            notes: notes.clone(),
            random: Random::new(self.seed ^ u64::from(number + 1) << 32),
            messages: 12,
            tokens: Vec::new(),
        }
    }

    /// Lets time pass and the server die while anybody calls.
    async fn weather(
        &self,
        mut store: MemoryStore,
        clock: &ManualClock,
        timestone: &[watch::Sender<Arc<dyn Timestone>>],
        notes: &Notes,
        callers: &[JoinHandle<()>],
    ) {
        let mut random = Random::new(!self.seed);
        let mut crashes = self.crashes;
        while callers.iter().any(|caller| !caller.is_finished()) {
            for _ in 0..random.below(20) {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_millis(random.below(LEASE_MS / 3)));
            if crashes > 0 && random.below(40) == 0 {
                crashes -= 1;
                let restarted = async {
                    store = store.crash();
                    let next = self.start(&store, clock);
                    // It answers when it has read everything.
                    while next.count(&[]).await.is_err() {
                        clock.advance(OWNERSHIP / 50);
                        tokio::task::yield_now().await;
                    }
                    // One by one: who waits for the same channel wakes in any order.
                    for sender in timestone {
                        sender.send_replace(Arc::clone(&next));
                    }
                    Some(Answer::Done)
                };
                notes.note(u32::MAX, Act::Restart, restarted).await;
            }
        }
    }
}
