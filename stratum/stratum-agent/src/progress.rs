//! Progress, told to whom it may concern now and then, never relied on.

use std::convert::Infallible;
use std::time::Duration;

use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use stratum::Progress;
use timestone::NewMessage;
use timestone_client::{envelope, names};
use tokio::sync::watch;

use crate::context::Context;
use crate::delivery::Delivery;

/// The least time between two messages.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells progress for ever; to be dropped when the function has ended.
pub(crate) async fn relay(
    context: &Context,
    delivery: &Delivery,
    mut progress: watch::Receiver<stratum_init::Progress>,
) -> Infallible {
    // Deliveries of one invocation do not use each other's numbers.
    let mut number = u64::from(delivery.token().delivery) << 32;
    while !delivery.envelope.reply_to.is_empty() && progress.changed().await.is_ok() {
        let fraction = progress.borrow_and_update().fraction;
        let message = message(delivery, fraction, number);
        if let Err(error) = context.timestone.enqueue(vec![message]).await {
            tracing::debug!(%error, "progress was not told");
        }
        number += 1;
        context.clock.sleep(PAUSE).await;
    }
    std::future::pending().await
}

fn message(delivery: &Delivery, fraction: f64, number: u64) -> NewMessage {
    let invocation = &delivery.invocation;
    let progress = Progress {
        invocation_id: invocation.id.clone(),
        fraction,
        workflow: invocation.workflow.clone(),
        node: invocation.node.clone(),
        element: invocation.element,
    };
    let envelope = Envelope {
        tenant: delivery.envelope.tenant.clone(),
        correlation_id: delivery.envelope.correlation_id.clone(),
        ..envelope::seal(&wire::InvocationProgress::from(progress))
    };
    NewMessage {
        queue: delivery.envelope.reply_to.clone(),
        id: names::progress_id(&invocation.id, number),
        payload: envelope::to_payload(&envelope),
        priority: i64::MAX,
        attempts: Some(1),
        ..NewMessage::default()
    }
}
