//! Random workflows under random outcomes, duplicates, reordering, timeouts,
//! cancels and crashes: whatever happens, each task's success is recorded once,
//! a reduce comes after all of its map, and the end is reached.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::Arc;

use errors::Error;
use plato::{
    Allowed, Definition, Entry, Event, Header, Input, Kind, NodeDef, NodeId, NodePhase, Phase,
    Plan, Retry, Run, Speculate, State, Step, Success, TaskRef, Value, Work, Workflow,
};
use proptest::prelude::*;

const WINDOW: usize = 3;
/// More than any run takes that makes progress.
const MAX_STEPS: usize = 20_000;

/// One node: how it is made, and which earlier nodes it waits for.
#[derive(Clone, Debug)]
struct Shape {
    kind: u8,
    run: u8,
    after: Vec<u8>,
    elements: u64,
    timeout: bool,
    skipped: bool,
    /// Whether, and how, what it did can be undone.
    undo: Option<u8>,
    /// Whether elements may fail, and slow tasks run twice.
    eager: bool,
    /// Whether it is decided if it is passed over.
    asks: bool,
    /// How many elements one task is given, at most; 0 = one, and nothing is said of it.
    batch: u32,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let after = proptest::collection::vec(any::<u8>(), 0..3);
    let undo = proptest::option::weighted(0.3, 0_u8..3);
    let shape = (
        0_u8..4,
        0_u8..5,
        after,
        0_u64..9,
        any::<bool>(),
        0_u8..8,
        undo,
        (any::<bool>(), any::<bool>(), 0_u32..4),
    );
    let shape = shape.prop_map(
        |(kind, run, after, elements, timeout, skipped, undo, more)| Shape {
            kind,
            run,
            after,
            elements,
            timeout,
            skipped: skipped == 0,
            undo,
            eager: more.0,
            asks: more.1,
            batch: more.2,
        },
    );
    proptest::collection::vec(shape, 1..8)
}

/// A valid definition: nodes only wait for earlier ones.
fn definition(shapes: &[Shape]) -> Definition {
    let mut nodes: Vec<NodeDef> = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let node = node(index, shape, &nodes);
        nodes.push(node);
    }
    let all: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    nodes.push(NodeDef::inline("end").after(all));
    nodes.extend(shapes.iter().enumerate().filter_map(undo));
    Definition {
        name: "t.random".into(),
        version: 1,
        nodes,
        output: "end".into(),
    }
}

/// What undoes a node.
fn undo((index, shape): (usize, &Shape)) -> Option<NodeDef> {
    let name = format!("u{index}");
    let node = match shape.undo? {
        0 => NodeDef::inline(name),
        1 => NodeDef::function(name, "t-u").timeout_ms(50),
        _ => NodeDef::service(name, "t", "Undo"),
    };
    let retry = Retry {
        backoff_ms: 10,
        ..Retry::default()
    };
    Some(node.undo_of(format!("n{index}")).retry(retry))
}

fn node(index: usize, shape: &Shape, earlier: &[NodeDef]) -> NodeDef {
    let name = format!("n{index}");
    let mut node = match shape.run {
        0 => NodeDef::inline(name),
        1 => NodeDef::function(name, "t-f"),
        3 => NodeDef::signal(name),
        4 => NodeDef::timer(name, 30),
        _ => NodeDef::service(name, "t", "Do"),
    };
    let maps = earlier
        .iter()
        .rev()
        .find(|node| matches!(node.kind, Kind::Map { .. }));
    let waits = node.run.waits();
    node = match (shape.kind, earlier.last(), maps) {
        _ if waits => node,
        (1, Some(over), _) => node.map_over(over.name.clone()),
        (2, _, Some(map)) => node.reduce_of(map.name.clone()),
        _ => node,
    };
    let after = shape
        .after
        .iter()
        .filter(|_| index > 0)
        .map(|a| format!("n{}", *a as usize % index));
    node = node.after(after.collect::<Vec<_>>());
    node.retry = Retry {
        backoff_ms: 10,
        ..Retry::default()
    };
    let is_map = matches!(node.kind, Kind::Map { .. });
    if shape.eager && is_map {
        node = node.allow_failed(Allowed::Count(2));
    }
    if shape.eager && is_map && shape.run == 1 {
        node = node.speculate(Speculate {
            quantile: 50,
            factor: 100,
            min_ms: 5,
        });
    }
    if shape.batch > 0 && is_map && shape.run < 2 {
        node = node.batch(shape.batch);
    }
    node.timeout_ms = (shape.timeout && !waits).then_some(50);
    if shape.asks {
        node = node.skip_if("input.some");
    }
    match shape.skipped {
        true => node.skip_when("/absent", serde_json::Value::Null),
        false => node,
    }
}

/// A small generator of choices; the same seed makes the same run.
struct Choices(u64);

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn take<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        (!from.is_empty()).then(|| from.swap_remove(self.below(from.len())))
    }
}

/// The world around one workflow.
struct World {
    choices: Choices,
    shapes: Vec<Shape>,
    plan: Arc<Plan>,
    workflow: Workflow,
    now_ms: i64,
    journal: Vec<Entry>,
    /// The newest snapshot, which a crash goes back to, to replay from there.
    snapshot: State,
    /// Work that this process does; lost in a crash.
    work: Vec<Work>,
    /// Prepared or running inline; lost in a crash.
    ours: Vec<TaskRef>,
    /// Sent and not yet answered, in any order, some twice.
    sent: Vec<TaskRef>,
    /// Answered before: a duplicate may still come.
    answered: Vec<TaskRef>,
    /// In the outbox: survives a crash.
    to_tell: Vec<TaskRef>,
    /// Whether failures are among the outcomes.
    failures: bool,
    crashes: usize,
}

impl World {
    fn new(shapes: Vec<Shape>, seed: u64) -> Self {
        let plan = Arc::new(Plan::new(definition(&shapes)).unwrap());
        let mut choices = Choices(seed);
        let header = Header {
            deadline_ms: choices.one_in(20).then_some(400),
            ..Header::default()
        };
        let (workflow, step) =
            Workflow::start(Arc::clone(&plan), WINDOW, "w", header, &Value::default(), 0);
        let failures = choices.one_in(2);
        let snapshot = workflow.state().clone();
        let mut world = Self {
            choices,
            shapes,
            plan,
            workflow,
            now_ms: 0,
            journal: Vec::new(),
            snapshot,
            work: Vec::new(),
            ours: Vec::new(),
            sent: Vec::new(),
            answered: Vec::new(),
            to_tell: Vec::new(),
            failures,
            crashes: 0,
        };
        world.commit(step);
        world
    }

    fn commit(&mut self, step: Step) {
        self.to_tell.extend(step.cancel);
        let count = step.events.len() as u64;
        if count > 0 {
            let first = self.workflow.state().events - count;
            self.journal.push(Entry {
                first,
                at_ms: self.now_ms,
                events: step.events,
            });
        }
        self.work.extend(self.workflow.work(self.now_ms));
    }

    fn handle(&mut self, input: Input) -> Step {
        let step = self.workflow.handle(input, self.now_ms);
        self.commit(step.clone());
        step
    }

    fn run(&mut self) {
        for _ in 0..MAX_STEPS {
            if self.workflow.state().phase.is_final() && !self.retried() {
                return;
            }
            self.step();
            self.check_fold();
        }
        panic!("no end in sight: {:?}", self.workflow.state());
    }

    fn step(&mut self) {
        match self.choices.below(14) {
            0 if self.crashes < 5 => self.crash(),
            1 => self.pass_time(),
            2 => self.duplicate(),
            3 if self.choices.one_in(200) => {
                self.handle(Input::Cancel {
                    reason: "random".into(),
                });
            }
            4 => drop(self.told()),
            5 if self.choices.one_in(3) => self.snapshot = self.workflow.state().clone(),
            6 | 7 => self.do_work(),
            12 => self.pause_or_resume(),
            13 => self.signal(),
            8 => self.end_ours(),
            _ => self.answer(),
        }
    }

    /// What failed may be tried again, or any node be run again with what follows it; twice at
    /// most.
    fn retried(&mut self) -> bool {
        let state = self.workflow.state();
        if state.retries == 2 || !self.choices.one_in(2) {
            return false;
        }
        if self.choices.one_in(2) {
            let node = self.choices.below(self.plan.ids().count());
            let node = NodeId(u32::try_from(node).unwrap());
            let events = self.handle(Input::RetryFrom(node)).events;
            return !events.is_empty();
        }
        // A deadline that has passed fails it again at once.
        self.handle(Input::Retry).events.contains(&Event::Retried)
    }

    fn pause_or_resume(&mut self) {
        let input = match self.workflow.state().paused {
            None if !self.choices.one_in(8) => return,
            None => Input::Pause {
                reason: "random".into(),
            },
            Some(_) => Input::Resume,
        };
        self.handle(input);
        let state = self.workflow.state();
        let is_held = state.phase == Phase::Running && state.paused.is_some();
        assert!(!is_held || self.workflow.work(self.now_ms).is_empty());
    }

    /// Of any node, also of one that waits for none.
    fn signal(&mut self) {
        let node = NodeId(u32::try_from(self.choices.below(self.plan.ids().count())).unwrap());
        let elements = self.shapes.get(node.index()).map(|shape| shape.elements);
        let step = self.handle(Input::Signal(node, elements));
        let waits = self.plan.node(node).run == Run::Signal;
        assert!(waits || step.events.is_empty());
    }

    /// Memory is lost; journal, outbox and what was sent stay.
    fn crash(&mut self) {
        self.crashes += 1;
        let mut state = self.snapshot.clone();
        for entry in &self.journal {
            state.replay(entry).unwrap();
        }
        self.workflow = Workflow::restore(Arc::clone(&self.plan), WINDOW, state);
        self.work.clear();
        self.ours.clear();
        self.work.extend(self.workflow.work(self.now_ms));
    }

    fn pass_time(&mut self) {
        let idle = self.work.is_empty() && self.ours.is_empty() && self.sent.is_empty();
        if let Some(due) = self.workflow.due()
            && (idle || self.choices.one_in(4))
        {
            self.now_ms = self.now_ms.max(due);
            self.handle(Input::Tick);
        }
    }

    fn do_work(&mut self) {
        match self.choices.take(&mut self.work) {
            Some(Work::Seal { node }) => {
                let total = self.workflow.state().nodes[node.index()].total();
                let lost = self.workflow.state().nodes[node.index()].lost();
                assert_eq!(
                    self.successes(node).len() as u64 + lost,
                    total,
                    "sealed before all were done"
                );
                let sealed = self.handle(Input::Sealed(node));
                self.check_elements(node, total, &sealed);
            }
            Some(Work::Run { node, tasks }) if self.plan.node(node).run == Run::Inline => {
                let tasks = tasks.into_iter();
                self.ours.extend(tasks.map(|(element, generation)| TaskRef {
                    node,
                    element,
                    generation,
                }));
            }
            Some(Work::Run { node, tasks }) => {
                let step = self.handle(Input::Prepared(node, tasks));
                self.sent.extend(dispatched(&step));
                let out = self.workflow.out().filter(|task| task.node == node);
                let elements: BTreeSet<u64> = out.map(|task| task.element).collect();
                assert!(elements.len() <= WINDOW);
            }
            Some(Work::Decide { node }) => {
                let holds = match self.choices.below(12) {
                    0 if self.failures => Err(Error::function("UNDECIDED", "")),
                    n => Ok(n < 4),
                };
                self.handle(Input::Decided(node, holds));
            }
            None => {}
        }
    }

    /// Every element of the list was given to one task, and has a result.
    fn check_elements(&self, node: NodeId, tasks: u64, sealed: &Step) {
        let spans = (0..tasks).map(|task| self.workflow.span(node, task));
        let given: Vec<u64> = spans.flatten().collect();
        let passed = sealed.events.iter().find_map(|event| match event {
            Event::NodeSucceeded { elements, .. } => *elements,
            _ => None,
        });
        if let Some(elements) = passed {
            assert_eq!(given, (0..elements).collect::<Vec<_>>());
        }
        let progress = &self.workflow.progress()[node.index()];
        assert_eq!(progress.done + progress.lost, progress.total);
    }

    fn end_ours(&mut self) {
        if let Some(task) = self.choices.take(&mut self.ours) {
            self.end(task);
        }
    }

    fn answer(&mut self) {
        if let Some(task) = self.choices.take(&mut self.sent) {
            self.end(task);
            self.answered.push(task);
        }
    }

    /// The same answer again, or another one to the same try.
    fn duplicate(&mut self) {
        if let Some(task) = self.choices.take(&mut self.answered) {
            self.end(task);
        }
    }

    fn end(&mut self, task: TaskRef) {
        let input = match self.choices.below(if self.failures { 8 } else { 100 }) {
            0 => Input::Failed(task, Error::platform("LOST", "")),
            1 if self.failures => Input::Failed(task, Error::function("EXIT_1", "")),
            _ => Input::Succeeded(task, self.success(task)),
        };
        self.handle(input);
    }

    fn success(&self, task: TaskRef) -> Success {
        let elements = self
            .shapes
            .get(task.node.index())
            .map(|shape| shape.elements);
        Success {
            elements,
            ..Success::default()
        }
    }

    fn told(&mut self) -> Option<()> {
        let task = self.choices.take(&mut self.to_tell)?;
        self.handle(Input::Told(vec![task]));
        Some(())
    }

    /// The state is the fold of the journal, at every step.
    fn check_fold(&self) {
        let folded = State::fold("w", &self.journal).unwrap().unwrap();
        assert_eq!(folded, *self.workflow.state());
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.journal.iter().flat_map(|entry| &entry.events)
    }

    fn successes(&self, of: NodeId) -> Vec<u64> {
        let mut successes = Vec::new();
        for event in self.events() {
            match event {
                Event::TaskSucceeded { node, element, .. } if *node == of => {
                    successes.push(*element);
                }
                // Each run has its own.
                Event::RetriedFrom { nodes, .. } if nodes.contains(&of) => successes.clear(),
                _ => {}
            }
        }
        successes
    }

    /// The elements that failed for good in the run of the node that counts.
    fn lost(&self, of: NodeId) -> BTreeSet<u64> {
        let (mut lost, mut is_kept) = (BTreeSet::new(), false);
        for event in self.events() {
            match event {
                Event::NodeSucceeded { node, .. } if *node == of => is_kept = true,
                Event::RetriedFrom { nodes, .. } if nodes.contains(&of) => {
                    is_kept = false;
                    lost.clear();
                }
                Event::TaskFailed {
                    node,
                    element,
                    retry_at_ms: None,
                    ..
                } if *node == of => {
                    lost.insert(*element);
                }
                Event::TaskSucceeded { node, element, .. } if *node == of => {
                    lost.remove(element);
                }
                Event::Retried | Event::RetriedFrom { .. } if !is_kept => lost.clear(),
                _ => {}
            }
        }
        lost
    }

    fn check_end(&self) {
        for node in self.plan.ids() {
            let successes = self.successes(node);
            let once: BTreeSet<u64> = successes.iter().copied().collect();
            assert_eq!(once.len(), successes.len(), "a success was recorded twice");
            let state = &self.workflow.state().nodes[node.index()];
            if state.phase() == NodePhase::Succeeded {
                let lost = self.lost(node);
                assert!(lost.is_disjoint(&once) && lost.len() as u64 == state.lost());
                let given = lost.iter().map(|task| self.workflow.span(node, *task));
                let given = given.map(|span| span.end - span.start).sum::<u64>();
                assert!(given <= 2, "more were lost than is allowed");
                assert_eq!(&once | &lost, (0..state.total()).collect());
            }
        }
        self.check_order();
        self.check_undone();
        self.check_ending();
    }

    /// A node starts when all it waits for has ended well, and only then.
    fn check_order(&self) {
        let mut through = BTreeSet::new();
        for event in self.events() {
            match event {
                Event::NodeStarted { node, .. } => {
                    assert!(
                        self.plan
                            .dependencies(*node)
                            .iter()
                            .all(|d| through.contains(d))
                    );
                }
                Event::NodeSucceeded { node, .. } | Event::NodeSkipped { node, .. } => {
                    assert!(through.insert(*node), "a node ended twice");
                }
                Event::RetriedFrom { nodes, .. } => {
                    through.retain(|node| !nodes.contains(node));
                }
                _ => {}
            }
        }
    }

    /// What has succeeded is undone once, the last first and nothing beside it, when the
    /// workflow does not succeed; and only then.
    fn check_undone(&self) {
        let is_undo = |node: &NodeId| self.plan.is_undo(*node);
        let started: Vec<NodeId> = self
            .events()
            .filter_map(|event| match event {
                Event::NodeStarted { node, .. } if is_undo(node) => Some(*node),
                _ => None,
            })
            .collect();
        let undoes = |of: NodeId| {
            let mut undos = self.plan.ids().filter(is_undo);
            undos.find(|undo| self.plan.source(*undo) == Some(of))
        };
        let mut expected: Vec<NodeId> = self
            .events()
            .filter_map(|event| match event {
                Event::NodeSucceeded { node, .. } if !is_undo(node) => undoes(*node),
                _ => None,
            })
            .collect();
        expected.reverse();
        match self.workflow.state().phase {
            Phase::Succeeded => assert_eq!(started, []),
            _ => assert_eq!(started, expected),
        }
        self.check_one_at_a_time();
    }

    fn check_one_at_a_time(&self) {
        let mut running = None;
        for event in self.events() {
            match event {
                Event::NodeStarted { node, .. } if self.plan.is_undo(*node) => {
                    assert_eq!(running.replace(*node), None);
                }
                Event::NodeSucceeded { node, .. } | Event::NodeFailed { node } => {
                    running.take_if(|undo| undo == node);
                }
                Event::TasksDispatched { node, .. } | Event::TaskSucceeded { node, .. } => {
                    assert!(running.is_none() || running == Some(*node));
                }
                _ => {}
            }
        }
        assert_eq!(running, None);
    }

    /// Every try that was handed on came back, failed, or was told to stop.
    fn check_ending(&self) {
        let mut out = BTreeSet::new();
        for event in self.events() {
            match event {
                Event::TasksDispatched { node, tasks } => {
                    assert!(
                        tasks.iter().all(|task| out.insert((*node, *task))),
                        "handed on twice"
                    );
                }
                Event::TaskSucceeded {
                    node,
                    element,
                    generation,
                    ..
                }
                | Event::TaskFailed {
                    node,
                    element,
                    generation,
                    ..
                } => {
                    out.remove(&(*node, (*element, *generation)));
                }
                Event::TasksStopped { node, tasks } => {
                    assert!(tasks.iter().all(|task| out.remove(&(*node, *task))));
                }
                _ => {}
            }
        }
        assert!(out.is_empty(), "left alone: {out:?}");
        let ended = self
            .events()
            .filter(|event| matches!(event, Event::Ended { .. }))
            .count();
        let lives = self.workflow.state().retries as usize + 1;
        assert_eq!((ended, self.workflow.due()), (lives, None));
    }
}

fn dispatched(step: &Step) -> Vec<TaskRef> {
    let tasks = step.events.iter().flat_map(|event| match event {
        Event::TasksDispatched { node, tasks } => tasks
            .iter()
            .map(|(element, generation)| (*node, *element, *generation))
            .collect(),
        _ => Vec::new(),
    });
    tasks
        .map(|(node, element, generation)| TaskRef {
            node,
            element,
            generation,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_with_each_success_recorded_once(shapes in shapes(), seed in any::<u64>()) {
        let mut world = World::new(shapes, seed);
        world.run();
        world.check_end();
    }

    #[test]
    fn the_same_seed_makes_the_same_journal(shapes in shapes(), seed in any::<u64>()) {
        let journal = || {
            let mut world = World::new(shapes.clone(), seed);
            world.run();
            world.journal
        };
        prop_assert_eq!(journal(), journal());
    }
}
