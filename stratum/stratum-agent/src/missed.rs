//! Versions that could not be fetched, and when they are looked for again. Pure accounting.

use std::collections::HashMap;
use std::time::Duration;

use blob::Digest;
use clock::Timestamp;
use errors::Error;
use stratum::limits;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// A limited number of versions.
#[derive(Debug, Default)]
pub(crate) struct Missed(HashMap<Digest, Miss>);

#[derive(Debug)]
struct Miss {
    times: u32,
    at: Timestamp,
    until: Timestamp,
    /// `None` = it is not published.
    error: Option<Error>,
}

/// Why a version is not looked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Again {
    /// `None` = it was not published.
    pub(crate) error: Option<Error>,
    /// How long ago it was looked for.
    pub(crate) ago: Duration,
    /// When it will be, from now on.
    pub(crate) after: Duration,
}

impl Missed {
    /// Whether it is too early to look for it again.
    pub(crate) fn early(&self, digest: Digest, now: Timestamp) -> Option<Again> {
        let miss = self.0.get(&digest).filter(|miss| now < miss.until)?;
        Some(Again {
            error: miss.error.clone(),
            ago: now.since(miss.at),
            after: miss.until.since(now),
        })
    }

    /// It was looked for, and is not there.
    pub(crate) fn note(&mut self, digest: Digest, error: Option<Error>, now: Timestamp) {
        let times = self.0.get(&digest).map_or(0, |miss| miss.times);
        let wait = FIRST.saturating_mul(1 << times.min(16)).min(LONGEST);
        if times == 0 {
            self.make_room();
        }
        let miss = Miss {
            times: times + 1,
            at: now,
            until: now + wait,
            error,
        };
        self.0.insert(digest, miss);
    }

    /// It is there.
    pub(crate) fn forget(&mut self, digest: Digest) {
        self.0.remove(&digest);
    }

    /// Forgets the one that would be looked for first.
    fn make_room(&mut self) {
        if self.0.len() < limits::FETCHED {
            return;
        }
        let first = self.0.iter().min_by_key(|(_, miss)| miss.until);
        if let Some(digest) = first.map(|(digest, _)| *digest) {
            self.0.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn digest(n: usize) -> Digest {
        Digest::of(n.to_string().as_bytes())
    }

    #[test]
    fn waits_grow_up_to_a_minute_and_end_with_a_find() {
        let mut missed = Missed::default();
        let mut now = at(0);
        let mut waits = vec![];
        for _ in 0..8 {
            assert_eq!(missed.early(digest(0), now), None);
            missed.note(digest(0), None, now);
            let again = missed.early(digest(0), now).unwrap();
            assert_eq!((again.ago, again.error), (Duration::ZERO, None));
            waits.push(again.after.as_secs());
            now = now + again.after;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        missed.forget(digest(0));
        missed.note(digest(0), None, now);
        assert_eq!(missed.early(digest(0), now).unwrap().after, FIRST);
    }

    #[test]
    fn the_reason_is_remembered() {
        let mut missed = Missed::default();
        missed.note(digest(0), Some(Error::platform("X", "y")), at(0));
        let again = missed.early(digest(0), at(400)).unwrap();
        assert_eq!(again.error, Some(Error::platform("X", "y")));
        assert_eq!((again.ago.as_millis(), again.after.as_millis()), (400, 600));
        assert_eq!(missed.early(digest(1), at(400)), None);
    }

    #[test]
    fn a_limited_number_is_remembered() {
        let mut missed = Missed::default();
        for n in 0..3 * limits::FETCHED {
            missed.note(digest(n), None, at(n as i64));
        }
        assert_eq!(missed.0.len(), limits::FETCHED);
        assert!(
            missed
                .early(digest(3 * limits::FETCHED - 1), at(200))
                .is_some()
        );
    }
}
