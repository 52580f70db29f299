//! Messages are put back, put off and canceled.

use super::world::{World, each, message, of};

#[test]
fn errored_messages_are_put_back_by_their_ids() {
    let world = World::new();
    world.errored("jobs", 0..3);
    world.enqueue(vec![message("jobs", "waits", 0)]);
    assert_eq!(
        world.say("redrive jobs 0 waits --dry-run"),
        "1 message would be redriven, 1 unchanged (not errored)\nexit 0\n"
    );
    assert_eq!(world.json("show jobs")[0]["errored"], 3);
    assert_eq!(
        world.say("redrive jobs 0 0 waits --attempts 2"),
        "1 message redriven, 1 unchanged (not errored)\nexit 0\n"
    );
    assert_eq!(world.json("message jobs 0")[0]["attempts_left"], 2);

    let said = world.say("redrive jobs 1 nowhere");
    assert_eq!(
        said,
        "\
1 message redriven, 1 refused
error: there is no message nowhere in jobs [MESSAGE_NOT_FOUND]
  help: `cosmos queue find` shows those that are there; ended ones are forgotten after a while
exit 2
"
    );
    let output = world
        .queue("redrive jobs 2 nowhere --json")
        .output()
        .unwrap();
    let lines = super::world::lines(&output.stdout);
    assert_eq!(each(&lines, "outcome"), ["done", "refused"]);
    assert_eq!(lines[1]["error"]["code"], "MESSAGE_NOT_FOUND");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn all_errored_messages_are_put_back_page_by_page() {
    let world = World::new();
    world.errored("jobs", 0..900);
    world.errored("jobs", 900..1_500);
    let planned = world.json("redrive jobs --all --dry-run");
    assert_eq!(planned.len(), 1_500);
    assert!(planned.iter().all(|line| line["outcome"] == "planned"));
    assert_eq!(
        world.say("redrive jobs --all"),
        "1500 messages redriven\nexit 0\n"
    );
    assert_eq!(world.json("show jobs")[0]["pending"], 1_500);
    assert_eq!(
        world.say("redrive jobs --all"),
        "no messages to be redriven\nexit 0\n"
    );
}

#[test]
fn what_is_put_back_can_be_narrowed_down() {
    let world = World::new();
    world.enqueue(vec![
        of(message("jobs", "1", 0), "a"),
        of(message("jobs", "2", 0), "b"),
    ]);
    world.fail(&world.lease("jobs", 2));
    let done = world.json("redrive jobs --all --where tenant=b");
    assert_eq!(each(&done, "id"), ["2"]);
    let said = world.say("redrive jobs 1 --where tenant=a");
    assert!(said.contains("--where: narrows --all down"), "{said}");
    assert!(said.ends_with("exit 2\n"), "{said}");
    for odd in ["redrive jobs", "redrive jobs 1 --all"] {
        assert!(world.say(odd).ends_with("exit 2\n"), "{odd}");
    }
}

#[test]
fn a_message_waits_otherwise() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 5), message("jobs", "2", 6)]);
    let planned = world.json("reschedule jobs 2 --priority -1 --dry-run");
    assert_eq!(each(&planned, "outcome"), ["planned"]);
    assert_eq!(
        world.say("reschedule jobs 2 --priority -1"),
        "1 message rescheduled\nexit 0\n"
    );
    assert_eq!(each(&world.json("peek jobs"), "id"), ["2", "1"]);
    world.json("reschedule jobs 2 --in 5m");
    let later = world.json("message jobs 2");
    assert_eq!(later[0]["state"], "invisible");
    assert!(later[0]["until_unix_ms"].is_number(), "{later:?}");
    let seen = world.say("find jobs --state invisible");
    assert!(seen.contains("  in 4 m"), "{seen}");
    world.json("reschedule jobs 2 --at 2001-01-01T00:00:00Z");
    assert_eq!(world.json("message jobs 2")[0]["state"], "pending");

    world.lease("jobs", 1);
    for dry in ["", " --dry-run"] {
        let said = world.say(&format!("reschedule jobs 2 --at now{dry}"));
        assert!(
            said.contains("message 2 in jobs does not wait [MESSAGE_NOT_WAITING]"),
            "{said}"
        );
        assert!(said.contains("help: `cosmos queue message` says"), "{said}");
        assert!(said.ends_with("exit 2\n"), "{said}");
    }
    let far = world.say("reschedule jobs 1 --in 9000w");
    assert!(
        far.contains("a year from now") && far.ends_with("exit 2\n"),
        "{far}"
    );
    for odd in ["reschedule jobs 1", "reschedule jobs 1 --at now --in 5m"] {
        assert!(world.say(odd).ends_with("exit 2\n"), "{odd}");
    }
}

#[test]
fn messages_are_canceled_with_a_reason() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0), message("jobs", "2", 0)]);
    world.lease("jobs", 1);
    assert_eq!(
        world.say("cancel jobs 1 2 --reason trial --dry-run"),
        "2 messages would be canceled\nexit 0\n"
    );
    assert_eq!(
        world.say("cancel jobs 1 2 --reason trial"),
        "2 messages canceled\nexit 0\n"
    );
    let view = world.json("message jobs 1");
    assert_eq!(view[0]["state"], "canceled");
    let why = view[0]["error"]["message"].as_str().unwrap();
    assert!(why.ends_with("canceled: trial"), "{why}");
    let again = world.json("cancel jobs 1 --reason trial");
    assert_eq!(each(&again, "outcome"), ["unchanged"]);

    let said = world.say("cancel jobs 3 --reason trial");
    assert!(
        said.contains("[MESSAGE_NOT_FOUND]\n  help: look at the id; --unseen"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
    world.json("cancel jobs 3 --reason trial --unseen");
    assert_eq!(world.json("message jobs 3")[0]["state"], "canceled");

    let said = world.say("redrive jobs 1");
    assert!(
        said.contains("[MESSAGE_CANCELED]") && said.ends_with("exit 2\n"),
        "{said}"
    );
    assert!(world.say("cancel jobs 1").ends_with("exit 2\n"));
}
