//! When a file that somebody writes is complete: as long as it grows or changes, it is not.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// What is known of the files of a folder.
#[derive(Debug)]
pub(super) struct Settling {
    quiet: Duration,
    files: HashMap<PathBuf, Seen>,
}

/// What tells that a file was written to: its length, and when, in nanoseconds.
pub(super) type Mark = (u64, i128);

#[derive(Debug)]
struct Seen {
    mark: Mark,
    /// Since when it looks like this.
    since: Duration,
    taken: bool,
}

impl Settling {
    /// A file is complete once nothing was written to it for so long.
    pub(super) fn new(quiet: Duration) -> Self {
        Self {
            quiet,
            files: HashMap::new(),
        }
    }

    /// Those that have become complete, given all that are there `now`: each once, and again only
    /// when it was written to since. One that is gone is forgotten.
    pub(super) fn look(&mut self, now: Duration, there: Vec<(PathBuf, Mark)>) -> Vec<PathBuf> {
        let mut before = std::mem::take(&mut self.files);
        let mut ready = Vec::new();
        for (path, mark) in there {
            let seen = before.remove(&path).filter(|seen| seen.mark == mark);
            let mut seen = seen.unwrap_or(Seen {
                mark,
                since: now,
                taken: false,
            });
            // What is empty is about to be written.
            let settled = now.saturating_sub(seen.since) >= self.quiet && mark.0 > 0;
            if settled && !seen.taken {
                seen.taken = true;
                ready.push(path.clone());
            }
            self.files.insert(path, seen);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes ready, second by second, of one file of these lengths; 0 is: not there.
    fn ready(lengths: &[u64]) -> Vec<usize> {
        let mut settling = Settling::new(Duration::from_secs(3));
        let look = |(second, length): (usize, &u64)| {
            let there = (*length > 0).then(|| (PathBuf::from("a"), (*length, 7)));
            let now = Duration::from_secs(second as u64);
            let ready = settling.look(now, there.into_iter().collect());
            (!ready.is_empty()).then_some(second)
        };
        lengths.iter().enumerate().filter_map(look).collect()
    }

    #[test]
    fn a_file_is_taken_once_it_no_longer_grows() {
        assert_eq!(ready(&[5, 5, 5]), [0; 0]);
        assert_eq!(ready(&[5, 5, 5, 5, 5, 5, 5, 5]), [3]);
        assert_eq!(ready(&[1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 6]), [9]);
    }

    #[test]
    fn one_that_is_written_again_or_comes_back_is_taken_again() {
        assert_eq!(ready(&[5, 5, 5, 5, 6, 6, 6, 6, 6]), [3, 7]);
        assert_eq!(ready(&[5, 5, 5, 5, 0, 5, 5, 5, 5]), [3, 8]);
    }

    #[test]
    fn an_empty_file_is_never_complete() {
        let mut settling = Settling::new(Duration::from_secs(1));
        for second in 0..9 {
            let there = vec![(PathBuf::from("a"), (0, 7))];
            assert!(settling.look(Duration::from_secs(second), there).is_empty());
        }
    }

    #[test]
    fn the_time_of_writing_counts_too() {
        let mut settling = Settling::new(Duration::from_secs(1));
        for second in 0..9 {
            let there = vec![(PathBuf::from("a"), (5, i128::from(second)))];
            assert!(settling.look(Duration::from_secs(second), there).is_empty());
        }
    }
}
