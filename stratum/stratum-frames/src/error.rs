//! What can go wrong with a source.

use std::io;

/// No frame table, or no frames.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be used: it is not video, is damaged, or changes in mid-stream.
    #[error("source: {0}")]
    Source(String),
    /// A tool failed on the source; the text is the end of what it said.
    #[error("{tool} failed on the source ({exit}): {said}")]
    Tool {
        tool: &'static str,
        exit: String,
        said: String,
    },
    /// ffmpeg or ffprobe is in no directory of `PATH`.
    #[error("{0} was not found in PATH; install ffmpeg")]
    ToolNotFound(&'static str),
    /// The tool could not be run.
    #[error(transparent)]
    Init(#[from] stratum_init::Error),
    /// Reading what a tool wrote, or the source itself.
    #[error("{what}: {source}")]
    Io {
        what: &'static str,
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { what, source }
    }
}
