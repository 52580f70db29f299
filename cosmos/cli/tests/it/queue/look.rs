//! What is there is shown.

use super::world::{World, each, message, of};

#[test]
fn queues_are_listed_and_shown() {
    let world = World::new();
    assert_eq!(world.say("list"), "no queues\nexit 0\n");
    assert_eq!(world.json("list"), [0; 0]);
    world.enqueue(vec![message("a/1", "x", 0), message("b", "y", 0)]);
    world.lease("b", 1);
    assert_eq!(
        world.say("list"),
        "\
QUEUE  PENDING  INVISIBLE  RUNNING  ERRORED  COMPLETED  CANCELED  NOTES
a/1          1          0        0        0          0         0
b            0          0        1        0          0         0
exit 0
"
    );
    assert_eq!(each(&world.json("list a/"), "queue"), ["a/1"]);
    assert_eq!(each(&world.json("list --limit 1"), "queue"), ["a/1"]);

    let shown = world.say("show b");
    for line in [
        "queue        b\n",
        "configured   no; these are the defaults\n",
        "lease        30 s\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let json = world.json("show b");
    assert_eq!(json[0]["running"], 1);
    assert_eq!(json[0]["config"]["lease_ms"], 30_000);
    assert_eq!(json[0]["config"]["exclusive"], serde_json::Value::Null);
}

#[test]
fn many_queues_come_page_by_page() {
    let world = World::new();
    for thousand in 0..2 {
        let names = (0..600).map(|n| format!("q/{thousand}/{n:03}"));
        world.enqueue(names.map(|name| message(&name, "x", 0)).collect());
    }
    let listed = each(&world.json("list q/ --limit 1100"), "queue");
    assert_eq!(listed.len(), 1_100);
    assert!(listed.is_sorted());
}

#[test]
fn what_comes_next_is_shown_with_what_it_carries() {
    let world = World::new();
    world.enqueue(vec![
        message("jobs", "late", 9),
        message("jobs", "soon", -1),
    ]);
    let seen = world.say("peek jobs");
    assert_eq!(
        seen,
        "\
ID    PRIORITY  TRIES  TYPE           HOLDS
soon        -1      0  shop.v1.Order  order soon
late         9      0  shop.v1.Order  order late
exit 0
"
    );
    let json = world.json("peek jobs -n 1");
    assert_eq!(each(&json, "id"), ["soon"]);
    assert_eq!(json[0]["payload"]["type"], "shop.v1.Order");
    assert_eq!(json[0]["payload"]["correlation_id"], "spring");
    // Nothing was leased.
    assert_eq!(world.json("show jobs")[0]["pending"], 2);

    world.lease("jobs", 2);
    assert_eq!(
        world.say("peek jobs"),
        "nothing may be leased now: 2 running\nexit 0\n"
    );
}

#[test]
fn messages_are_found_by_what_they_are_like() {
    let world = World::new();
    world.errored("jobs", 0..1);
    world.enqueue(vec![
        of(message("jobs", "1", 1), "a"),
        of(message("jobs", "2", 2), "b"),
        of(message("jobs", "3", 3), "c"),
    ]);
    let found = world.json("find jobs --where tenant=a,c");
    assert_eq!(each(&found, "id"), ["1", "3"]);
    assert_eq!(found[0]["metadata"]["tenant"], "a");
    let found = world.json("find jobs --state errored,running");
    assert_eq!(each(&found, "id"), ["0"]);
    assert_eq!(found[0]["error"]["code"], "EXIT_1");
    assert_eq!(
        world.say("find jobs --where tenant=b"),
        "\
ID  STATE    PRIORITY  TRIES  LEFT  UNTIL  ABOUT
2   pending         2      0    16         tenant=b
exit 0
"
    );
    assert_eq!(
        world.say("find jobs --where tenant=z"),
        "no messages\nexit 0\n"
    );
    let some = world.say("find jobs -n 2 --state pending");
    assert!(
        some.contains("2 messages shown; there may be more (--limit)"),
        "{some}"
    );
    let odd = world.say("find jobs --where tenant");
    assert!(
        odd.contains("write key=value") && odd.ends_with("exit 2\n"),
        "{odd}"
    );
}

#[test]
fn everything_known_of_a_message_is_said() {
    let world = World::new();
    world.enqueue(vec![of(message("jobs", "17", 5), "a")]);
    let leased = world.lease("jobs", 1);
    let said = world.say("message jobs 17");
    for part in [
        "message     17\n",
        "state       running, leased by worker@host until ",
        "tries       1 made, 15 left\n",
        "metadata    tenant=a\n",
        "payload     shop.v1.Order, ",
        "belongs to  spring\n",
        "holds       order 17\n",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    world.fail(&leased);
    let said = world.say("message jobs 17");
    assert!(said.contains("state       errored\n"), "{said}");
    let error = "error: it broke [EXIT_1]\n  help: mend it\n";
    assert!(said.contains(error), "{said}");
    let line =
        "  errored       errored                   by worker@host; it broke [EXIT_1]\nexit 0\n";
    assert!(said.ends_with(line), "{said}");
    let json = world.json("message jobs 17");
    assert_eq!(json[0]["error"]["hint"], "mend it");
    assert_eq!(json[0]["owner"], serde_json::Value::Null);
    let history = json[0]["history"].as_array().unwrap();
    let happened: Vec<_> = history.iter().map(|event| &event["happening"]).collect();
    assert_eq!(happened, ["enqueued", "leased", "errored"]);
    assert_eq!(history[1]["owner"], "worker@host");
    assert_eq!(history[2]["error"]["code"], "EXIT_1");
}

#[test]
fn events_are_found_by_what_they_are_like() {
    let world = World::new();
    world.errored("jobs", 0..3);
    world.enqueue(vec![message("other", "x", 0)]);
    let ids = |words: &str| {
        let events = world.json(words);
        let id = |event: &serde_json::Value| event["id"].as_str().unwrap().to_owned();
        events.iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids("events --code EXIT_1"), ["0", "1", "2"]);
    assert_eq!(ids("events other"), ["x"]);
    assert_eq!(
        ids("events --by worker@host --happened leased -n 2"),
        ["0", "1"]
    );
    assert_eq!(ids("events --until 2001-01-01T00:00:00Z"), [""; 0]);
    assert_eq!(ids("events --last 1h --happened enqueued").len(), 4);
    let said = world.say("events jobs --happened errored -n 1");
    assert!(said.contains("it broke [EXIT_1]"), "{said}");
    assert!(said.contains("1 event shown; there may be more"), "{said}");
    assert_eq!(world.say("events nowhere"), "no events\nexit 0\n");
    let said = world.say("events --happened lost");
    assert!(
        said.contains("`lost` is no event; one of enqueued"),
        "{said}"
    );
}

#[test]
fn what_happened_to_a_message_is_known_when_it_is_forgotten() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "17", 5)]);
    world.json("delete jobs --force");
    let said = world.say("message jobs 17");
    assert!(said.contains("state       forgotten\n"), "{said}");
    assert!(said.contains("  canceled      canceled for 0 s"), "{said}");
    let json = world.json("message jobs 17");
    assert_eq!(json[0]["history"][2]["happening"], "forgotten");
}
