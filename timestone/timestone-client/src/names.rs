//! Every queue name and every derived message id, on one page.

/// The inbox of one group of a service's workflows.
pub fn workflow_inbox(service: &str, group: u32) -> String {
    format!("plato/{service}/{group}")
}

/// The group of a workflow, of `groups` (at least one).
pub fn workflow_group(workflow_id: &str, groups: u32) -> u32 {
    let digits = ids::derived([workflow_id.as_bytes()]);
    let hash = u32::from_str_radix(&digits[..8], 16).unwrap_or_default();
    hash % groups.max(1)
}

/// The inbox of the group a workflow belongs to.
pub fn inbox_of_workflow(service: &str, workflow_id: &str, groups: u32) -> String {
    workflow_inbox(service, workflow_group(workflow_id, groups))
}

/// The invocations of a function.
pub fn function(function: &str) -> String {
    format!("stratum/{function}")
}

/// What the API layer of a service hears about its workflows.
pub fn service_events(service: &str) -> String {
    format!("optimus/{service}/events")
}

/// The requests that roles make of a service.
pub fn service_calls(service: &str) -> String {
    format!("optimus/{service}/calls")
}

/// The message that tells those who work on a workflow or a call to stop.
pub fn cancel_id(id: &str) -> String {
    format!("{id}/cancel")
}

/// The message that carries the result of an invocation or a call.
pub fn result_id(invocation_id: &str) -> String {
    format!("{invocation_id}/result")
}

/// The `n`-th progress message of an invocation or a call.
pub fn progress_id(invocation_id: &str, n: u64) -> String {
    format!("{invocation_id}/progress/{n}")
}

/// The message that tells event `sequence` of a workflow.
pub fn event_id(workflow_id: &str, sequence: u64) -> String {
    format!("{workflow_id}/event/{sequence}")
}

/// The message that tells the end of a message that its worker did not end.
pub fn terminated_id(queue: &str, message_id: &str) -> String {
    timestone::terminated_id(queue, message_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups are recorded in stores and queue names: they must never move.
    #[test]
    fn the_group_of_a_workflow_never_changes() {
        let groups = ["a", "b", "0198c6f0-0000-7000-8000-000000000000"]
            .map(|workflow| workflow_group(workflow, 4));
        assert_eq!(groups, [0, 2, 1]);
        assert_eq!(workflow_group("a", 0), 0);
    }

    #[test]
    fn names_are_stable() {
        assert_eq!(workflow_inbox("ves", 3), "plato/ves/3");
        assert_eq!(function("ves-avc"), "stratum/ves-avc");
        assert_eq!(service_events("ves"), "optimus/ves/events");
        assert_eq!(service_calls("ves"), "optimus/ves/calls");
        assert_eq!(cancel_id("w"), "w/cancel");
        assert_eq!(result_id("i"), "i/result");
        assert_eq!(progress_id("i", 7), "i/progress/7");
        assert_eq!(event_id("w", 2), "w/event/2");
        assert_eq!(terminated_id("q", "m"), "q/m/terminated");
    }
}
