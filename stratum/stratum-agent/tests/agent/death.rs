//! The whole process dies in mid-work, and the next one finds everything in order.

use std::fs;
use std::path::Path;
use std::process::Command;

use timestone::MessageState;

use crate::support::{World, eventually, invocation};

const CHILD: &str = "AGENT_TEST_CHILD";
/// Nobody else sleeps that long.
const SLEEP: &str = "98761.25";

/// Not a test of its own: the process that is killed.
#[tokio::test]
async fn child_that_is_killed_in_mid_work() {
    let Ok(directory) = std::env::var(CHILD) else {
        return;
    };
    let world = World::durable(Path::new(&directory));
    let sleeps = format!("echo half > output/file; echo progress=0.5 >&3; exec sleep {SLEEP}");
    world.function("f", "", &sleeps);
    let _agent = world.agent().await;
    world.enqueue(invocation("f", "i")).await;
    world.reply().await;
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_a_killed_agent_ran_runs_again_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "death::child_that_is_killed_in_mid_work"]);
    let status = child.env(CHILD, directory.path()).status().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    eventually("the function dies with its agent", || !is_running(SLEEP)).await;

    let world = World::durable(directory.path());
    world.function("f", "", "echo whole > output/file");
    assert_eq!(world.attempts(), 1);
    let agent = world.agent().await;
    let value = world.result().await.outcome.unwrap();
    assert_eq!(world.blob(&value, "file").await, "whole\n");
    let message = world.message("f", "i").await;
    assert_eq!(
        (message.state, message.deliveries),
        (MessageState::Completed, 2)
    );
    agent.stop().await;
    assert_eq!(world.attempts(), 0);
}

/// Whether a process has `argument` among its own.
fn is_running(argument: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let mut sleeps = lines.filter(|line| line.starts_with(b"sleep\0"));
    sleeps.any(|line| {
        line.split(|byte| *byte == 0)
            .any(|word| word == argument.as_bytes())
    })
}
