//! What is published of one function, and what happens to it. Without storage or time of its own.

use std::collections::BTreeMap;

use blob::Digest;
use clock::Timestamp;
use errors::Error;

use crate::limits::{CHANNELS, DIGITS, EARLIER, VERSIONS};
use crate::{ChannelName, choice};

/// The versions of one function, and the channels that name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    pub(crate) channels: BTreeMap<ChannelName, Channel>,
}

/// One version of a function: the digest of its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub digest: Digest,
    /// What its declaration calls it.
    pub name: String,
    pub published: Timestamp,
}

/// What a channel names, and what it named before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// `None` = nothing, as if the channel were not there.
    pub now: Option<Setting>,
    /// Newest last.
    pub earlier: Vec<Option<Setting>>,
}

/// A version, and how much of the work gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub digest: Digest,
    /// Of `canary`: of 100 workflows that name no channel. Of others 0.
    pub percent: u8,
}

impl Published {
    /// Adds a version. Twice is once.
    ///
    /// # Errors
    /// `TOO_MANY_VERSIONS`.
    pub fn publish(&mut self, version: Version) -> Result<(), Error> {
        if self.version(version.digest).is_some() {
            return Ok(());
        }
        if self.versions.len() == VERSIONS {
            let message = format!("{VERSIONS} versions are published already");
            return Err(Error::user("TOO_MANY_VERSIONS", message)
                .hint("remove one that no channel names: cosmos function remove"));
        }
        self.versions.push(version);
        Ok(())
    }

    /// Has a channel name a version that is published.
    ///
    /// # Errors
    /// `PERCENT_INVALID`, `TOO_MANY_CHANNELS`, `NO_SUCH_VERSION`.
    pub fn promote(&mut self, channel: ChannelName, setting: Setting) -> Result<(), Error> {
        check_percent(&channel, setting.percent)?;
        if self.version(setting.digest).is_none() {
            return Err(no_such_version(&setting.digest.to_string()));
        }
        if !self.channels.contains_key(&channel) && self.channels.len() == CHANNELS {
            let message = format!("{CHANNELS} channels are there already");
            return Err(Error::user("TOO_MANY_CHANNELS", message)
                .at("channel")
                .hint("roll one back that is not needed, or move it"));
        }
        self.channels.entry(channel).or_default().set(Some(setting));
        Ok(())
    }

    /// Has a channel name what it named before.
    ///
    /// # Errors
    /// `NOTHING_EARLIER`.
    pub fn rollback(&mut self, channel: &ChannelName) -> Result<(), Error> {
        let rolled = self.channels.get_mut(channel);
        let earlier = rolled.and_then(|rolled| {
            rolled.now = rolled.earlier.pop()?;
            Some(rolled.now.is_none() && rolled.earlier.is_empty())
        });
        match earlier {
            Some(is_gone) => {
                if is_gone {
                    self.channels.remove(channel);
                }
                Ok(())
            }
            None => Err(Error::user(
                "NOTHING_EARLIER",
                format!("channel {channel} named nothing before"),
            )
            .at("channel")
            .hint("cosmos function versions shows what there is")),
        }
    }

    /// Forgets a version.
    ///
    /// # Errors
    /// `VERSION_IN_USE` when a channel names it, `NO_SUCH_VERSION`.
    pub fn remove(&mut self, digest: Digest) -> Result<(), Error> {
        if self.version(digest).is_none() {
            return Err(no_such_version(&digest.to_string()));
        }
        let names = |channel: &Channel| channel.now.is_some_and(|now| now.digest == digest);
        if let Some((name, _)) = self.channels.iter().find(|(_, one)| names(one)) {
            let message = format!("channel {name} names it");
            return Err(Error::user("VERSION_IN_USE", message)
                .at("version")
                .hint("have the channel name another one first"));
        }
        self.versions.retain(|version| version.digest != digest);
        for channel in self.channels.values_mut() {
            let is_other = |earlier: &Option<Setting>| earlier.is_none_or(|e| e.digest != digest);
            channel.earlier.retain(is_other);
            channel.forget_standstill();
        }
        self.channels
            .retain(|_, channel| channel.now.is_some() || !channel.earlier.is_empty());
        Ok(())
    }

    /// The version that a workflow gets, if it is a published one; else it is the installed one.
    pub fn choose(&self, channel: Option<&ChannelName>, workflow: &str) -> Option<Digest> {
        choice::choose(self, channel, workflow)
    }

    /// What a channel names.
    pub fn named(&self, channel: &ChannelName) -> Option<Setting> {
        self.channels.get(channel)?.now
    }

    /// Oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// By name; those that name something.
    pub fn channels(&self) -> impl Iterator<Item = (&ChannelName, Setting, &Channel)> {
        let named = self.channels.iter();
        named.filter_map(|(name, channel)| Some((name, channel.now?, channel)))
    }

    /// The version of this digest.
    pub fn version(&self, digest: Digest) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.digest == digest)
    }

    /// The version that somebody calls so: by its declaration's name for it, or by the beginning
    /// of its digest.
    ///
    /// # Errors
    /// `NO_SUCH_VERSION`, `AMBIGUOUS_VERSION`.
    pub fn find(&self, called: &str) -> Result<Digest, Error> {
        let digits = called.strip_prefix("sha256/").unwrap_or(called);
        let by_digest = |version: &Version| {
            digits.len() >= DIGITS && version.digest.to_hex().starts_with(digits)
        };
        let found = self.versions.iter();
        let mut found = found.filter(|version| version.name == called || by_digest(version));
        match (found.next(), found.next()) {
            (Some(version), None) => Ok(version.digest),
            (None, _) => Err(no_such_version(called)),
            (Some(_), Some(_)) => {
                let message = format!("several versions are called `{}`", shown(called));
                Err(Error::user("AMBIGUOUS_VERSION", message)
                    .at("version")
                    .hint("name it by the beginning of its digest"))
            }
        }
    }
}

impl Channel {
    fn set(&mut self, setting: Option<Setting>) {
        if self.now == setting {
            return;
        }
        self.earlier.push(self.now);
        if self.earlier.len() > EARLIER {
            // The way back to nothing stays.
            self.earlier.remove(usize::from(self.earlier[0].is_none()));
        }
        self.now = setting;
    }

    /// What is named once more is not gone back to.
    fn forget_standstill(&mut self) {
        self.earlier.dedup();
        if self.earlier.last() == Some(&self.now) {
            self.earlier.pop();
        }
    }
}

fn check_percent(channel: &ChannelName, percent: u8) -> Result<(), Error> {
    let problem = match (*channel == ChannelName::canary(), percent) {
        (true, 0..=100) | (false, 0) => return Ok(()),
        (true, _) => "percent is more than 100",
        (false, _) => "only canary gets a part of the work that names no channel",
    };
    Err(Error::user("PERCENT_INVALID", problem)
        .at("percent")
        .hint("give 0 to 100 with channel canary, and none with others"))
}

fn no_such_version(called: &str) -> Error {
    let message = format!("no version `{}` is published", shown(called));
    Error::user("NO_SUCH_VERSION", message)
        .at("version")
        .hint("cosmos function versions shows what there is")
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
