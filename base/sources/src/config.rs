//! Which servers may be read, as the operator writes it.

use std::path::PathBuf;

use serde::Deserialize;

use crate::signature::Credentials;

/// Servers that sources may come from; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteConfig {
    /// What URLs begin with, up to a slash: `https://media.example.org/films/`.
    pub http: Vec<String>,
    pub s3: Vec<S3Config>,
    /// Servers (`host` or `host:port`) that may be at a loopback, private or link-local address.
    pub private: Vec<String>,
    /// A server that says nothing for so many milliseconds is asked anew. Unset: 10,000.
    pub idle_ms: Option<u64>,
    /// Megabytes of memory for each source that a host is reading. Unset: 64.
    pub memory_mb: Option<u64>,
}

/// A bucket of a service that speaks S3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Config {
    pub bucket: String,
    /// Unset: `https://s3.REGION.amazonaws.com`.
    pub endpoint: Option<String>,
    /// Unset: `us-east-1`.
    pub region: Option<String>,
    /// Unset: the bucket is read without credentials.
    pub access_key_id: Option<String>,
    /// A file that holds the secret of the key, for its owner's eyes alone.
    pub secret_file: Option<PathBuf>,
    /// Credentials that are no file's: those of a user's environment.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
}

/// The configuration of servers cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRemote {
    #[error("sources.http: {prefix} is not what URLs begin with: {problem}")]
    Prefix { prefix: String, problem: String },
    #[error("sources.s3: bucket `{bucket}`: {problem}")]
    Bucket { bucket: String, problem: String },
}

impl RemoteConfig {
    /// What both allow; the limits are those of the first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.http.extend(other.http);
        self.s3.extend(other.s3);
        self.private.extend(other.private);
        self
    }

    /// What a user allows by naming this very source: its server, wherever that is; of a bucket
    /// the service and credentials of the environment, by the names that AWS's own tools read.
    pub fn of_user(uri: &str, environment: impl Fn(&str) -> Option<String>) -> Self {
        match uri.split_once("://") {
            Some(("s3", rest)) => Self::bucket_of_user(rest, environment),
            Some((_, rest)) => Self {
                private: vec![authority(rest)],
                http: vec![uri[..uri.rfind('/').map_or(uri.len(), |at| at + 1)].to_owned()],
                ..Self::default()
            },
            None => Self::default(),
        }
    }

    fn bucket_of_user(rest: &str, environment: impl Fn(&str) -> Option<String>) -> Self {
        let bucket = rest.split('/').next().unwrap_or_default();
        let endpoint = environment("AWS_ENDPOINT_URL_S3").or(environment("AWS_ENDPOINT_URL"));
        let server = endpoint.as_deref().and_then(|url| url.split_once("://"));
        let key = environment("AWS_ACCESS_KEY_ID").zip(environment("AWS_SECRET_ACCESS_KEY"));
        let token = environment("AWS_SESSION_TOKEN");
        Self {
            private: server
                .map(|(_, rest)| authority(rest))
                .into_iter()
                .collect(),
            s3: vec![S3Config {
                bucket: bucket.to_owned(),
                endpoint: endpoint.clone(),
                region: environment("AWS_REGION").or(environment("AWS_DEFAULT_REGION")),
                credentials: key.map(|(id, secret)| Credentials::new(id, secret, token)),
                ..S3Config::default()
            }],
            ..Self::default()
        }
    }
}

fn authority(rest: &str) -> String {
    rest.split('/').next().unwrap_or_default().to_owned()
}
