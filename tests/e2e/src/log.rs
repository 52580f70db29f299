//! What the logs of a run prove.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// How the chunks of a run were answered, by all its processes together.
#[derive(Debug, Default)]
pub struct Counts {
    /// How often each chunk was encoded to its end. An agent says so after it has
    /// remembered the result durably.
    pub executed: BTreeMap<u64, u32>,
    /// Answers from what had been encoded before.
    pub remembered: u32,
}

/// Counts what a log tells of the encoder.
pub fn counts(log: &str) -> Counts {
    let mut counts = Counts::default();
    let encoder = |line: &&str| field(line, "node") == Some("encoder");
    for line in log.lines().filter(encoder) {
        if line.contains("invocation remembered") {
            counts.remembered += 1;
        } else if line.contains("invocation executed")
            && field(line, "error").is_none()
            && let Some(element) = field(line, "element").and_then(|text| text.parse().ok())
        {
            *counts.executed.entry(element).or_default() += 1;
        }
    }
    counts
}

/// Demands that no chunk was encoded again after it had been encoded to its end.
pub fn finished_chunks_ran_once(log: &str) -> Result<Counts> {
    let counts = counts(log);
    ensure!(
        !counts.executed.is_empty(),
        "the log tells of no execution:\n{log}"
    );
    let twice: Vec<_> = counts
        .executed
        .iter()
        .filter(|(_, times)| **times > 1)
        .collect();
    ensure!(twice.is_empty(), "chunks encoded more than once: {twice:?}");
    Ok(counts)
}

/// The value of `key=value` in a line of the log.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.split(&format!(" {key}=")).nth(1)?;
    Some(rest.split_whitespace().next()?.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_chunk_encoded_again_is_found() {
        let executed = "INFO invocation executed function=\"ves-avc\" node=\"encoder\" element=3";
        let remembered =
            "INFO invocation remembered function=\"ves-avc\" node=\"encoder\" element=3";
        let resumed = finished_chunks_ran_once(&[executed, remembered].join("\n")).unwrap();
        assert_eq!((resumed.executed[&3], resumed.remembered), (1, 1));
        assert!(finished_chunks_ran_once(&[executed, executed].join("\n")).is_err());
    }
}
