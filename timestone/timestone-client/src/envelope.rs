//! The envelope around every payload: typed messages in, typed messages out.

use buffa::{Message, MessageName};
use bytes::Bytes;
use proto::base::v1::Envelope;

/// Why a payload could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes are not what they claim to be.
    #[error("the payload is not a valid {expected}: {problem}")]
    Malformed {
        expected: &'static str,
        problem: String,
    },
    /// The envelope holds a message of another type.
    #[error("the envelope holds a {found}, not a {expected}")]
    OtherType {
        expected: &'static str,
        found: String,
    },
}

/// An envelope around `message`, named by its type; all else is empty.
pub fn seal<M: Message + MessageName>(message: &M) -> Envelope {
    Envelope {
        r#type: M::FULL_NAME.to_owned(),
        body: message.encode_to_vec(),
        ..Default::default()
    }
}

/// The message inside `envelope`, if it is an `M`.
pub fn open<M: Message + MessageName>(envelope: &Envelope) -> Result<M, EnvelopeError> {
    match holds::<M>(envelope) {
        true => decode(&envelope.body, M::FULL_NAME),
        false => Err(EnvelopeError::OtherType {
            expected: M::FULL_NAME,
            found: envelope.r#type.clone(),
        }),
    }
}

/// Whether the message inside is an `M`.
pub fn holds<M: MessageName>(envelope: &Envelope) -> bool {
    envelope.r#type == M::FULL_NAME
}

/// The payload of a queue message.
pub fn to_payload(envelope: &Envelope) -> Bytes {
    envelope.encode_to_vec().into()
}

/// The envelope in the payload of a queue message.
pub fn of_payload(payload: &[u8]) -> Result<Envelope, EnvelopeError> {
    decode(payload, Envelope::FULL_NAME)
}

/// Reads an encoded message; `expected` names it in the error.
fn decode<M: Message>(bytes: &[u8], expected: &'static str) -> Result<M, EnvelopeError> {
    M::decode_from_slice(bytes).map_err(|error| EnvelopeError::Malformed {
        expected,
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proto::base::v1::FrameRange;
    use proto::timestone::v1::Terminated;

    use super::*;

    fn terminated() -> Terminated {
        Terminated {
            queue: "q".into(),
            message_id: "m".into(),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_sealed_opens_again() {
        let envelope = of_payload(&to_payload(&seal(&terminated()))).unwrap();
        assert_eq!(envelope.r#type, "timestone.v1.Terminated");
        assert_eq!(open::<Terminated>(&envelope).unwrap(), terminated());
    }

    #[test]
    fn another_type_is_refused_by_name() {
        let error = open::<FrameRange>(&seal(&terminated())).unwrap_err();
        assert!(error.to_string().contains("timestone.v1.Terminated"));
    }

    #[test]
    fn garbage_is_refused() {
        assert!(of_payload(&[0xff; 7]).is_err());
    }
}
