//! A function's own account of its failure: untrusted, so bounded and cleaned.

use errors::{Class, Error};

use crate::text;

const MESSAGE: usize = 2_048;
const SHORT: usize = 512;
const CODE: usize = 64;
/// Causes kept of one error.
const CAUSES: usize = 16;
/// Causes of causes of causes.
const DEPTH: usize = 4;
/// The whole error, as text, so that it fits its message.
const TOTAL: usize = 12 * 1024;

/// The error in `json`, cleaned; `None` when it is not one. The class is what
/// the exit status says, where that says anything.
pub(crate) fn read(json: &[u8], exit_status: i32) -> Option<Error> {
    let error: Error = serde_json::from_slice(json).ok()?;
    let mut error = clean(error, DEPTH);
    if matches!(exit_status, 2..=6 | 130) {
        error.class = Class::of_exit_status(exit_status);
    }
    while size(&error) > TOTAL && error.causes.pop().is_some() {}
    Some(error)
}

fn clean(error: Error, depth: usize) -> Error {
    let short = |text: String| text::line(&text, SHORT);
    let causes = error
        .causes
        .into_iter()
        .take(if depth > 0 { CAUSES } else { 0 });
    Error {
        class: error.class,
        code: code(&error.code),
        message: text::line(&error.message, MESSAGE),
        field: error.field.map(short),
        frames: error.frames,
        hint: error.hint.map(short),
        causes: causes
            .map(|cause| clean(cause, depth.saturating_sub(1)))
            .collect(),
    }
}

fn code(code: &str) -> String {
    let plain = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
    match !code.is_empty() && code.len() <= CODE && code.bytes().all(plain) {
        true => code.to_owned(),
        false => "FUNCTION_FAILED".to_owned(),
    }
}

fn size(error: &Error) -> usize {
    let own = error.message.len() + error.code.len() + 64;
    let optional = [&error.field, &error.hint];
    let optional: usize = optional.into_iter().flatten().map(String::len).sum();
    own + optional + error.causes.iter().map(size).sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn json(error: &Error) -> Vec<u8> {
        serde_json::to_vec(error).unwrap()
    }

    #[test]
    fn a_good_error_is_kept_as_it_is() {
        let error = Error::source("TRUNCATED", "only 3 frames decode")
            .frames(0, 3)
            .hint("pass --conceal")
            .caused_by(Error::function("EXIT_1", "ffmpeg failed"));
        assert_eq!(read(&json(&error), 3), Some(error));
    }

    #[test]
    fn the_exit_status_has_the_last_word_on_the_class() {
        let error = json(&Error::source("X", "x"));
        assert_eq!(read(&error, 2).unwrap().class, Class::User);
        assert_eq!(read(&error, 1).unwrap().class, Class::Source);
    }

    #[test]
    fn what_is_hostile_is_cleaned() {
        let mut deep = Error::user("lower case", "\x1b[2J".repeat(5_000));
        for _ in 0..50 {
            deep = Error::user("OUTER", "x".repeat(9_999)).caused_by(deep);
        }
        (0..500).for_each(|_| deep.causes.push(Error::user("MORE", "y".repeat(9_999))));
        let cleaned = read(&json(&deep), 4).unwrap();
        assert!(size(&cleaned) <= TOTAL);
        let fallback = read(&json(&Error::user("<b>", "\x1b[2Jx")), 2).unwrap();
        assert_eq!(
            (&*fallback.code, &*fallback.message),
            ("FUNCTION_FAILED", "[2Jx")
        );
    }

    #[test]
    fn what_is_no_error_is_none() {
        for bad in [&b""[..], b"{", b"[]", b"{\"class\":\"nobody\"}", b"\xff"] {
            assert_eq!(read(bad, 1), None);
        }
    }
}
