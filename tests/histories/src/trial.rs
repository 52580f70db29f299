//! One history in this process, over a store that forgets what was not synced.
//!
//! Time and faults come from the seed: the same seed, the same history.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock, Timestamp};
use store::{MemoryStore, Store};
use timestone_client::{Coalesced, Timestone};
use timestone_server::OwnerOptions;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Random;
use crate::call::{Act, Answer};
use crate::history::History;
use crate::inspect::inspect;
use crate::notes::Notes;
use crate::planted::{self, Mistake};
use crate::record::{Caller, config};
use crate::spec::{Lapses, Spec};

const QUEUE: &str = "q";
const LEASE_MS: u64 = 1_000;
/// How long a dead server's shard stays its own; longer than time ever jumps, as who loses its
/// shard and takes it again grants every lease anew.
const OWNERSHIP: Duration = Duration::from_secs(5);

/// How far a clock is set off at once, at most: milliseconds.
const JUMPS: [u64; 3] = [2_000, 60_000, 12 * 3_600_000];

/// The clocks of the server and of the store: the same time passes by both.
struct Clocks {
    server: ManualClock,
    store: ManualClock,
}

impl Clocks {
    fn new() -> Self {
        // Far from the beginning of time, as it may be set back.
        let start = || ManualClock::new(Timestamp::from_unix_ms(1 << 40));
        Self {
            server: start(),
            store: start(),
        }
    }

    fn advance(&self, by: Duration) {
        self.server.advance(by);
        self.store.advance(by);
    }

    /// Sets one off, now and then.
    fn jump(&self, random: &mut Random) {
        let clock = [&self.server, &self.store][random.below(2) as usize];
        let most = JUMPS[random.below(3) as usize];
        let by = Duration::from_millis(random.below(most));
        match random.below(10) {
            0 => clock.set(clock.now() + by),
            1 => clock.set(clock.now() - by),
            _ => {}
        }
    }
}

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
    /// Whether the clocks of the server and of the store are set, each by itself, forwards and
    /// backwards, by milliseconds to hours.
    pub jumps: bool,
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
            jumps: random.below(2) == 1,
            mistake: None,
        }
    }

    /// What the calls of its history are judged by.
    pub fn spec(&self) -> Spec {
        Spec {
            lease_ms: LEASE_MS as i64,
            repeats: false,
            exclusive: self.exclusive,
            lapses: Lapses::InTime(0),
        }
    }

    /// The history.
    pub fn run(self) -> History {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let history = runtime.map(|runtime| runtime.block_on(self.record()));
        history.unwrap_or_else(|_| History::new(self.spec(), Vec::new(), Vec::new()))
    }

    async fn record(self) -> History {
        let clocks = Clocks::new();
        let clock = clocks.server.clone();
        let notes = Notes::new(Arc::new(clock.clone()));
        let store = MemoryStore::seeded(Arc::new(clocks.store.clone()), self.seed);
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
        self.weather(store, &clocks, &senders, &notes, &callers)
            .await;
        for caller in callers {
            let _ = caller.await;
        }
        for last in senders.iter().take(1) {
            let last = Arc::clone(&last.borrow());
            inspect(last, QUEUE, &notes).await;
        }
        History::new(self.spec(), notes.calls(), notes.sights())
    }

    fn start(&self, store: &MemoryStore, clock: &ManualClock) -> Arc<dyn Timestone> {
        let store: Arc<dyn Store> = Arc::new(store.handle());
        let clock = Arc::new(clock.clone());
        let options = OwnerOptions {
            ttl: OWNERSHIP,
            ..OwnerOptions::new("trial")
        };
        let timestone = planted::start(store, clock, options, self.mistake);
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
            payload_bytes: 0,
            tokens: Vec::new(),
        }
    }

    /// Lets time pass and the server die while anybody calls.
    async fn weather(
        &self,
        mut store: MemoryStore,
        clocks: &Clocks,
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
            clocks.advance(Duration::from_millis(random.below(LEASE_MS / 3)));
            if self.jumps {
                clocks.jump(&mut random);
            }
            if crashes > 0 && random.below(12) == 0 {
                crashes -= 1;
                let begun = notes.begin();
                store = self.restart(store, clocks, timestone).await;
                notes.end(begun, u32::MAX, Act::Restart, Some(Answer::Done));
            }
        }
    }

    /// Another server over what is left of the store, for all clients.
    async fn restart(
        &self,
        store: MemoryStore,
        clocks: &Clocks,
        timestone: &[watch::Sender<Arc<dyn Timestone>>],
    ) -> MemoryStore {
        let store = store.crash();
        let next = self.start(&store, &clocks.server);
        // It answers when it has read everything.
        while next.count(&[]).await.is_err() {
            clocks.advance(OWNERSHIP / 50);
            tokio::task::yield_now().await;
        }
        // One by one: who waits for the same channel wakes in any order.
        for sender in timestone {
            sender.send_replace(Arc::clone(&next));
        }
        store
    }
}
