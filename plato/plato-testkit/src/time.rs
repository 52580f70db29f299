//! Time that passes only when nobody has anything to do.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clock::{Clock, Timestamp};

/// When the time of every run begins: a moment in 2027, in Unix milliseconds.
pub const BEGIN_MS: i64 = 1_800_000_000_000;

/// The time of one run. Cheap to clone.
///
/// [`run`](Self::run) is the only thread there is. When every task waits, the clock jumps
/// to the moment for which the next of them waits: ten years take as long as a
/// millisecond, and the same tasks always run in the same order.
#[derive(Clone, Debug)]
pub struct VirtualTime(Arc<Mutex<Sleepers>>);

#[derive(Debug)]
struct Sleepers {
    now_ms: i64,
    /// Tells sleepers apart that wait for the same moment: first come, first woken.
    next: u64,
    waiting: BTreeMap<(i64, u64), Waker>,
    /// Set when everybody waits, and nobody for time.
    is_stuck: bool,
    root: Option<Waker>,
}

/// Everybody waits for somebody else, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("every task waits for another one: nothing will happen any more")]
pub struct Stuck;

impl Default for VirtualTime {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Sleepers {
            now_ms: BEGIN_MS,
            next: 0,
            waiting: BTreeMap::new(),
            is_stuck: false,
            root: None,
        })))
    }
}

impl VirtualTime {
    /// Runs `main`, and what it spawns, to its end.
    ///
    /// # Errors
    /// [`Stuck`] when it can never end.
    ///
    /// # Panics
    /// When called on a thread of a Tokio runtime, and when `main` panics.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> Result<T, Stuck> {
        let time = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(move || time.jump())
            .build();
        // Without drivers there is nothing that could fail.
        #[allow(clippy::unwrap_used, reason = "nothing of the system is asked for")]
        let runtime = runtime.unwrap();
        runtime.block_on(self.unless_stuck(main))
    }

    async fn unless_stuck<T>(&self, main: impl Future<Output = T>) -> Result<T, Stuck> {
        let mut main = Box::pin(main);
        poll_fn(|cx| {
            if let Poll::Ready(done) = main.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            let mut sleepers = self.lock();
            sleepers.root = Some(cx.waker().clone());
            match sleepers.is_stuck {
                true => Poll::Ready(Err(Stuck)),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Moves on to the next moment for which somebody waits.
    fn jump(&self) {
        let mut woken = Vec::new();
        let mut sleepers = self.lock();
        match sleepers.waiting.first_key_value().map(|((due, _), _)| *due) {
            Some(due) => {
                let now_ms = sleepers.now_ms.max(due);
                sleepers.now_ms = now_ms;
                let later = sleepers.waiting.split_off(&(now_ms + 1, 0));
                woken.extend(std::mem::replace(&mut sleepers.waiting, later).into_values());
            }
            None => {
                sleepers.is_stuck = true;
                woken.extend(sleepers.root.take());
            }
        }
        drop(sleepers);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The time since the run began, in milliseconds.
    pub fn since_begin_ms(&self) -> u64 {
        u64::try_from(self.lock().now_ms - BEGIN_MS).unwrap_or_default()
    }

    /// The time now, in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.lock().now_ms
    }

    /// Waits until this moment, in Unix milliseconds.
    pub fn until_ms(&self, due_ms: i64) -> impl Future<Output = ()> + Send + use<> {
        Sleep {
            time: self.clone(),
            due_ms,
            number: None,
        }
    }

    /// Waits for so long.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.until_ms((Timestamp::from_unix_ms(self.now_ms()) + duration).unix_ms())
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a moment; one for [`Timestamp::MAX`] never ends.
struct Sleep {
    time: VirtualTime,
    due_ms: i64,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let time = self.time.clone();
        let mut sleepers = time.lock();
        if sleepers.now_ms >= self.due_ms {
            return Poll::Ready(());
        }
        if self.due_ms < Timestamp::MAX.unix_ms() {
            let number = *self.number.get_or_insert(sleepers.next);
            sleepers.next = sleepers.next.max(number + 1);
            let due = (self.due_ms, number);
            sleepers.waiting.insert(due, cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.time.lock().waiting.remove(&(self.due_ms, number));
        }
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now_ms())
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.until_ms(until.unix_ms()))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.since_begin_ms())
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = Timestamp::from_unix_ms(BEGIN_MS) + until;
        Box::pin(self.until_ms(until.unix_ms()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_pass_at_once_and_in_order() {
        let time = VirtualTime::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let ran = time.run(async {
            for days in [3_650_u64, 1, 40] {
                let (time, order) = (time.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    time.sleep(Duration::from_secs(days * 86_400)).await;
                    order.lock().unwrap().push(days);
                });
            }
            time.sleep(Duration::from_secs(3_651 * 86_400)).await;
        });
        assert_eq!(ran, Ok(()));
        assert_eq!(*order.lock().unwrap(), [1, 40, 3_650]);
    }

    #[test]
    fn a_run_that_can_never_end_is_stuck() {
        let never = VirtualTime::default().run(std::future::pending::<()>());
        assert_eq!(never, Err(Stuck));
    }
}
