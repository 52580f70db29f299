use blob::Digest;
use errors::Error;
use proto::stratum::v1 as wire;
use stratum::FunctionName;

use crate::Published;

pub(crate) fn function(name: &str) -> Result<FunctionName, Error> {
    FunctionName::new(name)
        .map_err(|error| Error::user("NO_SUCH_FUNCTION", error.to_string()).at("function"))
}

pub(crate) fn digest(text: &str) -> Result<Digest, Error> {
    let digest = text.parse();
    digest.map_err(|error: blob::NotADigest| {
        Error::user("DIGEST_INVALID", error.to_string()).at("digest")
    })
}

/// What does not fit is refused like anything above 100.
pub(crate) fn percent(percent: u32) -> u8 {
    u8::try_from(percent).unwrap_or(u8::MAX)
}

pub(crate) fn published(name: &str, published: &Published) -> wire::PublishedFunction {
    let versions = published
        .versions()
        .iter()
        .map(|version| wire::FunctionVersion {
            digest: version.digest.to_string(),
            version: version.name.clone(),
            published_at_unix_ms: version.published.unix_ms(),
            ..Default::default()
        });
    let channels = published
        .channels()
        .map(|(name, now, channel)| wire::FunctionChannel {
            name: name.to_string(),
            digest: now.digest.to_string(),
            percent: now.percent.into(),
            earlier: u32::try_from(channel.earlier.len()).unwrap_or(u32::MAX),
            ..Default::default()
        });
    wire::PublishedFunction {
        function: name.to_owned(),
        versions: versions.collect(),
        channels: channels.collect(),
        ..Default::default()
    }
}
