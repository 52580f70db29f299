//! Workflows as the wire has them.

use errors::Error;
use plato::{Entry, Event, Node, NodeId, NodeProgress, Phase, State, Value};
use proto::plato::v1 as wire;
use store::StoreError;

use super::Workflows;
use super::explain::children;

/// Workflows of one node that are named.
const CHILDREN: usize = 8;

/// A workflow with all that is told of it.
pub(super) struct Viewed<'a> {
    workflows: &'a Workflows,
    state: State,
    output: Option<Value>,
}

impl<'a> Viewed<'a> {
    pub(super) async fn read(workflows: &'a Workflows, state: State) -> Result<Self, StoreError> {
        let output = match state.phase {
            Phase::Succeeded => {
                let node = plato::NodeId(state.header.output);
                workflows.reader.value(&state.id, node).await?
            }
            _ => None,
        };
        Ok(Self {
            workflows,
            state,
            output,
        })
    }

    pub(super) fn outward(self) -> wire::Workflow {
        let nodes = nodes(self.workflows, &self.state);
        let state = self.state;
        let parent = state.header.parent.unwrap_or_default();
        wire::Workflow {
            service: self.workflows.service().to_owned(),
            state: crate::wire::state(state.phase).into(),
            stopping: matches!(state.phase, Phase::Failing | Phase::Canceling),
            is_paused: state.paused.is_some(),
            nodes,
            parent: parent.workflow,
            parent_node: parent.node,
            output: self.output.map(Into::into).into(),
            error: state.error.map(Into::into).into(),
            paused: state.paused.unwrap_or_default(),
            events: state.events,
            at_unix_ms: state.at_ms,
            retries: state.retries,
            workflow_id: state.id,
            definition: state.header.definition,
            definition_version: state.header.version,
            attributes: state.header.attributes.into_iter().collect(),
            tenant: state.header.tenant,
            priority: state.header.priority,
            deadline_unix_ms: state.header.deadline_ms.unwrap_or(0),
            ..Default::default()
        }
    }
}

/// How far the nodes are, each with the workflows that it waits for.
fn nodes(workflows: &Workflows, state: &State) -> Vec<wire::NodeProgress> {
    let header = &state.header;
    let known = workflows.registry.get(&header.definition, header.version);
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
        running: node.running(),
        in_flight: 0.0,
        sums: node.sums(),
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
        if let Some(activation) = workflows.registry.get(name, version) {
            let json = serde_json::to_string(activation.plan().definition());
            let json = json.map_err(|error| Error::platform("NOT_JSON", error.to_string()))?;
            return Ok(wire::GetDefinitionResponse {
                json,
                service: workflows.service().to_owned(),
                ..Default::default()
            });
        }
    }
    let known = services
        .iter()
        .flat_map(|workflows| workflows.registry.names());
    let known: Vec<_> = known
        .map(|(name, version)| format!("{name} v{version}"))
        .collect();
    let message = format!(
        "there is no definition {} of version {version}",
        name.escape_debug()
    );
    Err(Error::user("DEFINITION_NOT_FOUND", message)
        .at("definition")
        .hint(format!("there are {}", known.join(", "))))
}
