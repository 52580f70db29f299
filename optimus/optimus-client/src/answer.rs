//! What comes to a reply queue.

use blob::Value;
use errors::Error;
use proto::optimus::v1::CallResult;
use proto::timestone::v1::Terminated;
use timestone_client::envelope::{self, EnvelopeError};

/// The end of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) call: String,
    pub(crate) result: Result<Value, Error>,
}

/// Reads a message of a reply queue; `None` when it tells of no end.
pub(crate) fn answer(payload: &[u8]) -> Result<Option<Answer>, EnvelopeError> {
    let envelope = envelope::of_payload(payload)?;
    if envelope::holds::<CallResult>(&envelope) {
        return Ok(Some(of_result(envelope::open(&envelope)?)));
    }
    match envelope::holds::<Terminated>(&envelope) {
        true => Ok(Some(of_terminated(envelope::open(&envelope)?))),
        false => Ok(None),
    }
}

fn of_result(result: CallResult) -> Answer {
    Answer {
        call: result.call_id,
        result: match result.error.into_option() {
            Some(error) => Err(error.into()),
            None => Value::try_from(result.result.into_option().unwrap_or_default())
                .map_err(|problem| Error::platform("MALFORMED_ANSWER", problem.to_string())),
        },
    }
}

/// The queue itself ended the call.
fn of_terminated(ended: Terminated) -> Answer {
    let error = ended.error.into_option().map(Error::from);
    let unexplained = || Error::platform("CALL_LOST", "the call ended without an answer");
    Answer {
        call: ended.message_id,
        result: Err(error.unwrap_or_else(unexplained)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proto::base::v1 as base;
    use proto::optimus::v1::CallProgress;

    use super::*;

    fn read<M: buffa::Message + buffa::MessageName>(message: &M) -> Option<Answer> {
        answer(&envelope::to_payload(&envelope::seal(message))).unwrap()
    }

    #[test]
    fn an_end_is_told_by_the_service_or_by_the_queue() {
        let value = base::Value {
            inline: b"{}".to_vec(),
            ..Default::default()
        };
        let good = CallResult {
            call_id: "c".into(),
            result: Some(value).into(),
            ..Default::default()
        };
        assert_eq!(read(&good).unwrap().result, Ok(Value::inline("{}")));
        let error = Error::source("BAD", "it is bad");
        let bad = CallResult {
            call_id: "c".into(),
            error: Some(error.clone().into()).into(),
            ..Default::default()
        };
        assert_eq!(read(&bad).unwrap().result, Err(error));
        let lost = Terminated {
            message_id: "c".into(),
            ..Default::default()
        };
        let lost = read(&lost).unwrap();
        assert_eq!(
            (&*lost.call, lost.result.unwrap_err().code),
            ("c", "CALL_LOST".into())
        );
    }

    #[test]
    fn progress_is_no_end_and_garbage_is_refused() {
        assert_eq!(read(&CallProgress::default()), None);
        assert!(answer(b"\xff\xff").is_err());
    }
}
