use std::time::Duration;

use buffa::Message;
use clock::Clock;
use errors::Error;
use proto::timestone::v1::NewMessage;
use timestone::{Completion, Failure, LeaseToken, Refusal};
use timestone_client::{Client, Outcomes, TimestoneError};

use crate::error;
use crate::limits::{CALL_PAUSE, MAX_BACKOFF};
use crate::wire;

/// What becomes of a message of the queue of calls.
#[derive(Clone, Debug)]
pub(crate) enum Settlement {
    /// It was taken; the answer, if there is one already, is sent with it.
    Done(Option<NewMessage>),
    /// It makes no sense; whoever can be told is told.
    Refused(Error, Option<NewMessage>),
    /// It could not be handled, and that counts as a try.
    Again(Error),
    /// It was not handled.
    GivenBack,
}

/// The first pause after the queue could not be reached.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

impl Settlement {
    /// Tells the queue until it has heard; whether the message was canceled meanwhile.
    pub(crate) async fn carry_out(
        mut self,
        clock: &dyn Clock,
        client: &Client,
        token: &LeaseToken,
    ) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_once(client, token).await.map(|mut one| one.pop()) {
                Ok(Some(Err(Refusal::Canceled(_)))) => return true,
                // Another try would be refused as well: end it without the answer.
                Ok(Some(Err(refusal @ (Refusal::Invalid { .. } | Refusal::TooLate(_))))) => {
                    tracing::error!(message = token.key.id, %refusal, "the answer to a call is refused");
                    let error = Error::user(refusal.code(), refusal.to_string());
                    match self {
                        Self::Refused(_, None) => return false,
                        _ => self = Self::Refused(error, None),
                    }
                }
                Ok(Some(Err(refusal))) => {
                    tracing::info!(message = token.key.id, %refusal, "a call is settled elsewhere");
                    return false;
                }
                Ok(_) => return false,
                Err(error) => {
                    tracing::warn!(%error, "a call cannot be settled, will try again");
                    clock.sleep(pause).await;
                    pause = (pause * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    async fn try_once(
        &self,
        client: &Client,
        token: &LeaseToken,
    ) -> Result<Outcomes, TimestoneError> {
        let token = token.clone();
        match self {
            Self::Done(answer) => {
                let then_enqueue = answer.clone().map(wire::new_message).into_iter().collect();
                let completion = Completion {
                    token,
                    then_enqueue,
                };
                client.complete(vec![completion]).await
            }
            Self::Refused(error, answer) => {
                let then_enqueue = answer.clone().map(wire::new_message).into_iter().collect();
                let failure = Failure {
                    last: true,
                    then_enqueue,
                    ..failure(token, error)
                };
                client.fail(vec![failure]).await
            }
            Self::Again(error) => client.fail(vec![failure(token, error)]).await,
            Self::GivenBack => client.release(vec![token], true).await,
        }
    }
}

fn failure(token: LeaseToken, error: &Error) -> Failure {
    let error = proto::base::v1::Error::from(error::cut(error.clone()));
    Failure {
        token,
        error: error.encode_to_vec().into(),
        retry_in_ms: u64::try_from(CALL_PAUSE.as_millis()).unwrap_or(u64::MAX),
        last: false,
        then_enqueue: Vec::new(),
    }
}
