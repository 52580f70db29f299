//! Every error the kit itself answers with.

use errors::Error;
use store::StoreError;

pub(crate) fn not_found(id: &str) -> Error {
    let shown: String = id.chars().take(64).collect();
    Error::user(
        "REQUEST_NOT_FOUND",
        format!("there is no request `{shown}`"),
    )
    .at("request_id")
    .hint("list the requests to see their ids")
}

/// The owner of the requests is starting, or lives in another process.
pub(crate) fn not_serving() -> Error {
    Error::platform(
        "NOT_SERVING",
        "this process does not serve the service's requests now",
    )
    .hint("try again; another process serves them, or this one will in some seconds")
}

/// Nobody knows whether it was done.
pub(crate) fn interrupted() -> Error {
    Error::platform(
        "INTERRUPTED",
        "the call was interrupted before its outcome was known",
    )
    .hint("try again, with the same idempotency key where there is one")
}

pub(crate) fn too_many_requests(limit: usize) -> Error {
    Error::platform(
        "REQUESTS_FULL",
        format!("{limit} requests are under way, as many as may be"),
    )
    .hint("try again when some have ended")
}

pub(crate) fn too_many_watchers(limit: usize) -> Error {
    Error::platform(
        "WATCHERS_FULL",
        format!("{limit} callers already wait for this request"),
    )
    .hint("read the request now and then instead")
}

pub(crate) fn key_reused(id: &str) -> Error {
    Error::user(
        "IDEMPOTENCY_KEY_CONFLICT",
        format!("request {id} has this key and asks for something else"),
    )
    .at("idempotency_key")
    .hint("choose a new key for a new request")
}

pub(crate) fn key_too_long(limit: usize) -> Error {
    Error::user(
        "IDEMPOTENCY_KEY_TOO_LONG",
        format!("the key is longer than {limit} bytes"),
    )
    .at("idempotency_key")
    .hint("a UUID will do")
}

pub(crate) fn too_large(what: &str, bytes: usize, limit: usize) -> Error {
    Error::user(
        "REQUEST_TOO_LARGE",
        format!("the {what} takes {bytes} bytes, over {limit}"),
    )
    .hint("send less: fewer or shorter labels, shorter paths")
}

pub(crate) fn bad_page_token() -> Error {
    Error::user(
        "PAGE_TOKEN_INVALID",
        "the page token is not one that a listing gave",
    )
    .at("page_token")
    .hint("leave it empty for the first page")
}

pub(crate) fn unreadable(what: &str, id: &str, problem: impl std::fmt::Display) -> Error {
    Error::platform(
        "RECORD_UNREADABLE",
        format!("the {what} of request {id} cannot be read: {problem}"),
    )
}

pub(crate) fn of_store(error: StoreError) -> Error {
    match error {
        StoreError::Fenced { .. } | StoreError::Owned { .. } => not_serving(),
        other => Error::platform("STORE_FAILED", other.to_string()),
    }
}
