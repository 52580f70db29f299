//! What functions said is told.

use errors::Error;

use super::world::World;
use crate::queue::world::lines;

impl World {
    /// `cosmos function logs` with these words, at this server.
    fn logs(&self, words: &str) -> String {
        let words = format!("function logs {words} --server {}", self.url);
        self.desk.seen(&self.desk.cosmos(&words).output().unwrap())
    }

    /// Orders, and has the check fail for good while it says this.
    fn failed_saying(&self, id: &str, said: &str) -> String {
        self.order(id, &[]);
        let leased = self.lease();
        let invocation = leased.token.key.id.clone();
        let wrong = Error::user("NO_STOCK", "there is nothing left");
        self.answer_saying(leased, Err(wrong), Some(said));
        self.until(id, |json| json["state"] == "failed");
        invocation
    }
}

#[test]
fn a_workflow_that_failed_tells_what_its_function_said_last() {
    let world = World::new();
    let said: Vec<_> = (1..=30).map(|n| format!("line {n}")).collect();
    world.failed_saying("w", &said.join("\n"));
    for words in ["show w", "explain w"] {
        let told = world.say(words);
        let (_, told) = told
            .split_once("\nit said last (check, task 0, try 1, ")
            .unwrap();
        let (head, told) = told.split_once('\n').unwrap();
        assert!(head.ends_with(", failed: NO_STOCK):"), "{head}");
        let mut expected: Vec<_> = (21..=30).map(|n| format!("  line {n}")).collect();
        expected.push("all of it: cosmos function logs w/check/0".to_owned());
        expected.push("exit 0\n".to_owned());
        assert_eq!(told, expected.join("\n"), "{words}");
    }
    let json = world.json("show w").remove(0);
    assert_eq!(json["log"]["error"]["code"], "NO_STOCK");
    assert_eq!(json["log"]["text"], said.join("\n"));
    assert_eq!(json["state"], "failed");
}

#[test]
fn logs_are_printed_by_workflow_node_task_and_invocation() {
    let world = World::new();
    let invocation = world.failed_saying("w", "no stock\n\u{1b}[31mof herons\n");
    for words in ["w", "w/check", "w/check/0", &invocation] {
        let told = world.logs(words);
        assert!(told.starts_with("check, task 0, try 1, "), "{told}");
        let (head, text) = told.split_once('\n').unwrap();
        assert!(head.ends_with(", failed: NO_STOCK"), "{head}");
        // What it wrote to a terminal is shown, not obeyed.
        assert_eq!(
            text, "no stock\n\\u{1b}[31mof herons\n\nexit 0\n",
            "{words}"
        );
    }
    let last = world.logs("w --lines 1");
    assert!(
        !last.contains("no stock") && last.contains("of herons"),
        "{last}"
    );
    for words in ["w/approve", "w/check/1"] {
        assert_eq!(world.logs(words), "no logs are kept\nexit 0\n", "{words}");
    }
    let words = format!("function logs w --json --server {}", world.url);
    let output = world.desk.cosmos(&words).output().unwrap();
    let json = lines(&output.stdout).remove(0);
    assert_eq!(json["node"], "check");
    assert_eq!((&json["task"], &json["try"]), (&0.into(), &1.into()));
    assert_eq!(json["invocation"], invocation.as_str());
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["text"], "no stock\n\u{1b}[31mof herons");

    let unknown = world.logs("0123456789abcdef0123456789abcdef");
    assert!(
        unknown
            .contains("no log of an invocation 0123456789abcdef0123456789abcdef [LOG_NOT_FOUND]")
            && unknown.ends_with("exit 2\n"),
        "{unknown}"
    );
    let missing = world.logs("other");
    assert!(missing.contains("[WORKFLOW_NOT_FOUND]"), "{missing}");
    let odd = world.logs("w/check/first");
    assert!(odd.contains("a task is a number"), "{odd}");
}

#[test]
fn what_a_try_said_that_went_well_is_told_where_it_was_kept() {
    let world = World::new();
    world.order("w", &[]);
    world.answer_saying(world.lease(), Ok("fine"), Some("all there"));
    world.until("w", |json| json["nodes"][0]["state"] == "succeeded");
    let told = world.logs("w");
    assert!(told.contains(", succeeded\nall there\n"), "{told}");
    assert!(!world.say("show w").contains("all there"));
}
