//! What the tasks of a node are given, read from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use blob::list::ListError;
use errors::Error;
use plato::{Element, Kind, NodeContext, NodeId, TaskContext, Value};

use super::{Jobs, NodeOf, unreadable};
use crate::{keys, records};

/// The contexts of `tasks`, in order.
pub(super) async fn of_tasks(
    jobs: &Jobs,
    of: &NodeOf,
    tasks: &[u64],
) -> Result<Vec<TaskContext>, Error> {
    let node = of.context.get_or_try_init(|| of_node(jobs, of)).await?;
    match &of.activation.plan().node(of.node).kind {
        Kind::Map { over } => of_map(jobs, node, over, (of, tasks)).await,
        Kind::Single | Kind::Reduce { .. } | Kind::Undo { .. } => {
            Ok(vec![TaskContext::new(Arc::clone(node))])
        }
    }
}

async fn of_map(
    jobs: &Jobs,
    node: &Arc<NodeContext>,
    over: &str,
    (of, tasks): (&NodeOf, &[u64]),
) -> Result<Vec<TaskContext>, Error> {
    let list = node
        .outputs
        .get(over)
        .and_then(|output| output.list.as_ref());
    let list =
        list.ok_or_else(|| Error::function("NO_LIST", format!("node {over} has no list")))?;
    let batch = of.activation.plan().batch(of.node);
    let span = |task: &u64| task * batch..list.count.min((task + 1) * batch);
    let indices: Vec<u64> = tasks.iter().flat_map(span).collect();
    let values = jobs.shared.lists.elements(list, &indices).await;
    let mut values = values.map_err(unlisted)?.into_iter();
    let contexts = tasks.iter().map(|task| {
        let elements = span(task).zip(values.by_ref());
        let elements = elements.map(|(index, value)| Element { index, value });
        TaskContext::of_elements(Arc::clone(node), elements.collect())
    });
    Ok(contexts.collect())
}

/// A list that is wrong is the fault of the function that wrote it.
pub(super) fn unlisted(error: ListError) -> Error {
    match error {
        ListError::Blob(error) => Error::platform("BLOB_UNREADABLE", error.to_string()),
        error => Error::function("MALFORMED_LIST", error.to_string()),
    }
}

pub(super) async fn of_node(jobs: &Jobs, of: &NodeOf) -> Result<Arc<NodeContext>, Error> {
    let plan = of.activation.plan();
    let mut outputs = BTreeMap::new();
    for ancestor in plan.ancestors(of.node) {
        if let Some(value) = output(jobs, of, ancestor).await? {
            outputs.insert(plan.node(ancestor).name.clone(), value);
        }
    }
    let input = value(jobs, keys::input(&of.workflow)).await?;
    Ok(Arc::new(node_context(
        of,
        input.unwrap_or_default(),
        outputs,
    )))
}

/// What every task of a node is given alike.
pub(crate) fn node_context(
    of: &NodeOf,
    input: Value,
    outputs: BTreeMap<String, Value>,
) -> NodeContext {
    NodeContext {
        workflow: of.workflow.to_string(),
        node: of.activation.plan().node(of.node).name.clone(),
        input,
        attributes: of.header.attributes.clone(),
        results: results(of, &outputs),
        outputs,
    }
}

async fn output(jobs: &Jobs, of: &NodeOf, node: NodeId) -> Result<Option<Value>, Error> {
    value(jobs, keys::output(&of.workflow, node)).await
}

fn results(of: &NodeOf, outputs: &BTreeMap<String, Value>) -> Option<plato::ListRef> {
    match &of.activation.plan().node(of.node).kind {
        Kind::Reduce { of } => outputs.get(of)?.list.clone(),
        Kind::Single | Kind::Map { .. } | Kind::Undo { .. } => None,
    }
}

async fn value(jobs: &Jobs, key: bytes::Bytes) -> Result<Option<Value>, Error> {
    let shard = jobs.shard();
    let read = jobs.read(|| jobs.shared.store.get(&shard, &key)).await;
    let value = read.and_then(|bytes| bytes.map(|bytes| records::decode_value(&bytes)).transpose());
    value.map_err(unreadable)
}
