//! What is done to workflows.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::world::World;

#[test]
fn a_paused_workflow_hands_nothing_out() {
    let world = World::new();
    world.order("w", &[]);
    assert_eq!(
        world.say("pause w --reason look"),
        "w is running, paused: look\nexit 0\n"
    );
    assert!(
        world.say("list").contains("  paused  "),
        "{}",
        world.say("list")
    );
    // Again is nothing new.
    assert_eq!(world.json("pause w")[0]["paused"], "look");
    world.answer(world.lease(), Ok("fine"));
    world.say("signal w approve");
    let json = world.until("w", |json| json["nodes"][1]["state"] == "succeeded");
    assert_eq!(json["nodes"][2]["done"], 0);
    assert_eq!(world.json("resume w")[0]["paused"], serde_json::Value::Null);
    world.until("w", |json| json["state"] == "succeeded");
    let said = world.say("pause w");
    assert_eq!(
        said,
        "error: workflow w has ended [WORKFLOW_ENDED]\nexit 2\n"
    );
}

#[test]
fn a_signal_may_come_early_and_only_to_who_waits() {
    let world = World::new();
    world.order("w", &[]);
    let said = world.say("signal w tell");
    let expected = "\
error: NODE: no node `tell` waits for a signal [SIGNAL_NOT_FOUND]
  help: these do: approve
exit 2
";
    assert_eq!(said, expected);
    assert_eq!(
        world.say("signal w approve --value yes"),
        "w is running\nexit 0\n"
    );
    world.answer(world.lease(), Ok("fine"));
    world.until("w", |json| json["state"] == "succeeded");
}

#[test]
fn what_failed_is_tried_again() {
    let world = World::new();
    world.failed("w");
    let said = world.say("show w");
    assert!(
        said.contains("error: there is nothing left (node check, try 1) [NO_STOCK]"),
        "{said}"
    );
    assert!(said.contains("help: wait for more"), "{said}");
    let ended = world.say("resume w");
    let expected = "\
error: workflow w has ended [WORKFLOW_ENDED]
  help: `cosmos workflow retry` has it go on
exit 2
";
    assert_eq!(ended, expected);
    assert_eq!(world.say("retry w"), "w is running\nexit 0\n");
    // It runs already.
    assert_eq!(world.say("retry w"), "w is running\nexit 0\n");
    world.answer(world.lease(), Ok("fine"));
    world.say("signal w approve");
    let json = world.until("w", |json| json["state"] == "succeeded");
    assert_eq!(
        (&json["retries"], &json["nodes"][0]["done"]),
        (&1.into(), &1.into())
    );
    let said = world.say("retry w");
    assert!(
        said.contains("workflow w has not failed [WORKFLOW_NOT_FAILED]"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}

#[test]
fn a_node_is_run_again_with_what_follows_it() {
    let world = World::new();
    world.order("w", &[]);
    let early = world.say("retry w --from approve");
    let expected = "\
error: workflow w has not ended [WORKFLOW_RUNNING]
  help: wait until it has
exit 2
";
    assert_eq!(early, expected);
    world.answer(world.lease(), Ok("fine"));
    world.say("signal w approve --value first");
    world.until("w", |json| json["state"] == "succeeded");
    let unknown = world.say("retry w --from pack");
    let expected = "\
error: NODE: there is no node `pack` [NODE_NOT_FOUND]
  help: these are there: check, approve, tell
exit 2
";
    assert_eq!(unknown, expected);

    assert_eq!(
        world.say("retry w --from approve"),
        "w is running\nexit 0\n"
    );
    let history = world.say("history w");
    assert!(history.contains("retried_from"), "{history}");
    let json = world.until("w", |json| json["nodes"][1]["state"] == "running");
    assert_eq!(json["nodes"][0]["state"], "succeeded");
    assert_eq!(json["nodes"][2]["state"], "waiting");
    world.say("signal w approve --value second");
    let json = world.until("w", |json| json["state"] == "succeeded");
    assert_eq!(
        (&json["retries"], &json["output"]),
        (&1.into(), &"second".into())
    );

    world.order("v", &[]);
    world.say("cancel v --reason enough");
    world.until("v", |json| json["state"] == "canceled");
    let canceled = world.say("retry v --from check");
    assert!(
        canceled.contains("workflow v was canceled [WORKFLOW_CANCELED]"),
        "{canceled}"
    );
    assert!(canceled.ends_with("exit 2\n"), "{canceled}");
}

#[test]
fn a_workflow_is_canceled_with_what_it_runs() {
    let world = World::new();
    world.order("w", &[]);
    let said = world.say("cancel w --reason enough");
    assert!(said.ends_with("exit 0\n"), "{said}");
    world.until("w", |json| json["state"] == "canceled");
    let said = world.say("show w");
    assert!(said.contains("canceled: enough"), "{said}");
    assert_eq!(
        world.say("cancel w --reason again"),
        "w is canceled\nexit 0\n"
    );
    let missing = world.say("cancel w");
    assert!(
        missing.contains("--reason") && missing.ends_with("exit 2\n"),
        "{missing}"
    );
}

#[test]
fn what_happens_is_watched_to_the_end() {
    let world = World::new();
    world.order("w", &[]);
    let mut watch = world
        .workflow("watch w")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || lines.next().map(Result::unwrap);
    assert!(
        next().unwrap().contains("  running           "),
        "it begins with a snapshot"
    );
    world.answer(world.lease(), Ok("fine"));
    world.say("signal w approve");
    let rest: Vec<_> = std::iter::from_fn(next).collect();
    let about = |event: &str, node: &str| {
        let found = rest.iter().filter(|line| line.contains(event));
        found.filter(|line| line.contains(node)).count()
    };
    assert_eq!(about("  task_succeeded  ", "  check"), 1, "{rest:#?}");
    assert_eq!(about("  signaled        ", "  approve"), 1, "{rest:#?}");
    assert_eq!(about("  node_succeeded  ", ""), 3, "{rest:#?}");
    assert!(
        rest.last().unwrap().ends_with("3/3 nodes are through"),
        "{rest:#?}"
    );
    assert!(watch.wait().unwrap().success());

    // Of one that has ended there is nothing to wait for.
    let json = world.json("watch w");
    assert_eq!((json.len(), &json[0]["event"]), (1, &"state".into()));
    assert_eq!(json[0]["state"], "succeeded");
}
