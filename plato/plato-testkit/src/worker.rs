//! Whoever works on functions and services, the way an agent and another service do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use errors::Error;
use plato::{Event, TaskRef, Value};
use proto::base::v1::Envelope;
use proto::optimus::v1::{CallResult, CancelCall, ServiceCall};
use proto::stratum::v1::{Invocation, InvocationResult};
use timestone::{Completion, LeaseToken, LeasedMessage, NewMessage, Refusal, Session};
use timestone_client::{Client, DequeueRequest, envelope, names};

use crate::answer::{self, Answer, Asked, Call};
use crate::site::Site;

/// Messages taken at a time.
const BATCH: u32 = 64;
/// How long one call waits for a message, in milliseconds.
const WAIT_MS: u64 = 60_000;
/// The wait after a call of the queue that failed.
const AGAIN: Duration = Duration::from_millis(50);

/// Says how each try fares.
pub type Answers = dyn Fn(&Call) -> Answer + Send + Sync;

/// A worker of everything that workflows invoke and call. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    pub site: Site,
    pub client: Client,
    pub name: String,
    pub answers: Arc<Answers>,
    /// How long it may be silent before its work is given to others, in milliseconds.
    pub lease_ms: u64,
    pub seen: Arc<Mutex<Seen>>,
}

/// What workers saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every try that was begun, in order; once for each time that it was delivered.
    pub calls: Vec<Call>,
    /// Tries that were told to stop while they ran, by their ids.
    pub stopped: Vec<String>,
    /// Tries that run, by their ids.
    pub running: Vec<String>,
}

impl Seen {
    /// What was seen so far.
    pub(crate) fn take(seen: &Mutex<Self>) -> Self {
        std::mem::take(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker {
    /// Works until it is dropped: takes what `functions` and `services` are asked.
    pub async fn run(self, functions: &[String], services: &[String]) {
        let functions = functions.iter().map(|name| names::function(name));
        let services = services.iter().map(|name| names::service_calls(name));
        let queues: Vec<String> = functions.chain(services).collect();
        if queues.is_empty() {
            return;
        }
        loop {
            for message in self.take(&queues).await {
                let worker = self.clone();
                tokio::spawn(async move { worker.work(message).await });
            }
        }
    }

    /// Repeats one request until it is answered.
    async fn take(&self, queues: &[String]) -> Vec<LeasedMessage> {
        let request = DequeueRequest {
            queues: queues.to_vec(),
            max: BATCH,
            wait_ms: WAIT_MS,
            lease_ms: Some(self.lease_ms),
            session: Session {
                owner: self.name.clone(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        loop {
            match self.client.dequeue(request.clone()).await {
                Ok(messages) => return messages,
                Err(_) => self.site.time.sleep(AGAIN).await,
            }
        }
    }

    async fn work(&self, message: LeasedMessage) {
        let Ok(envelope) = envelope::of_payload(&message.payload) else {
            return self.finish(message.token, None).await;
        };
        match (
            envelope::open::<Invocation>(&envelope),
            envelope::open::<ServiceCall>(&envelope),
        ) {
            (Ok(invocation), _) => self.invoked(message, envelope, invocation).await,
            (_, Ok(call)) => self.called(message, envelope, call).await,
            _ => self.canceled(message, &envelope).await,
        }
    }

    async fn invoked(&self, message: LeasedMessage, envelope: Envelope, invocation: Invocation) {
        let id = message.token.key.id.clone();
        let answer = self.begin(Call {
            workflow: invocation.workflow.clone(),
            node: invocation.node.clone(),
            element: invocation.element,
            attempt: invocation.generation.saturating_add(1),
            asked: Asked::Function(invocation.into()),
        });
        let Some(answer) = self.wait(answer, Some(&message.token)).await else {
            return;
        };
        if let Some(result) = answer::value(answer, &self.site.blobs).await {
            let reply = reply(&envelope.reply_to, &invocation_result(&id, result), &id);
            self.finish(message.token, Some(reply)).await;
        }
    }

    /// A service keeps the request, and answers when it has ended.
    async fn called(&self, message: LeasedMessage, envelope: Envelope, call: ServiceCall) {
        let id = message.token.key.id.clone();
        let task = self.task(&envelope.correlation_id, &id).await;
        self.finish(message.token, None).await;
        let Some((node, element, generation)) = task else {
            return;
        };
        let answer = self.begin(Call {
            workflow: envelope.correlation_id,
            node,
            element,
            attempt: generation.saturating_add(1),
            asked: Asked::Service(call.into()),
        });
        let result = match self.wait(answer, None).await {
            Some(answer) => answer::value(answer, &self.site.blobs).await,
            None => None,
        };
        if let Some(result) = result {
            let reply = reply(&envelope.reply_to, &call_result(&id, result), &id);
            while self.client.enqueue(vec![reply.clone()]).await.is_err() {
                self.site.time.sleep(AGAIN).await;
            }
        }
    }

    async fn canceled(&self, message: LeasedMessage, envelope: &Envelope) {
        if let Ok(cancel) = envelope::open::<CancelCall>(envelope) {
            self.note(|seen| seen.stopped.push(cancel.call_id));
        }
        self.finish(message.token, None).await;
    }

    /// The node, or the rule, and the try for which a call was made.
    async fn task(&self, workflow: &str, call: &str) -> Option<(String, u64, u32)> {
        match self.task_of_graph(workflow, call).await {
            Some(task) => Some(task),
            None => self.run_of_rule(workflow, call).await,
        }
    }

    async fn run_of_rule(&self, workflow: &str, call: &str) -> Option<(String, u64, u32)> {
        let state = self.site.reader().rules(workflow).await.ok()??;
        let mut out = state.out();
        out.find_map(|(firing, of, generation)| {
            let id = ids::invocation(workflow, &of.rule, firing, generation);
            (id == call).then(|| (of.rule.clone(), firing, generation))
        })
    }

    async fn task_of_graph(&self, workflow: &str, call: &str) -> Option<(String, u64, u32)> {
        let history = self.site.reader().history(workflow).await.ok()?;
        let events = || history.iter().flat_map(|entry| &entry.events);
        let nodes = events().find_map(|event| match event {
            Event::Started(header) => Some(&header.nodes),
            _ => None,
        })?;
        let tasks = events().filter_map(|event| match event {
            Event::TasksDispatched { node, tasks } => Some((*node, tasks)),
            _ => None,
        });
        let mut tries = tasks.flat_map(|(node, tasks)| {
            tasks.iter().map(move |(element, generation)| TaskRef {
                node,
                element: *element,
                generation: *generation,
            })
        });
        tries.find_map(|task| {
            let name = nodes.get(task.node.index())?;
            let found = (name.clone(), task.element, task.generation);
            (task.invocation(workflow, name) == call).then_some(found)
        })
    }

    fn begin(&self, call: Call) -> Answer {
        let answer = (self.answers)(&call);
        self.note(|seen| seen.calls.push(call));
        answer
    }

    /// Waits for as long as the try takes, keeping its lease; `None` when it is not to be
    /// answered.
    async fn wait(&self, mut answer: Answer, token: Option<&LeaseToken>) -> Option<Answer> {
        let mut left = Some(Duration::ZERO);
        while let Answer::After(wait, then) = answer {
            left = left.and_then(|left| left.checked_add(wait));
            answer = *then;
        }
        if matches!(answer, Answer::Die) {
            return None;
        }
        if matches!(answer, Answer::Never) {
            left = None;
        }
        match token {
            Some(token) => self.keep(token, left).await.then_some(answer),
            None => {
                self.site.time.sleep(left?).await;
                Some(answer)
            }
        }
    }

    /// Keeps a lease for so long, for ever if that is not said; whether it was kept.
    async fn keep(&self, token: &LeaseToken, left: Option<Duration>) -> bool {
        let id = &token.key.id;
        self.note(|seen| seen.running.push(id.clone()));
        let end = left.map(|left| self.site.time.now_ms() + left.as_millis() as i64);
        let beat = i64::try_from(self.lease_ms / 3).unwrap_or(i64::MAX);
        let kept = loop {
            let next = self.site.time.now_ms().saturating_add(beat);
            let until = end.map_or(next, |end| end.min(next));
            self.site.time.until_ms(until).await;
            if end == Some(until) {
                break true;
            }
            if self.is_lost(token).await {
                self.note(|seen| seen.stopped.push(id.clone()));
                break false;
            }
        };
        self.note(|seen| seen.running.retain(|running| running != id));
        kept
    }

    async fn is_lost(&self, token: &LeaseToken) -> bool {
        let extended = self.client.extend(vec![token.clone()], None).await;
        matches!(
            extended.as_deref(),
            Ok([Err(Refusal::LeaseLost(_)
                | Refusal::Canceled(_)
                | Refusal::NotFound(_))])
        )
    }

    /// Ends a delivery; what follows from it becomes known with its end, or not at all.
    async fn finish(&self, token: LeaseToken, reply: Option<NewMessage>) {
        let completion = Completion {
            token,
            then_enqueue: reply.into_iter().collect(),
        };
        while self
            .client
            .complete(vec![completion.clone()])
            .await
            .is_err()
        {
            self.site.time.sleep(AGAIN).await;
        }
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn invocation_result(id: &str, result: Result<Value, Error>) -> InvocationResult {
    let (result, error) = parts(result);
    InvocationResult {
        invocation_id: id.into(),
        result: result.into(),
        error: error.into(),
        ..Default::default()
    }
}

fn call_result(id: &str, result: Result<Value, Error>) -> CallResult {
    let (result, error) = parts(result);
    CallResult {
        call_id: id.into(),
        result: result.into(),
        error: error.into(),
        ..Default::default()
    }
}

type Parts = (
    Option<proto::base::v1::Value>,
    Option<proto::base::v1::Error>,
);

fn parts(result: Result<Value, Error>) -> Parts {
    match result {
        Ok(value) => (Some(value.into()), None),
        Err(error) => (None, Some(error.into())),
    }
}

fn reply<M: buffa::Message + buffa::MessageName>(queue: &str, result: &M, id: &str) -> NewMessage {
    NewMessage {
        queue: queue.to_owned(),
        id: names::result_id(id),
        payload: envelope::to_payload(&envelope::seal(result)),
        ..NewMessage::default()
    }
}
