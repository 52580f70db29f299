use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::definition::{Definition, Kind, NodeDef};
use crate::node::NodePhase;
use crate::problem::InvalidDefinition;
use crate::state::State;
use crate::validate;

/// The place of a node in its definition. Stable for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index into lists of nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nodes[{}]", self.0)
    }
}

/// A definition that was found valid, with its edges resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    definition: Definition,
    nodes: Vec<Edges>,
    output: NodeId,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Edges {
    source: Option<NodeId>,
    dependencies: Vec<NodeId>,
    dependents: Vec<NodeId>,
    ancestors: BTreeSet<NodeId>,
}

impl Plan {
    /// Checks `definition` and resolves its edges.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn new(definition: Definition) -> Result<Self, InvalidDefinition> {
        let problems = validate::problems(&definition);
        if !problems.is_empty() {
            return Err(InvalidDefinition {
                name: definition.name,
                problems,
            });
        }
        let id = |name: &str| find(&definition, name);
        let nodes: Vec<Edges> = definition
            .nodes
            .iter()
            .map(|node| edges(node, id))
            .collect();
        let output = id(&definition.output).unwrap_or(NodeId(0));
        let mut plan = Self {
            nodes,
            output,
            definition,
        };
        plan.link();
        Ok(plan)
    }

    fn link(&mut self) {
        for id in self.ids() {
            for dependency in self.nodes[id.index()].dependencies.clone() {
                self.nodes[dependency.index()].dependents.push(id);
            }
            self.nodes[id.index()].ancestors = self.reach(id);
        }
    }

    fn reach(&self, id: NodeId) -> BTreeSet<NodeId> {
        let mut reached = BTreeSet::new();
        let mut todo = self.nodes[id.index()].dependencies.clone();
        while let Some(next) = todo.pop() {
            if reached.insert(next) {
                todo.extend(&self.nodes[next.index()].dependencies);
            }
        }
        reached
    }

    /// What the plan was made of.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Every node, in the order of the definition.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// The node of this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        find(&self.definition, name)
    }

    /// The definition of a node of this plan.
    pub fn node(&self, id: NodeId) -> &NodeDef {
        &self.definition.nodes[id.index()]
    }

    /// The node whose output is the workflow's.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// The node that a map is over, that a reduce is of, or that is undone.
    pub fn source(&self, id: NodeId) -> Option<NodeId> {
        self.nodes[id.index()].source
    }

    /// The nodes that `id` waits for.
    pub fn dependencies(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id.index()].dependencies
    }

    /// The nodes that wait for `id`.
    pub fn dependents(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id.index()].dependents
    }

    /// Every node before `id`, near and far.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.nodes[id.index()].ancestors.iter().copied()
    }

    /// Whether the node is a map.
    pub fn is_map(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, Kind::Map { .. })
    }

    /// How many elements one task of a map is given, at most.
    pub fn batch(&self, id: NodeId) -> u64 {
        self.node(id).batch.map_or(1, u64::from).max(1)
    }

    /// Whether it undoes what another node did.
    pub fn is_undo(&self, id: NodeId) -> bool {
        self.node(id).kind.is_undo()
    }

    /// Whether anything that the workflow did has begun to be undone.
    pub fn is_undone(&self, state: &State) -> bool {
        let mut undos = self.ids().filter(|id| self.is_undo(*id));
        undos.any(|id| state.nodes[id.index()].has_started())
    }

    /// What is to be undone next: of what has succeeded, the last.
    pub(crate) fn next_undo(&self, state: &State) -> Option<NodeId> {
        let waiting = self.ids().filter(|id| self.is_undo(*id));
        let waiting = waiting.filter(|id| state.nodes[id.index()].phase() == NodePhase::Waiting);
        let ended = waiting.filter_map(|id| {
            let of = &state.nodes[self.source(id)?.index()];
            (of.phase() == NodePhase::Succeeded).then_some((of.succeeded_at, id))
        });
        ended.max().map(|(_, id)| id)
    }
}

fn find(definition: &Definition, name: &str) -> Option<NodeId> {
    let index = definition.nodes.iter().position(|node| node.name == name)?;
    u32::try_from(index).ok().map(NodeId)
}

fn edges(node: &NodeDef, id: impl Fn(&str) -> Option<NodeId>) -> Edges {
    let dependencies: BTreeSet<NodeId> = node.dependencies().filter_map(&id).collect();
    let source = node.kind.source().and_then(&id);
    Edges {
        source,
        dependencies: dependencies.into_iter().collect(),
        ..Edges::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn edges_are_resolved_near_and_far() {
        let plan = Plan::new(Definition {
            name: "t".into(),
            version: 1,
            nodes: vec![
                NodeDef::inline("tell").after(["join", "join"]),
                NodeDef::inline("split"),
                NodeDef::inline("work").map_over("split"),
                NodeDef::inline("join").reduce_of("work"),
            ],
            output: "tell".into(),
        })
        .unwrap();
        let [tell, split, work, join] = [0, 1, 2, 3].map(NodeId);
        assert_eq!(plan.output(), tell);
        assert_eq!(plan.dependencies(tell), [join]);
        assert_eq!(plan.dependents(split), [work]);
        assert_eq!(plan.source(join), Some(work));
        assert_eq!(
            plan.ancestors(tell).collect::<Vec<_>>(),
            [split, work, join]
        );
        assert_eq!(plan.find("work"), Some(work));
        assert!(plan.is_map(work) && !plan.is_map(join));
    }
}
