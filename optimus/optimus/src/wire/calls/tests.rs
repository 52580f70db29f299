#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use timestone::{LeaseToken, MessageKey};

use super::*;

fn leased(id: &str, envelope: &Envelope) -> LeasedMessage {
    of_payload(id, envelope::to_payload(envelope))
}

fn of_payload(id: &str, payload: Bytes) -> LeasedMessage {
    let key = MessageKey {
        queue: "optimus/test/calls".into(),
        id: id.into(),
    };
    LeasedMessage {
        token: LeaseToken {
            key,
            delivery: 1,
            nonce: 1,
        },
        payload,
        priority: 0,
        metadata: Default::default(),
        lease_until: 0,
        lease_ms: 0,
        attempts_left: 0,
    }
}

fn sealed(reply_to: &str) -> Envelope {
    let call = wire::ServiceCall {
        method: "Do".into(),
        r#type: "base.v1.FrameRange".into(),
        request: base::FrameRange {
            start: 3,
            end: 7,
            ..Default::default()
        }
        .encode_to_vec(),
        ..Default::default()
    };
    Envelope {
        tenant: "t".into(),
        principal: "p".into(),
        priority: -5,
        deadline_unix_ms: 99,
        reply_to: reply_to.into(),
        correlation_id: "w".into(),
        ..envelope::seal(&call)
    }
}

fn taken(message: &LeasedMessage) -> AskedCall {
    match asked(message) {
        Ok(Asked::Call(call)) => *call,
        other => panic!("a call was expected: {other:?}"),
    }
}

fn told(message: &queue::NewMessage) -> wire::CallResult {
    envelope::open(message.payload.as_option().unwrap()).unwrap()
}

#[test]
fn a_call_says_for_whom_how_urgent_and_until_when() {
    let asked = taken(&leased("c", &sealed("plato/t/0")));
    assert_eq!(asked.call.id, "c");
    assert_eq!(
        (
            asked.call.reply_to.as_str(),
            asked.call.correlation_id.as_str()
        ),
        ("plato/t/0", "w")
    );
    assert_eq!(
        (asked.priority, asked.deadline),
        (-5, Some(Timestamp::from_unix_ms(99)))
    );
    assert!(asked.caller.is_role);
    let request: base::FrameRange = asked.request("Do").unwrap();
    assert_eq!((request.start, request.end), (3, 7));
}

#[test]
fn another_method_or_type_is_refused_by_name() {
    let asked = taken(&leased("c", &sealed("plato/t/0")));
    let error = asked.request::<base::FrameRange>("Make").unwrap_err();
    assert_eq!(error.code, "UNKNOWN_METHOD");
    assert!(
        error
            .hint
            .unwrap()
            .contains("`Make` with a base.v1.FrameRange")
    );
    assert!(asked.request::<base::Value>("Do").is_err());
}

#[test]
fn who_cannot_be_answered_is_not_heard_and_who_can_be_is_answered() {
    let long = "x".repeat(300);
    let cases = [
        (leased("c", &sealed("")), "NO_REPLY_QUEUE"),
        (leased("c", &sealed(&long)), "NO_REPLY_QUEUE"),
        (leased(&long, &sealed("q")), "CALL_ID_TOO_LONG"),
        (
            of_payload("c", Bytes::from_static(b"\xff\xff")),
            "MALFORMED_CALL",
        ),
    ];
    for (message, code) in cases {
        let senseless = asked(&message).unwrap_err();
        assert_eq!(
            (senseless.error.code.as_str(), senseless.answer),
            (code, None)
        );
    }
    let other = Envelope {
        r#type: "plato.v1.StartWorkflow".into(),
        ..sealed("q")
    };
    let senseless = asked(&leased("c", &other)).unwrap_err();
    let answer = senseless.answer.unwrap();
    assert_eq!(
        (answer.queue.as_str(), answer.id.as_str()),
        ("q", "c/result")
    );
    assert_eq!(
        told(&answer).error.as_option().unwrap().code,
        "MALFORMED_CALL"
    );
}

#[test]
fn a_cancellation_means_the_call_of_its_tenant() {
    let cancel = wire::CancelCall {
        call_id: "c".into(),
        reason: "enough".into(),
        ..Default::default()
    };
    let of = |tenant: &str| {
        let envelope = Envelope {
            tenant: tenant.into(),
            ..envelope::seal(&cancel)
        };
        match asked(&leased("c/cancel", &envelope)) {
            Ok(Asked::Cancel { key, reason }) => (key, reason),
            other => panic!("a cancellation was expected: {other:?}"),
        }
    };
    let call = taken(&leased("c", &sealed("q")));
    assert_eq!(of("t"), (call.key(), "enough".to_owned()));
    assert_ne!(of("u").0, call.key());
    let outside = ids::derived([b"t".as_slice(), b"c"]);
    assert_ne!(
        call.key(),
        outside,
        "no key of a caller outside is the same"
    );
}

#[test]
fn a_response_is_json_and_not_too_large() {
    let range = base::FrameRange {
        start: 3,
        end: 7,
        ..Default::default()
    };
    let json = to_json::<base::FrameRange>(&range.encode_to_vec()).unwrap();
    assert_eq!(json, r#"{"start":"3","end":"7"}"#);
    let large = base::Error {
        message: "x".repeat(MAX_RESPONSE_BYTES),
        ..Default::default()
    };
    let error = to_json::<base::Error>(&large.encode_to_vec()).unwrap_err();
    assert_eq!(error.code, "RESPONSE_TOO_LARGE");
    assert!(!error.is_retryable(), "the same call would get the same");
    assert!(to_json::<base::Error>(b"\xff").is_err());
}

#[test]
fn an_error_of_any_length_fits_a_message() {
    let asked = taken(&leased("c", &sealed("q")));
    let long = || Error::user("BAD", "ä".repeat(9_000)).hint("ä".repeat(9_000));
    let many = error::refused((0..100).map(|_| long()).collect());
    let answer = asked.refusal(many);
    assert!(answer.encode_to_vec().len() < 16 << 10);
    assert_eq!(
        told(&answer).error.as_option().unwrap().code,
        "REQUEST_REFUSED"
    );
}

#[test]
fn all_problems_are_told_as_one_that_is_retryable_if_they_all_are() {
    let user = || Error::user("BAD", "it is bad").at("body");
    let lost = || Error::platform("LOST", "it is lost");
    assert_eq!(error::refused(vec![user()]), user());
    let both = error::refused(vec![lost(), user()]);
    assert!(!both.is_retryable());
    assert_eq!(
        both.message,
        "2 things are wrong: it is lost [LOST] · body: it is bad [BAD]"
    );
    assert_eq!(both.causes, [lost(), user()]);
    assert!(error::refused(vec![lost(), lost()]).is_retryable());
}

#[test]
fn a_call_is_as_far_as_its_nodes_are() {
    use proto::plato::v1::{NodeProgress, NodeState, WorkflowEvent};
    let node = |state: NodeState, total, done, in_flight| NodeProgress {
        state: state.into(),
        total,
        done,
        in_flight,
        ..Default::default()
    };
    let event = WorkflowEvent {
        nodes: vec![
            node(NodeState::Succeeded, 1, 1, 0.0),
            node(NodeState::Skipped, 0, 0, 0.0),
            node(NodeState::Running, 10, 3, 2.0),
            node(NodeState::Waiting, 0, 0, 0.0),
        ],
        ..Default::default()
    };
    assert_eq!(fraction(&event.encode_to_vec()), 2.5 / 4.0);
    assert_eq!(fraction(b""), 0.0);
}

proptest! {
    #[test]
    fn what_makes_no_sense_is_refused_without_a_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        kind in 0..3,
    ) {
        let types = ["optimus.v1.ServiceCall", "optimus.v1.CancelCall", "x"];
        let envelope = Envelope {
            r#type: types[kind as usize].into(),
            body: body.clone(),
            ..sealed("q")
        };
        if let Ok(Asked::Call(call)) = asked(&leased("c", &envelope)) {
            let _ = call.request::<base::Value>("Do");
        }
        let _ = asked(&of_payload("c", body.into()));
    }
}
