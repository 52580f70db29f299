//! The way to a server, and what is not there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use super::world::{World, each, write_token};
use crate::talk::Desk;

/// Every command that is about one queue.
const COMMANDS: [&str; 13] = [
    "show nowhere",
    "peek nowhere",
    "tail nowhere",
    "find nowhere",
    "message nowhere 1",
    "redrive nowhere 1",
    "redrive nowhere --all",
    "reschedule nowhere 1 --at now",
    "cancel nowhere 1 --reason x",
    "block nowhere",
    "unblock nowhere",
    "drain nowhere",
    "delete nowhere --force",
];

#[test]
fn a_queue_that_is_not_there_is_named() {
    let world = World::new();
    for words in COMMANDS {
        assert_eq!(
            world.say(words),
            "\
error: QUEUE: there is no queue nowhere [QUEUE_NOT_FOUND]
  help: `cosmos queue list` shows those that are there
exit 2
",
            "{words}"
        );
    }
    let output = world.queue("show nowhere --json").output().unwrap();
    let lines = super::world::lines(&output.stdout);
    assert_eq!(each(&lines, "event"), ["failed"]);
    assert_eq!(lines[0]["errors"][0]["code"], "QUEUE_NOT_FOUND");
    assert_eq!(output.stderr, b"");
    // Not even by looking.
    assert_eq!(world.say("list"), "no queues\nexit 0\n");
}

#[test]
fn a_message_that_is_not_there_is_named() {
    let world = World::new();
    world.json("put jobs");
    for words in [
        "message jobs 1",
        "redrive jobs 1",
        "reschedule jobs 1 --at now",
    ] {
        let said = world.say(words);
        let expected = "error: there is no message 1 in jobs [MESSAGE_NOT_FOUND]\n  help: ";
        assert!(said.contains(expected), "{words}: {said}");
        assert!(said.ends_with("exit 2\n"), "{words}: {said}");
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
    for words in COMMANDS.iter().chain(&["list", "put jobs"]) {
        let words = format!("queue {words} --server {url} --token-file token");
        let said = desk.seen(&desk.cosmos(&words).output().unwrap());
        let expected = format!("error: --server: no server answers at {url}: ");
        assert!(said.starts_with(&expected), "{words}: {said}");
        assert!(said.contains("help: start one with `cosmos up` or `cosmos run timestone`"));
        assert!(said.ends_with("exit 5\n"), "{words}: {said}");
    }
}

#[test]
fn who_may_not_come_in_is_told_what_would_do() {
    let world = World::new();
    let said = world.say("list --token-file nowhere");
    assert!(
        said.contains("the token file nowhere cannot be read"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
    write_token(&world.desk, "other", "ffffffffffffffffffffffffffffffff");
    let said = world.say("list --token-file other");
    assert!(
        said.contains("does not accept the token in other [UNAUTHENTICATED]"),
        "{said}"
    );
    assert!(
        said.contains("help: name the token file of that installation"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
    let said = world.say("list --config nowhere.yaml");
    assert!(
        said.contains("--config: cannot read the configuration nowhere.yaml"),
        "{said}"
    );
    assert!(
        said.contains("help: `cosmos config` prints one that is valid"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}

/// `cosmos run timestone`, until it is dropped.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_configuration_leads_to_its_server() {
    let desk = Desk::new();
    fs::write(
        desk.at("run.yaml"),
        "data: state\ntimestone: {listen: 127.0.0.1:0}\n",
    )
    .unwrap();
    let mut run = desk.cosmos("run timestone --config run.yaml");
    run.env("RUST_LOG", "info").env("NO_COLOR", "1");
    let mut role = Role(run.stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(role.0.stderr.take().unwrap());
    let url = loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it did not start");
        if let Some(at) = line.find("http://") {
            break line[at..].trim_end().trim_end_matches('"').to_owned();
        }
    };
    let config = format!("data: state\ntimestone: {{url: '{url}'}}\n");
    fs::write(desk.at("cosmos.yaml"), config).unwrap();

    let put = desk.cosmos("queue put jobs --config cosmos.yaml").output();
    let said = desk.seen(&put.unwrap());
    assert!(said.starts_with("jobs is created\n"), "{said}");
    let mut list = desk.cosmos("queue --json list");
    let listed = list.env("COSMOS_CONFIG", "cosmos.yaml").output().unwrap();
    assert_eq!(
        each(&super::world::lines(&listed.stdout), "queue"),
        ["jobs"]
    );
}
