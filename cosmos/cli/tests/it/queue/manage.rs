//! Queues are configured, blocked and deleted.

use super::world::{World, each, message};

#[test]
fn a_queue_is_created_and_changed() {
    let world = World::new();
    let said = world.say("put jobs --lease 1m --dry-run");
    assert!(said.starts_with("jobs would be created\n"), "{said}");
    assert_eq!(world.say("list"), "no queues\nexit 0\n");
    let words = "put jobs --lease 1m --attempts 3 --retention 2d --depth 9 --delay 500ms \
                 --fair tenant --weight big=3 --index kind --dead-letter jobs/dead";
    assert!(world.say(words).starts_with("jobs is created\n"));
    let config = &world.json("show jobs")[0]["config"];
    for (field, value) in [
        ("lease_ms", 60_000),
        ("invisible_ms", 500),
        ("attempts", 3),
        ("retention_ms", 172_800_000),
        ("max_depth", 9),
    ] {
        assert_eq!(config[field], value, "{config}");
    }
    assert_eq!(config["fair"], "tenant");
    assert_eq!(config["weights"]["big"], 3);
    assert_eq!(config["dead_letter"], "jobs/dead");
    assert_eq!(config["indexed"][0], "kind");
    assert_eq!(
        world.say("put jobs --exclusive doc --no-fair --lease 90s"),
        "\
jobs is changed
  lease        1 m -> 90 s
  exclusive    no -> doc
  fair         tenant; big=3 -> no
exit 0
"
    );
    assert_eq!(
        world.say("put jobs --lease 90s"),
        "jobs is so already\nexit 0\n"
    );
    let said = world.say("put jobs --lease 5ms");
    assert!(
        said.starts_with("error: --lease: is 5; from 100 to "),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}

#[test]
fn a_queue_takes_and_gives_nothing_while_it_is_blocked() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0)]);
    assert_eq!(
        world.say("block jobs --dequeue --dry-run"),
        "\
jobs would be changed
  blocked      no -> dequeue: it gives no messages
exit 0
"
    );
    assert_eq!(world.lease("jobs", 1).len(), 1);
    world.enqueue(vec![message("jobs", "2", 0)]);
    world.json("block jobs --dequeue");
    assert_eq!(world.lease("jobs", 1), []);
    let seen = world.say("peek jobs");
    assert!(
        seen.contains("the queue is blocked: nothing is leased"),
        "{seen}"
    );
    assert!(world.say("list").contains("  dequeue blocked\n"));
    let config = &world.json("block jobs")[0]["config"];
    assert_eq!(config["enqueue_blocked"], true, "{config}");
    assert!(world.say("list").contains("  blocked\n"));
    world.json("unblock jobs --enqueue");
    assert!(world.say("list").contains("  dequeue blocked\n"));
    world.json("unblock jobs");
    assert_eq!(world.lease("jobs", 1).len(), 1);
}

#[test]
fn a_queue_is_deleted() {
    let world = World::new();
    world.errored("jobs", 0..1);
    world.enqueue(vec![message("jobs", "waits", 0)]);
    for dry in ["", " --dry-run"] {
        let said = world.say(&format!("delete jobs{dry}"));
        assert!(
            said.contains("1 messages wait or run [QUEUE_NOT_EMPTY]"),
            "{said}"
        );
        assert!(said.contains("add --force"), "{said}");
        assert!(said.ends_with("exit 2\n"), "{said}");
    }
    let planned = world.json("delete jobs --force --dry-run");
    assert_eq!(each(&planned, "outcome"), ["planned"]);
    assert_eq!(
        world.say("delete jobs --force"),
        "jobs is deleted, 1 that wait or run canceled, and 2 messages forgotten\nexit 0\n"
    );
    assert_eq!(world.say("list"), "no queues\nexit 0\n");
}
