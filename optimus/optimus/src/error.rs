//! Every error the kit itself answers with.

use buffa::Message;
use errors::{Class, Error};
use store::StoreError;

use crate::limits::MAX_ERROR_BYTES;

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

/// Everything that is wrong with a request, as one error.
pub(crate) fn refused(problems: Vec<Error>) -> Error {
    let problems = match <[Error; 1]>::try_from(problems) {
        Ok([problem]) => return problem,
        Err(problems) => problems,
    };
    // Another try can help only if it could help against all of them.
    let classes = || problems.iter().map(|problem| problem.class);
    let class = classes().find(|class| !class.is_retryable());
    let class = class.or_else(|| classes().next()).unwrap_or(Class::User);
    let told: Vec<String> = problems.iter().map(Error::to_string).collect();
    let message = format!("{} things are wrong: {}", told.len(), told.join(" · "));
    Error {
        causes: problems,
        ..Error::new(class, "REQUEST_REFUSED", message)
    }
}

/// The error, cut to what a message can carry.
pub(crate) fn cut(mut error: Error) -> Error {
    while encoded_len(&error) > MAX_ERROR_BYTES && error.causes.pop().is_some() {}
    if encoded_len(&error) > MAX_ERROR_BYTES {
        let short = |text: &str| text.chars().take(500).collect::<String>();
        error.message = short(&error.message);
        error.code = short(&error.code);
        error.hint = error.hint.as_deref().map(short);
        error.field = error.field.as_deref().map(short);
    }
    error
}

fn encoded_len(error: &Error) -> usize {
    proto::base::v1::Error::from(error.clone())
        .encode_to_vec()
        .len()
}

/// The error, saying which request ended by it.
pub(crate) fn of_request(mut error: Error, service: &str, id: &str) -> Error {
    error.message = format!("{} (request {id} of {service})", error.message);
    error
}

pub(crate) fn other_method(asked: (&str, &str), taken: (&str, &str)) -> Error {
    let (method, request) = (asked.0.escape_debug(), asked.1.escape_debug());
    let message = format!("the call asks for `{method}` with a `{request}`");
    Error::user("UNKNOWN_METHOD", message).hint(format!(
        "this service takes `{}` with a {}",
        taken.0, taken.1
    ))
}

pub(crate) fn request_malformed(problem: impl std::fmt::Display) -> Error {
    let message = format!("the request cannot be read: {problem}");
    Error::user("MALFORMED_REQUEST", message)
        .hint("call through the client that is generated from the service's contract")
}

pub(crate) fn no_reply_queue() -> Error {
    let message = "the call does not say who waits for its answer";
    Error::user("NO_REPLY_QUEUE", message).hint("set the envelope's reply_to")
}

pub(crate) fn reply_queue_too_long(limit: usize) -> Error {
    Error::user(
        "NO_REPLY_QUEUE",
        format!("the name of the reply queue is longer than {limit} bytes"),
    )
}

pub(crate) fn call_id_too_long(limit: usize) -> Error {
    Error::user(
        "CALL_ID_TOO_LONG",
        format!("the id of the call is longer than {limit} bytes"),
    )
    .hint("a UUID will do")
}

/// The call was canceled, and its cancellation came first.
pub(crate) fn canceled_before() -> Error {
    Error::canceled("the call was canceled before it came")
}

pub(crate) fn call_panicked() -> Error {
    Error::platform(
        "CALL_PANICKED",
        "the service panicked over the call; its log says where",
    )
}

pub(crate) fn response_unreadable(problem: impl std::fmt::Display) -> Error {
    Error::platform(
        "RESPONSE_UNREADABLE",
        format!("the response cannot be handed on: {problem}"),
    )
}

/// The same call would only get the same response.
pub(crate) fn response_too_large(bytes: usize, limit: usize) -> Error {
    Error::user(
        "RESPONSE_TOO_LARGE",
        format!("the response takes {bytes} bytes, over {limit}"),
    )
    .hint("ask for less; the service's API still shows the whole response")
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
