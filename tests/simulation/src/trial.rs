//! One run: processes that crash, stand still and lose their way, workers, and people who
//! change their minds; then calm, in which all has to come to its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blob::list::ListReader;
use errors::Error;
use plato::{Definition, Kind, NodePhase, Plan, Registry, Run};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use plato_testkit::{Answer, Asked, Call, SERVICE as OWN, Seen, Site, VirtualTime, Worker};
use proto::optimus::v1::CallResult;
use proto::plato::v1::{
    CancelWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow, SignalWorkflow, StartWorkflow,
};
use proto::stratum::v1::InvocationResult;
use serde_json::json;
use timestone::{Completion, NewMessage, Session};
use timestone_client::{DequeueRequest, envelope, names};

use crate::coverage::Coverage;
use crate::planted::Mistake;
use crate::process::Doors;
use crate::random::Random;
use crate::shapes::{self, FUNCTION, MAX_ELEMENTS, SERVICE};
use crate::store::WatchedStore;
use crate::watch::Watch;

const GROUPS: u32 = 2;
const TTL_MS: u64 = 2_000;
const LEASE_MS: u64 = 3_000;
const PROCESSES: usize = 2;
/// What people and failures do before it calms down.
const DEEDS: u64 = 40;
/// Longer than all that is left can take: many tries, each after its timeout, and timers
/// that were set by a clock an hour ahead.
const CALM: Duration = Duration::from_secs(3 * 3_600);
/// Between two looks at what is left.
const REST: Duration = Duration::from_secs(60);
const HOUR_MS: i64 = 3_600_000;
const EVENTS: &str = "t/events";

/// What one seed led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Trial {
    /// Every commit, in order, as text.
    pub log: Vec<u8>,
    pub coverage: Coverage,
    /// Events that were journaled.
    pub events: u64,
    /// The first promise that was broken.
    pub broken: Option<String>,
}

/// Runs one seed, with a mistake planted or not.
///
/// # Panics
/// When called on a thread of a Tokio runtime.
pub fn run(seed: u64, mistake: Option<Mistake>) -> Trial {
    let time = VirtualTime::default();
    let random = Random::new(seed);
    let child = plan(shapes::child(&random));
    let plans = plans(&random);
    let watch = Arc::new(Watch::new(plans, child));
    let ran = time.run(World::live(
        time.clone(),
        random,
        Arc::clone(&watch),
        mistake,
    ));
    if let Err(stuck) = ran {
        watch.breaks(stuck.to_string());
    }
    let broken = watch.broken();
    let (log, coverage, events) = watch.take();
    Trial {
        log,
        coverage,
        events,
        broken,
    }
}

fn plans(random: &Random) -> BTreeMap<String, Arc<Plan>> {
    let workflows = 1 + random.below(3);
    let plans = (0..workflows).map(|number| {
        let definition = shapes::definition(&format!("t.{number}"), random);
        (format!("w{number}"), plan(definition))
    });
    plans.collect()
}

fn plan(definition: Definition) -> Arc<Plan> {
    #[allow(clippy::expect_used, reason = "a generator of valid definitions")]
    let plan = Plan::new(definition).expect("the definition is valid");
    Arc::new(plan)
}

struct World {
    site: Site,
    random: Random,
    watch: Arc<Watch>,
    mistake: Option<Mistake>,
    calm: Arc<AtomicBool>,
    plans: BTreeMap<String, Arc<Plan>>,
    registry: Arc<Registry>,
    newest: Arc<Mutex<HashMap<String, store::Fence>>>,
    processes: Vec<Process>,
    seen: Arc<Mutex<Seen>>,
    sent: u64,
}

struct Process {
    doors: Doors,
    _runtime: Option<PlatoRuntime>,
}

impl World {
    async fn live(time: VirtualTime, random: Random, watch: Arc<Watch>, mistake: Option<Mistake>) {
        let mut site = Site::start(&time, random.below(u64::MAX), GROUPS);
        site.look_ms = 500;
        let plans = watch.plans();
        let mut world = Self {
            registry: Arc::new(registry(&plans, &watch.child(), mistake)),
            site,
            random,
            watch,
            mistake,
            calm: Arc::default(),
            plans,
            newest: Arc::default(),
            processes: Vec::new(),
            seen: Arc::default(),
            sent: 0,
        };
        world.work().await;
        for number in 0..PROCESSES {
            let process = world.start_process(number).await;
            world.processes.push(process);
        }
        tokio::spawn(listen(world.site.clone()));
        world.start_workflows();
        for _ in 0..DEEDS {
            let wait = world.random.below(400);
            world.site.time.sleep(Duration::from_millis(wait)).await;
            world.deed().await;
            if world.watch.broken().is_some() {
                return;
            }
        }
        world.come_to_rest().await;
        world.check().await;
    }

    /// A process that is not there yet when it fails to start tries again.
    async fn start_process(&self, number: usize) -> Process {
        loop {
            let doors = Doors::new(&self.site.time, &self.random, &self.calm);
            if !doors.is_calm() {
                doors.skew(self.random.below(4_000) as i64 - 2_000);
            }
            let store = WatchedStore {
                store: Arc::clone(&self.site.store),
                doors: doors.clone(),
                watch: Arc::clone(&self.watch),
                mistake: self.mistake,
                newest: Arc::clone(&self.newest),
            };
            let config = RuntimeConfig {
                ttl: Duration::from_millis(TTL_MS),
                window: 3,
                snapshot_every: 1 + self.random.below(12),
                ..self.site.config(&format!("p{number}"))
            };
            let runtime = PlatoRuntime::start(
                config,
                Arc::new(store),
                self.site.client(doors.clone()),
                self.site.blobs.clone(),
                Arc::clone(&self.registry),
                Arc::new(doors.clone()),
            );
            if let Ok(runtime) = runtime.await {
                let _runtime = Some(runtime);
                return Process { doors, _runtime };
            }
        }
    }

    /// Two workers, which lose their way like all others.
    async fn work(&self) {
        let mut lists = Vec::new();
        for elements in 0..=MAX_ELEMENTS {
            lists.push(list(elements, &self.site).await);
        }
        for name in ["a", "b"] {
            let (random, lists) = (self.random.clone(), lists.clone());
            let calm = Arc::clone(&self.calm);
            let answer =
                move |call: &Call| answer(call, &random, &lists, calm.load(Ordering::Relaxed));
            let doors = Doors::new(&self.site.time, &self.random, &self.calm);
            let worker = Worker {
                site: self.site.clone(),
                client: self.site.client(doors),
                name: name.into(),
                answers: Arc::new(answer),
                lease_ms: LEASE_MS,
                seen: Arc::clone(&self.seen),
            };
            let (functions, services) = ([FUNCTION.to_owned()], [SERVICE.to_owned()]);
            tokio::spawn(async move { worker.run(&functions, &services).await });
        }
    }

    fn start_workflows(&mut self) {
        for (workflow, plan) in self.plans.clone() {
            let start = StartWorkflow {
                workflow_id: workflow.clone(),
                definition: plan.definition().name.clone(),
                input: Some(blob::Value::inline("{}").into()).into(),
                notify: EVENTS.into(),
                ..Default::default()
            };
            let message = self.site.message(&workflow, workflow.clone(), &start);
            self.send(message);
        }
    }

    /// Sends until it is acknowledged, as a caller does.
    fn send(&self, message: NewMessage) {
        let doors = Doors::new(&self.site.time, &self.random, &self.calm);
        let (client, time) = (self.site.client(doors), self.site.time.clone());
        tokio::spawn(async move {
            while client.enqueue(vec![message.clone()]).await.is_err() {
                time.sleep(Duration::from_millis(50)).await;
            }
        });
    }

    fn tell<M: buffa::Message + buffa::MessageName>(&mut self, workflow: &str, body: &M) {
        self.sent += 1;
        let id = format!("{workflow}/told/{}", self.sent);
        let message = self.site.message(workflow, id, body);
        self.send(message);
    }

    fn some_workflow(&self) -> String {
        let names: Vec<&String> = self.plans.keys().collect();
        self.random.pick(&names).to_string()
    }

    /// Something that happens.
    async fn deed(&mut self) {
        let victim = self.random.below(self.processes.len() as u64) as usize;
        let workflow_id = self.some_workflow();
        match self.random.below(24) {
            0 | 1 => self.processes[victim]
                .doors
                .die_in(1 + self.random.below(60)),
            2 => self.processes[victim].doors.die(),
            3 | 4 => {
                let pause = self.random.below(4 * TTL_MS) as i64;
                self.processes[victim].doors.pause(pause);
            }
            5 => {
                let skew = self.random.below(6_000) as i64 - 3_000;
                // Now and then by a time zone.
                let zone = [0, 0, 0, -HOUR_MS, HOUR_MS][self.random.below(5) as usize];
                self.processes[victim].doors.skew(skew + zone);
            }
            6..=9 => self.replace_the_dead().await,
            10..=12 => self.repeat(),
            13 if self.random.one_in(3) => {
                let cancel = CancelWorkflow {
                    workflow_id: workflow_id.clone(),
                    reason: "changed my mind".into(),
                    ..Default::default()
                };
                self.tell(&workflow_id, &cancel);
            }
            14 | 21 => {
                let pause = PauseWorkflow {
                    workflow_id: workflow_id.clone(),
                    reason: "lunch".into(),
                    ..Default::default()
                };
                self.tell(&workflow_id, &pause);
            }
            15 | 16 => self.resume(&workflow_id),
            17 | 18 | 22 => self.retry(&workflow_id, None),
            23 => {
                let node = self.some_node(&workflow_id);
                self.retry(&workflow_id, node);
            }
            19 | 20 => self.signal(&workflow_id).await,
            _ => {}
        }
    }

    fn retry(&mut self, workflow: &str, node: Option<String>) {
        let retry = RetryWorkflow {
            workflow_id: workflow.to_owned(),
            node,
            ..Default::default()
        };
        self.tell(workflow, &retry);
    }

    /// A node to run the workflow again from.
    fn some_node(&mut self, workflow: &str) -> Option<String> {
        let nodes = &self.plans.get(workflow)?.definition().nodes;
        let node = self.random.below(nodes.len() as u64) as usize;
        Some(nodes[node].name.clone())
    }

    fn resume(&mut self, workflow: &str) {
        let resume = ResumeWorkflow {
            workflow_id: workflow.to_owned(),
            ..Default::default()
        };
        self.tell(workflow, &resume);
    }

    async fn replace_the_dead(&mut self) {
        for number in 0..self.processes.len() {
            if self.processes[number].doors.is_dead() {
                self.processes[number] = self.start_process(number).await;
            }
        }
    }

    /// Signals every node of the workflow that waits for one.
    async fn signal(&mut self, workflow: &str) {
        let Some(plan) = self.plans.get(workflow).cloned() else {
            return;
        };
        let nodes = plan.definition().nodes.iter();
        for node in nodes.filter(|node| node.run == Run::Signal) {
            let value = list(self.random.below(MAX_ELEMENTS), &self.site).await;
            let signal = SignalWorkflow {
                workflow_id: workflow.to_owned(),
                node: node.name.clone(),
                value: Some(value.into()).into(),
                ..Default::default()
            };
            self.tell(workflow, &signal);
        }
    }

    /// A try that was begun before answers once more, perhaps otherwise.
    fn repeat(&mut self) {
        let calls = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.calls.clone()
        };
        if calls.is_empty() {
            return;
        }
        let call = self.random.pick(&calls);
        let generation = call.attempt.saturating_sub(1);
        let id = ids::invocation(&call.workflow, &call.node, call.element, generation);
        let result = blob::Value::inline(json!(call.element).to_string());
        let error = self.random.one_in(4);
        let error = error.then(|| Error::platform("LOST", "a late word").into());
        let result = error.is_none().then(|| result.into());
        self.sent += 1;
        let number = self.sent;
        let payload = match call.asked {
            Asked::Function(_) => envelope::seal(&InvocationResult {
                invocation_id: id.clone(),
                result: result.into(),
                error: error.into(),
                ..Default::default()
            }),
            Asked::Service(_) => envelope::seal(&CallResult {
                call_id: id.clone(),
                result: result.into(),
                error: error.into(),
                ..Default::default()
            }),
        };
        self.send(NewMessage {
            queue: names::inbox_of_workflow(OWN, &call.workflow, GROUPS),
            id: format!("{}/again/{number}", names::result_id(&id)),
            payload: envelope::to_payload(&payload),
            ..NewMessage::default()
        });
    }

    /// Nothing fails any more, and what waits for people gets what it waits for.
    async fn come_to_rest(&mut self) {
        self.calm.store(true, Ordering::Relaxed);
        self.replace_the_dead().await;
        for process in &self.processes {
            process.doors.live_on();
            process.doors.skew(0);
        }
        let end = self.site.time.now_ms() + CALM.as_millis() as i64;
        while self.site.time.now_ms() < end && self.watch.broken().is_none() {
            let live: Vec<String> = self.unfinished();
            for workflow in &live {
                self.resume(workflow);
                self.signal(workflow).await;
            }
            // Who was told to stop notices with its next sign of life, and a late word may
            // revive what has failed.
            self.site.time.sleep(REST).await;
            if live.is_empty() && self.unfinished().is_empty() {
                return;
            }
        }
    }

    /// The workflows that have not ended.
    fn unfinished(&self) -> Vec<String> {
        let begun = self.watch.begun().into_iter().map(|(id, _)| id);
        let mut all: BTreeSet<String> = begun.collect();
        all.extend(self.plans.keys().cloned());
        all.retain(|id| !self.has_ended(id));
        all.into_iter().collect()
    }

    fn has_ended(&self, workflow: &str) -> bool {
        let phase = self.watch.phase(workflow);
        phase.is_some_and(plato::Phase::is_final)
    }

    /// What has to be true when all is at rest.
    async fn check(&self) {
        if self.watch.broken().is_some() {
            return;
        }
        if let Err(why) = self.judge().await {
            self.watch.breaks(why);
        }
    }

    async fn judge(&self) -> Result<(), String> {
        for workflow in self.plans.keys() {
            let began = self.watch.state(workflow).is_some();
            began
                .then_some(())
                .ok_or_else(|| format!("{workflow} was acknowledged and never began"))?;
        }
        for (workflow, plan) in &self.watch.begun() {
            let state = self.watch.state(workflow);
            let state = state.ok_or_else(|| format!("{workflow} was forgotten"))?;
            if !state.phase.is_final() {
                let waits = plato::explain(plan, &state);
                return Err(format!(
                    "{workflow} does not end: it waits for {waits:?}\n{state:?}"
                ));
            }
            let kept = self.site.reader().state(workflow).await;
            let kept = kept.map_err(|e| e.to_string())?;
            if kept.as_ref() != Some(&state) {
                return Err(format!(
                    "{workflow} was read back as {kept:?}, it was {state:?}"
                ));
            }
            self.check_lists(workflow, plan, &state).await?;
        }
        self.check_quiet().await
    }

    /// The results of a map are complete, and in the order of its elements.
    async fn check_lists(
        &self,
        workflow: &str,
        plan: &Plan,
        state: &plato::State,
    ) -> Result<(), String> {
        for node in plan.ids() {
            let known = &state.nodes[node.index()];
            let is_map = matches!(plan.node(node).kind, Kind::Map { .. });
            if !is_map || known.phase() != NodePhase::Succeeded {
                continue;
            }
            let value = self.site.reader().value(workflow, node).await;
            let value = value.map_err(|e| e.to_string())?.unwrap_or_default();
            let list = value
                .list
                .ok_or_else(|| format!("{workflow}: {node} has no list"))?;
            let reader = ListReader::open(&self.site.blobs, list).await;
            let mut reader = reader.map_err(|e| e.to_string())?;
            let found = reader.all().await.map_err(|e| e.to_string())?;
            let found: Vec<String> = found
                .iter()
                .map(|value| String::from_utf8_lossy(&value.inline).into_owned())
                .collect();
            let is_right = |(element, result): (u64, &String)| {
                known.is_lost(element) || *result == element.to_string()
            };
            if found.len() as u64 != known.total() || !(0..).zip(&found).all(is_right) {
                return Err(format!("{workflow}: the results of {node} are {found:?}"));
            }
        }
        Ok(())
    }

    /// Nothing is left in a queue, and nothing runs that nobody waits for.
    async fn check_quiet(&self) -> Result<(), String> {
        let functions = names::function(FUNCTION);
        let inboxes = (0..GROUPS).map(|group| names::workflow_inbox(OWN, group));
        let queues: Vec<String> = inboxes
            .chain([functions, names::service_calls(SERVICE)])
            .collect();
        let counts = self.site.open().count(&queues).await;
        for count in counts.map_err(|e| e.to_string())? {
            if count.pending + count.running + count.invisible > 0 {
                return Err(format!("something is left in a queue: {count:?}"));
            }
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.running.is_empty() {
            true => Ok(()),
            false => Err(format!("nobody stopped {:?}", seen.running)),
        }
    }
}

fn registry(
    plans: &BTreeMap<String, Arc<Plan>>,
    child: &Arc<Plan>,
    mistake: Option<Mistake>,
) -> Registry {
    let mut registry = Registry::new();
    for plan in plans.values().chain([child]) {
        let definition = plan.definition().clone();
        let definition = match mistake {
            Some(Mistake::EarlyReduce) => shapes::without_a_reduce(definition),
            _ => definition,
        };
        let code = shapes::code(&definition);
        #[allow(clippy::expect_used, reason = "a generator of valid definitions")]
        registry
            .register(definition, code)
            .expect("the definition is valid and has its code");
    }
    registry
}

async fn list(elements: u64, site: &Site) -> blob::Value {
    let elements: Vec<blob::Value> = (0..elements)
        .map(|n| blob::Value::inline(n.to_string()))
        .collect();
    let list = blob::list::write(site.blobs.home(), &elements).await.ok();
    blob::Value {
        list,
        ..blob::Value::default()
    }
}

/// How a try fares: well, mostly.
fn answer(call: &Call, random: &Random, lists: &[blob::Value], is_calm: bool) -> Answer {
    let good = good(call, random, lists);
    if is_calm {
        return good;
    }
    let slowly = Duration::from_millis(random.below(1_500));
    match random.below(30) {
        0 => Answer::Fail(Error::platform("LOST", "the machine burnt")).after(slowly),
        1..=3 => Answer::Fail(Error::function("EXIT_1", "it does not like it")),
        4 => Answer::Fail(Error::source("TRUNCATED", "it ends early")),
        // Few are asked to undo something: often, that it fails is seen at all.
        14..=19 if call.node.starts_with("undo-") => {
            Answer::Fail(Error::source("TRUNCATED", "nothing can be undone"))
        }
        // A service keeps what it was asked.
        5 if matches!(call.asked, Asked::Function(_)) => Answer::Die,
        6 | 7 => good.after(Duration::from_millis(random.below(9_000))),
        8..=13 => good,
        _ => good.after(slowly),
    }
}

/// The number of its element, and a list for whoever maps over it.
fn good(call: &Call, random: &Random, lists: &[blob::Value]) -> Answer {
    Answer::Value(blob::Value {
        inline: json!(call.element).to_string().into(),
        ..random.pick(lists).clone()
    })
}

/// Hears how workflows are doing, as the layer above does.
async fn listen(site: Site) {
    let client = site.open();
    loop {
        let request = DequeueRequest {
            queues: vec![EVENTS.into()],
            max: 64,
            wait_ms: 60_000,
            lease_ms: None,
            session: Session {
                owner: "listener".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let messages = client.dequeue(request).await.unwrap_or_default();
        let done = messages.into_iter().map(|message| Completion {
            token: message.token,
            then_enqueue: Vec::new(),
        });
        // What is not completed is heard again.
        let _ = client.complete(done.collect()).await;
    }
}
