use deadpool_postgres::PoolError;
use store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// No connection: nothing was sent.
pub(crate) fn no_connection(error: PoolError) -> StoreError {
    StoreError::Unavailable(format!("no connection to PostgreSQL: {}", described(&error)).into())
}

/// An error while reading.
pub(crate) fn reading(error: Error) -> StoreError {
    if is_damage(&error) {
        return StoreError::Corrupt(described(&error).into());
    }
    StoreError::Unavailable(format!("PostgreSQL: {}", described(&error)).into())
}

/// An error of a statement that changes something. When the server refused it,
/// nothing was changed; when the server went away, that cannot be told.
pub(crate) fn writing(error: Error) -> StoreError {
    match error.code() {
        Some(code) if !is_shutdown(code) => reading(error),
        _ => StoreError::Unknown(format!("PostgreSQL: {}", described(&error)).into()),
    }
}

/// The server ended the session; it may have done so between the commit and the
/// answer.
fn is_shutdown(code: &SqlState) -> bool {
    code.code().starts_with("57P")
}

fn is_damage(error: &Error) -> bool {
    let codes = [&SqlState::DATA_CORRUPTED, &SqlState::INDEX_CORRUPTED];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// The error with its causes, which the driver leaves out.
fn described(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
