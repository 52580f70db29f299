//! Queues are followed, and drained.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::world::{World, message};

/// A command that goes on, and what it says to machines.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads on until a line is like this.
    fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended");
            let line: Value = serde_json::from_str(&line).unwrap();
            if is_meant(&line) {
                return line;
            }
        }
    }

    fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
    }

    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl World {
    fn start(&self, words: &str) -> Running {
        Running::start(self.queue(&format!("{words} --json --interval 50ms")))
    }
}

#[test]
fn what_changes_is_told_until_it_is_interrupted() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0), message("jobs", "2", 1)]);
    let mut tail = world.start("tail jobs");
    let first = tail.until(|line| line["event"] == "counts");
    assert_eq!(first["pending"], 2);

    let leased = world.lease("jobs", 2);
    let begun = tail.until(|line| line["event"] == "message");
    assert_eq!(
        (&begun["id"], &begun["happening"], &begun["state"]),
        (&"1".into(), &"leased".into(), &"running".into())
    );
    assert_eq!(begun["owner"], "worker@host");
    tail.until(|line| line["id"] == "2" && line["happening"] == "leased");
    world.complete(&leased[0]);
    world.fail(&leased[1..]);
    tail.until(|line| line["id"] == "1" && line["state"] == "completed");
    let failed = tail.until(|line| line["id"] == "2" && line["state"] == "errored");
    assert_eq!(failed["error"]["code"], "EXIT_1");
    tail.until(|line| line["event"] == "counts" && line["errored"] == 1);
    tail.interrupt();
    assert_eq!(tail.ended(), Some(130));
}

#[test]
fn a_tail_ends_with_its_queue() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0)]);
    let mut tail = world.start("tail jobs");
    tail.until(|line| line["pending"] == 1);
    world.json("delete jobs --force");
    assert_eq!(tail.ended(), Some(0));
}

#[test]
fn a_queue_is_drained() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0), message("jobs", "2", 0)]);
    let leased = world.lease("jobs", 2);
    let mut drain = world.start("drain jobs");
    let first = drain.until(|line| line["running"] == 2);
    assert_eq!(first["config"]["enqueue_blocked"], true);
    world.complete(&leased[0]);
    drain.until(|line| line["running"] == 1);
    world.complete(&leased[1]);
    let last = drain.until(|line| line["running"] == 0);
    assert_eq!(last["completed"], 2);
    assert_eq!(drain.ended(), Some(0));
    assert_eq!(
        world.json("show jobs")[0]["config"]["enqueue_blocked"],
        true
    );
    assert_eq!(world.say("drain jobs"), "jobs is empty\nexit 0\n");
}

#[test]
fn a_drain_ends_short_of_its_goal() {
    let world = World::new();
    world.enqueue(vec![message("jobs", "1", 0)]);
    let said = world.say("drain jobs --dry-run");
    assert!(
        said.contains("would be blocked") && said.contains("1 pending"),
        "{said}"
    );
    assert_eq!(
        world.json("show jobs")[0]["config"]["enqueue_blocked"],
        false
    );

    assert_eq!(
        world.say("drain jobs --timeout 1ms"),
        "\
1 pending
error: --timeout: the queue is not empty yet: 1 pending [TIMED_OUT]
  help: drain it again to wait on; it stays blocked for new messages until `cosmos queue unblock`
exit 6
"
    );
    let mut drain = world.start("drain jobs");
    drain.until(|line| line["pending"] == 1);
    drain.interrupt();
    assert_eq!(drain.ended(), Some(130));

    world.json("block jobs --dequeue");
    let said = world.say("drain jobs");
    assert!(
        said.contains("would never be empty [DEQUEUE_BLOCKED]"),
        "{said}"
    );
    assert!(
        said.contains("help: `cosmos queue unblock jobs --dequeue`"),
        "{said}"
    );
    assert!(said.ends_with("exit 2\n"), "{said}");
}
