//! Whose bytes a mount shows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use crate::Span;

/// Takes what was read, once.
pub type Answer = Box<dyn FnOnce(io::Result<Bytes>) + Send>;

/// A source of a mount. Its bytes never change.
pub trait Shown: Send + Sync + 'static {
    /// Reads all of `span` and tells `answer`, at once or later, on whatever thread. It is called
    /// by the few threads of the mount, which it holds up for as long as it takes.
    fn read(&self, span: Span, answer: Answer);
}

/// A file that has become shorter is an error, not an end.
impl Shown for File {
    fn read(&self, span: Span, answer: Answer) {
        let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(0)];
        let read = self.read_exact_at(&mut bytes, span.offset);
        answer(read.map(|()| bytes.into()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_file_shows_whole_spans_or_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let read = |offset, length| {
            let (tell, told) = mpsc::sync_channel(1);
            let answer = Box::new(move |read| tell.send(read).unwrap());
            Shown::read(&file, Span { offset, length }, answer);
            told.recv().unwrap()
        };
        assert_eq!(read(2, 3).unwrap(), "234");
        assert_eq!(read(10, 0).unwrap(), "");
        assert!(read(8, 5).is_err());
    }
}
