#![allow(clippy::unwrap_used)]

use std::time::Duration;

use buffa::Message;
use clock::ManualClock;
use proptest::prelude::*;
use proto::plato::v1 as plato;
use store::{Fence, MemoryStore, Store};

use super::*;
use crate::records;

const SHARD: &str = "optimus/test";

fn address() -> Address {
    Address {
        service: "test".into(),
        groups: 4,
        events: "optimus/test/events".into(),
        to_json: |response| Ok(Bytes::copy_from_slice(response)),
    }
}

fn core() -> Core {
    Core::restore(address(), Vec::new(), Tombstones::default(), 0, 0)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn submission(id: &str, key: Option<&str>, fingerprint: &str) -> Submission {
    Submission {
        id: id.into(),
        caller: Caller {
            tenant: "t".into(),
            principal: "p".into(),
            ..Caller::default()
        },
        definition: "test.run".into(),
        request: Bytes::from_static(b"request"),
        input: Value::inline("input"),
        pins: [("echo".into(), "sha256/aa".into())].into(),
        fingerprint: fingerprint.into(),
        key: key.map(str::to_owned),
        call: None,
        attributes: BTreeMap::from([("show".into(), "lights".into())]),
        priority: None,
        deadline: Some(at(99)),
    }
}

fn event(id: &str, sequence: u64, state: plato::WorkflowState) -> Event {
    let message = plato::WorkflowEvent {
        workflow_id: id.into(),
        sequence,
        state: state.into(),
        ..Default::default()
    };
    let payload = timestone_client::envelope::seal(&message);
    wire::event_of(&timestone_client::envelope::to_payload(&payload))
        .unwrap()
        .unwrap()
}

fn state(core: &Core, id: &str) -> State {
    core.active[id].meta.state
}

#[test]
fn a_request_leaves_with_everything_its_workflow_needs() {
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, submission("a", None, "f"), None, at(7))
        .unwrap();
    let (_, message) = &change.messages[0];
    let start: plato::StartWorkflow =
        timestone_client::envelope::open(message.payload.as_option().unwrap()).unwrap();
    assert_eq!(start.workflow_id, "a");
    assert_eq!(start.definition, "test.run");
    assert_eq!(start.notify, "optimus/test/events");
    assert_eq!(start.input.as_option().unwrap().inline, b"input");
    assert_eq!(start.attributes["show"], "lights");
    assert_eq!(message.id, "a");
    assert_eq!(message.reply_to, "optimus/test/events");
    assert_eq!(message.queue, names::inbox_of_workflow("test", "a", 4));
    assert_eq!(message.priority, 7);
    assert_eq!(message.not_after_unix_ms, (at(7) + SEND_WITHIN).unix_ms());
    let envelope = message.payload.as_option().unwrap();
    assert_eq!(
        (
            envelope.tenant.as_str(),
            envelope.principal.as_str(),
            envelope.deadline_unix_ms
        ),
        ("t", "p", 99)
    );
}

#[test]
fn two_requests_with_one_key_are_one_also_within_a_batch_and_after_the_end() {
    let (mut core, mut change) = (core(), Change::default());
    let first = core.submit(&mut change, submission("a", Some("k"), "f"), None, at(1));
    let second = core.submit(&mut change, submission("b", Some("k"), "f"), None, at(2));
    assert_eq!(first.unwrap(), second.unwrap());
    core.cancel(&mut change, "a", "enough", None, at(3))
        .unwrap();
    let third = core.submit(&mut change, submission("c", Some("k"), "f"), None, at(4));
    assert_eq!(&*third.unwrap(), "a");
    let ended = change.records.last().cloned().unwrap();
    core.settle(&change);
    assert!(!core.knows_key("k"));
    let fourth = core.submit(
        &mut change,
        submission("d", Some("k"), "f"),
        Some(ended),
        at(5),
    );
    assert_eq!(&*fourth.unwrap(), "a");
    assert_eq!(change.messages.len(), 2, "one start, one cancellation");
}

#[test]
fn a_key_used_for_something_else_is_refused() {
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, submission("a", Some("k"), "f"), None, at(1))
        .unwrap();
    let error = core.submit(&mut change, submission("b", Some("k"), "g"), None, at(2));
    let error = error.unwrap_err();
    assert_eq!(error.code, "IDEMPOTENCY_KEY_CONFLICT");
    assert_eq!(error.field.as_deref(), Some("idempotency_key"));
}

#[test]
fn the_highest_sequence_wins_and_success_waits_for_the_result_to_be_in_place() {
    use plato::WorkflowState as Told;
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, submission("a", None, "f"), None, at(1))
        .unwrap();
    core.event(&mut change, &event("a", 5, Told::Running), None, at(2));
    core.event(&mut change, &event("a", 3, Told::Failed), None, at(3));
    assert_eq!(state(&core, "a"), State::Running);
    core.event(&mut change, &event("a", 9, Told::Succeeded), None, at(4));
    core.event(&mut change, &event("a", 10, Told::Failed), None, at(5));
    core.cancel(&mut change, "a", "too late", None, at(6))
        .unwrap();
    assert_eq!(state(&core, "a"), State::Running);
    assert_eq!(core.finishing().count(), 1);
    core.finished(&mut change, "a", &Ok(Bytes::from_static(b"done")), at(7));
    assert_eq!(state(&core, "a"), State::Succeeded);
    core.finished(&mut change, "a", &Err(Error::user("X", "x")), at(8));
    assert_eq!(state(&core, "a"), State::Succeeded);
    assert_eq!(change.messages.len(), 1, "nothing was canceled");
}

#[test]
fn a_canceled_request_stays_canceled_whatever_is_heard_later() {
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, submission("a", None, "f"), None, at(1))
        .unwrap();
    let first = core
        .cancel(&mut change, "a", "enough", None, at(2))
        .unwrap();
    let again = core
        .cancel(&mut change, "a", "really", None, at(3))
        .unwrap();
    assert_eq!(first, again);
    core.event(
        &mut change,
        &event("a", 9, plato::WorkflowState::Succeeded),
        None,
        at(4),
    );
    assert_eq!(state(&core, "a"), State::Canceled);
    assert_eq!(first.error().unwrap().message, "enough");
    assert_eq!(change.messages.len(), 2);
    assert_eq!(change.messages[1].1.id, "a/cancel");
    core.settle(&change);
    let later = core
        .cancel(&mut change, "a", "again", Some(first.clone()), at(5))
        .unwrap();
    assert_eq!(later, first);
    assert_eq!(
        core.cancel(&mut change, "z", "who?", None, at(6))
            .unwrap_err()
            .code,
        "REQUEST_NOT_FOUND"
    );
}

#[test]
fn a_request_goes_on_with_its_workflow_that_failed_and_is_tried_again() {
    use plato::WorkflowState as Told;
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, submission("a", Some("k"), "f"), None, at(1))
        .unwrap();
    core.event(&mut change, &event("a", 5, Told::Failed), None, at(2));
    core.settle(&change);
    assert!(!core.is_active("a") && !core.knows_key("k"));
    let failed = change.records.pop();
    let mut late = Change::default();
    core.event(
        &mut late,
        &event("a", 4, Told::Running),
        failed.clone(),
        at(3),
    );
    assert!(late.records.is_empty(), "it was sent before the failure");
    let mut tried = Change::default();
    core.event(&mut tried, &event("a", 6, Told::Running), failed, at(4));
    core.settle(&tried);
    assert_eq!(state(&core, "a"), State::Running);
    assert!(core.knows_key("k") && tried.records[0].error().is_none());
    // What tells of the retry itself may not have come.
    core.event(&mut tried, &event("a", 7, Told::Failed), None, at(5));
    core.event(&mut tried, &event("a", 9, Told::Succeeded), None, at(6));
    core.settle(&tried);
    assert_eq!(core.finishing().count(), 1);
}

#[test]
fn a_failure_that_is_not_the_workflows_own_is_the_end() {
    use plato::WorkflowState as Told;
    let later = event("a", 9, Told::Running);
    let ended = |submission, told: &[Told], result: Option<Error>| {
        let (mut core, mut change) = (core(), Change::default());
        core.submit(&mut change, submission, None, at(1)).unwrap();
        for (sequence, told) in (1..).zip(told) {
            core.event(&mut change, &event("a", sequence, *told), None, at(2));
        }
        if let Some(error) = result {
            core.finished(&mut change, "a", &Err(error), at(3));
        }
        core.settle(&change);
        let last = change.records.pop();
        assert_eq!(last.as_ref().unwrap().meta.state, State::Failed);
        let mut change = Change::default();
        core.event(&mut change, &later, last, at(4));
        change.records.is_empty()
    };
    let no_room = Error::platform("DISK_FULL", "no room for the result");
    assert!(ended(
        submission("a", None, "f"),
        &[Told::Succeeded],
        Some(no_room)
    ));
    assert!(
        ended(called("a", "k"), &[Told::Failed], None),
        "the caller was told"
    );
}

#[test]
fn a_start_that_was_lost_fails_the_request_only_if_nothing_was_heard() {
    for heard in [false, true] {
        let (mut core, mut change) = (core(), Change::default());
        core.submit(&mut change, submission("a", None, "f"), None, at(1))
            .unwrap();
        if heard {
            core.event(
                &mut change,
                &event("a", 1, plato::WorkflowState::Running),
                None,
                at(2),
            );
        }
        let refused = Some(Error::platform("TOO_LATE", "too late"));
        let sent = Sent {
            number: 0,
            message_id: "a".into(),
            refused,
        };
        core.sent(&mut change, sent, at(3));
        let expected = if heard { State::Running } else { State::Failed };
        assert_eq!(state(&core, "a"), expected);
        assert_eq!(change.messages.len(), if heard { 1 } else { 2 });
    }
}

#[test]
fn a_terminated_start_names_its_cause_and_a_terminated_cancellation_tells_nothing() {
    let terminated = |id: &str| {
        let message = proto::timestone::v1::Terminated {
            message_id: id.into(),
            deliveries: 16,
            error: Some(Error::platform("LOST", "no worker").into()).into(),
            ..Default::default()
        };
        let payload = timestone_client::envelope::seal(&message);
        wire::event_of(&timestone_client::envelope::to_payload(&payload)).unwrap()
    };
    assert_eq!(terminated("a/cancel"), None);
    let Told::NeverStarted(error) = terminated("a").unwrap().told else {
        panic!("a lost start");
    };
    assert_eq!(error.code, "WORKFLOW_NOT_STARTED");
    assert_eq!(error.causes[0].code, "LOST");
}

#[test]
fn there_is_an_end_to_what_is_taken_in() {
    let record = Arc::new({
        let mut change = Change::default();
        core()
            .submit(&mut change, submission("a", None, "f"), None, at(1))
            .unwrap();
        (*change.records[0]).clone()
    });
    let many = (0..MAX_ACTIVE).map(|n| {
        let id = n.to_string().into();
        Arc::new(Record {
            id,
            ..(*record).clone()
        })
    });
    let mut core = Core::restore(address(), many.collect(), Tombstones::default(), 0, 0);
    let error = core.submit(
        &mut Change::default(),
        submission("x", None, "f"),
        None,
        at(1),
    );
    assert_eq!(error.unwrap_err().code, "REQUESTS_FULL");
}

/// The same, made by the call of this key.
fn called(id: &str, key: &str) -> Submission {
    Submission {
        call: Some(Call {
            id: key.into(),
            reply_to: "plato/t/0".into(),
            correlation_id: "w".into(),
        }),
        ..submission(id, Some(key), "f")
    }
}

/// What the caller was told by the messages of a change.
fn answers(change: &Change) -> Vec<proto::optimus::v1::CallResult> {
    let messages = change.messages.iter().map(|(_, message)| message);
    let told = messages.filter(|message| message.queue == "plato/t/0");
    told.map(|message| {
        assert_eq!(message.not_after_unix_ms, 0, "it must come");
        timestone_client::envelope::open(message.payload.as_option().unwrap()).unwrap()
    })
    .collect()
}

#[test]
fn who_called_is_told_once_and_together_with_the_end() {
    use plato::WorkflowState as Told;
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, called("a", "k"), None, at(1))
        .unwrap();
    core.event(&mut change, &event("a", 1, Told::Running), None, at(2));
    core.event(&mut change, &event("a", 2, Told::Succeeded), None, at(3));
    assert_eq!(answers(&change), []);
    let mut end = Change::default();
    core.finished(&mut end, "a", &Ok(Bytes::from_static(b"{}")), at(4));
    let answers = answers(&end);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].call_id, "k");
    assert_eq!(answers[0].request_id, "a");
    assert_eq!(answers[0].result.as_option().unwrap().inline, b"{}");
    assert!(answers[0].error.is_unset());
    assert_eq!(end.records[0].meta.state, State::Succeeded);
}

#[test]
fn who_called_is_told_why_a_request_failed_and_which() {
    let (mut core, mut change) = (core(), Change::default());
    core.submit(&mut change, called("a", "k"), None, at(1))
        .unwrap();
    core.cancel(&mut change, "a", "enough", None, at(2))
        .unwrap();
    let answers = answers(&change);
    let error = answers[0].error.as_option().unwrap();
    assert_eq!(error.code, "CANCELED");
    assert_eq!(error.message, "enough (request a of test)");
}

#[test]
fn a_call_that_was_canceled_before_it_came_never_starts() {
    let (mut core, mut change) = (core(), Change::default());
    core.cancel_call(&mut change, "k", "enough", None, at(1))
        .unwrap();
    for id in ["a", "b"] {
        let refused = core.submit(&mut change, called(id, "k"), None, at(2));
        assert_eq!(refused.unwrap_err().code, "CANCELED");
    }
    assert!(change.messages.is_empty() && change.records.is_empty());
    core.submit(&mut change, submission("c", Some("k"), "f"), None, at(3))
        .unwrap();
    core.cancel_call(&mut change, "k", "enough", None, at(4))
        .unwrap();
    assert_eq!(change.records.last().unwrap().meta.state, State::Canceled);
}

/// One input of the core.
#[derive(Clone, Debug)]
enum Input {
    Submit {
        id: u8,
        key: Option<u8>,
    },
    Call {
        id: u8,
        key: u8,
    },
    CancelCall {
        key: u8,
    },
    Event {
        id: u8,
        sequence: u64,
        state: i32,
    },
    Cancel {
        id: u8,
    },
    Finished {
        id: u8,
        well: bool,
    },
    Sent {
        refused: bool,
    },
    /// Forget everything that is not in the store.
    Restart,
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        (0u8..6, proptest::option::of(0u8..3)).prop_map(|(id, key)| Input::Submit { id, key }),
        (0u8..6, 0u64..6, 1i32..5).prop_map(|(id, sequence, state)| Input::Event {
            id,
            sequence,
            state
        }),
        (0u8..6, 10u8..13).prop_map(|(id, key)| Input::Call { id, key }),
        (10u8..13).prop_map(|key| Input::CancelCall { key }),
        (0u8..6).prop_map(|id| Input::Cancel { id }),
        (0u8..6, any::<bool>()).prop_map(|(id, well)| Input::Finished { id, well }),
        any::<bool>().prop_map(|refused| Input::Sent { refused }),
        Just(Input::Restart),
    ]
}

/// The core over a store, as its owner uses it, with everything it ever told.
struct Bench {
    store: MemoryStore,
    fence: Fence,
    core: Core,
    waiting: BTreeMap<u64, NewMessage>,
    sent: Vec<String>,
    seen: HashMap<String, Arc<Record>>,
    /// Keys of calls that were canceled before they came.
    stillborn: Vec<String>,
    now: i64,
}

impl Bench {
    async fn new() -> Self {
        let store = MemoryStore::new(Arc::new(ManualClock::new(at(0))));
        let fence = store
            .acquire(SHARD, "me", Duration::from_secs(9))
            .await
            .unwrap();
        Self {
            store,
            fence,
            core: core(),
            waiting: BTreeMap::new(),
            sent: Vec::new(),
            seen: HashMap::new(),
            stillborn: Vec::new(),
            now: 0,
        }
    }

    async fn feed(&mut self, input: Input) {
        self.now += 1;
        let now = at(self.now);
        let mut change = Change::default();
        match input {
            Input::Submit { id, key } => {
                let key = key.map(|key| key.to_string());
                let submission = submission(&name(id), key.as_deref(), "f");
                self.submit(&mut change, submission, now).await;
            }
            Input::Call { id, key } => {
                let submission = called(&name(id), &key.to_string());
                self.submit(&mut change, submission, now).await;
            }
            Input::CancelCall { key } => self.cancel_call(&mut change, key, now).await,
            Input::Event {
                id,
                sequence,
                state,
            } => {
                let state = buffa::EnumValue::from(state).as_known().unwrap();
                let event = event(&name(id), sequence, state);
                let known = self.stored(&name(id)).await;
                self.core.event(&mut change, &event, known, now);
            }
            Input::Cancel { id } => {
                let known = self.stored(&name(id)).await;
                let _ = self.core.cancel(&mut change, &name(id), "why", known, now);
            }
            Input::Finished { id, well } => {
                let result = match well {
                    true => Ok(Bytes::from_static(b"done")),
                    false => Err(Error::source("BAD", "bad")),
                };
                self.core.finished(&mut change, &name(id), &result, now);
            }
            Input::Sent { refused } => self.send(&mut change, refused, now),
            Input::Restart => self.restart().await,
        }
        self.commit(change).await;
    }

    async fn submit(&mut self, change: &mut Change, submission: Submission, now: Timestamp) {
        if self.seen.contains_key(&submission.id) {
            return;
        }
        let known = match &submission.key {
            Some(key) => self.of_key(key).await,
            None => None,
        };
        let _ = self.core.submit(change, submission, known, now);
    }

    async fn cancel_call(&mut self, change: &mut Change, key: u8, now: Timestamp) {
        let key = key.to_string();
        let known = self.of_key(&key).await;
        if known.is_none() && !self.core.knows_key(&key) {
            self.stillborn.push(key.clone());
        }
        let canceled = self.core.cancel_call(change, &key, "why", known, now);
        canceled.unwrap();
    }

    async fn of_key(&self, key: &str) -> Option<Arc<Record>> {
        let snapshot = self.store.snapshot(SHARD).await.unwrap();
        records::record_of_key(&*snapshot, key).await.unwrap()
    }

    fn send(&mut self, change: &mut Change, refused: bool, now: Timestamp) {
        let Some((number, message)) = self.waiting.pop_first() else {
            return;
        };
        self.sent.push(message.id.clone());
        let refused = refused.then(|| Error::platform("TOO_LATE", "too late"));
        let sent = Sent {
            number,
            message_id: message.id,
            refused,
        };
        self.core.sent(change, sent, now);
    }

    async fn restart(&mut self) {
        let snapshot = self.store.snapshot(SHARD).await.unwrap();
        let active = records::active(&*snapshot).await.unwrap();
        let messages = records::messages(&*snapshot).await.unwrap();
        let next_message = messages.last().map_or(0, |(number, _)| number + 1);
        let next_ordinal = records::next_ordinal(&*snapshot).await.unwrap();
        let canceled = Tombstones::restore(records::canceled(&*snapshot).await.unwrap());
        for record in &active {
            assert_eq!(
                self.seen.get(&*record.id),
                Some(record),
                "read back as written"
            );
        }
        let waiting: BTreeMap<_, _> = messages.into_iter().collect();
        assert_eq!(waiting, self.waiting);
        assert_eq!(active.len(), self.core.active.len());
        self.core = Core::restore(address(), active, canceled, next_ordinal, next_message);
    }

    async fn commit(&mut self, change: Change) {
        for record in &change.records {
            let before = self.seen.insert(record.id.to_string(), Arc::clone(record));
            let Some(before) = before else { continue };
            assert!(before.meta.version < record.meta.version);
            // Of what has ended only a failed workflow goes on, unless its caller was told.
            let goes_on = before.meta.state == State::Failed && before.meta.call.is_none();
            assert!(!before.is_final() || goes_on);
        }
        self.store
            .commit(&self.fence, change.batch.clone())
            .await
            .unwrap();
        self.core.settle(&change);
        self.waiting.extend(change.messages);
    }

    async fn stored(&self, id: &str) -> Option<Arc<Record>> {
        let snapshot = self.store.snapshot(SHARD).await.unwrap();
        records::record(&*snapshot, id).await.unwrap()
    }

    /// What holds after any inputs.
    async fn check(&mut self) {
        for (id, record) in &self.seen {
            assert_eq!(self.stored(id).await.as_ref(), Some(record));
            assert_eq!(self.core.is_active(id), !record.is_final());
        }
        let snapshot = self.store.snapshot(SHARD).await.unwrap();
        let listed = records::listing(&*snapshot, None, 100).await.unwrap();
        assert_eq!(listed.len(), self.seen.len());
        self.sent
            .extend(self.waiting.values().map(|message| message.id.clone()));
        for id in self.seen.keys() {
            let told = |wanted: &str| self.sent.iter().filter(|id| *id == wanted).count();
            assert_eq!(told(id), 1, "{id} is started once");
            let cancel = format!("{id}/cancel");
            assert!(told(&cancel) <= 1, "{id} is canceled at most once");
            let position = |id: &str| self.sent.iter().position(|sent| sent == id);
            assert!(position(&cancel).is_none_or(|at| Some(at) > position(id)));
        }
        for record in self.seen.values() {
            let Some(call) = &record.meta.call else {
                continue;
            };
            assert!(!self.stillborn.contains(&call.id), "it was canceled first");
            let result = names::result_id(&call.id);
            let told = self.sent.iter().filter(|id| **id == result).count();
            assert_eq!(
                told,
                usize::from(record.is_final()),
                "{result} is told once"
            );
        }
    }
}

fn name(id: u8) -> String {
    format!("r{id}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_each_request_is_kept_told_once_and_never_goes_back(
        inputs in proptest::collection::vec(input(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new().await;
            for input in inputs {
                bench.feed(input).await;
            }
            bench.check().await;
        });
    }

    #[test]
    fn meta_reads_back(
        (ordinal, sequence, version) in any::<(u64, u64, u64)>(),
        (created, priority) in any::<(i64, i64)>(),
        (tenant, key) in any::<(String, Option<String>)>(),
        finishing: bool,
    ) {
        let meta = Meta {
            ordinal, sequence, version, priority, finishing, key,
            state: State::Running,
            created_unix_ms: created,
            updated_unix_ms: created,
            inbox: tenant.clone(),
            principal: tenant.clone(),
            traceparent: tenant.clone(),
            fingerprint: tenant.clone(),
            call: Some(Call {
                id: tenant.clone(),
                reply_to: tenant.clone(),
                correlation_id: tenant.clone(),
            }),
            tenant,
        };
        prop_assert_eq!(Meta::decode(&meta.encode()).unwrap(), meta);
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = wire::event_of(&bytes);
        let _ = wire::stages_of(&bytes);
        let envelope = proto::base::v1::Envelope {
            r#type: "plato.v1.WorkflowEvent".into(),
            body: bytes,
            ..Default::default()
        };
        let _ = wire::event_of(&envelope.encode_to_vec());
    }
}
