//! Whether ages can be trusted: they are told by the clock of the wall, which may be set.

use std::time::Duration;

use clock::{Clock, Timestamp};

/// A clock that runs wrong by less than this is not one that was set.
const DRIFT: Duration = Duration::from_secs(60);

/// Looks whether the clock was set since it last looked.
#[derive(Debug)]
pub(super) struct Steady {
    grace: Duration,
    wall: Timestamp,
    elapsed: Duration,
    /// Until then, by the time that passed, ages are not trusted.
    distrust: Duration,
}

impl Steady {
    pub(super) fn new(clock: &dyn Clock, grace: Duration) -> Self {
        Self {
            grace,
            wall: clock.now(),
            elapsed: clock.elapsed(),
            distrust: Duration::ZERO,
        }
    }

    /// Fine, if a whole grace has passed since the clock was set ahead; else what is left of it.
    pub(super) fn check(&mut self, clock: &dyn Clock) -> Result<(), Duration> {
        let (wall, elapsed) = (clock.now(), clock.elapsed());
        let expected = self.wall + elapsed.saturating_sub(self.elapsed);
        if wall.since(expected) > DRIFT {
            self.distrust = elapsed + self.grace;
        }
        (self.wall, self.elapsed) = (wall, elapsed);
        match self.distrust.saturating_sub(elapsed) {
            Duration::ZERO => Ok(()),
            left => Err(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn after_the_clock_was_set_ahead_a_grace_has_to_pass() {
        let clock = ManualClock::new(Timestamp::from_unix_ms(0));
        let mut steady = Steady::new(&clock, HOUR * 24);
        clock.advance(HOUR * 50);
        assert_eq!(steady.check(&clock), Ok(()), "time only passed");
        clock.set(clock.now() + HOUR * 100);
        assert_eq!(steady.check(&clock), Err(HOUR * 24));
        clock.advance(HOUR * 23);
        assert_eq!(steady.check(&clock), Err(HOUR));
        clock.advance(HOUR);
        assert_eq!(steady.check(&clock), Ok(()));
        clock.set(clock.now() - HOUR * 9);
        assert_eq!(steady.check(&clock), Ok(()), "blobs only look younger");
    }
}
