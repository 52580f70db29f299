//! What is there is shown.

use serde_json::Value;

use super::world::World;
use crate::queue::world::each;

#[test]
fn workflows_are_listed_and_found_by_their_attributes() {
    let world = World::new();
    assert_eq!(world.say("list"), "no workflows\nexit 0\n");
    world.order("w-heron", &[("title", "heron"), ("owner", "ana")]);
    world.order("w-otter", &[("title", "otter"), ("owner", "ana")]);
    let said = world.say("list --where title=heron");
    let lines: Vec<_> = said.lines().collect();
    assert!(
        lines[0].starts_with("ID       DEFINITION  STATE    NODES  CHANGED"),
        "{said}"
    );
    assert!(
        lines[1].starts_with("w-heron  shop.order  running  0/3    20"),
        "{said}"
    );
    assert!(lines[1].ends_with("  owner=ana, title=heron"), "{said}");
    assert_eq!(lines[2..], ["exit 0"]);

    let found = |words: &str| {
        let mut ids = each(&world.json(&format!("list {words}")), "workflow");
        ids.sort();
        ids
    };
    assert_eq!(found(""), ["w-heron", "w-otter"]);
    assert_eq!(found("--where owner=ana --where title=otter"), ["w-otter"]);
    assert_eq!(found("--where owner=bo"), [""; 0]);
    assert_eq!(found("--state running,failed").len(), 2);
    assert_eq!(found("--state succeeded"), [""; 0]);
    assert_eq!(found("--definition other"), [""; 0]);
    assert_eq!(found("--service other"), [""; 0]);
    let one = world.say("list -n 1");
    assert!(
        one.contains("1 workflow shown; there may be more (--limit)"),
        "{one}"
    );
    let odd = world.say("list --where title");
    assert!(
        odd.contains("write name=value") && odd.ends_with("exit 2\n"),
        "{odd}"
    );
}

#[test]
fn a_workflow_is_shown_with_its_nodes() {
    let world = World::new();
    world.order("w", &[("title", "heron")]);
    let said = world.say("show w");
    for part in [
        "workflow     w\n",
        "definition   shop.order v3, of shop\n",
        "state        running\n",
        "attributes   title=heron\n",
        "NODE     STATE    DONE  TASKS  RUNNING  RETRIES  CPU\n",
        "check    running     0      1        1        0\n",
        "approve  waiting     0      0        0        0\n",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let json = world.json("show w").remove(0);
    assert_eq!(json["definition_version"], 3);
    assert_eq!(json["attributes"]["title"], "heron");
    assert_eq!(json["error"], Value::Null);
}

#[test]
fn why_it_waits_is_explained() {
    let world = World::new();
    world.order("w", &[]);
    assert_eq!(
        world.say("explain w"),
        "\
w is running
check    1 try is out and waits for a worker; 1 wait and 0 run in its queue
approve  waits for check
tell     waits for approve
exit 0
"
    );
    let leased = world.lease();
    let said = world.say("explain w");
    assert!(
        said.contains("check    1 try is out, run by worker@host; 0 wait and 1 run"),
        "{said}"
    );
    world.answer(leased, Ok("fine"));
    world.until("w", |json| json["nodes"][1]["state"] == "running");
    let json = world.json("explain w").remove(0);
    assert_eq!(json["waiting"][0]["node"], "approve");
    assert_eq!(json["waiting"][0]["reasons"][0]["code"], "SIGNAL");
    world.say("pause w --reason look");
    let said = world.say("explain w");
    assert!(said.starts_with("w is running, paused: look\n"), "{said}");
}

#[test]
fn its_history_is_exported() {
    let world = World::new();
    world.failed("w");
    let json = world.json("history w");
    let numbers: Vec<_> = json
        .iter()
        .map(|event| event["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..json.len() as u64).collect::<Vec<_>>());
    let happened = each(&json, "event");
    assert_eq!(happened.first().unwrap(), "started");
    assert_eq!(happened.last().unwrap(), "ended");
    assert_eq!(json[1]["node"], "check");
    assert_eq!(json[1]["details"]["tasks"], 1);
    let said = world.say("history w");
    assert!(said.starts_with("NUMBER  TIME "), "{said}");
    assert!(
        said.contains("task 0, try 1: for good; there is nothing"),
        "{said}"
    );
}

#[test]
fn what_it_is_made_of_is_drawn() {
    let world = World::new();
    assert_eq!(
        world.say("graph --definition shop.order"),
        "\
NODE       RUNS                STATE  AFTER
check      shop-check
└ approve  waits for a signal         check
  └ tell   inline                     approve
exit 0
"
    );
    world.order("w", &[]);
    let said = world.say("graph w");
    assert!(
        said.contains("check      shop-check          running"),
        "{said}"
    );
    let svg = world.say("graph w --svg");
    assert!(
        svg.starts_with("<svg xmlns=") && svg.contains(">approve</text>"),
        "{svg}"
    );
    let json = world.json("graph --definition shop.order@3").remove(0);
    assert_eq!(json["nodes"][1]["run"], "signal");
    let unknown = world.say("graph --definition shop.refund");
    assert!(
        unknown.contains("--definition: there is no definition shop.refund")
            && unknown.contains("help: there are example.encode v1, shop.order v3"),
        "{unknown}"
    );
    let odd = world.say("graph --definition shop.order@x");
    assert!(
        odd.contains("`x` is no version") && odd.ends_with("exit 2\n"),
        "{odd}"
    );
    let neither = world.say("graph");
    assert!(neither.ends_with("exit 2\n"), "{neither}");
}
