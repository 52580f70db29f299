//! Whether a node is passed over, by what the nodes before it put out: a condition in
//! CEL, checked with the definition and decided when the node could start.
//!
//! | name         | what it is                                                       |
//! |--------------|------------------------------------------------------------------|
//! | `input`      | the workflow's input, which must then be JSON                    |
//! | `attributes` | its searchable facts, each a text                                |
//! | `outputs`    | by the name of a node before this one: the JSON that it put out  |
//! | `counts`     | by the name of a node before this one: the length of its list    |
//!
//! Nodes that were passed over, and have no default, are in neither of the last two:
//! `"check" in outputs` asks for that.

mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value as Cel};
use errors::Error;

use crate::context::NodeContext;
use crate::limits::MAX_CONDITION_BYTES;

/// Standard operators and functions, but no macros: a condition cannot loop, so its cost
/// is bounded by its length and what it reads.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::default().with_stdlib()));

/// Reads a condition over what these nodes put out.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn check(source: &str, nodes: &BTreeSet<&str>) -> Result<(), String> {
    check::is_condition(compile(source)?.expression(), nodes)
}

fn compile(source: &str) -> Result<Program, String> {
    if source.len() > MAX_CONDITION_BYTES {
        return Err(format!("it is longer than {MAX_CONDITION_BYTES} bytes"));
    }
    ENVIRONMENT.compile(source).map_err(|problem| {
        let text = problem.to_string();
        format!("it is not CEL: {}", text.lines().next().unwrap_or_default())
    })
}

/// Whether the condition holds for what a node is given.
///
/// # Errors
/// When it cannot be decided: what it names is not there, or is of another type.
pub fn holds(source: &str, node: &NodeContext) -> Result<bool, Error> {
    let undecided = |problem: String| {
        let message = format!("whether node {} is passed over: {problem}", node.node);
        Error::function("CONDITION_UNDECIDED", message).hint(format!(
            "`{source}` must give true or false, whatever there is"
        ))
    };
    let program = compile(source).map_err(undecided)?;
    let mut context = Context::with_env(ENVIRONMENT.clone());
    for (name, value) in names(node) {
        let value = cel::to_value(value).map_err(|problem| undecided(problem.to_string()))?;
        context.add_variable_from_value(name, value);
    }
    match program.execute(&context) {
        Ok(Cel::Bool(holds)) => Ok(holds),
        Ok(other) => Err(undecided(format!("it gives {}", other.type_of()))),
        Err(problem) => Err(undecided(problem.to_string())),
    }
}

fn names(node: &NodeContext) -> [(&'static str, serde_json::Value); 4] {
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(serde_json::Value::Null);
    let outputs = node.outputs.iter();
    let outputs: BTreeMap<_, _> = outputs
        .map(|(name, value)| (name, json(&value.inline)))
        .collect();
    let lists = node.outputs.iter();
    let counts: BTreeMap<_, _> = lists
        .filter_map(|(name, value)| Some((name, value.list.as_ref()?.count)))
        .collect();
    [
        ("input", json(&node.input.inline)),
        ("attributes", serde_json::json!(node.attributes)),
        ("outputs", serde_json::json!(outputs)),
        ("counts", serde_json::json!(counts)),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use blob::Value;
    use serde_json::json;

    use super::*;

    fn checked(source: &str) -> String {
        let nodes = BTreeSet::from(["check", "split-all"]);
        check(source, &nodes).err().unwrap_or_default()
    }

    #[test]
    fn sound_conditions_are_read() {
        for source in [
            "input.validate == false",
            "outputs.check.ok && !outputs[\"check\"].late",
            "counts[\"split-all\"] == 0 || size(outputs.check.found) < 3",
            "attributes.title.startsWith(\"a\")",
            "\"check\" in outputs && outputs.check.kind in [\"a\", \"b\"]",
            "(input.n + 1) * 2 >= 6",
            "input.on ? true : outputs.check.ok",
            "input.on",
        ] {
            assert_eq!(checked(source), "", "{source}");
        }
    }

    #[test]
    fn ill_typed_conditions_are_refused() {
        for (source, expected) in [
            ("input.", "it is not CEL"),
            ("1 + 1", "it gives a number, not true or false"),
            ("\"no\"", "it gives a text, not true or false"),
            ("counts.check", "it gives a number, not true or false"),
            (
                "job.ok",
                "there is no `job`; there are input, attributes, outputs, counts",
            ),
            (
                "outputs.chek.ok",
                "no node `chek` comes before this one; check, split-all do",
            ),
            ("counts[\"x\"] == 0", "no node `x` comes before"),
            ("\"x\" in outputs", "no node `x` comes before"),
            ("attributes.title == 3", "`==` of a text and a number"),
            ("counts.check < \"3\"", "`<` of a number and a text"),
            ("true < false", "`<` of true or false and true or false"),
            ("counts.check && true", "`&&` of a number"),
            ("!\"a\"", "`!` of a text"),
            ("1 + \"a\" == 2", "`+` of a number and a text"),
            ("size(1) == 1", "`size` of a number"),
            (
                "attributes.title.startsWith(1)",
                "`startsWith` of a text and a number",
            ),
            ("attributes.title.ok", "`.ok` of a text"),
            ("1 in 2", "`in` of a number and a number"),
            (
                "random() < 1",
                "there is no function `random` of 0 arguments here",
            ),
            ("[1, 2].all(x, x > 0)", "there is no function `all`"),
        ] {
            let problem = checked(source);
            assert!(problem.contains(expected), "{source}: {problem}");
        }
        assert!(checked(&"!".repeat(MAX_CONDITION_BYTES + 1)).contains("longer than"));
    }

    fn decided(source: &str) -> Result<bool, String> {
        let node = NodeContext {
            node: "work".into(),
            input: Value::inline(r#"{"n": 3, "on": true}"#),
            attributes: [("title".to_owned(), "heron".to_owned())].into(),
            outputs: [
                (
                    "check".to_owned(),
                    Value::inline(r#"{"ok": false, "found": []}"#),
                ),
                ("text".to_owned(), Value::inline("no JSON")),
            ]
            .into(),
            ..NodeContext::default()
        };
        holds(source, &node).map_err(|error| error.message)
    }

    #[test]
    fn a_condition_is_decided_by_what_the_node_is_given() {
        for (source, expected) in [
            ("input.n == 3", true),
            ("input.n > 3.5", false),
            ("outputs.check.ok", false),
            ("size(outputs.check.found) == 0", true),
            ("attributes.title == \"heron\"", true),
            ("\"split\" in outputs", false),
            ("outputs.text == null", true),
            ("input.on ? outputs.check.ok : true", false),
        ] {
            assert_eq!(decided(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_decided_is_told() {
        for source in [
            "input.absent",
            "outputs.split.ok",
            "input.n",
            "input.n == 0 || input.x",
        ] {
            let problem = decided(source).unwrap_err();
            assert!(
                problem.starts_with("whether node work is passed over: "),
                "{problem}"
            );
        }
        assert_eq!(names(&NodeContext::default())[0].1, json!(null));
    }
}
