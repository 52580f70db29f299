//! Workflows as the wire has them.

use errors::Error;
use plato::{Entry, Event, Header, Node, NodeId, NodeProgress, Phase, State, Value};
use proto::plato::v1 as wire;
use store::StoreError;

use super::explain::children;
use super::{Workflows, ruled};
use crate::Standing;

/// Workflows of one node that are named.
const CHILDREN: usize = 8;

/// A workflow with all that is told of it.
pub(super) struct Viewed<'a> {
    workflows: &'a Workflows,
    standing: Standing,
    output: Option<Value>,
}

impl<'a> Viewed<'a> {
    pub(super) async fn read(
        workflows: &'a Workflows,
        standing: Standing,
    ) -> Result<Self, StoreError> {
        let output = match (&standing, standing.phase()) {
            (Standing::Graph(state), Phase::Succeeded) => {
                let node = plato::NodeId(state.header.output);
                workflows.reader.value(&state.id, node).await?
            }
            _ => None,
        };
        Ok(Self {
            workflows,
            standing,
            output,
        })
    }

    pub(super) fn outward(self) -> wire::Workflow {
        let workflow = match self.standing {
            Standing::Graph(state) => graph(self.workflows, *state),
            Standing::Rules(state) => ruled::outward(self.workflows, *state),
        };
        wire::Workflow {
            service: self.workflows.service().to_owned(),
            output: self.output.map(Into::into).into(),
            ..workflow
        }
    }
}

/// What is told of a workflow, whatever it is.
pub(super) fn of_header(id: String, header: Header) -> wire::Workflow {
    let parent = header.parent.unwrap_or_default();
    wire::Workflow {
        parent: parent.workflow,
        parent_node: parent.node,
        workflow_id: id,
        definition: header.definition,
        definition_version: header.version,
        attributes: header.attributes.into_iter().collect(),
        function_digests: header.function_digests.into_iter().collect(),
        tenant: header.tenant,
        priority: header.priority,
        deadline_unix_ms: header.deadline_ms.unwrap_or(0),
        ..Default::default()
    }
}

fn graph(workflows: &Workflows, state: State) -> wire::Workflow {
    let nodes = nodes(workflows, &state);
    let ended_ms = state.phase.is_final().then_some(state.at_ms);
    wire::Workflow {
        forgotten_at_unix_ms: forgotten_at(workflows, ended_ms),
        state: crate::wire::state(state.phase).into(),
        stopping: matches!(state.phase, Phase::Failing | Phase::Canceling),
        is_paused: state.paused.is_some(),
        nodes,
        error: state.error.map(Into::into).into(),
        paused: state.paused.unwrap_or_default(),
        events: state.events,
        at_unix_ms: state.at_ms,
        retries: state.retries,
        ..of_header(state.id, state.header)
    }
}

/// A page of the journal from event `first` on, and whether there is more.
pub(super) async fn history(
    workflows: &Workflows,
    standing: &Standing,
    first: u64,
    limit: usize,
) -> Result<(Vec<wire::WorkflowHappening>, bool), StoreError> {
    let reader = &workflows.reader;
    match standing {
        Standing::Graph(state) => {
            let entries = reader.journal(&state.id, first, limit).await?;
            Ok((happenings(state, &entries), entries.len() == limit))
        }
        Standing::Rules(state) => {
            let entries = reader.rules_journal(&state.id, first, limit).await?;
            Ok((ruled::happenings(state, &entries), entries.len() == limit))
        }
    }
}

/// When a workflow that ended then is forgotten, in Unix milliseconds; 0 = nobody knows.
pub(super) fn forgotten_at(workflows: &Workflows, ended_ms: Option<i64>) -> i64 {
    let kept = workflows.keep_ended.map(|kept| kept.as_millis());
    let kept = kept.and_then(|kept| u64::try_from(kept).ok());
    let forgotten = ended_ms.zip(kept);
    forgotten.map_or(0, |(ended, kept)| ended.saturating_add_unsigned(kept))
}

/// How far the nodes are, each with the workflows that it waits for.
fn nodes(workflows: &Workflows, state: &State) -> Vec<wire::NodeProgress> {
    let header = &state.header;
    let known = workflows
        .definitions
        .graphs
        .get(&header.definition, header.version);
    let known = known.filter(|_| header.version > 0);
    let children = |id: NodeId| {
        let children = known.map(|known| children(known.plan(), state, id).take(CHILDREN));
        children.into_iter().flatten().collect()
    };
    let nodes = (0..).map(NodeId).zip(header.nodes.iter().zip(&state.nodes));
    nodes
        .map(|(id, (name, node))| wire::NodeProgress {
            children: children(id),
            ..progress(name, node)
        })
        .collect()
}

fn progress(name: &str, node: &Node) -> wire::NodeProgress {
    crate::wire::node(NodeProgress {
        name: name.to_owned(),
        phase: node.phase(),
        total: node.total(),
        done: node.done(),
        lost: node.lost(),
        running: node.running(),
        in_flight: 0.0,
        sums: node.sums(),
        skipped: node.skipped().map(str::to_owned),
    })
}

/// The events of a journal, one by one.
pub(super) fn happenings(state: &State, entries: &[Entry]) -> Vec<wire::WorkflowHappening> {
    let all = entries.iter().flat_map(|entry| {
        let events = (entry.first..).zip(&entry.events);
        events.map(move |(number, event)| happening(state, number, entry.at_ms, event))
    });
    all.collect()
}

fn happening(state: &State, number: u64, at_ms: i64, event: &Event) -> wire::WorkflowHappening {
    let json = serde_json::to_value(event).unwrap_or_default();
    let name = |node: plato::NodeId| state.header.nodes.get(node.index());
    let node = event.node().and_then(name).cloned();
    wire::WorkflowHappening {
        number,
        at_unix_ms: at_ms,
        event: json["event"].as_str().unwrap_or_default().to_owned(),
        node: node.unwrap_or_default(),
        json: json.to_string(),
        ..Default::default()
    }
}

/// A definition that is known here.
pub(super) fn definition(
    services: &[Workflows],
    name: &str,
    version: u32,
) -> Result<wire::GetDefinitionResponse, Error> {
    for workflows in services {
        let (graphs, rules) = (&workflows.definitions.graphs, &workflows.definitions.rules);
        let graph = graphs.get(name, version);
        let graph = graph.map(|found| serde_json::to_string(found.plan().definition()));
        let base = || rules.get(name, version);
        let json =
            graph.or_else(|| base().map(|found| serde_json::to_string(found.rules().base())));
        if let Some(json) = json {
            let json = json.map_err(|error| Error::platform("NOT_JSON", error.to_string()))?;
            return Ok(wire::GetDefinitionResponse {
                json,
                service: workflows.service().to_owned(),
                is_rules: graphs.get(name, version).is_none(),
                ..Default::default()
            });
        }
    }
    Err(unknown_definition(services.iter(), name, version))
}

/// Nobody here knows it.
pub(super) fn unknown_definition<'a>(
    services: impl Iterator<Item = &'a Workflows>,
    name: &str,
    version: u32,
) -> Error {
    let known = services.flat_map(|workflows| {
        let definitions = &workflows.definitions;
        definitions.graphs.names().chain(definitions.rules.names())
    });
    let known: Vec<_> = known
        .map(|(name, version)| format!("{name} v{version}"))
        .collect();
    let message = format!(
        "there is no definition {} of version {version}",
        name.escape_debug()
    );
    Error::user("DEFINITION_NOT_FOUND", message)
        .at("definition")
        .hint(format!("there are {}", known.join(", ")))
}
