//! Workflows driven by hand: what happens when all goes well, and when it does not.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use errors::{Class, Error};
use plato::{
    Allowed, Definition, End, Event, Header, Ignored, Input, NodeDef, NodeId, NodePhase, Phase,
    Plan, Reason, Retry, Speculate, State, Success, TaskRef, Value, Work, Workflow,
};
use serde_json::json;

const SPLIT: NodeId = NodeId(0);
const WORK: NodeId = NodeId(1);
const JOIN: NodeId = NodeId(2);
const TELL: NodeId = NodeId(3);

fn definition() -> Definition {
    Definition {
        name: "t.demo".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "t-split"),
            NodeDef::function("work", "t-work")
                .map_over("split")
                .timeout_ms(60_000),
            NodeDef::function("join", "t-join")
                .reduce_of("work")
                .skip_when("/join", json!(false)),
            NodeDef::inline("tell").after(["work", "join"]),
        ],
        output: "tell".into(),
    }
}

fn start_with(window: usize, header: Header, input: &str) -> Workflow {
    let plan = Arc::new(Plan::new(definition()).unwrap());
    let input = Value::inline(input.to_owned());
    Workflow::start(plan, window, "w", header, &input, 0).0
}

fn start(window: usize) -> Workflow {
    start_with(window, Header::default(), "{}")
}

fn task(node: NodeId, element: u64, generation: u32) -> TaskRef {
    TaskRef {
        node,
        element,
        generation,
    }
}

/// Hands the work on as the runtime does: prepared at once.
fn dispatch(workflow: &mut Workflow, now_ms: i64) -> Vec<Work> {
    let work = workflow.work(now_ms);
    for one in &work {
        if let Work::Run { node, tasks } = one
            && *node != TELL
        {
            workflow.handle(Input::Prepared(*node, tasks.clone()), now_ms);
        }
    }
    work
}

fn succeed(workflow: &mut Workflow, task: TaskRef, elements: Option<u64>) -> Vec<Event> {
    let success = Success {
        elements,
        ..Success::default()
    };
    workflow.handle(Input::Succeeded(task, success), 1).events
}

/// Up to a map of `count` elements whose window is full.
fn mapping(window: usize, count: u64) -> Workflow {
    let mut workflow = start(window);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(count));
    dispatch(&mut workflow, 0);
    workflow
}

fn phase(workflow: &Workflow, node: NodeId) -> NodePhase {
    workflow.state().nodes[node.index()].phase()
}

#[test]
fn what_succeeded_is_undone_last_first_when_the_workflow_is_canceled() {
    let [reserve, charge, ship, release, refund] = [0, 1, 2, 3, 4].map(NodeId);
    let undo = |name: &str, of: &str| NodeDef::inline(name).undo_of(of).retry(Retry::NEVER);
    let definition = Definition {
        name: "t.order".into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("reserve"),
            NodeDef::inline("charge").after(["reserve"]),
            NodeDef::signal("ship").after(["charge"]),
            undo("release", "reserve"),
            undo("refund", "charge"),
        ],
        output: "ship".into(),
    };
    let plan = Arc::new(Plan::new(definition).unwrap());
    let input = Value::default();
    let (mut workflow, _) = Workflow::start(plan, 4, "w", Header::default(), &input, 0);
    for node in [reserve, charge] {
        workflow.work(0);
        succeed(&mut workflow, task(node, 0, 0), None);
    }
    assert_eq!(phase(&workflow, ship), NodePhase::Running);
    let reason = "not wanted".to_owned();
    workflow.handle(Input::Cancel { reason }, 1);
    let run = |node| {
        vec![Work::Run {
            node,
            tasks: vec![(0, 0)],
        }]
    };
    assert_eq!(workflow.work(1), run(refund));
    assert_eq!(phase(&workflow, release), NodePhase::Waiting);
    // One that fails is told, and does not stop the others.
    let error = Error::function("NO_MONEY", "the account is closed");
    workflow.handle(Input::Failed(task(refund, 0, 0), error), 2);
    assert_eq!(phase(&workflow, refund), NodePhase::Failed);
    assert_eq!(workflow.work(2), run(release));
    succeed(&mut workflow, task(release, 0, 0), None);
    let state = workflow.state();
    assert_eq!(state.phase, Phase::Canceled);
    assert_eq!(state.error.as_ref().unwrap().message, "not wanted");
    assert_eq!(phase(&workflow, ship), NodePhase::Canceled);
    assert_eq!(workflow.due(), None);
}

#[test]
fn what_was_undone_is_not_taken_up_again() {
    let definition = Definition {
        name: "t.order".into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("reserve"),
            NodeDef::inline("ship")
                .after(["reserve"])
                .retry(Retry::NEVER),
            NodeDef::inline("release").undo_of("reserve"),
        ],
        output: "ship".into(),
    };
    let plan = Arc::new(Plan::new(definition).unwrap());
    let fail = |workflow: &mut Workflow, node| {
        let error = Error::function("EXIT_1", "");
        workflow.handle(Input::Failed(task(node, 0, 0), error), 1);
    };
    let input = Value::default();
    let (mut workflow, _) = Workflow::start(plan, 4, "w", Header::default(), &input, 0);
    workflow.work(0);
    succeed(&mut workflow, task(NodeId(0), 0, 0), None);
    workflow.work(1);
    fail(&mut workflow, NodeId(1));
    workflow.work(1);
    succeed(&mut workflow, task(NodeId(2), 0, 0), None);
    assert_eq!(workflow.state().phase, Phase::Failed);
    assert!(workflow.plan().is_undone(workflow.state()));
    let step = workflow.handle(Input::Retry, 2);
    assert_eq!(step.ignored, Some(Ignored::Late));
}

fn slow(count: u64) -> Workflow {
    let mut definition = definition();
    definition.nodes[WORK.index()] = NodeDef::function("work", "t-work")
        .map_over("split")
        .speculate(Speculate {
            quantile: 75,
            factor: 200,
            min_ms: 50,
        });
    let plan = Arc::new(Plan::new(definition).unwrap());
    let input = Value::inline("{}".to_owned());
    let (mut workflow, _) = Workflow::start(plan, 100, "w", Header::default(), &input, 0);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(count));
    dispatch(&mut workflow, 0);
    workflow
}

#[test]
fn a_slow_task_is_run_twice_and_the_first_end_counts() {
    let mut workflow = slow(4);
    for element in [0, 1, 2] {
        let success = Success::default();
        workflow.handle(Input::Succeeded(task(WORK, element, 0), success), 100);
    }
    // Twice as long as the others, who took 100 ms, give or take an eighth.
    let due = workflow.due().unwrap();
    assert!((200..=225).contains(&due), "{due}");
    assert_eq!(workflow.work(due - 1), []);
    let again = Work::Run {
        node: WORK,
        tasks: vec![(3, 1)],
    };
    assert_eq!(dispatch(&mut workflow, due), [again]);
    assert_eq!(workflow.state().nodes[WORK.index()].running(), 2);
    // There is no third.
    assert_eq!(workflow.due(), None);

    let step = workflow.handle(
        Input::Succeeded(task(WORK, 3, 1), Success::default()),
        due + 1,
    );
    assert_eq!(step.cancel, [task(WORK, 3, 0)]);
    let stopped = Event::TasksStopped {
        node: WORK,
        tasks: vec![(3, 0)],
    };
    assert_eq!(step.events.first(), Some(&stopped));
    let late = workflow.handle(
        Input::Succeeded(task(WORK, 3, 0), Success::default()),
        due + 2,
    );
    assert_eq!(late.ignored, Some(Ignored::Duplicate));
    assert_eq!(workflow.work(due + 2), [Work::Seal { node: WORK }]);
    assert_eq!(workflow.state().nodes[WORK.index()].sums().speculated, 1);
}

#[test]
fn a_task_that_runs_twice_fails_with_its_last_try() {
    let mut workflow = slow(4);
    for element in [0, 1, 2] {
        succeed(&mut workflow, task(WORK, element, 0), None);
    }
    dispatch(&mut workflow, 1_000);
    let failed = |workflow: &mut Workflow, generation| {
        let error = Error::function("EXIT_1", "");
        workflow.handle(Input::Failed(task(WORK, 3, generation), error), 1_001)
    };
    failed(&mut workflow, 1);
    let node = &workflow.state().nodes[WORK.index()];
    assert_eq!((node.phase(), node.running()), (NodePhase::Running, 1));
    failed(&mut workflow, 0);
    // No generation is used twice.
    let again = Work::Run {
        node: WORK,
        tasks: vec![(3, 2)],
    };
    assert_eq!(workflow.work(60_000), [again]);
}

#[test]
fn a_task_may_be_for_several_elements() {
    let mut definition = definition();
    definition.nodes[WORK.index()] = NodeDef::function("work", "t-work")
        .map_over("split")
        .allow_failed(Allowed::Count(2))
        .retry(Retry::NEVER)
        .batch(4);
    let plan = Arc::new(Plan::new(definition).unwrap());
    let input = Value::inline("{}".to_owned());
    let (mut workflow, _) = Workflow::start(plan, 10, "w", Header::default(), &input, 0);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(10));
    let work = Work::Run {
        node: WORK,
        tasks: vec![(0, 0), (1, 0), (2, 0)],
    };
    assert_eq!(dispatch(&mut workflow, 0), [work]);
    let spans = [0, 1, 2].map(|task| workflow.span(WORK, task));
    assert_eq!(spans, [0..4, 4..8, 8..10]);
    let counts = |workflow: &Workflow| {
        let node = &workflow.progress()[WORK.index()];
        (node.total, node.done, node.lost, node.running)
    };
    assert_eq!(counts(&workflow), (10, 0, 0, 10));
    let mut other = workflow.clone();
    let fail = |workflow: &mut Workflow, element| {
        let error = Error::function("EXIT_1", "it failed");
        workflow.handle(Input::Failed(task(WORK, element, 0), error), 1)
    };
    fail(&mut workflow, 2);
    succeed(&mut workflow, task(WORK, 0, 0), None);
    assert_eq!(counts(&workflow), (10, 4, 2, 4));
    succeed(&mut workflow, task(WORK, 1, 0), None);
    assert_eq!(workflow.work(1), [Work::Seal { node: WORK }]);
    let sealed = workflow.handle(Input::Sealed(WORK), 2).events;
    let elements = Some(10);
    assert_eq!(
        sealed[0],
        Event::NodeSucceeded {
            node: WORK,
            elements
        }
    );
    // A whole task of four is more than may be lost.
    fail(&mut other, 1);
    let error = other.state().error.clone().unwrap();
    assert!(
        error.message.contains("node work, elements 4 to 7, try 1"),
        "{error}"
    );
}

#[test]
fn a_map_may_lose_some_of_its_elements() {
    let mut definition = definition();
    definition.nodes[WORK.index()] = NodeDef::function("work", "t-work")
        .map_over("split")
        .allow_failed(Allowed::Percent(50))
        .retry(Retry::NEVER);
    let plan = Arc::new(Plan::new(definition).unwrap());
    let input = Value::inline("{}".to_owned());
    let (mut workflow, _) = Workflow::start(plan, 10, "w", Header::default(), &input, 0);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(3));
    dispatch(&mut workflow, 0);
    let fail = |workflow: &mut Workflow, element| {
        let error = Error::function("EXIT_1", "");
        workflow.handle(Input::Failed(task(WORK, element, 0), error), 1)
    };
    let mut other = workflow.clone();
    fail(&mut workflow, 1);
    succeed(&mut workflow, task(WORK, 0, 0), None);
    succeed(&mut workflow, task(WORK, 2, 0), None);
    assert_eq!(workflow.work(1), [Work::Seal { node: WORK }]);
    workflow.handle(Input::Sealed(WORK), 2);
    let node = &workflow.state().nodes[WORK.index()];
    assert_eq!(
        (node.phase(), node.done(), node.lost()),
        (NodePhase::Succeeded, 2, 1)
    );

    fail(&mut other, 1);
    fail(&mut other, 2);
    assert_eq!(phase(&other, WORK), NodePhase::Failed);
}

#[test]
fn a_condition_is_decided_when_its_node_could_start() {
    let mut definition = definition();
    definition.nodes[JOIN.index()] = NodeDef::function("join", "t-join")
        .reduce_of("work")
        .skip_if("counts.split == 0");
    let plan = Arc::new(Plan::new(definition).unwrap());
    let input = Value::inline("{}".to_owned());
    let (mut workflow, _) = Workflow::start(plan, 10, "w", Header::default(), &input, 0);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(0));
    assert_eq!(workflow.work(1), [Work::Seal { node: WORK }]);
    // It could not start yet.
    let early = workflow.handle(Input::Decided(JOIN, Ok(true)), 1);
    assert_eq!(early.ignored, Some(Ignored::Late));
    workflow.handle(Input::Sealed(WORK), 1);
    assert_eq!(workflow.work(1), [Work::Decide { node: JOIN }]);
    assert_eq!(workflow.work(1), []);
    let reasons = plato::explain(workflow.plan(), workflow.state());
    assert!(reasons.contains(&(JOIN, vec![Reason::Deciding])));
    // A crash forgets that it was asked for.
    let mut restored = Workflow::restore(Arc::clone(workflow.plan()), 10, workflow.state().clone());
    assert_eq!(restored.work(1), [Work::Decide { node: JOIN }]);

    let mut skipped = workflow.clone();
    skipped.handle(Input::Decided(JOIN, Ok(true)), 2);
    let node = &skipped.state().nodes[JOIN.index()];
    assert_eq!(
        (node.phase(), node.skipped()),
        (NodePhase::Skipped, Some("counts.split == 0"))
    );
    assert_eq!(phase(&skipped, TELL), NodePhase::Running);

    let mut started = workflow.clone();
    started.handle(Input::Decided(JOIN, Ok(false)), 2);
    assert_eq!(phase(&started, JOIN), NodePhase::Running);

    let error = Error::function("CONDITION_UNDECIDED", "no such key");
    workflow.handle(Input::Decided(JOIN, Err(error)), 2);
    assert_eq!(workflow.state().phase, Phase::Failed);
}

#[test]
fn a_map_and_its_reduce_run_to_the_end() {
    let mut workflow = mapping(10, 3);
    for element in [2, 0, 1] {
        assert_eq!(phase(&workflow, JOIN), NodePhase::Waiting);
        succeed(&mut workflow, task(WORK, element, 0), None);
    }
    assert_eq!(workflow.work(1), [Work::Seal { node: WORK }]);
    workflow.handle(Input::Sealed(WORK), 2);
    assert_eq!(
        dispatch(&mut workflow, 2),
        [Work::Run {
            node: JOIN,
            tasks: vec![(0, 0)]
        }]
    );
    succeed(&mut workflow, task(JOIN, 0, 0), None);
    assert_eq!(
        workflow.work(3),
        [Work::Run {
            node: TELL,
            tasks: vec![(0, 0)]
        }]
    );
    let events = succeed(&mut workflow, task(TELL, 0, 0), None);
    assert_eq!(
        events.last(),
        Some(&Event::Ended {
            end: End::Succeeded
        })
    );
    assert_eq!(workflow.work(4), []);
}

#[test]
fn an_empty_list_makes_an_empty_map() {
    let mut workflow = mapping(10, 0);
    assert_eq!(phase(&workflow, WORK), NodePhase::Running);
    workflow.handle(Input::Sealed(WORK), 1);
    assert_eq!(phase(&workflow, JOIN), NodePhase::Running);
}

#[test]
fn a_map_needs_a_list() {
    let mut workflow = start(10);
    dispatch(&mut workflow, 0);
    let events = succeed(&mut workflow, task(SPLIT, 0, 0), None);
    assert_eq!(events.last(), Some(&Event::Ended { end: End::Failed }));
    assert_eq!(workflow.state().error.as_ref().unwrap().code, "NO_LIST");
}

#[test]
fn the_window_bounds_what_is_out_and_moves_on() {
    let mut workflow = mapping(2, 5);
    assert_eq!(
        workflow.out().collect::<Vec<_>>(),
        [task(WORK, 0, 0), task(WORK, 1, 0)]
    );
    succeed(&mut workflow, task(WORK, 1, 0), None);
    assert_eq!(
        dispatch(&mut workflow, 1),
        [Work::Run {
            node: WORK,
            tasks: vec![(2, 0)]
        }]
    );
    assert_eq!(dispatch(&mut workflow, 1), []);
}

#[test]
fn a_second_result_is_a_duplicate_and_an_older_try_is_late() {
    let mut workflow = mapping(10, 2);
    let lost = Error::platform("LOST", "host went away");
    workflow.handle(Input::Failed(task(WORK, 0, 0), lost), 1);
    succeed(&mut workflow, task(WORK, 1, 0), None);
    let mut ignored = |task| {
        let before = workflow.state().clone();
        let step = workflow.handle(Input::Succeeded(task, Success::default()), 2);
        assert_eq!(*workflow.state(), before);
        step.ignored
    };
    assert_eq!(ignored(task(WORK, 1, 0)), Some(Ignored::Duplicate));
    assert_eq!(ignored(task(WORK, 0, 0)), Some(Ignored::Late));
    assert_eq!(ignored(task(WORK, 0, 1)), Some(Ignored::Late));
    assert_eq!(ignored(task(NodeId(9), 0, 0)), Some(Ignored::Late));
}

#[test]
fn a_failed_try_waits_and_is_tried_again_as_the_next_generation() {
    let mut workflow = mapping(10, 1);
    workflow.handle(
        Input::Failed(task(WORK, 0, 0), Error::function("EXIT_1", "")),
        1_000,
    );
    assert_eq!(workflow.due(), Some(1_500));
    assert_eq!(dispatch(&mut workflow, 1_499), []);
    assert_eq!(
        dispatch(&mut workflow, 1_500),
        [Work::Run {
            node: WORK,
            tasks: vec![(0, 1)]
        }]
    );
    assert_eq!(workflow.progress()[1].sums.retries, 1);
}

#[test]
fn a_spent_budget_fails_the_workflow_and_stops_what_runs() {
    let mut workflow = mapping(10, 3);
    let error = Error::source("TRUNCATED", "only 3 frames decode").frames(0, 3);
    let step = workflow.handle(Input::Failed(task(WORK, 1, 0), error), 1);
    assert_eq!(step.cancel, [task(WORK, 0, 0), task(WORK, 2, 0)]);
    assert_eq!(workflow.state().phase, Phase::Failing);
    let kept = workflow.state().error.clone().unwrap();
    assert_eq!(
        kept.message,
        "only 3 frames decode (node work, element 1, try 1)"
    );
    // One ends by itself, the other is told.
    workflow.handle(Input::Succeeded(task(WORK, 0, 0), Success::default()), 2);
    assert_eq!(workflow.state().phase, Phase::Failing);
    workflow.handle(Input::Told(vec![task(WORK, 0, 0), task(WORK, 2, 0)]), 3);
    assert_eq!(workflow.state().phase, Phase::Failed);
    assert_eq!(phase(&workflow, WORK), NodePhase::Failed);
    assert_eq!(phase(&workflow, JOIN), NodePhase::Canceled);
}

#[test]
fn cancel_reaches_every_invocation_that_is_out() {
    let mut workflow = mapping(2, 5);
    let out: Vec<TaskRef> = workflow.out().collect();
    let step = workflow.handle(
        Input::Cancel {
            reason: "changed my mind".into(),
        },
        1,
    );
    assert_eq!(step.cancel, out);
    assert_eq!(workflow.work(1), []);
    workflow.handle(Input::Told(out), 2);
    assert_eq!(workflow.state().phase, Phase::Canceled);
    let again = workflow.handle(
        Input::Cancel {
            reason: "again".into(),
        },
        3,
    );
    assert_eq!(again.ignored, Some(Ignored::Late));
}

#[test]
fn what_waits_for_a_retry_when_canceled_is_forgotten() {
    let mut workflow = mapping(10, 1);
    workflow.handle(
        Input::Failed(task(WORK, 0, 0), Error::function("EXIT_1", "")),
        1,
    );
    let step = workflow.handle(
        Input::Cancel {
            reason: String::new(),
        },
        2,
    );
    assert_eq!(
        step.events.last(),
        Some(&Event::Ended { end: End::Canceled })
    );
}

#[test]
fn a_try_that_takes_too_long_is_stopped_and_tried_again() {
    let mut workflow = mapping(10, 1);
    assert_eq!(workflow.due(), Some(60_000));
    let step = workflow.handle(Input::Tick, 60_000);
    assert_eq!(step.cancel, [task(WORK, 0, 0)]);
    assert_eq!(
        dispatch(&mut workflow, 60_500),
        [Work::Run {
            node: WORK,
            tasks: vec![(0, 1)]
        }]
    );
}

#[test]
fn the_deadline_ends_the_workflow() {
    let header = Header {
        deadline_ms: Some(100),
        ..Header::default()
    };
    let mut workflow = start_with(10, header, "{}");
    dispatch(&mut workflow, 0);
    assert_eq!(workflow.due(), Some(100));
    assert_eq!(workflow.handle(Input::Tick, 99).events, []);
    let step = workflow.handle(Input::Tick, 100);
    assert_eq!(step.cancel, [task(SPLIT, 0, 0)]);
    workflow.handle(Input::Told(step.cancel), 101);
    assert_eq!(workflow.state().phase, Phase::Failed);
    assert_eq!(
        workflow.state().error.as_ref().unwrap().class,
        Class::Deadline
    );
}

#[test]
fn a_node_is_passed_over_when_its_condition_holds() {
    let mut workflow = start_with(10, Header::default(), r#"{"join": false}"#);
    assert_eq!(phase(&workflow, JOIN), NodePhase::Skipped);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(SPLIT, 0, 0), Some(0));
    workflow.work(1);
    workflow.handle(Input::Sealed(WORK), 2);
    assert_eq!(phase(&workflow, TELL), NodePhase::Running);
}

#[test]
fn an_invocation_that_cannot_be_prepared_is_not_tried_again() {
    let mut workflow = start(10);
    workflow.work(0);
    let wrong = Error::function("NO_BLOB", "no frame table");
    let step = workflow.handle(Input::Unprepared(task(SPLIT, 0, 0), wrong), 1);
    assert_eq!(step.events.last(), Some(&Event::Ended { end: End::Failed }));
}

#[test]
fn what_was_not_journaled_is_wanted_again_after_a_crash() {
    let mut workflow = mapping(4, 4);
    workflow.handle(
        Input::Failed(task(WORK, 1, 0), Error::function("EXIT_1", "")),
        1,
    );
    succeed(&mut workflow, task(WORK, 2, 0), None);
    assert_eq!(
        workflow.work(10_000),
        [Work::Run {
            node: WORK,
            tasks: vec![(1, 1)]
        }]
    );
    let mut restored = Workflow::restore(Arc::clone(workflow.plan()), 4, workflow.state().clone());
    assert_eq!(
        restored.work(10_000),
        [Work::Run {
            node: WORK,
            tasks: vec![(1, 1)]
        }]
    );
    for (element, generation) in [(0, 0), (1, 1), (3, 0)] {
        restored.handle(Input::Prepared(WORK, vec![(element, generation)]), 10_000);
        succeed(&mut restored, task(WORK, element, generation), None);
    }
    assert_eq!(restored.work(10_000), [Work::Seal { node: WORK }]);
}

#[test]
fn a_platform_loss_is_tried_many_times() {
    let mut workflow = mapping(1, 1);
    let mut now_ms = 1;
    for generation in 0..Retry::default().platform {
        workflow.handle(
            Input::Failed(task(WORK, 0, generation), Error::platform("LOST", "")),
            now_ms,
        );
        now_ms = workflow.due().unwrap();
        dispatch(&mut workflow, now_ms);
    }
    assert_eq!(workflow.state().phase, Phase::Running);
}

#[test]
fn a_hundred_thousand_elements_take_little_room() {
    let mut workflow = mapping(1_024, 100_000);
    let mut largest = 0;
    while let Some(last) = workflow.out().last() {
        // Out of order, with one straggler.
        let out: Vec<TaskRef> = workflow.out().collect();
        for task in out
            .into_iter()
            .rev()
            .filter(|task| task.element > 0 || last.element == 0)
        {
            succeed(&mut workflow, task, None);
        }
        dispatch(&mut workflow, 1);
        largest = largest.max(serde_json::to_vec(workflow.state()).unwrap().len());
    }
    assert_eq!(workflow.state().nodes[WORK.index()].done(), 100_000);
    assert!(largest < 64 << 10, "{largest} bytes");
}

#[test]
fn a_state_survives_being_stored() {
    let mut workflow = mapping(4, 9);
    workflow.handle(
        Input::Failed(task(WORK, 1, 0), Error::function("EXIT_1", "")),
        1,
    );
    succeed(&mut workflow, task(WORK, 0, 0), None);
    let text = serde_json::to_string(workflow.state()).unwrap();
    assert_eq!(
        serde_json::from_str::<State>(&text).unwrap(),
        *workflow.state()
    );
}

/// a (function) → approve (a signal) → rest (a day) → tell (inline).
fn waiting(deadline_ms: Option<u64>) -> Workflow {
    let mut approve = NodeDef::signal("approve").after(["a"]);
    approve.deadline_ms = deadline_ms;
    let definition = Definition {
        name: "t.waiting".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("a", "t-a").retry(Retry::NEVER),
            approve,
            NodeDef::timer("rest", DAY_MS).after(["approve"]),
            NodeDef::inline("tell").after(["rest"]),
        ],
        output: "tell".into(),
    };
    let plan = Arc::new(Plan::new(definition).unwrap());
    Workflow::start(plan, 8, "w", Header::default(), &Value::default(), 0).0
}

const DAY_MS: u64 = 86_400_000;
const A: NodeId = NodeId(0);
const APPROVE: NodeId = NodeId(1);
const REST: NodeId = NodeId(2);

#[test]
fn what_is_paused_hands_nothing_out_until_it_is_resumed() {
    let mut workflow = start(4);
    let pause = || Input::Pause {
        reason: "look first".into(),
    };
    assert!(!workflow.handle(pause(), 1).events.is_empty());
    assert_eq!(
        workflow.handle(pause(), 1).ignored,
        Some(Ignored::Duplicate)
    );
    assert_eq!(workflow.work(1), []);
    assert_eq!(workflow.handle(Input::Resume, 2).events, [Event::Resumed]);
    assert_eq!(
        workflow.handle(Input::Resume, 2).ignored,
        Some(Ignored::Duplicate)
    );
    assert_eq!(workflow.work(2).len(), 1);
}

#[test]
fn what_was_out_comes_back_while_it_is_paused() {
    let mut workflow = start(4);
    dispatch(&mut workflow, 0);
    workflow.handle(
        Input::Pause {
            reason: "look first".into(),
        },
        1,
    );
    assert!(!succeed(&mut workflow, task(SPLIT, 0, 0), Some(3)).is_empty());
    assert_eq!((workflow.work(1), workflow.due()), (vec![], None));
    workflow.handle(Input::Resume, 2);
    assert_eq!(workflow.work(2).len(), 1);
}

#[test]
fn a_signal_may_come_before_its_node_has_started() {
    let signal = |at_start: bool| {
        let mut workflow = waiting(None);
        let signal = Input::Signal(APPROVE, None);
        if at_start {
            assert_eq!(workflow.handle(signal.clone(), 1).events.len(), 1);
        }
        dispatch(&mut workflow, 1);
        succeed(&mut workflow, task(A, 0, 0), None);
        if !at_start {
            assert_eq!(
                workflow.state().nodes[APPROVE.index()].phase(),
                NodePhase::Running
            );
            workflow.handle(signal.clone(), 1);
        }
        assert!(workflow.handle(signal, 1).ignored.is_some());
        let phases: Vec<_> = workflow
            .state()
            .nodes
            .iter()
            .map(plato::Node::phase)
            .collect();
        (phases, workflow.due())
    };
    assert_eq!(signal(true), signal(false));
    assert_eq!(signal(true).0[REST.index()], NodePhase::Running);
    assert_eq!(signal(true).1, Some(1 + DAY_MS as i64));
}

#[test]
fn a_node_that_waits_for_no_signal_takes_none() {
    let mut workflow = waiting(None);
    for node in [A, REST, NodeId(99)] {
        let step = workflow.handle(Input::Signal(node, None), 1);
        assert_eq!(step.ignored, Some(Ignored::Late), "{node}");
    }
}

#[test]
fn a_timer_fires_when_its_time_has_come() {
    let mut workflow = waiting(None);
    workflow.handle(Input::Signal(APPROVE, None), 0);
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(A, 0, 0), None);
    assert!(workflow.handle(Input::Tick, 5).events.is_empty());
    let state = State::clone(workflow.state());
    let mut workflow = Workflow::restore(Arc::clone(workflow.plan()), 8, state);
    let due = workflow.due().unwrap();
    assert!(!workflow.handle(Input::Tick, due).events.is_empty());
    assert_eq!(
        workflow.state().nodes[REST.index()].phase(),
        NodePhase::Succeeded
    );
    assert_eq!(workflow.work(due).len(), 1);
}

#[test]
fn a_node_that_takes_too_long_as_a_whole_fails() {
    let mut workflow = waiting(Some(50));
    dispatch(&mut workflow, 0);
    succeed(&mut workflow, task(A, 0, 0), None);
    assert_eq!(workflow.due(), Some(51));
    workflow.handle(Input::Tick, 51);
    let state = workflow.state();
    let error = state.error.clone().unwrap();
    assert_eq!(state.phase, Phase::Failed);
    assert_eq!(
        (error.class, error.code.as_str()),
        (Class::Deadline, "NODE_DEADLINE_EXCEEDED")
    );
}

#[test]
fn what_failed_is_tried_again_and_what_is_done_is_kept() {
    let mut workflow = mapping(4, 3);
    for element in [0, 2] {
        succeed(&mut workflow, task(WORK, element, 0), None);
    }
    let wrong = || Error::user("WRONG", "no such thing");
    workflow.handle(Input::Failed(task(WORK, 1, 0), wrong()), 2);
    assert_eq!(workflow.state().phase, Phase::Failed);

    let step = workflow.handle(Input::Retry, 3);
    assert_eq!(step.events, [Event::Retried]);
    assert_eq!(
        workflow.handle(Input::Retry, 3).ignored,
        Some(Ignored::Duplicate)
    );
    let work = dispatch(&mut workflow, 3);
    // The id of no earlier try is used again.
    let tasks = vec![(1, 1)];
    assert_eq!(work, [Work::Run { node: WORK, tasks }]);
    assert_eq!(
        workflow
            .handle(Input::Failed(task(WORK, 1, 0), wrong()), 4)
            .ignored,
        Some(Ignored::Late)
    );
    succeed(&mut workflow, task(WORK, 1, 1), None);
    assert_eq!(workflow.work(4), [Work::Seal { node: WORK }]);
}

#[test]
fn only_what_failed_is_tried_again() {
    let mut workflow = start(4);
    workflow.handle(
        Input::Cancel {
            reason: "enough".into(),
        },
        1,
    );
    assert_eq!(workflow.state().phase, Phase::Canceled);
    assert_eq!(
        workflow.handle(Input::Retry, 2).ignored,
        Some(Ignored::Late)
    );
}

#[test]
fn it_explains_what_it_waits_for() {
    let names = |workflow: &Workflow| plato::explain(workflow.plan(), workflow.state());
    let mut workflow = waiting(None);
    assert_eq!(
        names(&workflow)[..2],
        [
            (A, vec![Reason::Tasks(1)]),
            (APPROVE, vec![Reason::Nodes(vec![A])]),
        ]
    );
    dispatch(&mut workflow, 0);
    let out = Reason::Out {
        tries: 1,
        first: vec![(0, 0)],
    };
    assert_eq!(names(&workflow)[0], (A, vec![out]));
    succeed(&mut workflow, task(A, 0, 0), None);
    assert_eq!(names(&workflow)[0], (APPROVE, vec![Reason::Signal]));
    workflow.handle(Input::Signal(APPROVE, None), 7);
    let fires = Reason::Timer(7 + DAY_MS as i64);
    assert_eq!(names(&workflow)[0], (REST, vec![fires]));

    let mut workflow = mapping(2, 9);
    let lost = Error::platform("LOST", "");
    workflow.handle(Input::Failed(task(WORK, 0, 0), lost), 1);
    workflow.handle(
        Input::Pause {
            reason: "stop".into(),
        },
        1,
    );
    let expected = vec![
        Reason::Out {
            tries: 1,
            first: vec![(1, 0)],
        },
        Reason::Paused("stop".into()),
        Reason::Retries {
            tasks: 1,
            next_ms: 501,
        },
        Reason::Tasks(7),
    ];
    assert_eq!(names(&workflow)[0], (WORK, expected));
}

#[test]
fn the_examples_of_the_manual_are_valid() {
    let manual = include_str!("../../GRAPHS.md");
    let examples = manual.split("```json\n").skip(1);
    let examples: Vec<&str> = examples
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        let definition: Definition = serde_json::from_str(example).unwrap();
        Plan::new(definition).unwrap();
    }
}

/// What earlier versions wrote knows nothing of twins, lost elements and reasons.
#[test]
fn journals_and_snapshots_of_before_read_back() {
    let sums = json!({"retries": 1, "from_memo": 0, "cpu_ms": 7, "decode_cpu_ms": 0,
        "output_bytes": 9});
    let none = json!({"retries": 0, "from_memo": 0, "cpu_ms": 0, "decode_cpu_ms": 0,
        "output_bytes": 0});
    let node = |phase: &str| {
        json!({"phase": phase, "total": 0, "done": [], "active": {}, "elements": null,
            "sums": none})
    };
    let snapshot = json!({
        "id": "w",
        "header": {"definition": "t.demo", "version": 1, "nodes": ["split", "work", "join", "tell"],
            "output": 3, "notify": "", "priority": 0, "tenant": "", "principal": "",
            "traceparent": ""},
        "phase": "running",
        "nodes": [
            {"phase": "succeeded", "total": 1, "done": [[0, 1]], "active": {}, "elements": 4,
             "sums": none, "since_ms": 1, "next_generation": 1},
            {"phase": "running", "total": 4, "done": [[0, 2]],
             "active": {"2": {"g": 1, "out": 5, "f": 1}, "3": {"g": 1, "backoff": 9, "p": 1}},
             "elements": null, "sums": sums, "since_ms": 2, "next_generation": 2},
            node("waiting"),
            node("waiting"),
        ],
        "error": null, "events": 12, "at_ms": 6,
    });
    let mut state: State = serde_json::from_value(snapshot).unwrap();
    let entry = json!({"first": 12, "at_ms": 8, "events": [
        {"event": "task_succeeded", "node": 1, "element": 2, "generation": 1, "bytes": 3,
         "from_memo": false, "cpu_ms": 1, "decode_cpu_ms": 0},
        {"event": "task_failed", "node": 1, "element": 3, "generation": 1, "fault": "final",
         "error": {"class": "user", "code": "WRONG", "message": "it is wrong"}},
        {"event": "node_failed", "node": 1},
        {"event": "failing", "error": {"class": "user", "code": "WRONG", "message": "it is"}},
        {"event": "ended", "end": "failed"},
        {"event": "retried"},
        {"event": "node_skipped", "node": 2},
    ]});
    state
        .replay(&serde_json::from_value(entry).unwrap())
        .unwrap();
    let plan = Arc::new(Plan::new(definition()).unwrap());
    let mut workflow = Workflow::restore(plan, 10, state);
    // The element that had failed is tried again, as no try before it.
    let again = Work::Run {
        node: WORK,
        tasks: vec![(3, 2)],
    };
    assert_eq!(workflow.work(9), [again]);
    assert_eq!(workflow.state().nodes[WORK.index()].done(), 3);
    assert_eq!(phase(&workflow, JOIN), NodePhase::Skipped);
}
