use std::io;
use std::path::{Path, PathBuf};

/// The engine could not do what was asked. How a command ended is a [`stratum_init::Exit`].
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answers there, or it refused.
    #[error("the container engine cannot {action}: {source}")]
    Engine {
        action: &'static str,
        source: bollard::errors::Error,
    },
    /// A file of the host cannot be given to a container.
    #[error("cannot give {path} to a container: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    /// It took an image, but named none.
    #[error("the container engine took an image and did not say which")]
    NoImage,
    /// An id means something only to the engine that made the image.
    #[error("this container engine has no image {0}; push it to a registry, and name it by that")]
    NotHere(String),
    /// The container ended, or hung, before its first process called.
    #[error("the container did not come to run the command: {0}")]
    NotRunning(String),
}

impl From<EngineError> for stratum_init::Error {
    fn from(error: EngineError) -> Self {
        Self::Engine(error.to_string())
    }
}

/// Says what was being done.
pub(crate) fn cannot(action: &'static str) -> impl FnOnce(bollard::errors::Error) -> EngineError {
    move |source| EngineError::Engine { action, source }
}

/// Says which file it was.
pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::File { path, source }
}
