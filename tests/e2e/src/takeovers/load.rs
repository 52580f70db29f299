//! The load: workflows are started and facts told as long as there is room, functions answered,
//! and ends heard of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use plato_rules::{NewFact, Value};
use plato_runtime::{WorkflowReader, assert_facts};
use proto::plato::v1::{StartWorkflow, WorkflowEvent, WorkflowState};
use timestone::{Completion, NewMessage};
use timestone_client::{Client, envelope, names};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::node::{FUNCTION, ORDER, RULES};
use super::site::Site;
use super::{GROUPS, PATIENCE, SERVICE};
use crate::wide_map::{answer, dequeue};

/// Workflows that are started at a time, and facts that are told with them.
const BATCH: (u64, u64) = (20, 5);
/// Workflows that may be under way.
const ROOM: usize = 200;
/// Workflows of rules that the facts are spread over.
pub(super) const SUBJECTS: u64 = 3;

/// What was done, by id.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) started: Vec<String>,
    /// Items of each subject.
    pub(super) items: BTreeMap<String, u64>,
    /// How often the end of each workflow was told, and that it was a good one.
    pub(super) ends: BTreeMap<String, u64>,
    /// How often each invocation was executed.
    pub(super) executed: BTreeMap<String, u64>,
}

pub(super) struct Load {
    stop: CancellationToken,
    starter: JoinHandle<Result<Done>>,
    worker: JoinHandle<Result<BTreeMap<String, u64>>>,
    peace: CancellationToken,
}

impl Load {
    pub(super) fn start(site: &Site) -> Self {
        let (stop, peace) = (CancellationToken::new(), CancellationToken::new());
        let starter = tokio::spawn(start(site.client.clone(), stop.clone()));
        let worker = tokio::spawn(work(site.client.clone(), peace.clone()));
        Self {
            stop,
            starter,
            worker,
            peace,
        }
    }

    /// Starts nothing more, and waits until all that was started has ended.
    pub(super) async fn finish(self, reader: &WorkflowReader) -> Result<Done> {
        self.stop.cancel();
        let done = self.starter.await??;
        for (subject, items) in &done.items {
            settled(reader, subject, *items).await?;
        }
        self.peace.cancel();
        let executed = self.worker.await??;
        Ok(Done { executed, ..done })
    }
}

/// Waits until the rules have done all they were told; they are not heard of otherwise.
async fn settled(reader: &WorkflowReader, subject: &str, items: u64) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = reader.rules(subject).await?;
        if state.is_some_and(|state| state.fired() >= items && state.is_quiet()) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{subject} does not come to rest");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Starts and tells until `stop`, then waits for the ends.
async fn start(client: Client, stop: CancellationToken) -> Result<Done> {
    let (ends, mut heard) = watch::channel(BTreeMap::new());
    let hearing = CancellationToken::new();
    let listener = tokio::spawn(hear(client.clone(), ends, hearing.clone()));
    let mut done = Done::default();
    while !stop.is_cancelled() {
        send(&client, &mut done).await?;
        let (started, room) = (done.started.len(), ROOM);
        let fits = heard.wait_for(|ends: &BTreeMap<String, u64>| started < ends.len() + room);
        let fits = tokio::time::timeout(PATIENCE, fits).await;
        drop(fits.context("nothing ends any more")??);
    }
    let all = heard.wait_for(|ends| done.started.len() == ends.len());
    drop(
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("not everything ends")??,
    );
    hearing.cancel();
    listener.await??;
    done.ends = heard.borrow().clone();
    Ok(done)
}

async fn send(client: &Client, done: &mut Done) -> Result<()> {
    let mut messages = Vec::new();
    for _ in 0..BATCH.0 {
        let id = ids::time_ordered();
        messages.push(order(&id));
        done.started.push(id);
    }
    for _ in 0..BATCH.1 {
        let told: u64 = done.items.values().sum();
        let subject = format!("subject-{}", told % SUBJECTS);
        messages.push(item(&subject, told));
        *done.items.entry(subject).or_default() += 1;
    }
    let outcomes = client.enqueue(messages).await?;
    let refused = outcomes.into_iter().find_map(Result::err);
    refused.map_or(Ok(()), |refusal| bail!("not taken: {refusal}"))
}

fn order(id: &str) -> NewMessage {
    let start = StartWorkflow {
        workflow_id: id.to_owned(),
        definition: ORDER.into(),
        notify: names::service_events(SERVICE),
        ..Default::default()
    };
    NewMessage {
        queue: names::inbox_of_workflow(SERVICE, id, GROUPS),
        id: id.to_owned(),
        payload: envelope::to_payload(&envelope::seal(&start)),
        ..NewMessage::default()
    }
}

fn item(subject: &str, number: u64) -> NewMessage {
    let id = Value::String(Arc::from(number.to_string()));
    let fact = NewFact {
        kind: "Item".into(),
        fields: [("id".to_owned(), id)].into(),
    };
    NewMessage {
        queue: names::inbox_of_workflow(SERVICE, subject, GROUPS),
        id: format!("{subject}/{number}"),
        payload: assert_facts(subject, RULES, &[fact]),
        ..NewMessage::default()
    }
}

/// Counts how often the end of each workflow is told.
async fn hear(
    client: Client,
    ends: watch::Sender<BTreeMap<String, u64>>,
    stop: CancellationToken,
) -> Result<()> {
    while !stop.is_cancelled() {
        let request = dequeue(&names::service_events(SERVICE), "observer");
        let mut done = Vec::new();
        for message in client.dequeue(request).await? {
            let event: WorkflowEvent = envelope::open(&envelope::of_payload(&message.payload)?)?;
            match event.state.as_known() {
                Some(WorkflowState::Succeeded) => {
                    ends.send_modify(|ends| *ends.entry(event.workflow_id).or_default() += 1);
                }
                Some(WorkflowState::Failed | WorkflowState::Canceled) => {
                    bail!("a workflow did not succeed: {event:?}")
                }
                _ => {}
            }
            let then_enqueue = Vec::new();
            done.push(Completion {
                token: message.token,
                then_enqueue,
            });
        }
        client.complete(done).await?;
    }
    Ok(())
}

/// Answers invocations until `peace`, and until none is left.
async fn work(client: Client, peace: CancellationToken) -> Result<BTreeMap<String, u64>> {
    let (mut executed, began) = (BTreeMap::new(), Instant::now());
    loop {
        let request = dequeue(&names::function(FUNCTION), "worker");
        let messages = client.dequeue(request).await?;
        if messages.is_empty() && peace.is_cancelled() {
            tracing::debug!(seconds = began.elapsed().as_secs(), "no work is left");
            return Ok(executed);
        }
        let mut answers = Vec::new();
        for message in messages {
            *executed.entry(message.token.key.id.clone()).or_default() += 1;
            answers.push(answer(message)?);
        }
        client.complete(answers).await?;
    }
}
