//! One shard of the queues, as the servers that share its store ask it.

use std::time::Duration;

use async_trait::async_trait;
use proto::timestone::v1::{self as wire, ShardServiceClient};
use rpc::{Channel, Transport};
use timestone::{
    Clause, Errand, LeasedMessage, MessageKey, Outcome, Refusal, Sight, Taken, limits,
};

use crate::remote::{misread, of_refusal, options, outcomes};
use crate::wire::{Inward, Item, Outward, all, each};
use crate::{CallRefusal, DequeueRequest, Outcomes, RemoteTimestone, TimestoneError};

/// The header that says which shard a call is for; such a call is not passed on.
pub const SHARD_HEADER: &str = "cosmos-shard";

/// What a worker wants to know of one shard. See [`Shard::look`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub request: DequeueRequest,
    pub filter: Option<Clause>,
    /// Leases that it is known to hold; another number is news.
    pub held: u32,
    /// It has no room: what it could get is no news.
    pub full: bool,
}

impl Look {
    /// Whether this is worth telling.
    pub fn is_news(&self, sight: &Sight) -> bool {
        sight.held != self.held || !(sight.next.is_empty() || self.full)
    }
}

/// What to lease in one shard. See [`Shard::take`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// `max` is of what is leased now, beside what is held already.
    pub request: DequeueRequest,
    pub filter: Option<Clause>,
    pub taken: Taken,
}

/// What servers ask of one another's shards.
#[async_trait]
pub trait Shard: Send + Sync + 'static {
    /// What a worker holds and could get, as soon as that is news or its time to wait is
    /// over. Nothing is leased.
    async fn look(&self, look: Look) -> Result<Sight, TimestoneError>;

    /// Leases more messages under a request.
    async fn take(&self, take: Take) -> Result<Vec<LeasedMessage>, TimestoneError>;

    /// Does what other shards want done, once.
    async fn receive(&self, errands: Vec<Errand>) -> Result<Outcomes, TimestoneError>;

    /// Gives what a dead letter carries back to its message `home`, of another shard.
    async fn recall(
        &self,
        letter: MessageKey,
        home: MessageKey,
        attempts: Option<u32>,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError>;
}

/// A shard of another server. Each call is one try.
#[derive(Clone)]
pub struct RemoteShard {
    client: ShardServiceClient<Transport>,
    timestone: RemoteTimestone,
}

impl RemoteShard {
    /// The shard of this number, of the server that `channel` leads to.
    pub fn new(channel: Channel, shard: u32) -> Self {
        let Channel { transport, config } = channel;
        let config = config.with_default_header(SHARD_HEADER, shard.to_string());
        let timestone = Channel {
            transport: transport.clone(),
            config: config.clone(),
        };
        Self {
            client: ShardServiceClient::new(transport, config),
            timestone: RemoteTimestone::through(timestone).patient(Duration::ZERO),
        }
    }

    /// Its queues.
    pub fn timestone(&self) -> RemoteTimestone {
        self.timestone.clone()
    }
}

#[async_trait]
impl Shard for RemoteShard {
    async fn look(&self, look: Look) -> Result<Sight, TimestoneError> {
        let wait = Duration::from_millis(look.request.wait_ms.min(limits::MAX_WAIT_MS));
        let answer = self.client.look_with_options(look.outward(), options(wait));
        let answer = answer.await.map_err(|refusal| of_refusal(&refusal))?;
        Sight::inward(answer.into_owned()).map_err(misread)
    }

    async fn take(&self, take: Take) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let options = options(Duration::ZERO);
        let answer = self.client.take_with_options(take.outward(), options);
        let answer = answer.await.map_err(|refusal| of_refusal(&refusal))?;
        each("messages", answer.into_owned().messages).map_err(misread)
    }

    async fn receive(&self, errands: Vec<Errand>) -> Result<Outcomes, TimestoneError> {
        let items: Vec<_> = errands
            .iter()
            .map(|errand| Item::from(&errand.message))
            .collect();
        let request = wire::ReceiveRequest {
            errands: all(errands),
            ..Default::default()
        };
        let options = options(Duration::ZERO);
        let answer = self.client.receive_with_options(request, options);
        let answer = answer.await.map_err(|refusal| of_refusal(&refusal))?;
        outcomes(answer.into_owned().outcomes, &items)
    }

    async fn recall(
        &self,
        letter: MessageKey,
        home: MessageKey,
        attempts: Option<u32>,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError> {
        let item = Item::from(&home);
        let request = wire::RecallRequest {
            letter: Some(letter.outward()).into(),
            home: Some(home.outward()).into(),
            attempts: attempts.unwrap_or_default(),
            ..Default::default()
        };
        let options = options(Duration::ZERO);
        let answer = self.client.recall_with_options(request, options);
        let answer = answer.await.map_err(|refusal| of_refusal(&refusal))?;
        let outcome = answer
            .into_owned()
            .outcome
            .into_option()
            .into_iter()
            .collect();
        let mut outcomes = outcomes(outcome, &[item])?;
        let none = || TimestoneError::Refused(CallRefusal::from("the server gave no outcome"));
        outcomes.pop().ok_or_else(none)
    }
}
