//! Requests and the items of their batches.

use proto::timestone::v1 as wire;
use timestone::{Clause, Completion, Failure, Reschedule};

use super::convert::{Inward, Outward, Problem, all, each, required};
use super::message::{some, to_error};
use crate::{DequeueRequest, SubscribeRequest};

impl Outward for DequeueRequest {
    type Wire = wire::DequeueRequest;

    fn outward(self) -> wire::DequeueRequest {
        wire::DequeueRequest {
            queues: self.queues,
            max: self.max,
            wait_ms: self.wait_ms,
            lease_ms: self.lease_ms.unwrap_or_default(),
            session: Some(self.session.outward()).into(),
            request_id: self.request_id,
            ..Default::default()
        }
    }
}

impl Inward<wire::DequeueRequest> for DequeueRequest {
    fn inward(request: wire::DequeueRequest) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queues: request.queues,
            max: request.max,
            wait_ms: request.wait_ms,
            lease_ms: some(request.lease_ms),
            session: required("session", request.session.into_option())?,
            request_id: request.request_id,
        })
    }
}

impl Outward for SubscribeRequest {
    type Wire = wire::SubscribeRequest;

    fn outward(self) -> wire::SubscribeRequest {
        wire::SubscribeRequest {
            queues: self.queues,
            credit: self.credit,
            lease_ms: self.lease_ms.unwrap_or_default(),
            session: Some(self.session.outward()).into(),
            subscription_id: self.subscription_id,
            filter: self.filter.map(Outward::outward).into(),
            ..Default::default()
        }
    }
}

impl Inward<wire::SubscribeRequest> for SubscribeRequest {
    fn inward(request: wire::SubscribeRequest) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queues: request.queues,
            credit: request.credit,
            lease_ms: some(request.lease_ms),
            session: required("session", request.session.into_option())?,
            subscription_id: request.subscription_id,
            filter: request
                .filter
                .into_option()
                .map(Clause::inward)
                .transpose()?,
            ahead: false,
        })
    }
}

impl Outward for Reschedule {
    type Wire = wire::NewSchedule;

    fn outward(self) -> wire::NewSchedule {
        wire::NewSchedule {
            key: Some(self.key.outward()).into(),
            priority: self.priority,
            visible_at_unix_ms: self.visible_at,
            ..Default::default()
        }
    }
}

impl Inward<wire::NewSchedule> for Reschedule {
    fn inward(schedule: wire::NewSchedule) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            key: required("key", schedule.key.into_option())?,
            priority: schedule.priority,
            visible_at: schedule.visible_at_unix_ms,
        })
    }
}

impl Outward for Completion {
    type Wire = wire::Completion;

    fn outward(self) -> wire::Completion {
        wire::Completion {
            token: Some(self.token.outward()).into(),
            then_enqueue: all(self.then_enqueue),
            ..Default::default()
        }
    }
}

impl Inward<wire::Completion> for Completion {
    fn inward(completion: wire::Completion) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            token: required("token", completion.token.into_option())?,
            then_enqueue: each("then_enqueue", completion.then_enqueue)?,
        })
    }
}

impl Outward for Failure {
    type Wire = wire::Failure;

    fn outward(self) -> wire::Failure {
        wire::Failure {
            error: to_error(&self.error).into(),
            token: Some(self.token.outward()).into(),
            retry_in_ms: self.retry_in_ms,
            r#final: self.last,
            then_enqueue: all(self.then_enqueue),
            ..Default::default()
        }
    }
}

impl Inward<wire::Failure> for Failure {
    fn inward(failure: wire::Failure) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            token: required("token", failure.token.into_option())?,
            error: required("error", failure.error.into_option())?,
            retry_in_ms: failure.retry_in_ms,
            last: failure.r#final,
            then_enqueue: each("then_enqueue", failure.then_enqueue)?,
        })
    }
}
