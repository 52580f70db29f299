//! The drawers of the key space `stratum/functions`.
//!
//! | key | value |
//! |---|---|
//! | `f/{function}` | [`Published`], JSON |
//!
//! Digests are written as references to blobs are, so that what they name is kept.

use bytes::Bytes;
use clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::published::{Channel, Setting, Version};
use crate::{ChannelName, Published};

pub(crate) const SHARD: &str = "stratum/functions";
const FUNCTIONS: &[u8] = b"f/";

pub(crate) fn key(function: &str) -> Bytes {
    [FUNCTIONS, function.as_bytes()].concat().into()
}

pub(crate) fn all() -> store::KeyRange {
    store::KeyRange::prefix(FUNCTIONS)
}

/// The function in a key.
pub(crate) fn function_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(FUNCTIONS)?).ok()
}

#[derive(Serialize, Deserialize)]
struct Json {
    versions: Vec<JsonVersion>,
    channels: Vec<JsonChannel>,
}

#[derive(Serialize, Deserialize)]
struct JsonVersion {
    digest: String,
    name: String,
    published_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct JsonChannel {
    name: ChannelName,
    now: Option<JsonSetting>,
    earlier: Vec<Option<JsonSetting>>,
}

#[derive(Serialize, Deserialize)]
struct JsonSetting {
    digest: String,
    percent: u8,
}

/// The record is not one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Digest(#[from] blob::NotADigest),
}

pub(crate) fn write(published: &Published) -> Result<Bytes, Malformed> {
    let versions = published.versions.iter().map(|version| JsonVersion {
        digest: version.digest.to_string(),
        name: version.name.clone(),
        published_ms: version.published.unix_ms(),
    });
    let channels = published
        .channels
        .iter()
        .map(|(name, channel)| JsonChannel {
            name: name.clone(),
            now: channel.now.map(JsonSetting::from),
            earlier: channel
                .earlier
                .iter()
                .map(|one| one.map(Into::into))
                .collect(),
        });
    let json = Json {
        versions: versions.collect(),
        channels: channels.collect(),
    };
    Ok(serde_json::to_vec(&json)?.into())
}

pub(crate) fn read(value: &[u8]) -> Result<Published, Malformed> {
    let json: Json = serde_json::from_slice(value)?;
    let mut published = Published::default();
    for version in json.versions {
        published.versions.push(Version {
            digest: version.digest.parse()?,
            name: version.name,
            published: Timestamp::from_unix_ms(version.published_ms),
        });
    }
    for JsonChannel { name, now, earlier } in json.channels {
        let earlier = earlier.into_iter().map(setting);
        let channel = Channel {
            now: setting(now)?,
            earlier: earlier.collect::<Result<_, _>>()?,
        };
        published.channels.insert(name, channel);
    }
    Ok(published)
}

fn setting(json: Option<JsonSetting>) -> Result<Option<Setting>, Malformed> {
    json.map(|JsonSetting { digest, percent }| {
        Ok(Setting {
            digest: digest.parse()?,
            percent,
        })
    })
    .transpose()
}

impl From<Setting> for JsonSetting {
    fn from(setting: Setting) -> Self {
        Self {
            digest: setting.digest.to_string(),
            percent: setting.percent,
        }
    }
}
