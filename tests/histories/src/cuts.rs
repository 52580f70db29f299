//! Histories over the embedded store on a disk whose power is cut.
//!
//! One history is many: while it is made, the disk is copied at many moments between two of its
//! changes, as a power cut would leave it. Each copy loses what was not synced, a server begins
//! on it, and the inspector asks it for everything. What had been told before that moment must go
//! together with what is told now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use clock::{Clock, ManualClock, SharedClock, Timestamp};
use powercut::disk::{Disk, Model};
use powercut::proof::OPTIONS;
use powercut::{Behaviour, Mount};
use store::{Store, StoreError};
use store_fjall::FjallStore;
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

const LEASE_MS: u64 = 1_000;
/// Calls of one history, without the inspector's.
const CALLS: u32 = 48;
/// Large enough that tables are written and journals changed within a few histories.
const PAYLOAD_BYTES: u64 = 30_000;
/// Histories in a row on one disk, each in a queue of its own.
const CHAIN: u64 = 6;
/// The disk is copied about so often, in its changes.
const EVERY: u64 = 5;

/// What is wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrong {
    /// With the queue.
    pub mistake: Option<Mistake>,
    /// The disk confirms syncs that it does not do.
    pub lies: bool,
}

/// What came of one cut.
pub enum Cut {
    /// What was told before it and after it.
    Survived(Box<History>),
    /// The store cannot be opened any more, and why.
    Unopenable(String),
}

/// The disk at some moment.
struct Copy {
    disk: Disk,
    moment: u64,
    elapsed: Duration,
}

type Copies = Arc<Mutex<Vec<Copy>>>;

/// Histories on one disk, and cuts at many moments of each.
pub struct Cuts {
    seed: u64,
    wrong: Wrong,
    disk: Disk,
    made: u64,
    /// Changes of the disk, in all histories.
    pub changes: u64,
}

impl Cuts {
    /// An empty disk. Names last as POSIX words it or as ext4 does it.
    pub fn new(seed: u64, wrong: Wrong) -> Self {
        let model = [Model::Strict, Model::Ext4][(seed % 2) as usize];
        Self {
            seed,
            wrong,
            disk: Disk::new(model),
            made: 0,
            changes: 0,
        }
    }

    /// Whether the disk has seen as many histories as one shall.
    pub fn is_over(&self) -> bool {
        self.made >= CHAIN
    }

    /// Makes the next history, cuts the power at up to `most` moments of it, and goes on from one
    /// of them.
    pub fn next(&mut self, most: usize) -> Result<Vec<Cut>> {
        let seed = self.seed << 8 | self.made;
        self.made += 1;
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        let trial = Trial::seeded(seed, self.wrong);
        let (notes, mut copies) = runtime.block_on(trial.run(&self.disk, &mut self.changes))?;
        let mut random = Random::new(!seed);
        while copies.len() > most {
            copies.swap_remove(random.below(copies.len() as u64) as usize);
        }
        let mut cuts = Vec::new();
        for copy in copies {
            let mut random = powercut::Random::new(&[seed, copy.moment]);
            let (disk, _) = copy.disk.clone().after_cut(&mut random);
            self.disk = disk.clone();
            cuts.push(runtime.block_on(trial.check(disk, &copy, &notes))?);
        }
        Ok(cuts)
    }
}

/// One history.
struct Trial {
    seed: u64,
    queue: String,
    clients: u32,
    coalesced: bool,
    exclusive: bool,
    wrong: Wrong,
}

impl Trial {
    fn seeded(seed: u64, wrong: Wrong) -> Self {
        let mut random = Random::new(seed);
        Self {
            seed,
            queue: format!("q{seed}"),
            clients: 2 + random.below(4) as u32,
            coalesced: random.below(2) == 1,
            exclusive: random.below(2) == 1,
            wrong,
        }
    }

    fn spec(&self) -> Spec {
        Spec {
            lease_ms: LEASE_MS as i64,
            repeats: false,
            exclusive: self.exclusive,
            lapses: Lapses::InTime(0),
        }
    }

    /// The history on a copy of `disk`, and what the disk was at many moments of it.
    async fn run(&self, disk: &Disk, changes: &mut u64) -> Result<(Notes, Vec<Copy>)> {
        let clock = ManualClock::new(Timestamp::from_unix_ms(1 << 40));
        let notes = Notes::new(Arc::new(clock.clone()));
        let copies = Copies::default();
        let watcher = watcher(self.seed, &notes, &clock, &copies);
        let mount = Mount::watched(disk.clone(), self.behaviour(), watcher)?;
        let store = open(&mount, &clock).context("the store of a new history")?;
        let timestone = self.start(store, &clock);
        let config = config(LEASE_MS, self.exclusive);
        timestone.put_queue(&self.queue, config).await?;
        // What is cut before the queue is there has no leases of the right length.
        lock(&copies).clear();
        let (sender, receiver) = watch::channel(Arc::clone(&timestone));
        let callers = (0..self.clients).map(|number| {
            let caller = self.caller(number, receiver.clone(), &notes);
            tokio::spawn(caller.run(CALLS / self.clients))
        });
        self.weather(&clock, callers.collect()).await?;
        *changes += mount.changes();
        mount.cut();
        // What was told last, before anything more could be written.
        let (moment, elapsed) = (notes.tick(), clock.elapsed());
        let mut copies = std::mem::take(&mut *lock(&copies));
        drop((timestone, sender, receiver));
        let disk = mount.unmount();
        copies.push(Copy {
            disk,
            moment,
            elapsed,
        });
        Ok((notes, copies))
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour {
            cut_after: None,
            lies: self.wrong.lies,
        }
    }

    fn start(&self, store: Arc<dyn Store>, clock: &ManualClock) -> Arc<dyn Timestone> {
        let clock: SharedClock = Arc::new(clock.clone());
        let options = OwnerOptions::new("cuts");
        let timestone = planted::start(store, clock, options, self.wrong.mistake);
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
            queue: self.queue.clone(),
            timestone,
            notes: notes.clone(),
            random: Random::new(self.seed ^ u64::from(number + 1) << 32),
            payload_bytes: PAYLOAD_BYTES,
            tokens: Vec::new(),
        }
    }

    /// Lets time pass while anybody calls.
    async fn weather(&self, clock: &ManualClock, callers: Vec<JoinHandle<()>>) -> Result<()> {
        let mut random = Random::new(!self.seed);
        while callers.iter().any(|caller| !caller.is_finished()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.advance(Duration::from_millis(random.below(LEASE_MS / 8)));
        }
        for caller in callers {
            caller.await.context("a client failed")?;
        }
        Ok(())
    }

    /// Opens what a cut has left, and asks for everything.
    async fn check(&self, disk: Disk, copy: &Copy, notes: &Notes) -> Result<Cut> {
        let clock = ManualClock::new(Timestamp::from_unix_ms(1 << 40));
        clock.advance(copy.elapsed);
        let notes = notes.until(copy.moment, Arc::new(clock.clone()));
        let mount = Mount::new(disk, Behaviour::default())?;
        let store = match open(&mount, &clock) {
            Ok(store) => store,
            Err(why) => return Ok(Cut::Unopenable(why.to_string())),
        };
        let begun = notes.begin();
        let timestone = self.start(store, &clock);
        while timestone.count(&[]).await.is_err() {
            clock.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
        notes.end(begun, u32::MAX, Act::Restart, Some(Answer::Done));
        inspect(Arc::clone(&timestone), &self.queue, &notes).await;
        drop(timestone);
        drop(mount.unmount());
        let history = History::new(self.spec(), notes.calls(), notes.sights());
        Ok(Cut::Survived(Box::new(history)))
    }
}

fn open(mount: &Mount, clock: &ManualClock) -> Result<Arc<dyn Store>, StoreError> {
    let clock: SharedClock = Arc::new(clock.clone());
    let store = FjallStore::open_with(mount.join("store"), clock, OPTIONS)?;
    Ok(Arc::new(store))
}

/// Copies the disk now and then.
fn watcher(seed: u64, notes: &Notes, clock: &ManualClock, copies: &Copies) -> powercut::Watcher {
    let (notes, clock, copies) = (notes.clone(), clock.clone(), Arc::clone(copies));
    let mut random = Random::new(seed ^ 0xC07);
    Box::new(move |_, disk| {
        if random.below(EVERY) == 0 {
            let disk = disk.clone();
            let (moment, elapsed) = (notes.tick(), clock.elapsed());
            lock(&copies).push(Copy {
                disk,
                moment,
                elapsed,
            });
        }
    })
}

fn lock(copies: &Copies) -> std::sync::MutexGuard<'_, Vec<Copy>> {
    copies.lock().unwrap_or_else(PoisonError::into_inner)
}
