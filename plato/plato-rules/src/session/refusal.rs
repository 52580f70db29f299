//! What went wrong, as it is told and journaled.

use errors::Error;

use crate::memory::Refused;
use crate::rules::Rule;

pub(super) fn told(refused: &Refused) -> Error {
    let code = match refused {
        Refused::UnknownType(_) => "UNKNOWN_FACT_TYPE",
        Refused::Malformed(_) => "MALFORMED_FACT",
        Refused::TooManyFacts => "TOO_MANY_FACTS",
        Refused::TooManyMatches => "TOO_MANY_MATCHES",
    };
    Error::user(code, refused.to_string())
}

pub(super) fn unevaluated(rule: &Rule, problem: String) -> Error {
    Error::user(
        "RULE_WITHOUT_VALUE",
        format!("rule {}: {problem}", rule.name),
    )
}

/// An error as the journal keeps it: itself, without what led to it.
pub(super) fn kept(mut error: Error) -> Error {
    error.causes = Vec::new();
    let long = error
        .message
        .char_indices()
        .nth(plato::limits::MAX_ERROR_MESSAGE_BYTES / 4);
    if let Some((end, _)) = long {
        error.message.truncate(end);
    }
    error
}
