//! Where each node stands: in the column after the last of those it waits for.

use std::collections::BTreeMap;

use plato::{Definition, Kind, NodeDef, Run};
use proto::plato::v1::{NodeState, Workflow};

/// How a node stands after one that it undoes.
pub(super) const UNDOES: &str = "undoes ";

/// A definition that can be drawn.
pub(super) struct Layout {
    /// In the order in which they are drawn: by column, then by row.
    pub(super) boxes: Vec<Box>,
}

/// A node.
pub(super) struct Box {
    pub(super) name: String,
    /// From 0, left to right.
    pub(super) column: usize,
    /// From 0, top to bottom.
    pub(super) row: usize,
    /// "ves-avc", "calls vvs.ValidateVideo"
    pub(super) runs: String,
    /// One task for each element.
    pub(super) is_map: bool,
    /// Whether it may be passed over by a condition of its own.
    pub(super) may_skip: bool,
    /// Those it waits for, each with how: "each of", "all of", "undoes", or nothing.
    pub(super) after: Vec<(&'static str, String)>,
    /// Of a workflow: its state, and how many of its tasks are done.
    pub(super) state: Option<(NodeState, u64, u64)>,
}

impl Layout {
    pub(super) fn of(definition: &Definition, workflow: Option<&Workflow>) -> Self {
        let columns = columns(definition);
        let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
        let boxes = definition.nodes.iter().map(|node| {
            let column = columns.get(node.name.as_str()).copied().unwrap_or(0);
            let next = rows.entry(column).or_default();
            let row = *next;
            *next += 1;
            Box {
                name: node.name.clone(),
                column,
                row,
                runs: runs(&node.run),
                is_map: matches!(node.kind, Kind::Map { .. }),
                may_skip: node.may_skip(),
                after: after(node),
                state: workflow.and_then(|workflow| state(workflow, &node.name)),
            }
        });
        let mut boxes: Vec<_> = boxes.collect();
        boxes.sort_by_key(|node| (node.column, node.row));
        Self { boxes }
    }

    /// The one of this name that a node waits for.
    pub(super) fn before(&self, node: &Box, name: &str) -> Option<&Box> {
        let mut before = self.boxes.iter().rev();
        before.find(|other| other.name == name && other.column < node.column)
    }
}

/// The length of the longest way to each node; one on a cycle stays where it is.
fn columns(definition: &Definition) -> BTreeMap<&str, usize> {
    let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
    // Each round gets every node right that is no further than its number.
    for _ in 0..definition.nodes.len() {
        for node in &definition.nodes {
            let before = node
                .dependencies()
                .map(|before| columns.get(before).map_or(0, |c| c + 1));
            let column = before.max().unwrap_or(0).min(definition.nodes.len());
            columns.insert(&node.name, column);
        }
    }
    columns
}

fn runs(run: &Run) -> String {
    match run {
        Run::Inline => "inline".to_owned(),
        Run::Function(function) => function.clone(),
        Run::Service { service, method } => format!("calls {service}.{method}"),
        Run::Workflow { definition, .. } => format!("starts {definition}"),
        Run::Signal => "waits for a signal".to_owned(),
        Run::Timer(ms) => format!("waits {}", crate::units::span(*ms)),
    }
}

fn after(node: &NodeDef) -> Vec<(&'static str, String)> {
    let how = match &node.kind {
        Kind::Single => "",
        Kind::Map { .. } if node.batch.is_some() => "batches of ",
        Kind::Map { .. } => "each of ",
        Kind::Reduce { .. } => "all of ",
        Kind::Undo { .. } => UNDOES,
    };
    let source = node.kind.source().map(|source| (how, source.to_owned()));
    let others = node
        .after
        .iter()
        .filter(|name| source.as_ref().is_none_or(|(_, of)| of != *name));
    let mut after: Vec<_> = source.clone().into_iter().collect();
    after.extend(others.map(|name| ("", name.clone())));
    after
}

fn state(workflow: &Workflow, name: &str) -> Option<(NodeState, u64, u64)> {
    let node = workflow.nodes.iter().find(|node| node.node == name)?;
    Some((node.state.as_known()?, node.done, node.total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(nodes: Vec<NodeDef>) -> Definition {
        Definition {
            name: "t".into(),
            version: 1,
            nodes,
            output: "tell".into(),
        }
    }

    #[test]
    fn a_map_says_how_it_takes_its_elements() {
        let map = NodeDef::function("work", "t-work").map_over("split");
        assert_eq!(after(&map), [("each of ", "split".to_owned())]);
        assert_eq!(
            after(&map.batch(100)),
            [("batches of ", "split".to_owned())]
        );
    }

    #[test]
    fn nodes_stand_after_all_that_they_wait_for() {
        let definition = definition(vec![
            NodeDef::inline("tell").after(["join", "probe"]),
            NodeDef::function("split", "t-split"),
            NodeDef::function("probe", "t-probe"),
            NodeDef::function("work", "t-work").map_over("split"),
            NodeDef::function("join", "t-join")
                .reduce_of("work")
                .after(["work", "probe"]),
        ]);
        let layout = Layout::of(&definition, None);
        let placed: Vec<_> = layout
            .boxes
            .iter()
            .map(|b| (&*b.name, b.column, b.row))
            .collect();
        let expected = [
            ("split", 0, 0),
            ("probe", 0, 1),
            ("work", 1, 0),
            ("join", 2, 0),
            ("tell", 3, 0),
        ];
        assert_eq!(placed, expected);
        let after = &layout
            .boxes
            .iter()
            .find(|node| node.name == "join")
            .map(|node| node.after.clone());
        let expected = vec![("all of ", "work".to_owned()), ("", "probe".to_owned())];
        assert_eq!(*after, Some(expected));
    }
}
