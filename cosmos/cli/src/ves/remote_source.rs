//! Sources that are objects of servers. Whoever names one allows its server; credentials of a
//! bucket are those of the environment.

use std::path::Path;

use errors::Error;
use sources::{Remote, RemoteConfig};

use super::place::Source;

/// The URI, if it is one of another machine.
pub(super) fn is_meant(input: &Path) -> Option<&str> {
    input.to_str().filter(|text| Remote::is_meant(text))
}

/// The object as it is now.
pub(super) fn source(uri: &str) -> Result<Source, Error> {
    pinned(uri).map_err(|error| error.at("video_source.uri"))
}

fn pinned(uri: &str) -> Result<Source, Error> {
    let config = RemoteConfig::of_user(uri, |name| std::env::var(name).ok());
    let server = server(&config)?;
    let object = server.object(uri)?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let pinned = runtime.block_on(server.pin(object));
    let pinned = pinned.map_err(|fault| fault.error(uri))?;
    Ok(Source {
        path: uri.into(),
        uri: uri.to_owned(),
        bytes: pinned.size(),
        identity: format!("{}:{}", pinned.size(), pinned.version()),
        server: Some(config),
    })
}

fn server(config: &RemoteConfig) -> Result<Remote, Error> {
    let server = Remote::new(config);
    server.map_err(|invalid| {
        Error::user("URI_MALFORMED", invalid.to_string())
            .hint("write https://server/path/to/film.mov or s3://bucket/key")
    })
}

/// The servers of all of these.
pub(super) fn servers<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Result<Remote, Error> {
    let all = sources
        .into_iter()
        .filter_map(|source| source.server.clone());
    server(&all.reduce(RemoteConfig::and).unwrap_or_default())
}
