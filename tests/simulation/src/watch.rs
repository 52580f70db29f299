//! Watches every commit that reaches the store, and judges it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plato::{Entry, Event, Kind, NodeId, NodePhase, Phase, Plan, State};
use plato_runtime::{Observed, observe};
use store::Batch;

use crate::coverage::{Coverage, Tasks};

/// What the commits of a run say.
pub(crate) struct Watch(Mutex<Seen>);

struct Seen {
    /// The plan of each workflow, as it should be carried out.
    plans: BTreeMap<String, Arc<Plan>>,
    /// That of the workflows that nodes start.
    child: Arc<Plan>,
    workflows: BTreeMap<String, Followed>,
    coverage: Coverage,
    log: Vec<u8>,
    events: u64,
    broken: Option<String>,
}

struct Followed {
    state: State,
    tasks: Tasks,
    successes: BTreeSet<(NodeId, u64)>,
}

impl Watch {
    pub(crate) fn new(plans: BTreeMap<String, Arc<Plan>>, child: Arc<Plan>) -> Self {
        Self(Mutex::new(Seen {
            plans,
            child,
            workflows: BTreeMap::new(),
            coverage: Coverage::default(),
            log: Vec::new(),
            events: 0,
            broken: None,
        }))
    }

    /// The plan of each workflow, as it should be carried out.
    pub(crate) fn plans(&self) -> BTreeMap<String, Arc<Plan>> {
        self.seen().plans.clone()
    }

    /// The plan of the workflows that nodes start.
    pub(crate) fn child(&self) -> Arc<Plan> {
        Arc::clone(&self.seen().child)
    }

    /// Every workflow that has begun, those that nodes started included, with its plan.
    pub(crate) fn begun(&self) -> Vec<(String, Arc<Plan>)> {
        let seen = self.seen();
        let begun = seen.workflows.keys();
        begun.map(|id| (id.clone(), seen.plan(id))).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a commit that took effect.
    pub(crate) fn committed(&self, batch: &Batch, now_ms: i64) {
        let mut seen = self.seen();
        let rows = match observe(batch) {
            Ok(rows) => rows,
            Err(problem) => return seen.breaks(problem.to_string()),
        };
        for row in &rows {
            if let Observed::Journaled { workflow, entry } = row {
                seen.journaled(workflow, entry, now_ms);
            }
        }
        for row in rows {
            if let Observed::Kept(state) = row {
                seen.kept(&state);
            }
        }
    }

    /// The first promise that was broken.
    pub(crate) fn broken(&self) -> Option<String> {
        self.seen().broken.clone()
    }

    pub(crate) fn breaks(&self, why: String) {
        self.seen().breaks(why);
    }

    pub(crate) fn phase(&self, workflow: &str) -> Option<Phase> {
        let seen = self.seen();
        seen.workflows.get(workflow).map(|known| known.state.phase)
    }

    pub(crate) fn state(&self, workflow: &str) -> Option<State> {
        let seen = self.seen();
        seen.workflows
            .get(workflow)
            .map(|known| known.state.clone())
    }

    /// What was journaled, line by line; transitions; how many events there were.
    pub(crate) fn take(&self) -> (Vec<u8>, Coverage, u64) {
        let mut seen = self.seen();
        let (log, coverage) = (&mut seen.log, Coverage::default());
        let log = std::mem::take(log);
        let coverage = std::mem::replace(&mut seen.coverage, coverage);
        (log, coverage, seen.events)
    }
}

impl Seen {
    fn breaks(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }

    fn plan(&self, workflow: &str) -> Arc<Plan> {
        Arc::clone(self.plans.get(workflow).unwrap_or(&self.child))
    }

    fn journaled(&mut self, workflow: &str, entry: &Entry, now_ms: i64) {
        let text = serde_json::to_string(entry).unwrap_or_default();
        let line = format!("{now_ms} {workflow} {text}\n");
        self.log.extend_from_slice(line.as_bytes());
        self.events += entry.events.len() as u64;
        if let Err(why) = self.follow(workflow, entry) {
            self.breaks(format!("{workflow}: {why}"));
        }
    }

    fn follow(&mut self, workflow: &str, entry: &Entry) -> Result<(), String> {
        let plan = self.plan(workflow);
        let mut events = entry.events.as_slice();
        if !self.workflows.contains_key(workflow) {
            let Some((Event::Started(header), rest)) = events.split_first() else {
                return Err(format!("its journal begins with {:?}", events.first()));
            };
            if header.parent.is_none() && !self.plans.contains_key(workflow) {
                return Err("nobody started it".to_owned());
            }
            let state = State::new(workflow, plato::Header::clone(header), entry.at_ms);
            Tasks::started(&mut self.coverage);
            let followed = Followed {
                state,
                tasks: Tasks::default(),
                successes: BTreeSet::new(),
            };
            self.workflows.insert(workflow.to_owned(), followed);
            events = rest;
        } else if let Some(known) = self.workflows.get(workflow)
            && known.state.events != entry.first
        {
            return Err(format!(
                "event {} was journaled after {} events: state went backwards, or a commit is lost",
                entry.first, known.state.events
            ));
        }
        let Some(known) = self.workflows.get_mut(workflow) else {
            return Ok(());
        };
        for event in events {
            known.take(&plan, event, entry.at_ms, &mut self.coverage)?;
        }
        Ok(())
    }

    /// The state that an owner keeps is the fold of what was journaled.
    fn kept(&mut self, state: &State) {
        let known = self.workflows.get(&state.id);
        if known.is_none_or(|known| known.state != *state) {
            let known = known.map(|known| &known.state);
            self.breaks(format!(
                "{}: the state that its owner keeps is not the fold of its journal\nkept: {state:?}\nfold: {known:?}",
                state.id
            ));
        }
    }
}

impl Followed {
    fn take(
        &mut self,
        plan: &Plan,
        event: &Event,
        at_ms: i64,
        coverage: &mut Coverage,
    ) -> Result<(), String> {
        match event {
            Event::TaskSucceeded { node, element, .. }
                if !self.successes.insert((*node, *element)) =>
            {
                return Err(format!(
                    "the success of {node} {element} was recorded twice"
                ));
            }
            Event::NodeStarted { node, .. } => self.check_start(plan, *node)?,
            // Each run of a node has successes of its own.
            Event::RetriedFrom { nodes, .. } => {
                self.successes.retain(|(node, _)| !nodes.contains(node));
            }
            event if self.state.phase.is_final() && *event != Event::Retried => {
                return Err(format!("{event:?} came after the end"));
            }
            _ => {}
        }
        let before = self.state.clone();
        self.state.apply(event, at_ms).map_err(|e| e.to_string())?;
        self.tasks.see(plan, event, &before, &self.state, coverage);
        Ok(())
    }

    /// A node starts when all that it waits for has ended well; a reduce after its whole map.
    fn check_start(&self, plan: &Plan, node: NodeId) -> Result<(), String> {
        let passes = |phase| matches!(phase, NodePhase::Succeeded | NodePhase::Skipped);
        for before in plan.dependencies(node) {
            let phase = self.state.nodes[before.index()].phase();
            if !passes(phase) {
                return Err(format!("{node} started too early: {before} is {phase:?}"));
            }
        }
        let Kind::Reduce { .. } = plan.node(node).kind else {
            return Ok(());
        };
        let Some(map) = plan.source(node) else {
            return Ok(());
        };
        let known = &self.state.nodes[map.index()];
        let is_missing =
            |element: &u64| !self.successes.contains(&(map, *element)) && !known.is_lost(*element);
        let missing = (0..known.total()).find(is_missing);
        match missing {
            Some(element) => Err(format!(
                "{node} started too early: no success of {map} {element}"
            )),
            None => Ok(()),
        }
    }
}
