//! What servers ask of one another.

use bytes::Bytes;
use proto::timestone::v1 as wire;
use timestone::{Clause, Errand, NewMessage, Sight, Taken, Task};

use super::convert::{Inward, Outward, Problem, required};
use crate::DequeueRequest;
use crate::shard::{Look, Take};

fn request(request: DequeueRequest, filter: Option<Clause>) -> wire::DequeueRequest {
    wire::DequeueRequest {
        filter: filter.map(Outward::outward).into(),
        ..request.outward()
    }
}

fn parts(
    request: Option<wire::DequeueRequest>,
) -> Result<(DequeueRequest, Option<Clause>), Vec<Problem>> {
    let mut request = request.unwrap_or_default();
    let filter = std::mem::take(&mut request.filter).into_option();
    let filter = filter.map(Clause::inward).transpose()?;
    Ok((DequeueRequest::inward(request)?, filter))
}

impl Outward for Look {
    type Wire = wire::LookRequest;

    fn outward(self) -> wire::LookRequest {
        wire::LookRequest {
            request: Some(request(self.request, self.filter)).into(),
            held: self.held,
            full: self.full,
            ..Default::default()
        }
    }
}

impl Inward<wire::LookRequest> for Look {
    fn inward(look: wire::LookRequest) -> Result<Self, Vec<Problem>> {
        let (request, filter) = parts(look.request.into_option())?;
        Ok(Self {
            request,
            filter,
            held: look.held,
            full: look.full,
        })
    }
}

impl Outward for Sight {
    type Wire = wire::LookResponse;

    fn outward(self) -> wire::LookResponse {
        wire::LookResponse {
            held: self.held,
            next: self.next.first().copied(),
            after: self.next.get(1..).unwrap_or_default().to_vec(),
            turns: self.turns,
            spread: self.spread,
            replaced: self.replaced,
            ..Default::default()
        }
    }
}

impl Inward<wire::LookResponse> for Sight {
    fn inward(sight: wire::LookResponse) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            held: sight.held,
            next: sight.next.into_iter().chain(sight.after).collect(),
            turns: sight.turns,
            spread: sight.spread,
            replaced: sight.replaced,
        })
    }
}

impl Outward for Take {
    type Wire = wire::TakeRequest;

    fn outward(self) -> wire::TakeRequest {
        wire::TakeRequest {
            request: Some(request(self.request, self.filter)).into(),
            up_to: self.taken.up_to,
            known: self.taken.known,
            number: self.taken.number,
            ..Default::default()
        }
    }
}

impl Inward<wire::TakeRequest> for Take {
    fn inward(take: wire::TakeRequest) -> Result<Self, Vec<Problem>> {
        let (request, filter) = parts(take.request.into_option())?;
        Ok(Self {
            request,
            filter,
            taken: Taken {
                up_to: take.up_to,
                known: take.known,
                number: take.number,
            },
        })
    }
}

impl Outward for Errand {
    type Wire = wire::Errand;

    fn outward(mut self) -> wire::Errand {
        let payload = std::mem::take(&mut self.message.payload);
        let (task, error) = match self.task {
            Task::HandOn => (wire::Task::HandOn, Bytes::new()),
            Task::Letter(error) => (wire::Task::Letter, error),
            Task::Return => (wire::Task::Return, Bytes::new()),
        };
        wire::Errand {
            message: Some(self.message.outward()).into(),
            payload: payload.to_vec(),
            task: task.into(),
            error: error.to_vec(),
            ..Default::default()
        }
    }
}

impl Inward<wire::Errand> for Errand {
    fn inward(errand: wire::Errand) -> Result<Self, Vec<Problem>> {
        let message = required("message", errand.message.into_option())?;
        let task = match errand.task.as_known() {
            Some(wire::Task::HandOn) => Task::HandOn,
            Some(wire::Task::Letter) => Task::Letter(errand.error.into()),
            Some(wire::Task::Return) => Task::Return,
            Some(wire::Task::Unspecified) | None => {
                return Err(vec![Problem {
                    field: "task".into(),
                    problem: "is not known",
                }]);
            }
        };
        Ok(Self {
            message: NewMessage {
                payload: errand.payload.into(),
                ..message
            },
            task,
        })
    }
}
