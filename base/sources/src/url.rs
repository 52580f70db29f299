//! A URL of a source, taken apart: plain ones alone, which every server understands alike.

use std::fmt;

use errors::Error;
use http::Uri;

use crate::limits;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    /// In lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// `http://` or `https://`, a server and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    pub(crate) origin: Origin,
    /// Encoded, from its first slash.
    pub(crate) path: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl Origin {
    /// As the header `Host` has it: without the usual port.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        match self.port == usual {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl HttpUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (uri, tls) = plain(text)?;
        let authority = uri.authority();
        let authority = authority.ok_or_else(|| malformed("it names no server"))?;
        if authority.as_str().contains('@') {
            let hint = "leave user and password out: credentials are the operator's";
            return Err(malformed("it carries credentials").hint(hint));
        }
        let origin = Origin {
            tls,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        };
        let path = uri.path().to_owned();
        refuse_ambiguous(&path)?;
        Ok(Self { origin, path })
    }
}

fn plain(text: &str) -> Result<(Uri, bool), Error> {
    if text.len() > limits::URL_BYTES {
        return Err(malformed("it is too long"));
    }
    if text.contains(['?', '#']) {
        return Err(malformed("it has a query or a fragment").hint(
            "requests are kept, and a query may hold a secret: name the object by its path, and \
             let the operator configure what opens it",
        ));
    }
    let uri: Uri = text
        .parse()
        .map_err(|error| malformed(&format!("it cannot be read ({error})")))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(malformed("its scheme is neither http nor https")),
    };
    Ok((uri, tls))
}

/// What one server takes for a step up, or for a slash, and another does not.
fn refuse_ambiguous(path: &str) -> Result<(), Error> {
    let decoded = path.to_ascii_lowercase().replace("%2e", ".");
    let steps = decoded.split('/').any(|part| part == "." || part == "..");
    let hidden = ["%2f", "%5c", "%00", "\\"]
        .iter()
        .any(|c| decoded.contains(c));
    match steps || hidden {
        true => Err(malformed("its path has steps (. or ..) or encoded slashes")),
        false => Ok(()),
    }
}

pub(crate) fn malformed(problem: &str) -> Error {
    Error::user(
        "URI_MALFORMED",
        format!("this is no URL of a source: {problem}"),
    )
    .hint("write https://server/path/to/the/film.mov")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_path() {
        for (text, origin, path) in [
            (
                "https://Media.example.org/a%20b.mov",
                "https://media.example.org",
                "/a%20b.mov",
            ),
            ("http://10.0.0.1:80/x", "http://10.0.0.1", "/x"),
            ("http://[::1]:8080/x", "http://[::1]:8080", "/x"),
            ("https://host", "https://host", "/"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!(
                (url.origin.to_string().as_str(), url.path.as_str()),
                (origin, path)
            );
        }
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        for text in [
            "https://user:secret@host/a",
            "https://host/a?token=1",
            "https://host/a#t=1",
            "https://host/films/../secret",
            "https://host/films/%2E%2e/secret",
            "https://host/films%2fsecret",
            "https://host/films\\secret",
            "https://host/a b",
            "ftp://host/a",
            "host/a",
            "https:///a",
        ] {
            assert_eq!(
                HttpUrl::parse(text).unwrap_err().code,
                "URI_MALFORMED",
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = HttpUrl::parse(&text);
            let _ = HttpUrl::parse(&format!("http://{text}"));
        }
    }
}
