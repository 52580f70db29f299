//! Who may call at all.
//!
//! A web page in a browser on this machine can reach any local port, and with a
//! name that it makes point here (DNS rebinding) even reads the answers. So a
//! call must name this server by a name it has, come from no other web page, and
//! carry the token.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use connectrpc::ConnectError;
use errors::Error;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

use crate::error::refuse_one;
use crate::token::Token;

/// The names that loopback has.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a call must show.
#[derive(Debug)]
pub(crate) struct Guard {
    /// `None`: nobody is asked for one.
    token: Option<Token>,
    hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn new(token: Token) -> Self {
        Self {
            token: Some(token),
            ..Self::open()
        }
    }

    pub(crate) fn open() -> Self {
        Self {
            token: None,
            hosts: LOOPBACK.map(str::to_owned).into(),
        }
    }

    pub(crate) fn also(&mut self, host: String) {
        self.hosts.push(host.to_ascii_lowercase());
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)?;
        self.check_token(headers)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        let named = headers.get_all(HOST).iter().map(parse);
        let mut named = named.chain(uri.authority().cloned().map(Some)).peekable();
        let ours = named.peek().is_some()
            && named.all(|host| host.is_some_and(|host| self.is_ours(&host)));
        match ours {
            true => Ok(()),
            false => Err(denied("the call names a host that is not this server")
                .hint("call it by 127.0.0.1, or start it with that host allowed")),
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Error> {
        let ours = |origin: &HeaderValue| {
            let page: Option<Uri> = origin.to_str().ok().and_then(|page| page.parse().ok());
            page.and_then(|page| page.authority().cloned())
                .is_some_and(|host| self.is_ours(&host))
        };
        match headers.get_all(ORIGIN).iter().all(ours) {
            true => Ok(()),
            false => Err(denied("the call comes from a web page of another site")),
        }
    }

    fn is_ours(&self, host: &Authority) -> bool {
        let host = host.host().to_ascii_lowercase();
        self.hosts.contains(&host)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Error> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let shown = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let shown = shown.and_then(|shown| shown.strip_prefix(b"Bearer "));
        match shown.is_some_and(|shown| token.is(shown)) {
            true => Ok(()),
            false => Err(Error::user(
                "UNAUTHENTICATED",
                "the call does not carry this server's token",
            )
            .hint("send the content of its token file as: authorization: Bearer <token>")),
        }
    }
}

fn parse(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok()?.parse().ok()
}

fn denied(message: &str) -> Error {
    Error::user("PERMISSION_DENIED", message)
}

/// Lets a call pass, or answers it in its own protocol.
pub(crate) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let refusal: ConnectError = refuse_one(error);
            refusal.into_http_response(request.headers()).map(Body::new)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn verdict(uri: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut guard = Guard::new(Token::parse(TOKEN).unwrap());
        guard.also("Media.example".into());
        let headers = headers.iter().map(|(name, value)| {
            let name: http::HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        let checked = guard.check(&uri.parse().unwrap(), &headers.collect());
        checked.map_err(|error| error.code)
    }

    fn bearer() -> (&'static str, &'static str) {
        ("authorization", "Bearer 0123456789abcdef")
    }

    #[test]
    fn calls_by_our_names_with_the_token_pass() {
        for host in [
            "localhost:80",
            "127.0.0.1:9",
            "[::1]:1",
            "LOCALHOST",
            "media.example:443",
        ] {
            assert_eq!(verdict("/x", &[("host", host), bearer()]), Ok(()), "{host}");
        }
        assert_eq!(verdict("http://localhost:1/x", &[bearer()]), Ok(()));
        let own_page = ("origin", "http://localhost:80");
        assert_eq!(
            verdict("/x", &[("host", "localhost:80"), own_page, bearer()]),
            Ok(())
        );
    }

    #[test]
    fn calls_by_other_names_are_denied() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "",
            "a b",
        ] {
            let verdict = verdict("/x", &[("host", host), bearer()]);
            assert_eq!(verdict, Err("PERMISSION_DENIED".into()), "{host}");
        }
        assert!(verdict("/x", &[bearer()]).is_err());
        assert!(verdict("http://evil.example/x", &[("host", "localhost"), bearer()]).is_err());
        assert!(verdict("http://localhost/x", &[("host", "evil.example"), bearer()]).is_err());
    }

    #[test]
    fn calls_from_other_pages_are_denied() {
        for origin in [
            "http://evil.example",
            "null",
            "https://localhost.evil.example:1",
            "",
        ] {
            let headers = [("host", "localhost"), ("origin", origin), bearer()];
            assert_eq!(
                verdict("/x", &headers),
                Err("PERMISSION_DENIED".into()),
                "{origin}"
            );
        }
    }

    #[test]
    fn where_there_is_no_token_names_are_checked_all_the_same() {
        let guard = Guard::open();
        let verdict = |host: &'static str| {
            let headers = [(HOST, HeaderValue::from_static(host))];
            guard.check(&Uri::from_static("/x"), &headers.into_iter().collect())
        };
        assert!(verdict("localhost:80").is_ok());
        assert!(verdict("evil.example").is_err());
    }

    #[test]
    fn calls_without_the_token_are_not_known() {
        let host = ("host", "localhost");
        for shown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeg",
            "0123456789abcdef",
        ] {
            let verdict = verdict("/x", &[host, ("authorization", shown)]);
            assert_eq!(verdict, Err("UNAUTHENTICATED".into()), "{shown}");
        }
        assert_eq!(verdict("/x", &[host]), Err("UNAUTHENTICATED".into()));
    }
}
