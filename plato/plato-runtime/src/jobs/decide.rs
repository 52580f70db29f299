//! Whether a node is passed over, decided by what the nodes before it put out.

use std::sync::Arc;

use errors::Error;
use plato::{NodeContext, skip};

use super::{Jobs, NodeOf, Outcome, context, prepare};

pub(super) async fn run(jobs: &Jobs, of: NodeOf) {
    let result = match context::of_node(jobs, &of).await {
        Ok(node) => decide(jobs, &of, node).await,
        Err(error) => Some(Err(error)),
    };
    let (workflow, node, run) = (Arc::clone(&of.workflow), of.node, of.run);
    if let Some(result) = result {
        jobs.tell(Outcome::Decided {
            workflow,
            node,
            run,
            result,
        })
        .await;
    }
}

/// Whether it is; none if the process ends before that was asked.
async fn decide(jobs: &Jobs, of: &NodeOf, node: Arc<NodeContext>) -> Option<Result<bool, Error>> {
    let condition = of.activation.plan().node(of.node).skip_if.clone();
    // What it reads may be large.
    let decided = prepare::run_code(jobs, move || {
        condition.map_or(Ok(false), |condition| skip::holds(&condition, &node))
    });
    Some(decided.await?.flatten())
}
