//! Ends of a delivery, as the queue hears of them.

use std::time::Duration;

use buffa::Message;
use bytes::Bytes;
use errors::Error;
use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use stratum::InvocationResult;
use timestone::{Completion, Failure, LeaseToken, NewMessage, Outcome, Refusal};
use timestone_client::{TimestoneError, envelope, limits, names};

use crate::context::Context;
use crate::delivery::{Delivery, Unreadable};
use crate::stop::Reason;

/// Pauses between tries to reach the queue.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When an agent cannot run what it leased, another may.
const ELSEWHERE_MS: u64 = 10_000;

/// Completes the message with its result in one act, or learns that it came too late.
pub(crate) async fn complete(
    context: &Context,
    delivery: &mut Delivery,
    mut result: InvocationResult,
) {
    if message(delivery, &result).payload.len() > limits::MAX_PAYLOAD_BYTES {
        let text = "the result and the names of its files are more than fit a message";
        result.outcome = Err(Error::function("RESULT_TOO_LARGE", text));
    }
    let then_enqueue = match delivery.envelope.reply_to.is_empty() {
        true => Vec::new(),
        false => vec![message(delivery, &result)],
    };
    let completion = Completion {
        token: delivery.token().clone(),
        then_enqueue,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match try_complete(context, delivery, &completion).await {
            Tried::Settled => return,
            Tried::NotReached(problem) => {
                tracing::warn!(problem, "a result waits for the queue");
            }
        }
        tokio::select! {
            reason = delivery.stop.stopped() => return give_up(context, delivery, reason).await,
            () = context.clock.sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

enum Tried {
    Settled,
    NotReached(String),
}

async fn try_complete(context: &Context, delivery: &Delivery, completion: &Completion) -> Tried {
    let outcomes = context.timestone.complete(vec![completion.clone()]).await;
    match outcomes.map(|outcomes| outcomes.into_iter().next()) {
        Ok(Some(Ok(Outcome::Done | Outcome::Duplicate))) => Tried::Settled,
        Ok(Some(Err(refusal))) if refusal.is_temporary() => Tried::NotReached(refusal.to_string()),
        Ok(Some(Err(refusal))) => {
            refused(context, delivery, &refusal).await;
            Tried::Settled
        }
        Ok(None) => Tried::NotReached("the queue gave no answer".into()),
        Err(TimestoneError::Unavailable(problem)) => Tried::NotReached(problem),
        Err(TimestoneError::Refused(refusal)) => {
            tracing::error!(
                invocation = delivery.invocation.id,
                problem = refusal.problem,
                "result not accepted"
            );
            let error = Error::platform("RESULT_NOT_ACCEPTED", refusal.problem);
            fail(context, delivery.token().clone(), &error, true).await;
            Tried::Settled
        }
    }
}

/// The fence: a result whose lease was lost never exists.
async fn refused(context: &Context, delivery: &Delivery, refusal: &Refusal) {
    context.counters.refused.count();
    let invocation = &delivery.invocation;
    tracing::warn!(
        invocation = invocation.id,
        function = invocation.function.as_str(),
        workflow = invocation.workflow,
        node = invocation.node,
        element = invocation.element,
        delivery = delivery.token().delivery,
        code = refusal.code(),
        %refusal,
        "late result refused"
    );
    if matches!(refusal, Refusal::Invalid { .. } | Refusal::TooLate(_)) {
        let error = Error::platform("RESULT_NOT_ACCEPTED", refusal.to_string());
        fail(context, delivery.token().clone(), &error, true).await;
    }
}

async fn give_up(context: &Context, delivery: &Delivery, reason: Reason) {
    match reason {
        Reason::Shutdown => release(context, delivery).await,
        Reason::LeaseLost => lost(context, delivery),
        Reason::Canceled => canceled(context, delivery),
    }
}

fn message(delivery: &Delivery, result: &InvocationResult) -> NewMessage {
    let asked = &delivery.envelope;
    let answer = Envelope {
        tenant: asked.tenant.clone(),
        principal: asked.principal.clone(),
        traceparent: asked.traceparent.clone(),
        deadline_unix_ms: asked.deadline_unix_ms,
        priority: asked.priority,
        correlation_id: asked.correlation_id.clone(),
        ..envelope::seal(&wire::InvocationResult::from(result.clone()))
    };
    NewMessage {
        queue: asked.reply_to.clone(),
        id: names::result_id(&delivery.invocation.id),
        payload: envelope::to_payload(&answer),
        priority: asked.priority,
        ..NewMessage::default()
    }
}

/// Gives the message back as if it had not been leased.
pub(crate) async fn release(context: &Context, delivery: &Delivery) {
    let released = context
        .timestone
        .release(vec![delivery.token().clone()], true);
    if let Err(error) = released.await {
        tracing::warn!(invocation = delivery.invocation.id, %error, "a lease was left to lapse");
    }
}

pub(crate) fn lost(context: &Context, delivery: &Delivery) {
    context.counters.lost.count();
    stopped(delivery, "lease lost");
}

pub(crate) fn canceled(context: &Context, delivery: &Delivery) {
    context.counters.canceled.count();
    stopped(delivery, "invocation canceled");
}

fn stopped(delivery: &Delivery, what: &'static str) {
    let invocation = &delivery.invocation;
    tracing::warn!(
        invocation = invocation.id,
        function = invocation.function.as_str(),
        workflow = invocation.workflow,
        node = invocation.node,
        element = invocation.element,
        delivery = delivery.token().delivery,
        "{what}"
    );
}

/// Ends a message that holds no invocation, for good.
pub(crate) async fn unreadable(context: &Context, token: LeaseToken, problem: &Unreadable) {
    tracing::error!(message = token.key.id, queue = token.key.queue, %problem, "not an invocation");
    let error = Error::platform("MALFORMED_INVOCATION", problem.to_string());
    fail(context, token, &error, true).await;
}

/// Lets another agent try what is larger than this host.
pub(crate) async fn too_large(context: &Context, delivery: &Delivery) {
    let shape = delivery.shape().map(|shape| shape.group.as_str());
    let message = format!(
        "shape `{}` is larger than agent {}",
        shape.unwrap_or_default(),
        context.config.name
    );
    tracing::warn!(invocation = delivery.invocation.id, message, "no room");
    let error = Error::platform("SHAPE_TOO_LARGE", message);
    fail(context, delivery.token().clone(), &error, false).await;
}

async fn fail(context: &Context, token: LeaseToken, error: &Error, last: bool) {
    let failure = Failure {
        error: Bytes::from(proto::base::v1::Error::from(error.clone()).encode_to_vec()),
        retry_in_ms: ELSEWHERE_MS,
        last,
        then_enqueue: Vec::new(),
        token,
    };
    // Not reached or refused: the lease lapses, with the same end.
    if let Err(error) = context.timestone.fail(vec![failure]).await {
        tracing::warn!(%error, "a failure was left to lapse");
    }
}
