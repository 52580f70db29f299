use std::collections::BTreeMap;

use errors::Error;

/// Labels of one request.
const MAX_LABELS: usize = 16;
/// The longest label key, in bytes.
const MAX_KEY_BYTES: usize = 63;
/// The longest label value, in bytes.
const MAX_VALUE_BYTES: usize = 255;

/// The labels in order; what is wrong with them is added to `problems`.
pub(super) fn check<'a>(
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
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.chars().all(is_key_character) {
        refuse(
            "the label's key is not a name",
            format!("use 1 to {MAX_KEY_BYTES} letters, digits, '-', '_', '.' or '/'"),
        );
    }
    if value.len() > MAX_VALUE_BYTES || value.chars().any(char::is_control) {
        refuse(
            "the label's value is too long or not plain text",
            format!("use at most {MAX_VALUE_BYTES} bytes without control characters"),
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
        .take(MAX_KEY_BYTES)
        .flat_map(char::escape_debug)
        .collect()
}
