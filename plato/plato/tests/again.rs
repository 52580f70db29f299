//! Workflows that have ended, run again from a node on.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use errors::Error;
use plato::{
    Definition, Entry, Event, Header, Ignored, Input, NodeDef, NodeId, NodePhase, NotAgain, Parent,
    Phase, Plan, State, Success, TaskRef, Value, Work, Workflow,
};
use serde_json::json;

const SPLIT: NodeId = NodeId(0);
const WORK: NodeId = NodeId(1);
const JOIN: NodeId = NodeId(2);
const LOOK: NodeId = NodeId(3);
const TELL: NodeId = NodeId(4);

/// split → work (map) → join (reduce) → tell; look → tell.
fn nodes() -> Vec<NodeDef> {
    vec![
        NodeDef::function("split", "t-split"),
        NodeDef::function("work", "t-work").map_over("split"),
        NodeDef::function("join", "t-join").reduce_of("work"),
        NodeDef::inline("look"),
        NodeDef::inline("tell").after(["join", "look"]),
    ]
}

struct Run {
    workflow: Workflow,
    journal: Vec<Entry>,
    now_ms: i64,
}

impl Run {
    fn start(nodes: Vec<NodeDef>, header: Header) -> Self {
        let definition = Definition {
            name: "t.demo".into(),
            version: 1,
            output: nodes.last().unwrap().name.clone(),
            nodes,
        };
        Self::of(definition, header)
    }

    fn of(definition: Definition, header: Header) -> Self {
        let plan = Arc::new(Plan::new(definition).unwrap());
        let input = Value::inline("{}");
        let (workflow, step) = Workflow::start(plan, 16, "w", header, &input, 0);
        let mut run = Self {
            workflow,
            journal: Vec::new(),
            now_ms: 0,
        };
        run.commit(step.events);
        run
    }

    fn commit(&mut self, events: Vec<Event>) {
        let first = self.workflow.state().events - events.len() as u64;
        self.journal.push(Entry {
            first,
            at_ms: self.now_ms,
            events,
        });
    }

    fn handle(&mut self, input: Input) -> plato::Step {
        self.now_ms += 1;
        let step = self.workflow.handle(input, self.now_ms);
        if !step.events.is_empty() {
            self.commit(step.events.clone());
        }
        step
    }

    fn succeed(&mut self, node: NodeId, element: u64, generation: u32) -> plato::Step {
        let task = TaskRef {
            node,
            element,
            generation,
        };
        let elements = (node == SPLIT).then_some(3);
        let success = Success {
            elements,
            ..Success::default()
        };
        self.handle(Input::Succeeded(task, success))
    }

    /// Does what there is to do; what it was, in order.
    fn run_through(&mut self) -> Vec<(NodeId, u64, u32)> {
        let mut done = Vec::new();
        loop {
            let work = self.workflow.work(self.now_ms);
            if work.is_empty() {
                return done;
            }
            for one in work {
                match one {
                    Work::Run { node, tasks } => {
                        if self.workflow.plan().node(node).run != plato::Run::Inline {
                            self.handle(Input::Prepared(node, tasks.clone()));
                        }
                        for (element, generation) in tasks {
                            self.succeed(node, element, generation);
                            done.push((node, element, generation));
                        }
                    }
                    Work::Seal { node } => drop(self.handle(Input::Sealed(node))),
                    Work::Decide { node } => drop(self.handle(Input::Decided(node, Ok(false)))),
                }
            }
        }
    }

    fn ended() -> Self {
        let mut run = Self::start(nodes(), Header::default());
        run.run_through();
        assert_eq!(run.state().phase, Phase::Succeeded);
        run
    }

    fn state(&self) -> &State {
        self.workflow.state()
    }

    fn phase(&self, node: NodeId) -> NodePhase {
        self.state().nodes[node.index()].phase()
    }

    /// Why it does not run again from the node.
    fn refusal(&mut self, node: NodeId) -> NotAgain {
        let before = self.state().clone();
        let (plan, now_ms) = (Arc::clone(self.workflow.plan()), self.now_ms + 1);
        let why = plato::again_from(&plan, &before, node, now_ms).unwrap_err();
        let step = self.handle(Input::RetryFrom(node));
        assert_eq!((step.ignored, step.events), (Some(Ignored::Late), vec![]));
        assert_eq!(*self.state(), before);
        why
    }
}

#[test]
fn a_node_and_all_that_follow_it_run_again_and_the_rest_is_kept() {
    let mut run = Run::ended();
    let events = run.handle(Input::RetryFrom(WORK)).events;
    let nodes = vec![WORK, JOIN, TELL];
    let again = [
        Event::RetriedFrom { node: WORK, nodes },
        Event::NodeStarted {
            node: WORK,
            tasks: 3,
        },
    ];
    assert_eq!(events, again);
    let state = run.state();
    assert_eq!((state.phase, state.retries), (Phase::Running, 1));
    assert_eq!(state.nodes[WORK.index()].run(), 1);
    assert_eq!(run.phase(SPLIT), NodePhase::Succeeded);
    assert_eq!(run.phase(LOOK), NodePhase::Succeeded);
    assert_eq!(run.phase(JOIN), NodePhase::Waiting);

    // No try of the earlier run counts, were it told again.
    assert_eq!(run.succeed(WORK, 0, 0).ignored, Some(Ignored::Late));
    let done = run.run_through();
    let expected = [(WORK, 0), (WORK, 1), (WORK, 2), (JOIN, 0), (TELL, 0)];
    let found: Vec<_> = done.iter().map(|(node, task, _)| (*node, *task)).collect();
    assert_eq!(found, expected);
    assert!(done.iter().all(|(_, _, generation)| *generation > 0));
    assert_eq!(run.state().phase, Phase::Succeeded);
    assert_eq!(run.succeed(JOIN, 0, 0).ignored, Some(Ignored::Duplicate));
    let folded = State::fold("w", &run.journal).unwrap().unwrap();
    assert_eq!(folded, *run.state());
}

#[test]
fn an_inline_node_has_tries_of_its_own_in_each_run() {
    let mut run = Run::ended();
    let mut generations = Vec::new();
    for _ in 0..3 {
        run.handle(Input::RetryFrom(TELL));
        generations.extend(run.run_through());
    }
    let expected = [(TELL, 0, 1), (TELL, 0, 2), (TELL, 0, 3)];
    assert_eq!(generations, expected);
}

/// What an earlier run was given to do may answer late, and must not be taken for the next one's.
#[test]
fn what_was_handed_out_before_another_node_failed_has_a_try_of_its_own() {
    let nodes = vec![
        NodeDef::inline("first"),
        NodeDef::inline("slow").after(["first"]),
        NodeDef::inline("weak").after(["first"]),
        NodeDef::inline("last").after(["slow", "weak"]),
    ];
    let (first, slow, weak) = (NodeId(0), NodeId(1), NodeId(2));
    let mut run = Run::start(nodes, Header::default());
    run.run_through();
    let mut handed_out = Vec::new();
    for from in [Some(first), Some(first), None] {
        run.handle(from.map_or(Input::Retry, Input::RetryFrom));
        for _ in 0..2 {
            for work in run.workflow.work(run.now_ms) {
                let Work::Run { node, tasks } = work else {
                    panic!("{work:?}");
                };
                let (element, generation) = tasks[0];
                let task = TaskRef {
                    node,
                    element,
                    generation,
                };
                match node {
                    _ if node == slow => handed_out.push(generation),
                    _ if node == weak => {
                        drop(run.handle(Input::Failed(task, Error::user("WRONG", ""))));
                    }
                    _ => drop(run.succeed(node, element, generation)),
                }
            }
        }
        assert_eq!(run.state().phase, Phase::Failed);
    }
    assert_eq!(handed_out.len(), 3, "{handed_out:?}");
    assert!(handed_out[..2].is_sorted_by(|a, b| a < b), "{handed_out:?}");
    assert!(handed_out[2] >= handed_out[1], "{handed_out:?}");
    let folded = State::fold("w", &run.journal).unwrap().unwrap();
    assert_eq!(folded, *run.state());
}

#[test]
fn what_failed_elsewhere_is_tried_again_with_it() {
    let mut run = Run::start(nodes(), Header::default());
    let work = run.workflow.work(0);
    assert_eq!(work.len(), 2, "split and look");
    run.handle(Input::Prepared(SPLIT, vec![(0, 0)]));
    run.succeed(SPLIT, 0, 0);
    let task = TaskRef {
        node: LOOK,
        element: 0,
        generation: 0,
    };
    run.handle(Input::Failed(task, Error::user("WRONG", "")));
    assert_eq!(run.state().phase, Phase::Failed);

    let events = run.handle(Input::RetryFrom(SPLIT)).events;
    let nodes = vec![SPLIT, WORK, JOIN, TELL];
    assert_eq!(events[0], Event::RetriedFrom { node: SPLIT, nodes });
    assert_eq!(run.phase(LOOK), NodePhase::Running);
    run.run_through();
    assert_eq!(run.state().phase, Phase::Succeeded);
}

#[test]
fn a_signal_and_a_timer_are_waited_for_again() {
    let nodes = vec![
        NodeDef::signal("approve"),
        NodeDef::timer("wait", 100).after(["approve"]),
        NodeDef::inline("tell").after(["wait"]),
    ];
    let [approve, wait] = [0, 1].map(NodeId);
    let mut run = Run::start(nodes, Header::default());
    for _ in 0..2 {
        assert_eq!(run.phase(approve), NodePhase::Running);
        run.handle(Input::Signal(approve, None));
        assert_eq!(run.phase(wait), NodePhase::Running);
        run.now_ms = run.workflow.due().unwrap();
        run.handle(Input::Tick);
        run.run_through();
        assert_eq!(run.state().phase, Phase::Succeeded);
        run.handle(Input::RetryFrom(approve));
    }
}

#[test]
fn what_the_input_has_passed_over_stays_so() {
    let mut nodes = nodes();
    nodes[LOOK.index()] = NodeDef::inline("look").skip_when("/absent", json!(null));
    nodes[JOIN.index()] = NodeDef::function("join", "t-join")
        .reduce_of("work")
        .skip_if("false");
    let mut run = Run::start(nodes, Header::default());
    run.run_through();
    let events = run.handle(Input::RetryFrom(LOOK)).events;
    let nodes = vec![TELL];
    assert_eq!(events[0], Event::RetriedFrom { node: LOOK, nodes });
    assert_eq!(run.phase(LOOK), NodePhase::Skipped);
    run.run_through();

    // A condition on what other nodes put out is decided anew.
    run.handle(Input::RetryFrom(JOIN));
    assert_eq!(run.workflow.work(9), [Work::Decide { node: JOIN }]);
    run.handle(Input::Decided(JOIN, Ok(true)));
    run.run_through();
    assert_eq!(run.phase(JOIN), NodePhase::Skipped);
    assert_eq!(run.state().phase, Phase::Succeeded);
}

/// reserve (undone by release) → ship.
fn order() -> Run {
    let nodes = vec![
        NodeDef::inline("reserve"),
        NodeDef::inline("ship").after(["reserve"]),
        NodeDef::inline("release").undo_of("reserve"),
    ];
    let definition = Definition {
        name: "t.order".into(),
        version: 1,
        nodes,
        output: "ship".into(),
    };
    let mut run = Run::of(definition, Header::default());
    run.run_through();
    assert_eq!(run.state().phase, Phase::Succeeded);
    run
}

#[test]
fn what_was_kept_is_still_undone_where_the_second_run_fails() {
    let [reserve, ship, release] = [0, 1, 2].map(NodeId);
    let mut run = order();
    assert_eq!(run.phase(release), NodePhase::Skipped);
    assert_eq!(run.refusal(reserve), NotAgain::Undo(reserve));
    let events = run.handle(Input::RetryFrom(ship)).events;
    let nodes = vec![ship, release];
    assert_eq!(events[0], Event::RetriedFrom { node: ship, nodes });
    run.workflow.work(run.now_ms);
    let task = TaskRef {
        node: ship,
        element: 0,
        generation: 1,
    };
    run.handle(Input::Failed(task, Error::user("WRONG", "")));
    let done = run.run_through();
    assert_eq!(done, [(release, 0, 1)]);
    assert_eq!(run.state().phase, Phase::Failed);
    assert_eq!(run.refusal(ship), NotAgain::Undone);
}

#[test]
fn it_is_refused_where_it_would_not_be_sound() {
    let mut running = Run::start(nodes(), Header::default());
    assert_eq!(running.refusal(WORK), NotAgain::Running);
    let reason = "enough".to_owned();
    running.handle(Input::Cancel { reason });
    assert_eq!(running.refusal(WORK), NotAgain::Canceled);

    let deadline = Header {
        deadline_ms: Some(50),
        ..Header::default()
    };
    let mut late = Run::start(nodes(), deadline);
    late.run_through();
    late.now_ms = 49;
    assert_eq!(late.refusal(WORK), NotAgain::TooLate);

    let below = Header {
        parent: Some(Parent::default()),
        ..Header::default()
    };
    let mut below = Run::start(nodes(), below);
    below.run_through();
    assert_eq!(below.refusal(WORK), NotAgain::Child);

    let mut often = Run::ended();
    for _ in 0..plato::limits::MAX_WORKFLOW_RETRIES {
        often.handle(Input::RetryFrom(TELL));
        often.run_through();
    }
    assert_eq!(often.refusal(TELL), NotAgain::UsedUp);

    // Which of the two had it passed over is not told in any journal.
    let mut nodes = nodes();
    nodes[SPLIT.index()] = NodeDef::function("split", "t-split").skip_when("/no", json!(null));
    nodes[WORK.index()] = NodeDef::function("work", "t-work")
        .map_over("split")
        .skip_when("/absent", json!(1));
    let mut skipped = Run::start(nodes, Header::default());
    skipped.run_through();
    assert_eq!(skipped.refusal(SPLIT), NotAgain::Skipped(WORK));
}

#[test]
fn a_journal_that_names_a_node_that_is_not_there_is_refused() {
    let mut state = Run::ended().state().clone();
    let before = state.clone();
    let event = Event::RetriedFrom {
        node: TELL,
        nodes: vec![NodeId(9)],
    };
    assert!(state.apply(&event, 9).is_err());
    assert_eq!(state, before);
}
