//! What a server answers to a request for a range, judged.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use crate::Fault;

/// The head of an answer that brings a range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) range: Range<u64>,
    /// Of the whole object, in bytes.
    pub(crate) size: u64,
    /// Its ETag, else its date.
    pub(crate) version: String,
    /// SHA-256 of the bytes of this answer, where the server tells it (RFC 9530).
    pub(crate) digest: Option<Vec<u8>>,
}

impl Head {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Result<Self, Fault> {
        judge(status, headers)?;
        let (range, size) = text(headers, CONTENT_RANGE.as_str())
            .and_then(content_range)
            .ok_or_else(|| Fault::Nonsense("a range without saying which".into()))?;
        if text(headers, CONTENT_ENCODING.as_str()).is_some_and(|coding| coding != "identity") {
            return Err(Fault::Nonsense("an encoded range".into()));
        }
        Ok(Self {
            range,
            size,
            version: version(headers).ok_or(Fault::Nameless)?,
            digest: text(headers, "content-digest").and_then(sha256),
        })
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Fault> {
    match status.as_u16() {
        206 => Ok(()),
        200 if text(headers, CONTENT_LENGTH.as_str()) == Some("0") => Err(Fault::Empty),
        200 => Err(Fault::NoRanges),
        300..=399 => Err(Fault::Redirected),
        400 | 401 | 403 => Err(Fault::Denied(status.as_u16())),
        404 | 410 => Err(Fault::Missing),
        412 => Err(Fault::Changed("the server has another version".into())),
        416 => Err(Fault::Empty),
        408 | 425 | 429 | 500..=599 => Err(Fault::Busy(status.as_u16())),
        other => Err(Fault::Nonsense(format!("status {other}"))),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn version(headers: &HeaderMap) -> Option<String> {
    let short = |text: &&str| text.len() <= 256;
    let etag = text(headers, ETAG.as_str()).filter(short);
    let date = || text(headers, LAST_MODIFIED.as_str()).filter(short);
    etag.or_else(date).map(str::to_owned)
}

/// "bytes 0-9/100".
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then(|| (first..last + 1, size))
}

/// "sha-256=:…:", among others between commas.
fn sha256(text: &str) -> Option<Vec<u8>> {
    let all = text.split(',').map(str::trim);
    let ours = all.filter_map(|item| item.strip_prefix("sha-256=:")?.strip_suffix(':'));
    ours.filter_map(|digest| BASE64_STANDARD.decode(digest).ok())
        .next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn head(status: u16, headers: &[(&'static str, &str)]) -> Result<Head, Fault> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), (*value).parse().unwrap()));
        Head::of(StatusCode::from_u16(status).unwrap(), &headers.collect())
    }

    #[test]
    fn a_range_is_told_with_its_version_and_checksum() {
        let digest = "sha-512=:AAAA:, sha-256=:AQID:";
        let all = [
            ("content-range", "bytes 2-4/10"),
            ("etag", "\"a\""),
            ("content-digest", digest),
        ];
        let told = head(206, &all).unwrap();
        assert_eq!(
            (told.range, told.size, told.version.as_str()),
            (2..5, 10, "\"a\"")
        );
        assert_eq!(told.digest.as_deref(), Some([1u8, 2, 3].as_slice()));
        let dated = [
            ("content-range", "bytes 0-0/1"),
            ("last-modified", "Mon, 1"),
        ];
        assert_eq!(head(206, &dated).unwrap().version, "Mon, 1");
    }

    #[test]
    fn every_other_answer_has_a_name() {
        type Headers = &'static [(&'static str, &'static str)];
        const RANGE: (&str, &str) = ("content-range", "bytes 0-0/1");
        let table: [(u16, Headers, Fault); 12] = [
            (200, &[], Fault::NoRanges),
            (200, &[("content-length", "0")], Fault::Empty),
            (206, &[RANGE], Fault::Nameless),
            (301, &[], Fault::Redirected),
            (307, &[], Fault::Redirected),
            (403, &[], Fault::Denied(403)),
            (404, &[], Fault::Missing),
            (416, &[], Fault::Empty),
            (429, &[], Fault::Busy(429)),
            (503, &[], Fault::Busy(503)),
            (204, &[], Fault::Nonsense("status 204".into())),
            (
                206,
                &[RANGE, ("etag", "\"a\""), ("content-encoding", "gzip")],
                Fault::Nonsense("an encoded range".into()),
            ),
        ];
        for (status, headers, fault) in table {
            assert_eq!(head(status, headers).unwrap_err(), fault, "{status}");
        }
    }

    proptest! {
        #[test]
        fn a_range_that_is_read_lies_in_the_object(text in "bytes [0-9]{1,20}-[0-9]{1,20}/[0-9]{1,20}") {
            if let Some((range, size)) = content_range(&text) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
