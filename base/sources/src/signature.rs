//! Requests to S3, signed: AWS Signature Version 4, for what is only read.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Whose key signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    id: String,
    secret: String,
    token: Option<String>,
    region: Region,
}

/// A part of a service: "eu-west-1".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region(String);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Of no bytes.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Credentials {
    /// A key, and the token that temporary ones have.
    #[must_use]
    pub fn new(id: String, secret: String, token: Option<String>) -> Self {
        let region = Region("us-east-1".into());
        Self {
            id,
            secret,
            token,
            region,
        }
    }

    pub(crate) fn within(self, region: Region) -> Self {
        Self { region, ..self }
    }
}

/// Secrets are not for logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.id)
    }
}

impl Region {
    pub(crate) fn new(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(plain);
        is_name.then(|| Self(name.to_owned()))
    }
}

/// The headers that a signed GET of `path`, which is encoded, has besides `signed` (names in lower
/// case, one of them `host`). `time` is like `20130524T000000Z`.
pub(crate) fn headers(
    credentials: &Credentials,
    path: &str,
    signed: &[(&str, &str)],
    time: &str,
) -> Vec<(&'static str, String)> {
    let mut own = vec![
        ("x-amz-content-sha256", EMPTY_SHA256.to_owned()),
        ("x-amz-date", time.to_owned()),
    ];
    own.extend(
        credentials
            .token
            .clone()
            .map(|token| ("x-amz-security-token", token)),
    );
    let mut all: Vec<(&str, &str)> = own.iter().map(|(n, v)| (*n, v.as_str())).collect();
    all.extend(signed);
    all.sort_unstable();
    let authorization = authorization(credentials, path, &all, time);
    own.push(("authorization", authorization));
    own
}

fn authorization(
    credentials: &Credentials,
    path: &str,
    headers: &[(&str, &str)],
    time: &str,
) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let request = format!("GET\n{path}\n\n{lines}\n{names}\n{EMPTY_SHA256}");
    let (day, region) = (&time[..time.len().min(8)], &credentials.region.0);
    let scope = format!("{day}/{region}/s3/aws4_request");
    let digest = hex::encode(Sha256::digest(request));
    let key = ["aws4_request", "s3", region, day].into_iter().rev().fold(
        format!("AWS4{}", credentials.secret).into_bytes(),
        |key, part| hmac(&key, part.as_bytes()).to_vec(),
    );
    let signature = hmac(
        &key,
        format!("{ALGORITHM}\n{time}\n{scope}\n{digest}").as_bytes(),
    );
    format!(
        "{ALGORITHM} Credential={}/{scope},SignedHeaders={names},Signature={}",
        credentials.id,
        hex::encode(signature)
    )
}

#[expect(clippy::expect_used, reason = "a key of any length will do")]
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.chain_update(message).finalize().into_bytes().into()
}

/// A key as a path: every byte but the unreserved ones and slashes as `%XX`.
pub(crate) fn encoded(key: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Of Amazon's documentation: "Signature Calculations … GET Object".
    #[test]
    fn the_documented_request_gets_the_documented_signature() {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE".into(),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            None,
        );
        let signed = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
        ];
        let headers = headers(&credentials, "/test.txt", &signed, "20130524T000000Z");
        let (name, value) = headers.last().unwrap();
        assert_eq!(*name, "authorization");
        let expected = "AWS4-HMAC-SHA256 \
            Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
            SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
            Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(value, expected);
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::new("id".into(), "hidden".into(), Some("hidden".into()));
        assert_eq!(format!("{credentials:?}"), "Credentials(id)");
    }

    #[test]
    fn keys_are_encoded_byte_by_byte() {
        assert_eq!(encoded("a b/é+%.mov"), "a%20b/%C3%A9%2B%25.mov");
    }
}
