//! What requests of every service carry beside their own: an idempotency key and labels.

use std::collections::BTreeMap;

use errors::Error;

use crate::limits::{MAX_KEY_BYTES, MAX_LABEL_KEY_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS};

/// The key, if there is one; what is wrong with it is added to `problems`.
pub fn idempotency_key(key: &str, problems: &mut Vec<Error>) -> Option<String> {
    let problem = match key {
        "" => return None,
        key if key.len() > MAX_KEY_BYTES => format!("the key is longer than {MAX_KEY_BYTES} bytes"),
        key if key.chars().any(char::is_control) => "the key holds a control character".to_owned(),
        key => return Some(key.to_owned()),
    };
    problems.push(
        Error::user("IDEMPOTENCY_KEY_INVALID", problem)
            .at("idempotency_key")
            .hint("a UUID will do"),
    );
    None
}

/// The labels in order; what is wrong with them is added to `problems`.
pub fn labels<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    problems: &mut Vec<Error>,
) -> BTreeMap<String, String> {
    let labels = labels
        .into_iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    let labels: BTreeMap<String, String> = labels.collect();
    if labels.len() > MAX_LABELS {
        problems.push(
            Error::user(
                "TOO_MANY_LABELS",
                format!("{} labels are given", labels.len()),
            )
            .at("labels")
            .hint(format!("give at most {MAX_LABELS}")),
        );
    }
    let checked = labels.iter().take(MAX_LABELS);
    problems.extend(checked.flat_map(|(key, value)| wrong(key, value)));
    labels
}

fn wrong(key: &str, value: &str) -> Vec<Error> {
    let mut problems = Vec::new();
    let field = format!("labels[{}]", shown(key));
    let mut refuse = |problem: &str, hint: String| {
        problems.push(Error::user("LABEL_INVALID", problem).at(&field).hint(hint));
    };
    if key.is_empty() || key.len() > MAX_LABEL_KEY_BYTES || !key.chars().all(is_key_character) {
        refuse(
            "the label's key is not a name",
            format!("use 1 to {MAX_LABEL_KEY_BYTES} letters, digits, '-', '_', '.' or '/'"),
        );
    }
    if value.len() > MAX_LABEL_VALUE_BYTES || value.chars().any(char::is_control) {
        refuse(
            "the label's value is too long or not plain text",
            format!("use at most {MAX_LABEL_VALUE_BYTES} bytes without control characters"),
        );
    }
    problems
}

fn is_key_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_./".contains(character)
}

/// A key as an error may repeat it.
fn shown(key: &str) -> String {
    key.chars()
        .take(MAX_LABEL_KEY_BYTES)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut Vec<Error>)) -> Vec<String> {
        let mut problems = Vec::new();
        check(&mut problems);
        problems.into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn keys_are_short_and_printable_or_left_out() {
        let checked = |key: &str| codes(|problems| drop(idempotency_key(key, problems)));
        for key in ["", "a b", &"x".repeat(255)] {
            assert!(checked(key).is_empty(), "{key}");
        }
        for key in ["a\nb", &"x".repeat(256)] {
            assert_eq!(checked(key), ["IDEMPOTENCY_KEY_INVALID"], "{key}");
        }
        assert_eq!(idempotency_key("", &mut vec![]), None);
        assert_eq!(idempotency_key("k", &mut vec![]).as_deref(), Some("k"));
    }

    #[test]
    fn labels_are_few_names_with_plain_text() {
        let checked = |given: &[(String, String)]| {
            let given: BTreeMap<_, _> = given.iter().cloned().collect();
            codes(|problems| drop(labels(&given, problems)))
        };
        let one = |key: &str, value: &str| checked(&[(key.to_owned(), value.to_owned())]);
        assert!(one("team/name-1_a.b", "x y").is_empty() && one("a", "").is_empty());
        for (key, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a", "\u{1b}[2J"),
            (&"k".repeat(64), "x"),
        ] {
            assert_eq!(one(key, value), ["LABEL_INVALID"], "{key}={value}");
        }
        assert_eq!(one("a b", "\n"), ["LABEL_INVALID", "LABEL_INVALID"]);
        let many: Vec<_> = (0..17).map(|n| (n.to_string(), String::new())).collect();
        assert!(checked(&many[..16]).is_empty());
        assert_eq!(checked(&many), ["TOO_MANY_LABELS"]);
    }
}
