//! A worker that answers invocations the way an agent does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use blob::{BlobRef, Value};
use errors::Error;
use proto::stratum::v1::{Invocation, InvocationResult};
use timestone::{Completion, LeasedMessage, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};
use tokio::task::JoinHandle;

use crate::site::Site;

/// How an invocation ends.
pub(crate) enum Answer {
    Done(Value),
    Failed(Error),
    /// As an agent that kept what the function said.
    Said(Result<Value, Error>, BlobRef),
    /// Keeps the lease and never answers, as a hung function would.
    Never,
}

type Behaviour = dyn Fn(&Invocation) -> Answer + Send + Sync;

/// Answers until it is dropped.
pub(crate) struct Worker {
    pub(crate) calls: Arc<Mutex<BTreeMap<(String, u64), u32>>>,
    task: JoinHandle<()>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Worker {
    /// Answers every function: `t-split` with a list of `elements` numbers,
    /// `t-work` with its element doubled, `t-join` with nothing.
    pub(crate) async fn start(site: &Site, elements: u64) -> Self {
        Self::start_with(site, elements, |_| None).await
    }

    /// As [`Worker::start`], unless `special` says otherwise.
    pub(crate) async fn start_with(
        site: &Site,
        elements: u64,
        special: impl Fn(&Invocation) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let numbers: Vec<Value> = (0..elements)
            .map(|n| Value::inline(n.to_string()))
            .collect();
        let list = blob::list::write(site.blobs.home(), &numbers)
            .await
            .unwrap();
        let split = Value {
            list: Some(list),
            ..Value::default()
        };
        let behaviour = move |invocation: &Invocation| {
            special(invocation).unwrap_or_else(|| usual(invocation, &split))
        };
        let calls = Arc::default();
        let task = tokio::spawn(work(
            site.client.clone(),
            Arc::new(behaviour),
            Arc::clone(&calls),
        ));
        Self { calls, task }
    }

    pub(crate) fn calls(&self, function: &str) -> u32 {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|((name, _), _)| name == function)
            .map(|(_, count)| count)
            .sum()
    }
}

fn usual(invocation: &Invocation, split: &Value) -> Answer {
    Answer::Done(match invocation.function.as_str() {
        "t-split" => split.clone(),
        "t-work" => doubled(&invocation.params_json),
        _ => Value::inline("\"joined\""),
    })
}

fn doubled(params: &[u8]) -> Value {
    let number: u64 = serde_json::from_slice(params).unwrap();
    Value::inline((number * 2).to_string())
}

async fn work(
    client: Client,
    behaviour: Arc<Behaviour>,
    calls: Arc<Mutex<BTreeMap<(String, u64), u32>>>,
) {
    let owner = ids::time_ordered();
    loop {
        let request = DequeueRequest {
            queues: ["t-split", "t-work", "t-join", "t-encode", "t-announce"]
                .map(names::function)
                .to_vec(),
            max: 100,
            wait_ms: 1_000,
            lease_ms: None,
            session: Session {
                owner: owner.clone(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let Ok(messages) = client.dequeue(request).await else {
            return;
        };
        let answers = messages
            .into_iter()
            .filter_map(|message| answer(message, &*behaviour, &calls));
        client.complete(answers.collect()).await.unwrap();
    }
}

fn answer(
    message: LeasedMessage,
    behaviour: &Behaviour,
    calls: &Mutex<BTreeMap<(String, u64), u32>>,
) -> Option<Completion> {
    let envelope = envelope::of_payload(&message.payload).unwrap();
    let invocation: Invocation = envelope::open(&envelope).unwrap();
    let call = (invocation.function.clone(), invocation.element);
    *calls.lock().unwrap().entry(call).or_default() += 1;
    let result = result(&invocation.id, behaviour(&invocation))?;
    Some(Completion {
        token: message.token,
        then_enqueue: vec![reply(&envelope.reply_to, &result)],
    })
}

fn result(id: &str, answer: Answer) -> Option<InvocationResult> {
    let (outcome, log) = match answer {
        Answer::Done(value) => (Ok(value), None),
        Answer::Failed(error) => (Err(error), None),
        Answer::Said(outcome, log) => (outcome, Some(log)),
        Answer::Never => return None,
    };
    let (result, error) = match outcome {
        Ok(value) => (Some(value.into()), None),
        Err(error) => (None, Some(error.into())),
    };
    Some(InvocationResult {
        invocation_id: id.into(),
        result: result.into(),
        error: error.into(),
        log: log.map(Into::into).into(),
        ..Default::default()
    })
}

pub(crate) fn reply(reply_to: &str, result: &InvocationResult) -> NewMessage {
    NewMessage {
        queue: reply_to.into(),
        id: names::result_id(&result.invocation_id),
        payload: envelope::to_payload(&envelope::seal(result)),
        ..NewMessage::default()
    }
}
