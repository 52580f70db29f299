//! What functions said, for people and for machines.

use errors::Error;
use proto::plato::v1::FunctionLog;
use serde::Serialize;

use crate::explain::{one_line, printable};
use crate::units::local_time;

/// Lines that are told with a workflow that failed.
const LINES: usize = 10;

/// What a function said, for machines; `cosmos function logs --help` documents it.
#[derive(Debug, Serialize)]
pub(in crate::cosmos) struct Logged<'a> {
    workflow: &'a str,
    node: &'a str,
    task: u64,
    r#try: u64,
    invocation: &'a str,
    at_unix_ms: i64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
    digest: &'a str,
    bytes: u64,
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    unreadable: &'a str,
}

impl<'a> Logged<'a> {
    /// The log, with what is told of its text.
    pub(in crate::cosmos) fn of(log: &'a FunctionLog, text: &'a str) -> Self {
        let error = error(log);
        Self {
            workflow: &log.workflow_id,
            node: &log.node,
            task: log.element,
            r#try: tries(log),
            invocation: &log.invocation_id,
            at_unix_ms: log.at_unix_ms,
            outcome: error.as_ref().map_or("succeeded", |_| "failed"),
            error,
            digest: &log.log.digest,
            bytes: log.log.size,
            text,
            unreadable: &log.unreadable,
        }
    }
}

impl<'a> From<&'a FunctionLog> for Logged<'a> {
    fn from(log: &'a FunctionLog) -> Self {
        Self::of(log, &log.text)
    }
}

fn error(log: &FunctionLog) -> Option<Error> {
    log.error.as_option().cloned().map(Error::from)
}

fn tries(log: &FunctionLog) -> u64 {
    u64::from(log.generation) + 1
}

/// "encode, task 3, try 2, failed at 2026-01-31 12:00:00: EXIT_3"
pub(in crate::cosmos) fn title(log: &FunctionLog) -> String {
    let outcome = match error(log) {
        Some(error) => format!("failed: {}", error.code),
        None => "succeeded".to_owned(),
    };
    let title = format!(
        "{}, task {}, try {}, {}, {outcome}",
        log.node,
        log.element,
        tries(log),
        local_time(log.at_unix_ms)
    );
    one_line(&title)
}

/// The last lines of a text.
pub(in crate::cosmos) fn last_lines(text: &str, count: usize) -> &str {
    let text = text.trim_end();
    let ends = text.rmatch_indices('\n').map(|(at, _)| at + 1);
    match count {
        0 => "",
        _ => &text[ends.take(count).nth(count - 1).unwrap_or(0)..],
    }
}

/// What a function said last whose failure failed a workflow.
pub(super) fn last_words(log: &FunctionLog) -> String {
    let said = match log.text.as_str() {
        "" => log.unreadable.as_str(),
        text => last_lines(text, LINES),
    };
    let lines = printable(said);
    let lines: Vec<_> = lines.lines().map(|line| format!("  {line}")).collect();
    let place = format!("{}/{}/{}", log.workflow_id, log.node, log.element);
    format!(
        "it said last ({}):\n{}\nall of it: cosmos function logs {}",
        title(log),
        lines.join("\n"),
        one_line(&place)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_at_the_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\nb", 5), "a\nb");
        assert_eq!(last_lines("a\nb", 0), "");
        assert_eq!(last_lines("", 1), "");
    }
}
