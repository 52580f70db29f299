use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::request::Request;
use crate::serve::{Manners, Object};

/// Head and body of an answer.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn status(status: &str) -> Self {
        Self {
            head: format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"),
            body: Bytes::new(),
        }
    }

    /// What a server with these manners says.
    pub(crate) fn of(request: &Request, object: Option<&Object>, manners: &Manners) -> Self {
        if let Some(to) = &manners.redirect {
            let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            return Self {
                head,
                body: Bytes::new(),
            };
        }
        let Some(object) = object else {
            return Self::status("404 Not Found");
        };
        let version = object.version(manners);
        if request
            .header("if-match")
            .is_some_and(|wanted| wanted != version.1)
        {
            return Self::status("412 Precondition Failed");
        }
        match request.range().filter(|_| !manners.without_ranges) {
            Some(range) if range.start >= object.size() => {
                Self::status("416 Range Not Satisfiable")
            }
            Some(range) => Self::part(object, range, &version, manners),
            None => Self::whole(object, &version),
        }
    }

    fn whole(object: &Object, (name, value): &(&str, String)) -> Self {
        let body = object.read(0..object.size());
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\n{name}: {value}\r\ncontent-length: {length}\r\n\r\n");
        Self { head, body }
    }

    fn part(
        object: &Object,
        range: Range<u64>,
        (name, value): &(&str, String),
        manners: &Manners,
    ) -> Self {
        let size = object.size();
        let range = range.start..range.end.min(size);
        let body = object.read(range.clone());
        let digest = manners.checksums.then(|| {
            let digest = BASE64_STANDARD.encode(Sha256::digest(&body));
            format!("content-digest: sha-256=:{digest}:\r\n")
        });
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\n{name}: {value}\r\ncontent-range: bytes {}-{}/{size}\r\n\
             {}content-length: {}\r\n\r\n",
            range.start,
            range.end - 1,
            digest.unwrap_or_default(),
            body.len()
        );
        Self { head, body }
    }
}
