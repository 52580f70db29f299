//! The way to a server, and what is not there.

use std::net::TcpListener;

use super::world::World;
use crate::queue::world::{World as Queues, write_token};
use crate::talk::Desk;

/// Every command that is about one workflow.
const COMMANDS: [&str; 10] = [
    "show nowhere",
    "watch nowhere",
    "history nowhere",
    "explain nowhere",
    "graph nowhere",
    "pause nowhere",
    "resume nowhere",
    "retry nowhere",
    "signal nowhere approve",
    "cancel nowhere --reason x",
];

#[test]
fn a_workflow_that_is_not_there_is_named() {
    let world = World::new();
    for words in COMMANDS {
        assert_eq!(
            world.say(words),
            "\
error: ID: there is no workflow nowhere [WORKFLOW_NOT_FOUND]
  help: `cosmos workflow list` shows those that are there
exit 2
",
            "{words}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let desk = Desk::new();
    write_token(&desk, "token", "0123456789abcdef0123456789abcdef");
    // Bound once, so that nobody else is there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", address.local_addr().unwrap());
    drop(address);
    for words in COMMANDS.iter().chain(&["list", "graph --definition a"]) {
        let words = format!("workflow {words} --server {url} --token-file token");
        let said = desk.seen(&desk.cosmos(&words).output().unwrap());
        let expected = format!("error: --server: no server answers at {url}: ");
        assert!(said.starts_with(&expected), "{words}: {said}");
        assert!(said.contains("help: start one with `cosmos up`"), "{said}");
        assert!(said.ends_with("exit 5\n"), "{words}: {said}");
    }
}

#[test]
fn a_server_of_something_else_is_named() {
    let queues = Queues::new();
    let words = format!("workflow list --server {}", queues.url);
    let said = queues
        .desk
        .seen(&queues.desk.cosmos(&words).output().unwrap());
    assert!(
        said.contains("serves no workflows [NO_WORKFLOWS]"),
        "{said}"
    );
    assert!(
        said.contains("help: `cosmos up` serves workflows at its API"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}

#[test]
fn who_may_not_come_in_is_told_what_would_do() {
    let world = World::new();
    write_token(&world.desk, "other", "ffffffffffffffffffffffffffffffff");
    let said = world.say("list --token-file other");
    assert!(
        said.contains("does not accept the token in other [UNAUTHENTICATED]"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
    let said = world.say("list --config nowhere.yaml");
    assert!(
        said.contains("cannot read the configuration nowhere.yaml"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}
