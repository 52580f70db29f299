//! What a command says on descriptor 3.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use stratum_init::wire::Progress;

use crate::lines::{Lines, More};

/// A progress line is a key and a number.
const LONGEST: usize = 128;

pub(crate) struct ProgressLines {
    pipe: Option<OwnedFd>,
    lines: Lines,
    latest: Progress,
    told: Progress,
}

impl ProgressLines {
    /// `pipe` is the non-blocking reading end.
    pub(crate) fn new(pipe: Option<OwnedFd>) -> Self {
        ProgressLines {
            pipe,
            lines: Lines::new(LONGEST),
            latest: Progress::default(),
            told: Progress::default(),
        }
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads once what is there, without waiting.
    pub(crate) fn read(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let latest = &mut self.latest;
        if self.lines.read(pipe, |line| update(latest, line)) == More::Never {
            self.pipe = None;
        }
    }

    /// The latest, unless it was given before.
    pub(crate) fn news(&mut self) -> Option<Progress> {
        let news = self.latest != self.told;
        self.told = self.latest;
        news.then_some(self.latest)
    }
}

/// Anything that is not a known key with a number in range is somebody else's line.
fn update(latest: &mut Progress, line: &[u8]) {
    let pair = std::str::from_utf8(line)
        .ok()
        .and_then(|l| l.split_once('='));
    let Some((key, value)) = pair else { return };
    match (key.trim(), value.trim()) {
        ("progress", value) => {
            let fraction = value.parse().ok().filter(|f| (0.0..=1.0).contains(f));
            latest.fraction = fraction.unwrap_or(latest.fraction);
        }
        ("frame", value) => latest.frames = value.parse().unwrap_or(latest.frames),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_in_range_are_progress() {
        let mut latest = Progress::default();
        let lines = [
            "progress=0.25",
            "frame= 12",
            "progress=continue",
            "progress=7",
            "progress=NaN",
            "frame=-3",
            "speed=1x",
            "",
            "=",
        ];
        for line in lines {
            update(&mut latest, line.as_bytes());
        }
        update(&mut latest, b"progress=\xff");
        assert_eq!(
            latest,
            Progress {
                fraction: 0.25,
                frames: 12
            }
        );
    }
}
