//! Lines out of a non-blocking descriptor, of bounded length.

use std::os::fd::AsFd;

use rustix::io::{Errno, read};

/// Splits what a descriptor gives into lines; a longer line than `longest` is dropped whole.
pub(crate) struct Lines {
    buffer: Vec<u8>,
    longest: usize,
    overlong: bool,
}

/// Whether a descriptor may give more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    Later,
    Never,
}

impl Lines {
    pub(crate) fn new(longest: usize) -> Self {
        Lines {
            buffer: Vec::new(),
            longest,
            overlong: false,
        }
    }

    /// Reads once and hands every line that is complete to `each`.
    pub(crate) fn read(&mut self, from: impl AsFd, each: impl FnMut(&[u8])) -> More {
        let mut chunk = [0; 4096];
        match read(from, &mut chunk) {
            Ok(0) => More::Never,
            Ok(count) => {
                self.split(&chunk[..count], each);
                More::Later
            }
            Err(Errno::AGAIN | Errno::INTR) => More::Later,
            Err(_) => More::Never,
        }
    }

    fn split(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8])) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (body, ended) = match part.split_last() {
                Some((b'\n', body)) => (body, true),
                _ => (part, false),
            };
            self.overlong |= self.buffer.len() + body.len() > self.longest;
            if !self.overlong {
                self.buffer.extend_from_slice(body);
            }
            if ended {
                if !self.overlong {
                    each(&self.buffer);
                }
                self.buffer.clear();
                self.overlong = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(longest: usize, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut all) = (Lines::new(longest), Vec::new());
        for chunk in chunks {
            lines.split(chunk, |line| all.push(line.to_vec()));
        }
        all
    }

    #[test]
    fn lines_are_joined_across_reads() {
        assert_eq!(
            collect(9, &[b"a=", b"1\nb", b"=2\n\nc"]),
            [b"a=1".to_vec(), b"b=2".to_vec(), b"".to_vec()]
        );
    }

    #[test]
    fn an_overlong_line_is_dropped_and_the_next_is_not() {
        assert_eq!(
            collect(3, &[b"12", b"34", b"5\nabc\nabcd\nx\n"]),
            [b"abc".to_vec(), b"x".to_vec()]
        );
    }
}
