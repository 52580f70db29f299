//! What machines read. `cosmos workflow --help` documents it.

use std::collections::BTreeMap;

use errors::Error;
use proto::plato::v1 as wire;
use serde::Serialize;
use serde_json::Value;

use super::logs::Logged;
use super::words;

/// A workflow.
#[derive(Debug, Serialize)]
pub(super) struct Workflow<'a> {
    workflow: &'a str,
    service: &'a str,
    definition: &'a str,
    definition_version: u32,
    state: &'static str,
    stopping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a str>,
    attributes: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    functions: BTreeMap<&'a str, &'a str>,
    nodes: Vec<Node<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Rules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
    events: u64,
    at_unix_ms: i64,
    retries: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    tenant: &'a str,
    priority: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten_at_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent_node: &'a str,
}

#[derive(Debug, Serialize)]
struct Node<'a> {
    node: &'a str,
    state: &'static str,
    total: u64,
    done: u64,
    running: u64,
    retries: u64,
    from_memo: u64,
    cpu_ms: u64,
    output_bytes: u64,
    #[serde(skip_serializing_if = "is_none")]
    lost: u64,
    #[serde(skip_serializing_if = "is_none")]
    speculated: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    skipped: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    children: &'a [String],
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl<'a> From<&'a wire::Workflow> for Workflow<'a> {
    fn from(workflow: &'a wire::Workflow) -> Self {
        let attributes = workflow.attributes.iter();
        Self {
            workflow: &workflow.workflow_id,
            service: &workflow.service,
            definition: &workflow.definition,
            definition_version: workflow.definition_version,
            state: words::state(workflow),
            stopping: workflow.stopping,
            paused: workflow.is_paused.then_some(&workflow.paused),
            attributes: attributes
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            functions: workflow
                .function_digests
                .iter()
                .map(|(name, digest)| (name.as_str(), digest.as_str()))
                .collect(),
            nodes: workflow.nodes.iter().map(Node::from).collect(),
            rules: workflow.rules.as_option().map(Rules::from),
            output: words::output(workflow),
            error: words::error(workflow),
            events: workflow.events,
            at_unix_ms: workflow.at_unix_ms,
            retries: workflow.retries,
            tenant: &workflow.tenant,
            priority: workflow.priority,
            deadline_unix_ms: (workflow.deadline_unix_ms != 0).then_some(workflow.deadline_unix_ms),
            forgotten_at_unix_ms: (workflow.forgotten_at_unix_ms != 0)
                .then_some(workflow.forgotten_at_unix_ms),
            parent: &workflow.parent,
            parent_node: &workflow.parent_node,
        }
    }
}

/// A workflow, and what the function said last that failed it.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    pub workflow: Workflow<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Logged<'a>>,
}

/// How rules are doing.
#[derive(Debug, Serialize)]
struct Rules {
    facts: u64,
    fired: u64,
    running: u64,
    halted: bool,
}

impl From<&wire::RulesProgress> for Rules {
    fn from(rules: &wire::RulesProgress) -> Self {
        Self {
            facts: rules.facts,
            fired: rules.fired,
            running: rules.running,
            halted: rules.is_halted,
        }
    }
}

/// A fact of rules.
#[derive(Debug, Serialize)]
pub(super) struct Fact<'a> {
    pub number: u64,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub fields: BTreeMap<&'a str, Value>,
}

impl<'a> From<&'a wire::KnownFact> for Fact<'a> {
    fn from(known: &'a wire::KnownFact) -> Self {
        let fields = known.fact.fields.iter();
        let fields = fields.filter_map(|(name, value)| {
            let value = value.value.as_ref()?;
            Some((name.as_str(), words::fact_value(value)))
        });
        Self {
            number: known.number,
            kind: &known.fact.r#type,
            fields: fields.collect(),
        }
    }
}

impl<'a> From<&'a wire::NodeProgress> for Node<'a> {
    fn from(node: &'a wire::NodeProgress) -> Self {
        Self {
            node: &node.node,
            state: words::node_state(node),
            total: node.total,
            done: node.done,
            running: node.running,
            retries: node.retries,
            from_memo: node.from_memo,
            cpu_ms: node.cpu_ms,
            output_bytes: node.output_bytes,
            lost: node.lost,
            speculated: node.speculated,
            skipped: &node.skipped,
            children: &node.children,
        }
    }
}

/// An event of a journal.
#[derive(Debug, Serialize)]
pub(super) struct Happening<'a> {
    number: u64,
    at_unix_ms: i64,
    event: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    node: &'a str,
    details: Value,
}

impl<'a> From<&'a wire::WorkflowHappening> for Happening<'a> {
    fn from(happening: &'a wire::WorkflowHappening) -> Self {
        Self {
            number: happening.number,
            at_unix_ms: happening.at_unix_ms,
            event: &happening.event,
            node: &happening.node,
            details: serde_json::from_str(&happening.json).unwrap_or_default(),
        }
    }
}

/// What `watch` tells.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Watched<'a> {
    State(Box<Workflow<'a>>),
    Happening {
        number: u64,
        at_unix_ms: i64,
        happening: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        node: &'a str,
        details: Value,
    },
}

impl<'a> From<&'a wire::WorkflowHappening> for Watched<'a> {
    fn from(happening: &'a wire::WorkflowHappening) -> Self {
        let Happening {
            number,
            at_unix_ms,
            event,
            node,
            details,
        } = Happening::from(happening);
        Self::Happening {
            number,
            at_unix_ms,
            happening: event,
            node,
            details,
        }
    }
}

/// A workflow, and why it waits.
#[derive(Debug, Serialize)]
pub(super) struct Explained<'a> {
    #[serde(flatten)]
    pub workflow: Workflow<'a>,
    pub waiting: Vec<Waiting<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub firings: Vec<Firing<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_standings: Vec<Standing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Logged<'a>>,
}

/// How a rule stands.
#[derive(Debug, Serialize)]
pub(super) struct Standing<'a> {
    rule: &'a str,
    matches: u64,
    waiting: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pattern: &'a str,
    text: &'a str,
}

impl<'a> From<&'a wire::RuleStanding> for Standing<'a> {
    fn from(standing: &'a wire::RuleStanding) -> Self {
        Self {
            rule: &standing.rule,
            matches: standing.matches,
            waiting: standing.waiting,
            pattern: &standing.pattern,
            text: &standing.text,
        }
    }
}

/// Why a rule fired.
#[derive(Debug, Serialize)]
pub(super) struct Firing<'a> {
    firing: u64,
    rule: &'a str,
    state: &'static str,
    holds: bool,
    at_unix_ms: i64,
    text: &'a str,
}

impl<'a> From<&'a wire::ExplainedFiring> for Firing<'a> {
    fn from(firing: &'a wire::ExplainedFiring) -> Self {
        Self {
            firing: firing.number,
            rule: &firing.rule,
            state: words::firing_state(firing),
            holds: firing.holds,
            at_unix_ms: firing.at_unix_ms,
            text: &firing.text,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Waiting<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    node: &'a str,
    reasons: Vec<Reason<'a>>,
}

#[derive(Debug, Serialize)]
struct Reason<'a> {
    code: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    queue: &'a str,
}

impl<'a> From<&'a wire::WaitingNode> for Waiting<'a> {
    fn from(waiting: &'a wire::WaitingNode) -> Self {
        let reasons = waiting.reasons.iter().map(|reason| Reason {
            code: &reason.code,
            text: &reason.text,
            tasks: (reason.tasks != 0).then_some(reason.tasks),
            at_unix_ms: (reason.at_unix_ms != 0).then_some(reason.at_unix_ms),
            queue: &reason.queue,
        });
        Self {
            node: &waiting.node,
            reasons: reasons.collect(),
        }
    }
}
