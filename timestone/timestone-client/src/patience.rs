use std::time::Duration;

use tokio::time::Instant;

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How long to go on trying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn starting_now(patience: Duration) -> Self {
        Self {
            end: Instant::now() + patience,
            pause: Duration::from_millis(25),
        }
    }

    /// Pauses before the next try, ever longer; `false` when there is to be none.
    pub(crate) async fn pause(&mut self) -> bool {
        let next = Instant::now() + self.pause;
        if next > self.end {
            return false;
        }
        tokio::time::sleep_until(next).await;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        true
    }
}
