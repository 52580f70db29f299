//! The kit at work: what the page for authors promises.

use std::time::Duration;

use errors::Error;
use plato::{Definition, NodeCode, NodeDef, Phase, Retry, ServiceCall, TaskContext, Value, invoke};
use plato_testkit::{Act, Answer, Call, Kit, Ran};
use proto::stratum::v1::Invocation;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);

/// split (a list) → work (map) → join (reduce) → tell (inline).
fn encode() -> Kit {
    let retry = Retry {
        backoff_ms: 1_000,
        ..Retry::default()
    };
    let definition = Definition {
        name: "t.encode".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "t-split"),
            NodeDef::function("work", "t-work")
                .map_over("split")
                .retry(retry)
                .timeout_ms(60_000),
            NodeDef::function("join", "t-join").reduce_of("work"),
            NodeDef::inline("tell").after(["join"]),
        ],
        output: "tell".into(),
    };
    let element = |task: &TaskContext| {
        Ok(Invocation {
            params_json: task.element()?.value.inline.to_vec(),
            ..Invocation::default()
        })
    };
    let results = |task: &TaskContext| {
        Ok(Invocation {
            inputs: vec![invoke::list_input("results", task.results()?, "out")],
            ..Invocation::default()
        })
    };
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::function(element)),
        ("join", NodeCode::function(results)),
        (
            "tell",
            NodeCode::inline(|task: &TaskContext| task.output("join").cloned()),
        ),
    ];
    let kit = Kit::new(definition, code).unwrap();
    kit.answer("split", |_| Answer::list([json!(1), json!(2)]))
        .answer("work", |call| Answer::json(json!(doubled(call))))
        .answer("join", |_| Answer::json(json!("joined")))
}

fn plain(_: &TaskContext) -> Result<Invocation, Error> {
    Ok(Invocation::default())
}

fn doubled(call: &Call) -> u64 {
    call.params().as_u64().unwrap() * 2
}

/// split (a list of five) → count (inline, by twos) → work (a function, by threes).
fn by_batches() -> Kit {
    let retry = Retry {
        backoff_ms: 1_000,
        ..Retry::default()
    };
    let definition = Definition {
        name: "t.batches".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "t-split"),
            NodeDef::inline("count").map_over("split").batch(2),
            NodeDef::function("work", "t-work")
                .map_over("count")
                .batch(3)
                .retry(retry),
        ],
        output: "work".into(),
    };
    let count = |task: &TaskContext| {
        let elements = task.elements().iter();
        let places: Vec<u64> = elements.map(|element| element.index).collect();
        plato::json::value(&places)
    };
    let work = |task: &TaskContext| {
        let elements = task.elements().iter();
        let places: Result<Vec<u64>, _> = elements
            .map(|element| plato::json::parse(&element.value))
            .collect();
        invoke::with_params(&places?)
    };
    let code = [
        ("split", NodeCode::function(plain)),
        ("count", NodeCode::inline(count)),
        ("work", NodeCode::function(work)),
    ];
    let kit = Kit::new(definition, code).unwrap();
    kit.answer("split", |_| Answer::list((0..5).map(|_| json!("x"))))
        .answer("work", |call| Answer::json(call.params()))
}

#[test]
fn a_task_of_several_elements_is_tried_again_as_a_whole() {
    let one_short = Answer::json(json!([3]));
    let ran = run(by_batches().inject("work", 1, 1, one_short));
    ran.assert_succeeded().assert_order(&[
        "count[2] try 1 succeeded",
        "count succeeded",
        "work[1] try 1 failed: WRONG_COUNT, to be tried again",
        "work[1] try 2 succeeded",
        "work succeeded",
    ]);
    let given: Vec<_> = ran
        .calls_of("work")
        .iter()
        .map(|call| call.params())
        .collect();
    assert_eq!(given, [json!([0, 1, 2]), json!([3, 4]), json!([3, 4])]);
}

fn run(kit: Kit) -> Ran {
    kit.run(&json!({}))
}

#[test]
fn a_run_tells_what_happened_line_by_line() {
    let ran = run(encode());
    ran.assert_succeeded().assert_log(&[
        "t.encode v1 started",
        "split started",
        "split try 1 dispatched",
        "split try 1 succeeded",
        "split succeeded",
        "work started: 2 tasks",
        "work[0] try 1 dispatched",
        "work[1] try 1 dispatched",
        "work[0] try 1 succeeded",
        "work[1] try 1 succeeded",
        "work succeeded",
        "join started",
        "join try 1 dispatched",
        "join try 1 succeeded",
        "join succeeded",
        "tell started",
        "tell try 1 succeeded",
        "tell succeeded",
        "ended: succeeded",
    ]);
    assert_eq!(ran.json(), json!("joined"));
    assert_eq!(ran.calls_of("work").len(), 2);
}

#[test]
fn an_injected_failure_is_tried_again() {
    let lost = Answer::Fail(Error::platform("LOST", "its machine burnt"));
    let ran = run(encode().inject("work", 1, 1, lost));
    ran.assert_succeeded().assert_order(&[
        "work[1] try 1 failed: LOST, to be tried again",
        "work[1] try 2 succeeded",
        "work succeeded",
    ]);
    assert_eq!(ran.took(), Duration::from_secs(1));
}

#[test]
fn a_function_that_never_answers_is_told_to_stop() {
    let ran = run(encode().inject("work", 0, 1, Answer::Never));
    ran.assert_succeeded()
        .assert_order(&["work[0] try 1 failed: TASK_TIMEOUT, to be tried again"]);
    assert_eq!((ran.stopped.len(), ran.running.len()), (1, 0));
}

#[test]
fn machines_that_die_one_after_the_other_are_a_crash_loop() {
    let definition = Definition {
        name: "t.one".into(),
        version: 1,
        nodes: vec![NodeDef::function("only", "t-only")],
        output: "only".into(),
    };
    let kit = Kit::new(definition, [("only", NodeCode::function(plain))]).unwrap();
    let ran = run(kit.answer("only", |_| Answer::Die));
    ran.assert_failed("ATTEMPTS_USED_UP");
}

#[test]
fn a_cancel_reaches_what_runs() {
    let kit = encode()
        .answer("join", |_| Answer::Never)
        .at(Duration::from_secs(5), Act::Cancel("not wanted".into()));
    let ran = run(kit);
    ran.assert_canceled()
        .assert_order(&["canceling: not wanted", "join try 1 stopped"]);
    assert_eq!((ran.stopped.len(), ran.running.len()), (1, 0));
}

#[test]
fn months_pass_in_no_time() {
    let definition = Definition {
        name: "t.release".into(),
        version: 1,
        nodes: vec![
            NodeDef::signal("approve"),
            NodeDef::timer("embargo", 200 * 86_400_000).after(["approve"]),
            NodeDef::service("check", "vvs", "ValidateVideo").after(["embargo"]),
        ],
        output: "check".into(),
    };
    let ask = |task: &TaskContext| {
        task.output("approve")?;
        let request = proto::optimus::v1::CancelCall::default();
        Ok(ServiceCall::new("vvs", "ValidateVideo", &request))
    };
    let kit = Kit::new(definition, [("check", NodeCode::service(ask))]).unwrap();
    let signal = Act::Signal("approve".into(), Answer::json(json!("yes")));
    let ran = run(kit
        .at(DAY * 300, signal)
        .answer("check", |_| Answer::json(json!({"ok": true})).after(DAY)));
    ran.assert_succeeded();
    assert_eq!(ran.took(), DAY * 501);
    assert_eq!(ran.json(), json!({"ok": true}));
}

#[test]
fn a_pause_and_a_retry_are_acted_out() {
    let broken = Answer::Fail(Error::source("TRUNCATED", "the source ends early"));
    let kit = encode()
        .inject("work", 1, 1, broken)
        .at(Duration::from_secs(60), Act::Retry)
        .at(Duration::from_secs(61), Act::Pause("lunch".into()))
        .at(Duration::from_secs(90), Act::Resume);
    run(kit).assert_succeeded().assert_order(&[
        "work[1] try 1 failed for good: TRUNCATED",
        "ended: failed",
        "retried",
        "ended: succeeded",
    ]);
}

#[test]
fn one_that_waits_for_ever_is_looked_at_as_it_is() {
    let definition = Definition {
        name: "t.wait".into(),
        version: 1,
        nodes: vec![NodeDef::signal("approve")],
        output: "approve".into(),
    };
    let kit = Kit::new(definition, Vec::<(String, NodeCode)>::new()).unwrap();
    let ran = run(kit.patience(DAY));
    assert_eq!(ran.state.phase, Phase::Running);
    let refused = std::panic::catch_unwind(|| ran.assert_succeeded().took());
    let refused = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(
        refused.contains("it waits: [(NodeId(0), [Signal])]"),
        "{refused}"
    );
    assert!(refused.contains("0 ms  approve started"), "{refused}");
}

#[test]
fn a_node_without_an_answer_fails_by_name() {
    let definition = Definition {
        name: "t.one".into(),
        version: 1,
        nodes: vec![NodeDef::function("only", "t-only")],
        output: "only".into(),
    };
    let kit = Kit::new(definition, [("only", NodeCode::function(plain))]).unwrap();
    let ran = run(kit);
    ran.assert_failed("NO_ANSWER");
    assert!(ran.state.error.unwrap().message.contains("node only"));
}

#[test]
fn the_line_that_differs_is_named() {
    let ran = run(encode());
    let refused =
        std::panic::catch_unwind(|| ran.assert_log(&["t.encode v1 started", "work"]).took());
    let refused = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(
        refused.starts_with("line 2 is `split started`, not `work`"),
        "{refused}"
    );
}

#[test]
fn the_same_run_twice_is_the_same_history() {
    let histories = [(); 2].map(|()| {
        let lost = Answer::Fail(Error::platform("LOST", ""));
        run(encode().inject("work", 0, 1, lost)).history
    });
    assert_eq!(histories[0], histories[1]);
}

#[test]
fn a_value_can_be_given_whole() {
    let ran = run(encode().answer("join", |_| Answer::Value(Value::inline("7"))));
    assert_eq!(ran.json(), json!(7));
}

#[test]
fn a_workflow_of_a_workflow_answers_too() {
    let above = Definition {
        name: "t.above".into(),
        version: 1,
        nodes: vec![NodeDef::workflow("below", "t.below")],
        output: "below".into(),
    };
    let below = Definition {
        name: "t.below".into(),
        version: 1,
        nodes: vec![NodeDef::function("only", "t-only")],
        output: "only".into(),
    };
    let start = NodeCode::workflow(|_: &TaskContext| Ok(Value::inline("{}")));
    let kit = Kit::new(above, [("below", start)]).unwrap();
    let kit = kit.also(below, [("only", NodeCode::function(plain))]);
    let ran = run(kit.unwrap().answer("only", |_| Answer::json(json!("deep"))));
    ran.assert_succeeded();
    assert_eq!(ran.json(), json!("deep"));
}
