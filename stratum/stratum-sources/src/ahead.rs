//! How far to fetch ahead of whom: a pure plan. Whoever reads on is fetched for in windows that
//! double; whoever jumps is not, until he reads on.

use std::collections::VecDeque;
use std::ops::Range;

use crate::limits::{FIRST_WINDOW, SLACK, STREAMS, WINDOW};

#[derive(Debug)]
pub(crate) struct ReadAhead {
    size: u64,
    /// Bytes that all windows may have together.
    budget: u64,
    /// The one that read last is at the end.
    streams: VecDeque<Stream>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    /// Behind the last byte that was read.
    next: u64,
    window: u64,
    /// Behind the last byte that was asked for ahead of time.
    asked: u64,
}

impl ReadAhead {
    pub(crate) fn new(size: u64, budget: u64) -> Self {
        Self {
            size,
            budget,
            streams: VecDeque::new(),
        }
    }

    /// Takes note of a read; what to ask for ahead of the next ones, often nothing.
    pub(crate) fn read(&mut self, range: Range<u64>) -> Range<u64> {
        let found = self
            .streams
            .iter()
            .position(|stream| stream.is_read_on_by(&range));
        let mut stream = found
            .and_then(|at| self.streams.remove(at))
            .map_or(Stream::begun(range.end), |stream| stream.read_on(range.end));
        let others = self
            .streams
            .iter()
            .filter(|stream| stream.window > 0)
            .count() as u64;
        stream.window = stream.window.min(self.budget / (others + 1));
        let wanted = stream.wanted(self.size);
        stream.asked = stream.asked.max(wanted.end);
        if self.streams.len() == STREAMS {
            self.streams.pop_front();
        }
        self.streams.push_back(stream);
        wanted
    }
}

impl Stream {
    fn begun(next: u64) -> Self {
        Self {
            next,
            window: 0,
            asked: next,
        }
    }

    fn is_read_on_by(&self, range: &Range<u64>) -> bool {
        let near = self.next.saturating_sub(SLACK)..=self.next.saturating_add(SLACK);
        near.contains(&range.start)
    }

    fn read_on(self, end: u64) -> Self {
        // Readers with many hands come a little out of order: only new bytes count.
        let window = match end > self.next {
            true => (self.window * 2).clamp(FIRST_WINDOW, WINDOW),
            false => self.window,
        };
        Self {
            next: self.next.max(end),
            window,
            ..self
        }
    }

    /// Nothing while more than half of the window is still ahead, so that requests are large.
    fn wanted(&self, size: u64) -> Range<u64> {
        let from = self.asked.max(self.next).min(size);
        let to = self.next.saturating_add(self.window).min(size);
        match from - self.next.min(from) > self.window / 2 || to <= from {
            true => from..from,
            false => from..to,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 10 << 30;
    const STEP: u64 = 128 << 10;

    #[test]
    fn windows_of_one_who_reads_on_double() {
        let mut ahead = ReadAhead::new(SIZE, 64 << 20);
        let asked: Vec<u64> = (0..2_000)
            .map(|step| ahead.read(step * STEP..(step + 1) * STEP))
            .map(|wanted| wanted.end - wanted.start)
            .filter(|length| *length > 0)
            .collect();
        assert_eq!(asked[0], FIRST_WINDOW);
        assert!(
            asked.iter().any(|length| *length >= WINDOW / 2),
            "{asked:?}"
        );
        assert!(asked.len() < 40, "requests stayed small: {asked:?}");
    }

    #[test]
    fn one_who_jumps_gets_nothing_ahead() {
        let mut ahead = ReadAhead::new(SIZE, 64 << 20);
        for jump in 1..1_000u64 {
            let at = (jump * 7_919 * STEP * 100) % SIZE;
            assert!(ahead.read(at..at + STEP).is_empty());
        }
    }

    #[test]
    fn several_are_told_apart_and_share() {
        let (mut ahead, budget) = (ReadAhead::new(SIZE, 16 << 20), 16 << 20);
        for step in 0..500 {
            for reader in 0..4u64 {
                let at = reader * (SIZE / 4) + step * STEP;
                ahead.read(at..at + STEP);
            }
        }
        let windows: Vec<u64> = ahead.streams.iter().map(|stream| stream.window).collect();
        assert_eq!(windows, [budget / 4; 4]);
    }

    proptest! {
        #[test]
        fn nothing_is_asked_for_twice_nor_beyond_the_end(
            start in 0..SIZE,
            steps in proptest::collection::vec(1u64..400_000, 1..300),
        ) {
            let (mut ahead, mut at, mut asked) = (ReadAhead::new(SIZE, 64 << 20), start, 0);
            for step in steps {
                let end = (at + step).min(SIZE);
                let wanted = ahead.read(at..end);
                prop_assert!(wanted.start <= wanted.end && wanted.end <= SIZE);
                if !wanted.is_empty() {
                    prop_assert!(wanted.start >= asked && wanted.start >= end);
                    prop_assert!(wanted.end - end <= WINDOW);
                    asked = wanted.end;
                }
                at = end;
            }
        }

        #[test]
        fn windows_never_have_more_than_the_budget(
            reads in proptest::collection::vec((0..SIZE, 1u64..1 << 20), 1..400),
            budget in 1u64 << 20..64 << 20,
        ) {
            let mut ahead = ReadAhead::new(SIZE, budget);
            for (at, length) in reads {
                let wanted = ahead.read(at..(at + length).min(SIZE));
                prop_assert!(wanted.end - wanted.start <= budget);
                prop_assert!(ahead.streams.len() <= STREAMS);
            }
        }
    }
}
