//! Errors across the wire: a gRPC status for programs that know no better, and
//! every [`errors::Error`] whole, as a detail, for those that do.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use buffa::{Message, MessageName};
use connectrpc::{ConnectError, ErrorCode, ErrorDetail};
use errors::{Class, Error};
use proto::base::v1 as wire;

use crate::limits::MAX_ERRORS;

/// Stable codes, by their last words, that say more than their class.
const CODES: [(&str, ErrorCode); 7] = [
    ("NOT_FOUND", ErrorCode::NotFound),
    ("ALREADY_EXISTS", ErrorCode::AlreadyExists),
    ("CONFLICT", ErrorCode::AlreadyExists),
    ("UNAUTHENTICATED", ErrorCode::Unauthenticated),
    ("PERMISSION_DENIED", ErrorCode::PermissionDenied),
    ("FULL", ErrorCode::ResourceExhausted),
    ("EXHAUSTED", ErrorCode::ResourceExhausted),
];

/// Answers a call with everything that is wrong with it. The first error decides
/// the status.
pub fn refuse(errors: impl IntoIterator<Item = Error>) -> ConnectError {
    let errors: Vec<_> = errors.into_iter().take(MAX_ERRORS).collect();
    let code = errors.first().map_or(ErrorCode::Unknown, code);
    let said: Vec<_> = errors.iter().map(Error::to_string).collect();
    let refusal = ConnectError::new(code, said.join("\n"));
    errors
        .into_iter()
        .fold(refusal, |refusal, error| refusal.with_detail(detail(error)))
}

/// Answers a call with one error.
pub fn refuse_one(error: Error) -> ConnectError {
    refuse([error])
}

fn code(error: &Error) -> ErrorCode {
    let special = CODES.iter().find(|(end, _)| error.code.ends_with(end));
    special.map_or(code_of_class(error.class), |(_, code)| *code)
}

fn code_of_class(class: Class) -> ErrorCode {
    match class {
        Class::User => ErrorCode::InvalidArgument,
        Class::Source => ErrorCode::FailedPrecondition,
        Class::Function => ErrorCode::Internal,
        Class::Platform => ErrorCode::Unavailable,
        Class::Canceled => ErrorCode::Canceled,
        Class::Deadline => ErrorCode::DeadlineExceeded,
    }
}

/// Clients of JSON read the `debug` form.
fn detail(error: Error) -> ErrorDetail {
    let error = wire::Error::from(error);
    let mut detail = ErrorDetail::from_message(wire::Error::FULL_NAME, &error);
    detail.debug = serde_json::to_value(&error).ok();
    detail
}

/// What a call was answered with: at least one error. Of a server, or a proxy,
/// that tells only a status, as much as that says.
pub fn told(refusal: &ConnectError) -> Vec<Error> {
    let details = refusal.details.iter().filter_map(read);
    let errors: Vec<_> = details.take(MAX_ERRORS).collect();
    match errors.is_empty() {
        true => vec![of_status(refusal)],
        false => errors,
    }
}

fn read(detail: &ErrorDetail) -> Option<Error> {
    let name = detail.type_url.rsplit('/').next()?;
    let value = detail
        .value
        .as_ref()
        .filter(|_| name == wire::Error::FULL_NAME)?;
    let bytes = STANDARD_NO_PAD
        .decode(value)
        .or_else(|_| STANDARD.decode(value));
    let error = wire::Error::decode_from_slice(&bytes.ok()?).ok()?;
    Some(error.into())
}

fn of_status(refusal: &ConnectError) -> Error {
    let code = refusal.code.as_str();
    let message = refusal.message.as_deref().unwrap_or(code);
    Error::new(class_of(refusal.code), code.to_uppercase(), message)
}

fn class_of(code: ErrorCode) -> Class {
    match code {
        ErrorCode::InvalidArgument
        | ErrorCode::NotFound
        | ErrorCode::AlreadyExists
        | ErrorCode::PermissionDenied
        | ErrorCode::Unauthenticated
        | ErrorCode::FailedPrecondition
        | ErrorCode::OutOfRange
        | ErrorCode::Unimplemented => Class::User,
        ErrorCode::Canceled => Class::Canceled,
        ErrorCode::DeadlineExceeded => Class::Deadline,
        _ => Class::Platform,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Error> {
        vec![
            Error::user("INVALID_ARGUMENT", "is 99")
                .at("recipe.codec.level")
                .hint("use 40"),
            Error::source("TRUNCATED", "ends early").frames(3, 9),
        ]
    }

    #[test]
    fn every_error_survives() {
        assert_eq!(told(&refuse(all())), all());
    }

    #[test]
    fn every_error_survives_as_json() {
        let text = serde_json::to_string(&refuse(all())).unwrap();
        assert!(text.contains("\"field\":\"recipe.codec.level\""), "{text}");
        let refusal: ConnectError = serde_json::from_str(&text).unwrap();
        assert_eq!(told(&refusal), all());
    }

    #[test]
    fn the_first_error_decides_the_status() {
        assert_eq!(refuse(all()).code, ErrorCode::InvalidArgument);
        let missing = Error::user("REQUEST_NOT_FOUND", "no such request");
        assert_eq!(refuse_one(missing).code, ErrorCode::NotFound);
    }

    #[test]
    fn a_bare_status_is_an_error_too() {
        let bare = ConnectError::unavailable("connection refused");
        let error = told(&bare).remove(0);
        assert_eq!(
            (error.class, error.code.as_str()),
            (Class::Platform, "UNAVAILABLE")
        );
        assert_eq!(error.message, "connection refused");
    }
}
