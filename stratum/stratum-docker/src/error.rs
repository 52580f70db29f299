/// The engine could not do what was asked. How a function ended is [`crate::Ended`].
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answers there, or it refused.
    #[error("cannot {action}: {source}")]
    Engine {
        action: &'static str,
        source: bollard::errors::Error,
    },
    /// The working directory cannot be handed to the function's user.
    #[error("cannot prepare {path}: {source}", path = path.display())]
    WorkDir {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    /// The engine took the image, but named none.
    #[error("the engine took an image and did not say which")]
    NoImage,
}

/// Says what was being done.
pub(crate) fn cannot(action: &'static str) -> impl FnOnce(bollard::errors::Error) -> EngineError {
    move |source| EngineError::Engine { action, source }
}
