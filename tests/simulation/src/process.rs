//! One Plato process as the simulation sees it: a clock of its own, and doors through which
//! all that it does has to pass. Behind closed doors it is dead, though its code goes on.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clock::{Clock, Timestamp};
use plato_testkit::{Gate, VirtualTime};
use timestone_client::TimestoneError;
use tokio::sync::watch;

use crate::random::Random;

/// What stands between a process, or a worker, and the rest of the world. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Doors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    time: VirtualTime,
    random: Random,
    /// Nothing fails any more, anywhere.
    calm: Arc<AtomicBool>,
    is_dead: watch::Sender<bool>,
    paused_until_ms: AtomicI64,
    skew_ms: AtomicI64,
    /// Doors it passes before it dies; 0 = no such plan.
    dies_in: AtomicU64,
}

impl Doors {
    pub(crate) fn new(time: &VirtualTime, random: &Random, calm: &Arc<AtomicBool>) -> Self {
        Self(Arc::new(Inner {
            time: time.clone(),
            random: random.clone(),
            calm: Arc::clone(calm),
            is_dead: watch::Sender::new(false),
            paused_until_ms: AtomicI64::new(0),
            skew_ms: AtomicI64::new(0),
            dies_in: AtomicU64::new(0),
        }))
    }

    /// Dies at the `steps`-th door from here.
    pub(crate) fn die_in(&self, steps: u64) {
        self.0.dies_in.store(steps.max(1), Ordering::Relaxed);
    }

    /// Forgets that it was to die.
    pub(crate) fn live_on(&self) {
        self.0.dies_in.store(0, Ordering::Relaxed);
    }

    pub(crate) fn die(&self) {
        self.0.is_dead.send_replace(true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.0.is_dead.borrow()
    }

    /// Stands still for so long, as one that swaps, or whose machine is suspended.
    pub(crate) fn pause(&self, for_ms: i64) {
        let until = self.0.time.now_ms() + for_ms;
        self.0.paused_until_ms.store(until, Ordering::Relaxed);
    }

    pub(crate) fn skew(&self, by_ms: i64) {
        self.0.skew_ms.store(by_ms, Ordering::Relaxed);
    }

    fn skew_ms(&self) -> i64 {
        self.0.skew_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.0.calm.load(Ordering::Relaxed)
    }

    /// Whether something goes wrong now, once in `n` times.
    pub(crate) fn fails(&self, n: u64) -> bool {
        !self.is_calm() && self.0.random.one_in(n)
    }

    pub(crate) fn draw(&self, below: u64) -> u64 {
        self.0.random.below(below)
    }

    pub(crate) fn time(&self) -> &VirtualTime {
        &self.0.time
    }

    /// Passes a door: at once, later, or never.
    pub(crate) async fn pass(&self) {
        self.count_down();
        if self.is_dead() {
            return pending().await;
        }
        loop {
            let until = self.0.paused_until_ms.load(Ordering::Relaxed);
            if self.0.time.now_ms() >= until {
                break;
            }
            self.0.time.until_ms(until).await;
        }
        if self.is_dead() {
            pending::<()>().await;
        }
    }

    fn count_down(&self) {
        let left = self.0.dies_in.load(Ordering::Relaxed);
        if left > 0 {
            self.0.dies_in.store(left - 1, Ordering::Relaxed);
        }
        if left == 1 {
            self.die();
        }
    }

    /// What the way takes.
    async fn travel(&self) {
        if !self.is_calm() {
            let ms = [0, 0, 1, 5, 40][self.draw(5) as usize];
            self.0.time.sleep(Duration::from_millis(ms)).await;
        }
        self.pass().await;
    }
}

/// One call in so many is lost on its way, and one answer in so many.
const LOST: u64 = 25;

#[async_trait]
impl Gate for Doors {
    async fn before(&self) -> Result<(), TimestoneError> {
        self.travel().await;
        match self.fails(LOST) {
            true => Err(TimestoneError::Unavailable("the call was lost".into())),
            false => Ok(()),
        }
    }

    async fn after(&self) -> Result<(), TimestoneError> {
        self.travel().await;
        match self.fails(LOST) {
            true => Err(TimestoneError::Unavailable("the answer was lost".into())),
            false => Ok(()),
        }
    }

    async fn gone(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self
            .0
            .is_dead
            .subscribe()
            .wait_for(|is_dead| *is_dead)
            .await;
    }
}

impl Clock for Doors {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.time.now_ms() + self.skew_ms())
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            while self.now() < until {
                let due = match until {
                    Timestamp::MAX => i64::MAX,
                    until => until.unix_ms().saturating_sub(self.skew_ms()),
                };
                self.0.time.until_ms(due).await;
            }
            self.pass().await;
        })
    }

    fn elapsed(&self) -> Duration {
        self.0.time.elapsed()
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.0.time.sleep_until_elapsed(until).await;
            self.pass().await;
        })
    }
}
