//! Rules in virtual time.

mod log;
mod outcomes;
mod ran;
mod recorded;
mod replay;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use plato::{Definition, InvalidDefinition, NodeCode, Registry};
use plato_rules::{NewFact, Phase, RuleBase, RuleRegistry, Rules, RunOn, Value};
use plato_runtime::{Definitions, PlatoRuntime, assert_facts, retract_facts};
use proto::plato::v1::{CancelWorkflow, PauseWorkflow, ResumeWorkflow};
use serde_json::Value as Json;
use timestone::NewMessage;
use timestone_client::names;

use self::outcomes::Outcomes;
pub use self::ran::RulesRan;
pub use self::recorded::{Outcome, RulesRecording};
pub use self::replay::{replay_rules, replay_rules_on};
use crate::answer::{Answer, Call};
use crate::kit::{PATIENCE, send};
use crate::site::{SERVICE, Site};
use crate::time::{BEGIN_MS, VirtualTime};
use crate::worker::Seen;
use crate::world::{Callees, World};

/// The id of the workflow of a kit of rules.
pub(crate) const SUBJECT: &str = "subject";
/// The longest time between two looks at rules that are waited for.
const LOOK: Duration = Duration::from_secs(86_400);

/// What somebody outside does to rules at work.
#[derive(Clone, Debug)]
enum Act {
    Assert(Vec<NewFact>),
    Retract(Vec<NewFact>),
    Pause(String),
    Resume,
    Cancel(String),
}

/// Rules to be tried over the facts of one subject: they and their code as they are, and what
/// the world around them does.
pub struct RulesKit {
    rules: Arc<Rules>,
    bases: RuleRegistry,
    graphs: Registry,
    world: World,
    acts: Vec<(Duration, Act)>,
    patience: Duration,
}

impl RulesKit {
    /// Rules of this base; code by the names of those that need it.
    ///
    /// # Errors
    /// As those of [`RuleRegistry::register`].
    pub fn new<N: Into<String>>(
        base: RuleBase,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<Self, InvalidDefinition> {
        let rules = Arc::new(Rules::new(base.clone())?);
        let mut bases = RuleRegistry::default();
        bases.register(base, code)?;
        Ok(Self {
            rules,
            bases,
            graphs: Registry::new(),
            world: World::default(),
            acts: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// A graph and its code, for rules that start it. Functions and services of its nodes answer
    /// by the names of these.
    ///
    /// # Errors
    /// As those of [`Registry::register`].
    pub fn also<N: Into<String>>(
        mut self,
        definition: Definition,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<Self, InvalidDefinition> {
        self.graphs.register(definition, code)?;
        Ok(self)
    }

    /// What the function or the service of a rule, or of a node, answers. Without, it fails.
    pub fn answer(
        mut self,
        rule: &str,
        answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        self.world.answer(rule, answer);
        self
    }

    /// What one try of one firing's run answers instead: the `attempt`-th, from 1.
    pub fn inject(mut self, rule: &str, firing: u64, attempt: u32, answer: Answer) -> Self {
        self.world.inject(rule, firing, attempt, answer);
        self
    }

    /// Facts that somebody asserts together when so much time has passed: the type of each, and
    /// its fields.
    ///
    /// # Panics
    /// When one is not a fact of the rules.
    pub fn assert<'a>(
        self,
        after: Duration,
        facts: impl IntoIterator<Item = (&'a str, Json)>,
    ) -> Self {
        let facts = self.facts(facts);
        self.at(after, Act::Assert(facts))
    }

    /// Facts that somebody takes away together; of each, the fields of its key count.
    ///
    /// # Panics
    /// When one is not a fact of the rules.
    pub fn retract<'a>(
        self,
        after: Duration,
        facts: impl IntoIterator<Item = (&'a str, Json)>,
    ) -> Self {
        let facts = self.facts(facts);
        self.at(after, Act::Retract(facts))
    }

    /// Somebody has nothing fire from then on.
    pub fn pause(self, after: Duration, reason: &str) -> Self {
        self.at(after, Act::Pause(reason.to_owned()))
    }

    /// Somebody lets paused or halted rules go on.
    pub fn resume(self, after: Duration) -> Self {
        self.at(after, Act::Resume)
    }

    /// Somebody ends them.
    pub fn cancel(self, after: Duration, reason: &str) -> Self {
        self.at(after, Act::Cancel(reason.to_owned()))
    }

    /// How long runs may take before the rules are looked at as they are; twenty years.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn at(mut self, after: Duration, act: Act) -> Self {
        self.acts.push((after, act));
        self
    }

    fn facts<'a>(&self, facts: impl IntoIterator<Item = (&'a str, Json)>) -> Vec<NewFact> {
        let read = |(kind, fields): (&str, Json)| self.fact(kind, &fields);
        facts.into_iter().map(read).collect()
    }

    #[allow(clippy::panic, reason = "part of a test, which has failed")]
    fn fact(&self, kind: &str, fields: &Json) -> NewFact {
        let Some(known) = self.rules.base().facts.get(kind) else {
            panic!("the rules know no {kind}");
        };
        let given = fields.as_object().into_iter().flatten();
        let fields = given.map(|(name, value)| {
            let Some(wanted) = known.fields.get(name) else {
                panic!("{kind} has no field {name}");
            };
            let value = Value::of_json(value, *wanted);
            let value = value.unwrap_or_else(|problem| panic!("{kind}.{name}: {problem}"));
            (name.clone(), value)
        });
        NewFact {
            kind: kind.to_owned(),
            fields: fields.collect(),
        }
    }

    /// Puts the rules to work, does what is to be done, and waits until no run is out and
    /// nothing more is to come.
    ///
    /// # Panics
    /// When called on a thread of a Tokio runtime.
    pub fn run(self) -> RulesRan {
        let time = VirtualTime::default();
        #[allow(
            clippy::expect_used,
            reason = "the limit of patience is a time to wait for"
        )]
        time.run(self.run_in(time.clone()))
            .expect("the kit waits for time")
    }

    async fn run_in(mut self, time: VirtualTime) -> RulesRan {
        let site = Site::start(&time, 1, 1);
        let mut worker = std::mem::take(&mut self.world).worker(&site);
        let (seen, outcomes) = (Arc::clone(&worker.seen), Outcomes::default());
        worker.answers = outcomes.noting(worker.answers);
        let callees = self.callees();
        tokio::spawn(async move { worker.run(&callees.functions, &callees.services).await });
        let _runtime = self.start(&site).await;
        self.acts.sort_by_key(|(after, _)| *after);
        let end = BEGIN_MS.saturating_add_unsigned(self.patience.as_millis() as u64);
        tokio::select! {
            biased;
            () = self.act_out(&site) => {}
            () = time.until_ms(end) => {}
        }
        self.read(&site, &seen, outcomes).await
    }

    async fn start(&self, site: &Site) -> PlatoRuntime {
        let definitions = Definitions {
            graphs: Arc::new(self.graphs.clone()),
            rules: Arc::new(self.bases.clone()),
        };
        let runtime = PlatoRuntime::start(
            site.config("kit"),
            Arc::clone(&site.store) as _,
            site.open(),
            site.blobs.clone(),
            definitions,
            Arc::new(site.time.clone()),
        );
        #[allow(clippy::expect_used, reason = "a store in memory does not fail")]
        runtime.await.expect("the runtime starts")
    }

    fn callees(&self) -> Callees {
        let mut callees = Callees::of_graphs(&self.graphs);
        let rules = &self.rules.base().rules;
        for run in rules.iter().filter_map(|rule| self.rules.run(&rule.name)) {
            match run {
                RunOn::Function(function) => callees.functions.push(function.clone()),
                RunOn::Service { service, .. } => callees.services.push(service.clone()),
                RunOn::Workflow { .. } => {}
            }
        }
        callees.once()
    }

    async fn act_out(&self, site: &Site) {
        for (number, (after, act)) in self.acts.iter().enumerate() {
            let due = BEGIN_MS.saturating_add_unsigned(after.as_millis() as u64);
            site.time.until_ms(due).await;
            send(site, self.message(site, number, act)).await;
            crate::kit::until_handled(site, SUBJECT).await;
        }
        let mut wait = Duration::from_millis(1);
        while !is_at_rest(site).await {
            site.time.sleep(wait).await;
            wait = LOOK.min(wait * 2);
        }
    }

    fn message(&self, site: &Site, number: usize, act: &Act) -> NewMessage {
        let (id, workflow_id) = (format!("act {number}"), SUBJECT.to_owned());
        let of_facts = |payload| NewMessage {
            queue: names::inbox_of_workflow(SERVICE, SUBJECT, site.groups),
            id: id.clone(),
            payload,
            ..NewMessage::default()
        };
        match act.clone() {
            Act::Assert(facts) => of_facts(assert_facts(SUBJECT, &self.rules.base().name, &facts)),
            Act::Retract(facts) => of_facts(retract_facts(SUBJECT, &facts)),
            Act::Pause(reason) => {
                let pause = PauseWorkflow {
                    workflow_id,
                    reason,
                    ..Default::default()
                };
                site.message(SUBJECT, id, &pause)
            }
            Act::Resume => {
                let resume = ResumeWorkflow {
                    workflow_id,
                    ..Default::default()
                };
                site.message(SUBJECT, id, &resume)
            }
            Act::Cancel(reason) => {
                let cancel = CancelWorkflow {
                    workflow_id,
                    reason,
                    ..Default::default()
                };
                site.message(SUBJECT, id, &cancel)
            }
        }
    }

    async fn read(self, site: &Site, seen: &Mutex<Seen>, outcomes: Outcomes) -> RulesRan {
        // Whoever was told to stop notices within a third of its lease.
        site.time.sleep(LOOK).await;
        let reader = site.reader();
        let history = reader.rules_history(SUBJECT).await.unwrap_or_default();
        let seen = Seen::take(seen);
        RulesRan {
            state: reader.rules(SUBJECT).await.ok().flatten(),
            outcomes: outcomes.of(&self.rules, &history, site).await,
            rules: self.rules,
            history,
            calls: seen.calls,
            stopped: seen.stopped,
            running: seen.running,
        }
    }
}

/// Whether nothing more will happen by itself.
async fn is_at_rest(site: &Site) -> bool {
    let state = site.reader().rules(SUBJECT).await.ok().flatten();
    state.is_none_or(|state| state.phase == Phase::Canceled || state.active().next().is_none())
}
