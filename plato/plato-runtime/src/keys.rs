//! Every key of a group's shard, on one page.
//!
//! | key                              | value                                   |
//! |----------------------------------|-----------------------------------------|
//! | `a` hash workflow                | nothing: a workflow with that attribute |
//! | `c` workflow                     | when its cancel came before its start   |
//! | `e` workflow                     | state of a workflow that has ended      |
//! | `f` workflow 0 first event       | journal entry of rules                  |
//! | `g` prefix                       | nothing: keys that are being deleted    |
//! | `i` day message                  | nothing: a message that was handled     |
//! | `h` invocation                   | the key of what its function said       |
//! | `j` workflow 0 first event       | journal entry                           |
//! | `k` workflow 0 0                 | the invocation that failed the workflow |
//! | `k` workflow 0 node 0 element try| what a function said                    |
//! | `l` workflow                     | snapshot of the state of live rules     |
//! | `o` number                       | outbox row                              |
//! | `r` workflow 0 run node element  | result of a task of a map               |
//! | `s` workflow                     | snapshot of the state of a live workflow|
//! | `t` time workflow                | nothing: a workflow that ended then     |
//! | `v` workflow 0                   | input of a workflow                     |
//! | `v` workflow 0 node              | output of a node                        |
//! | `v` workflow 0 node `r`          | run of a map that began anew            |
//! | `w` workflow                     | state of rules that were canceled       |
//!
//! Numbers are big-endian. Ids of workflows hold no zero byte.

use bytes::Bytes;
use plato::NodeId;
use store::KeyRange;

/// The shard of a group.
pub(crate) fn shard(service: &str, group: u32) -> String {
    format!("plato/{service}/{group}")
}

/// The shard in which the processes of a service meet.
pub(crate) fn meeting_shard(service: &str) -> String {
    format!("plato/{service}")
}

fn key(kind: u8, parts: &[&[u8]]) -> Bytes {
    let mut key = vec![kind];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.into()
}

fn of_workflow(kind: u8, workflow: &str, rest: &[u8]) -> Bytes {
    key(kind, &[workflow.as_bytes(), &[0], rest])
}

/// Before the workflows that have this attribute.
pub(crate) fn attribute(name: &str, value: &str) -> Bytes {
    let hash = ids::derived([name.as_bytes(), value.as_bytes()]);
    key(b'a', &[hash.as_bytes()])
}

/// That a workflow has this attribute.
pub(crate) fn with_attribute(name: &str, value: &str, workflow: &str) -> Bytes {
    [&attribute(name, value), workflow.as_bytes()]
        .concat()
        .into()
}

/// The workflow at the end of a row of an attribute.
pub(crate) fn after_attribute(key: &[u8]) -> Option<&str> {
    // The kind, and the hash in hexadecimal digits.
    std::str::from_utf8(key.get(1 + 32..)?).ok()
}

pub(crate) fn canceled(workflow: &str) -> Bytes {
    key(b'c', &[workflow.as_bytes()])
}

pub(crate) fn all_canceled() -> KeyRange {
    KeyRange::prefix(b"c")
}

pub(crate) fn ended(workflow: &str) -> Bytes {
    key(b'e', &[workflow.as_bytes()])
}

pub(crate) fn all_ended() -> KeyRange {
    KeyRange::prefix(b"e")
}

/// That a workflow ended at this time, in Unix milliseconds.
pub(crate) fn ended_at(at_ms: i64, workflow: &str) -> Bytes {
    let at_ms = u64::try_from(at_ms).unwrap_or(0);
    key(b't', &[&at_ms.to_be_bytes(), workflow.as_bytes()])
}

/// Workflows that have ended, the oldest first.
pub(crate) fn all_ended_at() -> KeyRange {
    KeyRange::prefix(b"t")
}

/// When which workflow ended.
pub(crate) fn read_ended_at(key: &[u8]) -> Option<(i64, &str)> {
    let (at_ms, workflow) = key.get(1..)?.split_first_chunk::<8>()?;
    let at_ms = i64::try_from(u64::from_be_bytes(*at_ms)).ok()?;
    Some((at_ms, std::str::from_utf8(workflow).ok()?))
}

/// What the keys of a workflow's journal, results and values begin with.
pub(crate) fn prefixes(workflow: &str) -> Vec<Bytes> {
    let kinds = [b'j', b'k', b'r', b'v'].into_iter();
    kinds.map(|kind| of_workflow(kind, workflow, &[])).collect()
}

/// What the keys of the journal of rules begin with.
pub(crate) fn rules_prefixes(workflow: &str) -> Vec<Bytes> {
    let kinds = [b'f', b'k'].into_iter();
    kinds.map(|kind| of_workflow(kind, workflow, &[])).collect()
}

/// That a workflow has been forgotten, and its journal is being deleted.
pub(crate) fn forgotten(workflow: &str) -> Bytes {
    garbage(&of_workflow(b'j', workflow, &[]))
}

/// The workflow that a row of garbage says is forgotten, if it says so.
pub(crate) fn read_forgotten(key: &[u8]) -> Option<&str> {
    let journal = key.strip_prefix(b"gj").or(key.strip_prefix(b"gf"))?;
    std::str::from_utf8(journal.strip_suffix(&[0])?).ok()
}

pub(crate) fn garbage(prefix: &[u8]) -> Bytes {
    key(b'g', &[prefix])
}

pub(crate) fn all_garbage() -> KeyRange {
    KeyRange::prefix(b"g")
}

pub(crate) fn inbox(day: u32, message: &str) -> Bytes {
    key(b'i', &[&day.to_be_bytes(), message.as_bytes()])
}

/// Messages handled before `day`.
pub(crate) fn inbox_before(day: u32) -> KeyRange {
    KeyRange {
        end: Some(inbox(day, "")),
        ..KeyRange::prefix(b"i")
    }
}

pub(crate) fn journal(workflow: &str, first: u64) -> Bytes {
    of_workflow(b'j', workflow, &first.to_be_bytes())
}

/// The journal of a workflow from event `first` on.
pub(crate) fn journal_from(workflow: &str, first: u64) -> KeyRange {
    KeyRange {
        start: std::ops::Bound::Included(journal(workflow, first)),
        ..KeyRange::prefix(&of_workflow(b'j', workflow, &[]))
    }
}

/// The try of a task, or of the run of a firing, as keys of logs tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Try<'a> {
    pub(crate) workflow: &'a str,
    /// The node, or the rule.
    pub(crate) node: &'a str,
    /// The element, or the firing.
    pub(crate) element: u64,
    pub(crate) generation: u32,
}

impl Try<'_> {
    pub(crate) fn invocation(&self) -> String {
        ids::invocation(self.workflow, self.node, self.element, self.generation)
    }
}

pub(crate) fn log(of: &Try<'_>) -> Bytes {
    let (element, generation) = (of.element.to_be_bytes(), of.generation.to_be_bytes());
    let rest = [of.node.as_bytes(), &[0], &element, &generation].concat();
    of_workflow(b'k', of.workflow, &rest)
}

/// Logs of the workflow: all, or of one node, or of one element of it.
pub(crate) fn logs(workflow: &str, node: &str, element: Option<u64>) -> KeyRange {
    if node.is_empty() {
        let first = of_workflow(b'k', workflow, &[1]);
        return KeyRange {
            start: std::ops::Bound::Included(first),
            ..KeyRange::prefix(&of_workflow(b'k', workflow, &[]))
        };
    }
    let element = element.map(u64::to_be_bytes);
    let rest = [node.as_bytes(), &[0], element.as_ref().map_or(&[], |of| of)].concat();
    KeyRange::prefix(&of_workflow(b'k', workflow, &rest))
}

/// Whose log the key leads to.
pub(crate) fn read_log(key: &[u8]) -> Option<Try<'_>> {
    let (rest, generation) = key.strip_prefix(b"k")?.split_last_chunk::<4>()?;
    let (names, element) = rest.split_last_chunk::<8>()?;
    let mut names = names.strip_suffix(&[0])?.split(|byte| *byte == 0);
    let mut name = || std::str::from_utf8(names.next()?).ok();
    Some(Try {
        workflow: name()?,
        node: name()?,
        element: u64::from_be_bytes(*element),
        generation: u32::from_be_bytes(*generation),
    })
}

/// Where the log of an invocation is told of.
pub(crate) fn log_of(invocation: &str) -> Bytes {
    key(b'h', &[invocation.as_bytes()])
}

/// Which try failed the workflow: its invocation, or the workflow that it was.
pub(crate) fn failed_by(workflow: &str) -> Bytes {
    of_workflow(b'k', workflow, &[0])
}

pub(crate) fn outbox(number: u64) -> Bytes {
    key(b'o', &[&number.to_be_bytes()])
}

pub(crate) fn all_outbox() -> KeyRange {
    KeyRange::prefix(b"o")
}

pub(crate) fn result(workflow: &str, node: NodeId, run: u32, element: u64) -> Bytes {
    let rest = [&place(node, run)[..], &element.to_be_bytes()].concat();
    of_workflow(b'r', workflow, &rest)
}

/// The results of a map from this element on.
pub(crate) fn results_from(workflow: &str, node: NodeId, run: u32, first: u64) -> KeyRange {
    KeyRange {
        start: std::ops::Bound::Included(result(workflow, node, run, first)),
        ..KeyRange::prefix(&results_prefix(workflow, node, run))
    }
}

/// What the keys of all results of a run of a map begin with.
pub(crate) fn results_prefix(workflow: &str, node: NodeId, run: u32) -> Bytes {
    of_workflow(b'r', workflow, &place(node, run))
}

/// A run of a node. Those of the first run are as if there were no others; nodes and runs are
/// few (`plato::limits`).
fn place(node: NodeId, run: u32) -> [u8; 4] {
    ((run << 16) | node.0).to_be_bytes()
}

/// Where it is told which run of a map its results are of, where that is not the first.
pub(crate) fn run(workflow: &str, node: NodeId) -> Bytes {
    let rest = [&node.0.to_be_bytes()[..], b"r"].concat();
    of_workflow(b'v', workflow, &rest)
}

pub(crate) fn snapshot(workflow: &str) -> Bytes {
    key(b's', &[workflow.as_bytes()])
}

pub(crate) fn all_snapshots() -> KeyRange {
    KeyRange::prefix(b"s")
}

pub(crate) fn input(workflow: &str) -> Bytes {
    of_workflow(b'v', workflow, &[])
}

pub(crate) fn output(workflow: &str, node: NodeId) -> Bytes {
    of_workflow(b'v', workflow, &node.0.to_be_bytes())
}

pub(crate) fn rules_journal(workflow: &str, first: u64) -> Bytes {
    of_workflow(b'f', workflow, &first.to_be_bytes())
}

/// The journal of a workflow of rules from event `first` on.
pub(crate) fn rules_journal_from(workflow: &str, first: u64) -> KeyRange {
    KeyRange {
        start: std::ops::Bound::Included(rules_journal(workflow, first)),
        ..KeyRange::prefix(&of_workflow(b'f', workflow, &[]))
    }
}

pub(crate) fn rules_snapshot(workflow: &str) -> Bytes {
    key(b'l', &[workflow.as_bytes()])
}

pub(crate) fn all_rules_snapshots() -> KeyRange {
    KeyRange::prefix(b"l")
}

pub(crate) fn all_rules_ended() -> KeyRange {
    KeyRange::prefix(b"w")
}

pub(crate) fn rules_ended(workflow: &str) -> Bytes {
    key(b'w', &[workflow.as_bytes()])
}

/// The number at the end of the key of a result or an outbox row.
pub(crate) fn last_number(key: &[u8]) -> Option<u64> {
    let (_, number) = key.split_last_chunk::<8>()?;
    Some(u64::from_be_bytes(*number))
}

/// The workflow of a key that has a zero byte after it.
pub(crate) fn workflow(key: &[u8]) -> Option<&str> {
    let id = key.get(1..)?.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(id).ok()
}

/// The message of an inbox row.
pub(crate) fn handled(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1 + size_of::<u32>()..)?).ok()
}

/// The text after the kind, for keys that are one text.
pub(crate) fn text(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const NODE: NodeId = NodeId(3);

    const TRY: Try<'_> = Try {
        workflow: "w",
        node: "encode",
        element: 256,
        generation: 2,
    };

    fn holds(range: &KeyRange, key: &Bytes) -> bool {
        use std::ops::RangeBounds;
        range.bounds().contains(key)
    }

    #[test]
    fn keys_tell_their_numbers_and_texts() {
        assert_eq!(last_number(&result("w", NODE, 0, 7)), Some(7));
        assert_eq!(last_number(&outbox(9)), Some(9));
        assert_eq!(last_number(b"short"), None);
        assert_eq!(text(&snapshot("w")), Some("w"));
    }

    #[test]
    fn workflows_are_found_by_their_attributes() {
        let range = KeyRange::prefix(&attribute("title", "a"));
        let row = with_attribute("title", "a", "w");
        assert!(holds(&range, &row));
        assert_eq!(after_attribute(&row), Some("w"));
        assert!(!holds(&range, &with_attribute("title", "b", "w")));
        assert!(!holds(&range, &with_attribute("titl", "ea", "w")));
    }

    #[test]
    fn the_oldest_end_comes_first() {
        assert!(ended_at(255, "b") < ended_at(256, "a"));
        assert_eq!(read_ended_at(&ended_at(7, "w")), Some((7, "w")));
        assert!(holds(&all_ended_at(), &ended_at(0, "w")));
    }

    #[test]
    fn a_forgotten_workflow_is_known_by_its_garbage() {
        assert_eq!(read_forgotten(&forgotten("w")), Some("w"));
        assert_eq!(
            read_forgotten(&garbage(&results_prefix("w", NODE, 0))),
            None
        );
        let prefixes = prefixes("w");
        let [journal_rows, logs, results, values] = &prefixes[..] else {
            panic!("{prefixes:?}");
        };
        assert!(journal("w", 3).starts_with(journal_rows));
        assert!(log(&TRY).starts_with(logs) && failed_by("w").starts_with(logs));
        assert!(result("w", NODE, 0, 3).starts_with(results));
        assert!(output("w", NODE).starts_with(values) && input("w").starts_with(values));
        assert!(!journal("w1", 3).starts_with(journal_rows));
        let of_rules = &rules_prefixes("w")[0];
        assert!(rules_journal("w", 3).starts_with(of_rules));
        assert_eq!(read_forgotten(&garbage(of_rules)), Some("w"));
    }

    #[test]
    fn a_workflow_has_its_journal_to_itself() {
        let range = journal_from("w", 5);
        assert!(holds(&range, &journal("w", 5)) && holds(&range, &journal("w", u64::MAX)));
        assert!(!holds(&range, &journal("w", 4)) && !holds(&range, &journal("w1", 5)));
    }

    #[test]
    fn results_are_in_the_order_of_their_elements() {
        assert!(result("w", NODE, 0, 255) < result("w", NODE, 0, 256));
        assert!(result("w", NODE, 0, 1).starts_with(&results_prefix("w", NODE, 0)));
        assert!(!result("w", NodeId(4), 0, 1).starts_with(&results_prefix("w", NODE, 0)));
        let range = results_from("w", NODE, 0, 2);
        assert!(
            holds(&range, &result("w", NODE, 0, 2)) && !holds(&range, &result("w", NODE, 0, 1))
        );
        assert!(!holds(&range, &result("w", NodeId(4), 0, 2)));
        assert!(!holds(&range, &result("w", NODE, 1, 2)), "of another run");
    }

    #[test]
    fn logs_are_found_by_workflow_node_and_element() {
        assert_eq!(read_log(&log(&TRY)), Some(TRY));
        for range in [
            logs("w", "", None),
            logs("w", "encode", None),
            logs("w", "encode", Some(256)),
        ] {
            assert!(holds(&range, &log(&TRY)) && !holds(&range, &failed_by("w")));
        }
        assert!(!holds(&logs("w", "encod", None), &log(&TRY)));
        assert!(!holds(&logs("w", "encode", Some(1)), &log(&TRY)));
        assert_eq!(read_log(&failed_by("w")), None);
        assert_eq!(read_log(b"k"), None);
    }

    #[test]
    fn old_messages_are_those_of_earlier_days() {
        let range = inbox_before(10);
        assert!(holds(&range, &inbox(9, "m")) && !holds(&range, &inbox(10, "a")));
        assert!(!holds(&range, &garbage(b"x")));
    }
}
