//! What a message carries, as far as somebody who looks on can read it.

use buffa::{Message, MessageName};
use bytes::Bytes;
use errors::Error;
use proto::base::v1 as base;
use proto::timestone::v1 as timestone_wire;
use proto::{optimus::v1 as optimus, plato::v1 as plato, stratum::v1 as stratum};
use serde::Serialize;
use serde_json::{Map, Value};
use timestone::MessageView;
use timestone_client::envelope;

use crate::explain::one_line;
use crate::table::{opening, shortened};
use crate::units::count;

/// Characters of a preview.
const PREVIEW: usize = 400;
/// Characters of one value in it: a UUID has 36.
const LONGEST_VALUE: usize = 40;
/// Characters of text that are taken for text.
const MIN_TEXT: usize = 4;

/// A payload and its envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Payload {
    /// Full name of the type in it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of the whole payload.
    pub bytes: usize,
    pub preview: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

impl Payload {
    /// `None` where nothing is carried, or not any more.
    pub(super) fn of(payload: &Bytes) -> Option<Self> {
        if payload.is_empty() {
            return None;
        }
        let opened = envelope::of_payload(payload);
        let envelope = opened.unwrap_or_else(|_| base::Envelope {
            body: payload.to_vec(),
            ..Default::default()
        });
        Some(Self {
            bytes: payload.len(),
            preview: preview(&envelope),
            kind: envelope.r#type,
            tenant: filled(envelope.tenant),
            principal: filled(envelope.principal),
            correlation_id: filled(envelope.correlation_id),
            deadline_unix_ms: Some(envelope.deadline_unix_ms).filter(|at| *at != 0),
            reply_to: filled(envelope.reply_to),
        })
    }

    /// Its type, in a word.
    pub(super) fn name(&self) -> String {
        match self.kind.as_str() {
            "" => "bytes of no named type".into(),
            kind => one_line(kind),
        }
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The error of a message.
pub(super) fn error(view: &MessageView) -> Option<Error> {
    error_in(view.error.as_ref())
}

/// An encoded error.
pub(super) fn error_in(error: Option<&Bytes>) -> Option<Error> {
    let error = base::Error::decode_from_slice(error?).ok()?;
    Some(error.into())
}

/// The first characters of the body: its fields where the type is of the house, else the text
/// that stands in its bytes.
fn preview(envelope: &base::Envelope) -> String {
    let known = KNOWN.iter().find(|(name, _)| *name == envelope.r#type);
    let fields = known.and_then(|(_, read)| read(&envelope.body));
    let text = fields.unwrap_or_else(|| texts(&envelope.body));
    opening(&text, PREVIEW)
}

type Read = fn(&[u8]) -> Option<String>;

/// The types that travel between the platform's layers.
const KNOWN: [(&str, Read); 12] = [
    known::<timestone_wire::Terminated>(),
    known::<stratum::Invocation>(),
    known::<stratum::InvocationResult>(),
    known::<stratum::InvocationProgress>(),
    known::<plato::StartWorkflow>(),
    known::<plato::CancelWorkflow>(),
    known::<plato::WorkflowEvent>(),
    known::<optimus::ServiceCall>(),
    known::<optimus::CancelCall>(),
    known::<optimus::CallResult>(),
    known::<optimus::CallProgress>(),
    known::<base::Error>(),
];

const fn known<M: Message + MessageName + Serialize>() -> (&'static str, Read) {
    (M::FULL_NAME, |body| {
        let message = M::decode_from_slice(body).ok()?;
        Some(fields(serde_json::to_value(&message).ok()?))
    })
}

/// "function: ves-avc, inputs: [2 items]"; without the id, which the message has too.
fn fields(message: Value) -> String {
    let Value::Object(mut fields) = message else {
        return brief(&message);
    };
    fields.remove("id");
    listed(&fields)
}

/// Names and other texts first: they tell most.
fn listed(fields: &Map<String, Value>) -> String {
    let (texts, others): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_text(value));
    let fields = texts.into_iter().chain(others);
    let fields = fields.map(|(name, value)| format!("{name}: {}", brief(value)));
    fields.collect::<Vec<_>>().join(", ")
}

/// Not a long number, which is a string of digits in JSON.
fn is_text(value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.contains(|c: char| !c.is_ascii_digit()))
}

/// Long texts, digests and bytes are cut.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text, LONGEST_VALUE),
        Value::Array(items) => format!("[{}]", count(items.len() as u64, "item")),
        Value::Object(fields) => format!("{{{}}}", listed(fields)),
        other => other.to_string(),
    }
}

/// Runs of printable characters, with `·` for what is between them.
fn texts(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let runs = text.split(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    let runs = runs.filter(|run| run.chars().count() >= MIN_TEXT);
    runs.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(envelope: &base::Envelope) -> Payload {
        Payload::of(&envelope::to_payload(envelope)).expect("a payload")
    }

    #[test]
    fn the_fields_of_a_known_type_are_read() {
        let invocation = stratum::Invocation {
            id: "0198".into(),
            function: "ves-avc".into(),
            function_digest: format!("sha256/{}", "c2".repeat(32)),
            element: 3,
            inputs: vec![Default::default(), Default::default()],
            ..Default::default()
        };
        let payload = read(&base::Envelope {
            tenant: "a".into(),
            ..envelope::seal(&invocation)
        });
        assert_eq!(payload.kind, "stratum.v1.Invocation");
        assert_eq!(payload.tenant.as_deref(), Some("a"));
        assert_eq!(payload.reply_to, None);
        let expected = "function: ves-avc, \
                        functionDigest: sha256/c2c2c2c2c2c2c…2c2c2c2c2c2c2c2c2c2, \
                        element: 3, inputs: [2 items]";
        assert_eq!(payload.preview, expected);
    }

    #[test]
    fn of_another_type_the_text_in_it_is_shown() {
        let payload = read(&base::Envelope {
            r#type: "shop.v1.Order".into(),
            body: b"\x0a\x09order \x35 17\x10\x01ab\x12\x07a horse".to_vec(),
            ..Default::default()
        });
        assert_eq!(payload.kind, "shop.v1.Order");
        assert_eq!(payload.preview, "order 5 17 · a horse");
    }

    #[test]
    fn what_is_no_envelope_is_bytes() {
        let payload = Payload::of(&Bytes::from_static(&[0xff; 7])).expect("a payload");
        assert_eq!((payload.bytes, payload.preview.as_str()), (7, ""));
        assert_eq!(payload.name(), "bytes of no named type");
        assert_eq!(Payload::of(&Bytes::new()), None);
    }

    #[test]
    fn a_preview_is_short() {
        let payload = read(&base::Envelope {
            body: vec![b'x'; 10_000],
            ..Default::default()
        });
        assert_eq!(payload.preview.chars().count(), PREVIEW);
    }
}
