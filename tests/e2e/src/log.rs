//! What the logs of a run prove.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

/// How often each task of the encoder was begun, and how often its result was accepted.
#[derive(Debug, Default)]
pub struct Counts {
    pub begun: BTreeMap<u64, u32>,
    pub accepted: BTreeMap<u64, u32>,
    pub reused: u32,
    pub refused: u32,
}

/// Reads a log in the order it was written.
pub fn counts(log: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut finished = BTreeSet::new();
    for line in log
        .lines()
        .filter(|line| field(line, "function") == Some("ves-avc"))
    {
        let Some(element) = field(line, "element").and_then(|text| text.parse().ok()) else {
            continue;
        };
        if line.contains("invocation started") {
            ensure!(
                !finished.contains(&element),
                "chunk {element} was finished and begun again:\n{line}"
            );
            *counts.begun.entry(element).or_default() += 1;
        } else if line.contains("invocation executed") {
            *counts.accepted.entry(element).or_default() += 1;
            finished.insert(element);
        } else if line.contains("invocation reused") {
            counts.reused += 1;
            finished.insert(element);
        } else if line.contains("late result refused") {
            counts.refused += 1;
        }
    }
    Ok(counts)
}

/// Demands that no chunk was begun again after its result was accepted.
pub fn finished_chunks_ran_once(log: &str) -> Result<Counts> {
    let counts = counts(log)?;
    ensure!(
        !counts.begun.is_empty(),
        "the log tells of no execution:\n{log}"
    );
    let twice: Vec<_> = counts
        .accepted
        .iter()
        .filter(|(_, times)| **times > 1)
        .collect();
    ensure!(twice.is_empty(), "accepted more than once: {twice:?}");
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
    fn a_chunk_begun_after_its_end_is_found() {
        let begun = "INFO invocation started function=ves-avc node=encoder element=3";
        let executed = "INFO invocation executed function=ves-avc node=encoder element=3";
        let killed_then_done = [begun, begun, executed].join("\n");
        assert_eq!(
            finished_chunks_ran_once(&killed_then_done).unwrap().begun[&3],
            2
        );
        let done_then_begun = [begun, executed, begun].join("\n");
        assert!(finished_chunks_ran_once(&done_then_begun).is_err());
    }
}
