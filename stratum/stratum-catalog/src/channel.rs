use std::fmt;

use errors::Error;
use serde::{Deserialize, Serialize};

use crate::limits::CHANNEL_NAME;

/// A name for a version that can be moved to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelName(String);

const STABLE: &str = "stable";
const CANARY: &str = "canary";

impl ChannelName {
    /// Checks a name: lower-case words joined by hyphens.
    ///
    /// # Errors
    /// `CHANNEL_INVALID`.
    pub fn new(name: &str) -> Result<Self, Error> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let first = name.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if first && name.len() <= CHANNEL_NAME && name.bytes().all(plain) {
            return Ok(Self(name.to_owned()));
        }
        let shown: String = name.chars().take(CHANNEL_NAME).collect();
        let message = format!("`{}` is no name of a channel", shown.escape_debug());
        Err(Error::user("CHANNEL_INVALID", message)
            .at("channel")
            .hint("use at most 63 lower-case letters, digits and hyphens"))
    }

    /// The channel of this name; of none, `stable`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn or_stable(name: &str) -> Result<Self, Error> {
        match name {
            "" => Ok(Self::stable()),
            name => Self::new(name),
        }
    }

    /// What work gets that names no channel.
    pub fn stable() -> Self {
        Self(STABLE.to_owned())
    }

    /// What a part of the work gets that names no channel.
    pub fn canary() -> Self {
        Self(CANARY.to_owned())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_words() {
        for good in ["stable", "canary", "next-2"] {
            assert_eq!(ChannelName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "2", "Canary", "a b", "a\n", &"a".repeat(64)] {
            assert_eq!(ChannelName::new(bad).unwrap_err().code, "CHANNEL_INVALID");
        }
        assert_eq!(ChannelName::or_stable("").unwrap(), ChannelName::stable());
    }
}
