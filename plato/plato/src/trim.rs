//! Errors cut to what a journal keeps.

use errors::Error;

use crate::limits::{MAX_ERROR_CAUSES, MAX_ERROR_DEPTH, MAX_ERROR_MESSAGE_BYTES, MAX_NAME_BYTES};

/// The error with long texts and deep causes cut.
pub(crate) fn trimmed(error: Error) -> Error {
    to_depth(error, MAX_ERROR_DEPTH)
}

/// The error as a list keeps it: what it is, in a line.
pub fn brief(error: &Error) -> Error {
    to_depth(
        Error {
            causes: Vec::new(),
            ..error.clone()
        },
        0,
    )
}

fn to_depth(mut error: Error, depth: usize) -> Error {
    cut(&mut error.code, MAX_NAME_BYTES);
    cut(
        &mut error.message,
        MAX_ERROR_MESSAGE_BYTES >> (MAX_ERROR_DEPTH - depth),
    );
    error
        .field
        .iter_mut()
        .for_each(|field| cut(field, MAX_NAME_BYTES * 2));
    error
        .hint
        .iter_mut()
        .for_each(|hint| cut(hint, MAX_NAME_BYTES * 4));
    error
        .causes
        .truncate(if depth == 0 { 0 } else { MAX_ERROR_CAUSES });
    let causes = std::mem::take(&mut error.causes).into_iter();
    error.causes = causes
        .map(|cause| to_depth(cause, depth.saturating_sub(1)))
        .collect();
    error
}

fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_deep_causes_are_cut() {
        let deep = (0..9).fold(Error::function("E", "ä".repeat(9_000)), |cause, _| {
            Error::function("E", "ä".repeat(9_000)).caused_by(cause)
        });
        let kept = trimmed(deep);
        assert!(kept.message.len() <= MAX_ERROR_MESSAGE_BYTES + '…'.len_utf8());
        let depth = std::iter::successors(Some(&kept), |error| error.causes.first()).count();
        assert_eq!(depth, MAX_ERROR_DEPTH + 1);
    }
}
