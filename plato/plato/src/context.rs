use std::collections::BTreeMap;
use std::sync::Arc;

use blob::{BlobRef, ListRef, Value};
use errors::Error;

/// What every task of a node is given alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeContext {
    /// The id of the workflow.
    pub workflow: String,
    /// The name of the node.
    pub node: String,
    /// The input the workflow was started with.
    pub input: Value,
    /// The searchable facts it was started with.
    pub attributes: BTreeMap<String, String>,
    /// What the nodes before this one put out, near and far, by name. A map's is
    /// the list of its results. Nodes that were passed over are absent.
    pub outputs: BTreeMap<String, Value>,
    /// For a reduce: the results of its map, in the order of the elements.
    pub results: Option<ListRef>,
}

/// What one task is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskContext {
    node: Arc<NodeContext>,
    elements: Vec<Element>,
}

/// An element of a map that a task is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// From 0.
    pub index: u64,
    pub value: Value,
}

impl TaskContext {
    /// The context of the one task of a node.
    pub fn new(node: impl Into<Arc<NodeContext>>) -> Self {
        Self {
            node: node.into(),
            elements: Vec::new(),
        }
    }

    /// The context of the task for one element of a map.
    pub fn of_element(node: impl Into<Arc<NodeContext>>, index: u64, value: Value) -> Self {
        Self::of_elements(node, vec![Element { index, value }])
    }

    /// The context of a task for several elements of a map, see [`crate::NodeDef::batch`].
    pub fn of_elements(node: impl Into<Arc<NodeContext>>, elements: Vec<Element>) -> Self {
        Self {
            node: node.into(),
            elements,
        }
    }

    /// The id of the workflow.
    pub fn workflow(&self) -> &str {
        &self.node.workflow
    }

    /// The name of the node.
    pub fn node(&self) -> &str {
        &self.node.node
    }

    /// The input the workflow was started with.
    pub fn input(&self) -> &Value {
        &self.node.input
    }

    /// The searchable facts the workflow was started with.
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.node.attributes
    }

    /// What an earlier node put out.
    ///
    /// # Errors
    /// When the node was passed over or does not come before this one.
    pub fn output(&self, node: &str) -> Result<&Value, Error> {
        self.node.outputs.get(node).ok_or_else(|| {
            let message = format!("node {} has no output of node {node}", self.node.node);
            Error::function("NO_OUTPUT", message)
                .hint("name it in `after`, or ask `find_output` where it may be passed over")
        })
    }

    /// What an earlier node put out, if it was not passed over.
    pub fn find_output(&self, node: &str) -> Option<&Value> {
        self.node.outputs.get(node)
    }

    /// A blob that an earlier node put out under this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn blob(&self, node: &str, name: &str) -> Result<&BlobRef, Error> {
        self.output(node)?.blob(name).ok_or_else(|| {
            Error::function(
                "NO_BLOB",
                format!("the output of node {node} has no blob `{name}`"),
            )
        })
    }

    /// The element this task is for.
    ///
    /// # Errors
    /// When the node is not a map, or the task is for several elements.
    pub fn element(&self) -> Result<&Element, Error> {
        let node = &self.node.node;
        match self.elements.as_slice() {
            [element] => Ok(element),
            [] => Err(Error::function(
                "NO_ELEMENT",
                format!("node {node} is not a map"),
            )),
            elements => Err(Error::function(
                "SEVERAL_ELEMENTS",
                format!("a task of node {node} is for {} elements", elements.len()),
            )
            .hint("ask for `elements`, as the node has a `batch`")),
        }
    }

    /// The elements of a map that this task is for, in their order; none where the node is
    /// not a map.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The results of the map that this task reduces, in the order of the elements. Of
    /// those that failed, and were allowed to, the error is set.
    ///
    /// # Errors
    /// When the node is not a reduce.
    pub fn results(&self) -> Result<&ListRef, Error> {
        self.node.results.as_ref().ok_or_else(|| {
            Error::function(
                "NO_RESULTS",
                format!("node {} is not a reduce", self.node.node),
            )
        })
    }
}
