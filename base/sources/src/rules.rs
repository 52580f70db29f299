//! What may be read of other machines: a pure function of a URI and the configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use errors::Error;

use crate::signature::{Credentials, Region, encoded};
use crate::url::{HttpUrl, Origin, malformed};
use crate::{InvalidRemote, Object, RemoteConfig, S3Config, limits};

#[derive(Debug, Default)]
pub(crate) struct Rules {
    http: Vec<HttpUrl>,
    buckets: Vec<Bucket>,
    /// In lower case.
    private: Vec<String>,
}

#[derive(Debug)]
struct Bucket {
    name: String,
    service: HttpUrl,
    credentials: Option<Arc<Credentials>>,
}

impl Rules {
    pub(crate) fn of(config: &RemoteConfig) -> Result<Self, InvalidRemote> {
        let private = config
            .private
            .iter()
            .map(|server| server.to_ascii_lowercase());
        Ok(Self {
            http: config
                .http
                .iter()
                .map(|text| prefix(text))
                .collect::<Result<_, _>>()?,
            buckets: config.s3.iter().map(bucket).collect::<Result<_, _>>()?,
            private: private.collect(),
        })
    }

    /// The object that a URI names, if it may be read.
    pub(crate) fn object(&self, uri: &str) -> Result<Object, Error> {
        match uri.strip_prefix("s3://") {
            Some(rest) => self.of_bucket(uri, rest),
            None => self.of_url(uri),
        }
    }

    fn of_url(&self, uri: &str) -> Result<Object, Error> {
        let url = HttpUrl::parse(uri)?;
        let allowed =
            |prefix: &&HttpUrl| prefix.origin == url.origin && url.path.starts_with(&prefix.path);
        if !self.http.iter().any(|prefix| allowed(&prefix)) {
            let message = format!(
                "this service reads nothing of {}{}",
                url.origin,
                shown(&url.path)
            );
            let hint = "let the operator allow what such URLs begin with: `http` of `sources`";
            return Err(Error::user("URL_NOT_ALLOWED", message).hint(hint));
        }
        if url.path.ends_with('/') {
            return Err(malformed("it names a folder"));
        }
        Ok(Object {
            uri: uri.to_owned(),
            private: self.is_private(&url.origin),
            origin: url.origin,
            path: url.path,
            credentials: None,
        })
    }

    fn of_bucket(&self, uri: &str, rest: &str) -> Result<Object, Error> {
        let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
        if key.is_empty() || uri.len() > limits::URL_BYTES || key.contains(char::is_control) {
            return Err(malformed("it names no object of a bucket").hint("write s3://bucket/key"));
        }
        let bucket = self.buckets.iter().find(|bucket| bucket.name == name);
        let bucket = bucket.ok_or_else(|| {
            let message = format!("this service reads nothing of the bucket {}", shown(name));
            let hint = "let the operator allow the bucket: `s3` of `sources`";
            Error::user("BUCKET_NOT_ALLOWED", message).hint(hint)
        })?;
        let HttpUrl { origin, path } = &bucket.service;
        Ok(Object {
            uri: uri.to_owned(),
            private: self.is_private(origin),
            origin: origin.clone(),
            path: format!("{path}{name}/{}", encoded(key)),
            credentials: bucket.credentials.clone(),
        })
    }

    fn is_private(&self, origin: &Origin) -> bool {
        let with_port = format!("{}:{}", origin.host, origin.port);
        let named = |server: &String| *server == origin.host || *server == with_port;
        self.private.iter().any(named)
    }
}

fn shown(text: &str) -> String {
    text.escape_debug().take(200).collect()
}

fn prefix(text: &str) -> Result<HttpUrl, InvalidRemote> {
    let invalid = |problem: String| InvalidRemote::Prefix {
        prefix: text.to_owned(),
        problem,
    };
    let url = HttpUrl::parse(text).map_err(|error| invalid(error.message))?;
    match url.path.ends_with('/') {
        true => Ok(url),
        false => Err(invalid(
            "it must end with a slash, as a folder's name does".into(),
        )),
    }
}

fn bucket(config: &S3Config) -> Result<Bucket, InvalidRemote> {
    let invalid = |problem: String| InvalidRemote::Bucket {
        bucket: config.bucket.clone(),
        problem,
    };
    if !is_bucket_name(&config.bucket) {
        return Err(invalid("is no name of a bucket".into()));
    }
    let region = config.region.as_deref().unwrap_or("us-east-1");
    let usual = || format!("https://s3.{region}.amazonaws.com");
    let endpoint = config.endpoint.clone().unwrap_or_else(usual);
    let mut service = HttpUrl::parse(&endpoint).map_err(|error| invalid(error.message))?;
    if !service.path.ends_with('/') {
        service.path.push('/');
    }
    let credentials = credentials(config).map_err(invalid)?;
    let region =
        Region::new(region).ok_or_else(|| invalid("its region has no such name".into()))?;
    Ok(Bucket {
        name: config.bucket.clone(),
        service,
        credentials: credentials.map(|credentials| Arc::new(credentials.within(region))),
    })
}

/// So that nothing of it can mean anything else in a path.
fn is_bucket_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (3..=255).contains(&name.len()) && name.bytes().all(plain) && !name.contains("..")
}

fn credentials(config: &S3Config) -> Result<Option<Credentials>, String> {
    match (
        &config.credentials,
        &config.access_key_id,
        &config.secret_file,
    ) {
        (Some(credentials), _, _) => Ok(Some(credentials.clone())),
        (None, Some(id), Some(file)) => Ok(Some(Credentials::new(id.clone(), secret(file)?, None))),
        (None, None, None) => Ok(None),
        _ => Err("access_key_id and secret_file go together".into()),
    }
}

fn secret(file: &Path) -> Result<String, String> {
    let told = |error| format!("its secret {} cannot be read: {error}", file.display());
    let mode = fs::metadata(file).map_err(told)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "others may read its secret {}: chmod 600",
            file.display()
        ));
    }
    Ok(fs::read_to_string(file).map_err(told)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules() -> Rules {
        Rules::of(&RemoteConfig {
            http: vec![
                "https://Media.example.org/films/".into(),
                "http://nas:8080/".into(),
            ],
            s3: vec![S3Config {
                bucket: "masters".into(),
                endpoint: Some("http://nas:9000".into()),
                ..S3Config::default()
            }],
            private: vec!["nas:9000".into()],
            ..RemoteConfig::default()
        })
        .unwrap()
    }

    #[test]
    fn only_what_begins_as_allowed_is_read() {
        for (uri, code) in [
            ("https://media.example.org/films/a.mov", None),
            ("https://media.example.org:443/films/a/b.mov", None),
            ("http://NAS:8080/any.mov", None),
            ("s3://masters/a film/é.mov", None),
            (
                "https://media.example.org/other/a.mov",
                Some("URL_NOT_ALLOWED"),
            ),
            ("https://media.example.org/films", Some("URL_NOT_ALLOWED")),
            (
                "http://media.example.org/films/a.mov",
                Some("URL_NOT_ALLOWED"),
            ),
            (
                "https://media.example.org:444/films/a.mov",
                Some("URL_NOT_ALLOWED"),
            ),
            (
                "https://media.example.org.evil/films/a.mov",
                Some("URL_NOT_ALLOWED"),
            ),
            (
                "https://media.example.org/films/../a.mov",
                Some("URI_MALFORMED"),
            ),
            ("https://media.example.org/films/", Some("URI_MALFORMED")),
            ("s3://other/a.mov", Some("BUCKET_NOT_ALLOWED")),
            ("s3://masters", Some("URI_MALFORMED")),
            ("s3://masters/", Some("URI_MALFORMED")),
        ] {
            let refused = rules().object(uri).err();
            assert!(refused.iter().all(|error| error.hint.is_some()), "{uri}");
            assert_eq!(refused.map(|error| error.code).as_deref(), code, "{uri}");
        }
    }

    #[test]
    fn servers_are_private_where_that_was_said() {
        let rules = rules();
        let object = rules.object("s3://masters/a b.mov").unwrap();
        assert_eq!(
            (object.private, object.path.as_str()),
            (true, "/masters/a%20b.mov")
        );
        assert!(!rules.object("http://nas:8080/a.mov").unwrap().private);
    }

    #[test]
    fn a_user_allows_what_he_names() {
        let of = |uri: &str| {
            let environment = |name: &str| match name {
                "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:9000".to_owned()),
                _ => None,
            };
            Rules::of(&RemoteConfig::of_user(uri, environment))
                .unwrap()
                .object(uri)
        };
        assert!(of("http://127.0.0.1:8080/a/b.mov").unwrap().private);
        let object = of("s3://masters/b.mov").unwrap();
        assert_eq!(object.origin.to_string(), "http://127.0.0.1:9000");
        assert!(object.private && object.credentials.is_none());
    }

    #[test]
    fn a_configuration_that_cannot_be_meant_is_refused() {
        let http = |text: &str| RemoteConfig {
            http: vec![text.into()],
            ..RemoteConfig::default()
        };
        let s3 = |bucket: S3Config| RemoteConfig {
            s3: vec![bucket],
            ..RemoteConfig::default()
        };
        let named = |bucket: &str| S3Config {
            bucket: bucket.into(),
            ..S3Config::default()
        };
        for config in [
            http("https://host/films"),
            http("host"),
            s3(named("a/b")),
            s3(S3Config {
                access_key_id: Some("id".into()),
                ..named("masters")
            }),
            s3(S3Config {
                region: Some("a/b".into()),
                ..named("masters")
            }),
        ] {
            assert!(Rules::of(&config).is_err(), "{config:?}");
        }
    }
}
