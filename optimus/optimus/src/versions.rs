use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use errors::Error;

/// The version of each function that a workflow runs from its first try to its last: digest of
/// the package, by the function's name.
pub type Pins = BTreeMap<String, String>;

/// Chooses the versions of functions.
#[async_trait]
pub trait Versions: fmt::Debug + Send + Sync + 'static {
    /// Those of the functions of `service` that this workflow gets, which begins now. An empty
    /// `channel` is none in particular. Asked again under the same id while nothing was published
    /// or moved, it answers the same.
    ///
    /// # Errors
    /// When the channel is not there, with the field `channel`; or the versions cannot be read.
    async fn pins(&self, service: &str, channel: &str, workflow: &str) -> Result<Pins, Error>;
}

/// Whatever is installed where a function runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Installed;

#[async_trait]
impl Versions for Installed {
    async fn pins(&self, _: &str, channel: &str, _: &str) -> Result<Pins, Error> {
        match channel {
            "" => Ok(Pins::new()),
            _ => Err(Error::user("NO_SUCH_CHANNEL", "there are no channels here")
                .at("channel")
                .hint("leave it out")),
        }
    }
}
