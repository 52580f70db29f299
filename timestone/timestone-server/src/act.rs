//! Calls as they travel, done: what is said alone and over an exchange means the same.

use connectrpc::ConnectError;
use proto::timestone::v1 as wire;
use timestone::{Clause, LeasedMessage};
use timestone_client::wire::{Inward, each};
use timestone_client::{DequeueRequest, Timestone};

use crate::service::{invalid, refuse, told};

type Done<T> = Result<T, ConnectError>;

pub(crate) async fn enqueue(
    timestone: &dyn Timestone,
    request: &wire::EnqueueRequestView<'_>,
) -> Done<wire::EnqueueResponse> {
    let messages = each("messages", request.messages.iter());
    let outcomes = timestone.enqueue(messages.map_err(invalid)?);
    Ok(wire::EnqueueResponse {
        outcomes: told(outcomes.await.map_err(refuse)?),
        ..Default::default()
    })
}

pub(crate) async fn dequeue(
    timestone: &dyn Timestone,
    mut request: wire::DequeueRequest,
) -> Done<Vec<LeasedMessage>> {
    let filter = std::mem::take(&mut request.filter).into_option();
    let request = DequeueRequest::inward(request).map_err(invalid)?;
    let leased = match filter.map(Clause::inward).transpose().map_err(invalid)? {
        Some(filter) => timestone.dequeue_matching(request, filter).await,
        None => timestone.dequeue(request).await,
    };
    leased.map_err(refuse)
}

pub(crate) async fn complete(
    timestone: &dyn Timestone,
    request: wire::CompleteRequest,
) -> Done<wire::CompleteResponse> {
    let completions = each("completions", request.completions);
    let outcomes = timestone.complete(completions.map_err(invalid)?);
    Ok(wire::CompleteResponse {
        outcomes: told(outcomes.await.map_err(refuse)?),
        ..Default::default()
    })
}

pub(crate) async fn fail(
    timestone: &dyn Timestone,
    request: wire::FailRequest,
) -> Done<wire::FailResponse> {
    let failures = each("failures", request.failures);
    let outcomes = timestone.fail(failures.map_err(invalid)?);
    Ok(wire::FailResponse {
        outcomes: told(outcomes.await.map_err(refuse)?),
        ..Default::default()
    })
}

pub(crate) async fn release(
    timestone: &dyn Timestone,
    request: wire::ReleaseRequest,
) -> Done<wire::ReleaseResponse> {
    let tokens = each("tokens", request.tokens).map_err(invalid)?;
    let outcomes = timestone.release(tokens, request.refund);
    Ok(wire::ReleaseResponse {
        outcomes: told(outcomes.await.map_err(refuse)?),
        ..Default::default()
    })
}

pub(crate) async fn extend_lease(
    timestone: &dyn Timestone,
    request: wire::ExtendLeaseRequest,
) -> Done<wire::ExtendLeaseResponse> {
    let lease_ms = (request.lease_ms > 0).then_some(request.lease_ms);
    let tokens = each("tokens", request.tokens).map_err(invalid)?;
    let outcomes = timestone.extend(tokens, lease_ms);
    Ok(wire::ExtendLeaseResponse {
        outcomes: told(outcomes.await.map_err(refuse)?),
        ..Default::default()
    })
}
