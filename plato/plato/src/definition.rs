use serde::{Deserialize, Serialize};

use crate::retry::Retry;

/// What a workflow is made of, as data: it can be stored, printed and drawn.
/// What its nodes run is registered beside it, see [`crate::Registry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// "ves.encode"
    pub name: String,
    /// From 1. A running workflow keeps the version it started with.
    pub version: u32,
    pub nodes: Vec<NodeDef>,
    /// The node whose output is the workflow's.
    pub output: String,
}

/// One stage of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDef {
    pub name: String,
    /// Nodes that must have ended before this one, besides the one that `kind` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    #[serde(default, skip_serializing_if = "Kind::is_single")]
    pub kind: Kind,
    pub run: Run,
    #[serde(default, skip_serializing_if = "Retry::is_default")]
    pub retry: Retry,
    /// How long the node may take from its start to its end, in milliseconds,
    /// retries and all, before it fails for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How long one try may take, in milliseconds, before it is canceled and
    /// counted as a failure of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Instead of the workflow's priority. Lower is more urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Of a map: how many elements may fail for good before it does. Their results are
    /// their errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_failed: Option<Allowed>,
    /// Of a map of a function or of inline code: up to so many elements are one task, which
    /// is given all of them and answers with a result for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Of a map of a function: when a slow task is run a second time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speculate: Option<Speculate>,
    /// When it holds, the node is passed over; so are maps over it and reduces of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_when: Option<Condition>,
    /// The same by a condition in CEL over what the nodes before it put out, see
    /// [`crate::skip`]; decided when it could start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_if: Option<String>,
    /// What it puts out, as JSON, when it is passed over. Without one, nodes `after` it
    /// run and find no output of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// How many tasks a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One.
    #[default]
    Single,
    /// One for each element, or [batch](NodeDef::batch), of the list that node `over` put
    /// out. The output is the list of the results, in the order of the elements.
    Map { over: String },
    /// One, when every task of the map `of` is done; it is given their results as a list.
    Reduce { of: String },
    /// One, when the workflow fails or is canceled after node `of` has succeeded: it
    /// undoes what that node did. What ended last is undone first.
    Undo { of: String },
}

impl Kind {
    fn is_single(&self) -> bool {
        *self == Self::Single
    }

    /// The node that it names.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Single => None,
            Self::Map { over: node } | Self::Reduce { of: node } | Self::Undo { of: node } => {
                Some(node)
            }
        }
    }

    /// Whether its node runs only when the workflow does not succeed.
    pub fn is_undo(&self) -> bool {
        matches!(self, Self::Undo { .. })
    }
}

/// Where a node's tasks run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// Within the workflow layer: light work, done at once.
    Inline,
    /// As invocations of this function.
    Function(String),
    /// As requests of another service, by the RPC that takes them: "vvs", "ValidateVideo".
    Service { service: String, method: String },
    /// As workflows of the same service, each started and waited for.
    Workflow {
        definition: String,
        /// 0 = the newest when it starts.
        #[serde(default, skip_serializing_if = "is_zero")]
        version: u32,
    },
    /// Nowhere: the node waits until it is signaled by its name, and puts out what the
    /// signal brings.
    Signal,
    /// Nowhere: the node waits for so many milliseconds, and puts out nothing.
    Timer(u64),
}

fn is_zero(version: &u32) -> bool {
    *version == 0
}

impl Run {
    /// Whether its nodes have no tasks of their own, but wait for something.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Signal | Self::Timer(_))
    }
}

/// How many elements of a map may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// So many.
    Count(u64),
    /// So many of a hundred, rounded down.
    Percent(u8),
}

impl Allowed {
    /// How many of `total` it is.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let allowed = u128::from(total) * u128::from(percent) / 100;
                u64::try_from(allowed).unwrap_or(u64::MAX)
            }
        }
    }
}

/// When a task of a map that is slower than the others is run a second time, beside the
/// first. What ends first counts; the other one is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speculate {
    /// Once so many percent of the elements are done, and every other one is out, …
    pub quantile: u8,
    /// … a task is slow when it has taken so many percent of the time within which that
    /// part of those that are done have ended, …
    pub factor: u32,
    /// … and at least so many milliseconds.
    pub min_ms: u64,
}

impl Default for Speculate {
    fn default() -> Self {
        Self {
            quantile: 75,
            factor: 150,
            min_ms: 1_000,
        }
    }
}

/// A condition over the workflow's input, which must then be JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// JSON pointer (RFC 6901): "/recipe/validate".
    pub pointer: String,
    /// Holds when the input has this value there; `null` also when it has none.
    pub equals: serde_json::Value,
}

impl NodeDef {
    /// A node that runs inline.
    pub fn inline(name: impl Into<String>) -> Self {
        Self::new(name.into(), Run::Inline)
    }

    /// A node that invokes `function`.
    pub fn function(name: impl Into<String>, function: impl Into<String>) -> Self {
        Self::new(name.into(), Run::Function(function.into()))
    }

    /// A node that calls `method` of another service.
    pub fn service(
        name: impl Into<String>,
        service: impl Into<String>,
        method: impl Into<String>,
    ) -> Self {
        let (service, method) = (service.into(), method.into());
        Self::new(name.into(), Run::Service { service, method })
    }

    /// A node that starts a workflow of the newest `definition`, and waits for its end.
    pub fn workflow(name: impl Into<String>, definition: impl Into<String>) -> Self {
        let (definition, version) = (definition.into(), 0);
        Self::new(
            name.into(),
            Run::Workflow {
                definition,
                version,
            },
        )
    }

    /// A node that waits until it is signaled by its name.
    pub fn signal(name: impl Into<String>) -> Self {
        Self::new(name.into(), Run::Signal)
    }

    /// A node that waits for so many milliseconds: a moment, or months.
    pub fn timer(name: impl Into<String>, wait_ms: u64) -> Self {
        Self::new(name.into(), Run::Timer(wait_ms))
    }

    fn new(name: String, run: Run) -> Self {
        Self {
            name,
            after: Vec::new(),
            kind: Kind::Single,
            run,
            retry: Retry::default(),
            deadline_ms: None,
            timeout_ms: None,
            priority: None,
            allow_failed: None,
            batch: None,
            speculate: None,
            skip_when: None,
            skip_if: None,
            default: None,
        }
    }

    /// Waits for these nodes.
    pub fn after<N: Into<String>>(mut self, nodes: impl IntoIterator<Item = N>) -> Self {
        self.after.extend(nodes.into_iter().map(Into::into));
        self
    }

    /// Has one task for each element of the list that `node` puts out.
    pub fn map_over(mut self, node: impl Into<String>) -> Self {
        self.kind = Kind::Map { over: node.into() };
        self
    }

    /// Runs once every task of the map `node` is done.
    pub fn reduce_of(mut self, node: impl Into<String>) -> Self {
        self.kind = Kind::Reduce { of: node.into() };
        self
    }

    /// Undoes what `node` did, when the workflow fails or is canceled after it.
    pub fn undo_of(mut self, node: impl Into<String>) -> Self {
        self.kind = Kind::Undo { of: node.into() };
        self
    }

    /// How often it is tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How long one try may take, in milliseconds.
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// How long the node may take as a whole, in milliseconds.
    pub fn deadline_ms(mut self, deadline_ms: u64) -> Self {
        self.deadline_ms = Some(deadline_ms);
        self
    }

    /// Instead of the workflow's priority.
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = Some(priority);
        self
    }

    /// How many elements of a map may fail for good before it does.
    pub fn allow_failed(mut self, allowed: Allowed) -> Self {
        self.allow_failed = Some(allowed);
        self
    }

    /// How many elements of a map are one task, at most.
    pub fn batch(mut self, elements: u32) -> Self {
        self.batch = Some(elements);
        self
    }

    /// When a slow task of a map is run a second time.
    pub fn speculate(mut self, speculate: Speculate) -> Self {
        self.speculate = Some(speculate);
        self
    }

    /// Passed over when the workflow's input has `equals` at `pointer`.
    pub fn skip_when(mut self, pointer: impl Into<String>, equals: serde_json::Value) -> Self {
        self.skip_when = Some(Condition {
            pointer: pointer.into(),
            equals,
        });
        self
    }

    /// Passed over when `condition`, in CEL, holds for what the nodes before it put out.
    pub fn skip_if(mut self, condition: impl Into<String>) -> Self {
        self.skip_if = Some(condition.into());
        self
    }

    /// What it puts out, as JSON, when it is passed over.
    pub fn or_default(mut self, default: serde_json::Value) -> Self {
        self.default = Some(default);
        self
    }

    /// Whether it may be passed over by a condition of its own.
    pub fn may_skip(&self) -> bool {
        self.skip_when.is_some() || self.skip_if.is_some()
    }

    /// Every node this one waits for, the one its kind names first.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.kind
            .source()
            .into_iter()
            .chain(self.after.iter().map(String::as_str))
    }
}

impl Condition {
    /// Whether it holds for an input; not for one that is not JSON.
    pub fn holds(&self, input: &serde_json::Value) -> bool {
        let found = input.pointer(&self.pointer);
        found.unwrap_or(&serde_json::Value::Null) == &self.equals
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_reads_back_from_short_text() {
        let text = json!({
            "name": "t.demo", "version": 1, "output": "join",
            "nodes": [
                {"name": "split", "run": {"function": "t-split"}},
                {"name": "work", "kind": {"map": {"over": "split"}}, "run": {"function": "t-work"}},
                {"name": "join", "kind": {"reduce": {"of": "work"}}, "run": "inline"},
                {"name": "check", "run": {"service": {"service": "vvs", "method": "ValidateVideo"}}},
                {"name": "again", "run": {"workflow": {"definition": "t.demo"}}},
            ],
        });
        let definition: Definition = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(
            definition.nodes[1],
            NodeDef::function("work", "t-work").map_over("split")
        );
        assert_eq!(
            definition.nodes[3],
            NodeDef::service("check", "vvs", "ValidateVideo")
        );
        assert_eq!(definition.nodes[4], NodeDef::workflow("again", "t.demo"));
        assert_eq!(serde_json::to_value(definition).unwrap(), text);
    }

    #[test]
    fn allowances_are_short_and_rounded_down() {
        let text = json!({"name": "a", "run": "inline", "kind": {"map": {"over": "b"}},
            "allow_failed": {"percent": 10}, "batch": 100, "speculate": {"factor": 200}});
        let node: NodeDef = serde_json::from_value(text).unwrap();
        let allowed = node.allow_failed.unwrap();
        assert_eq!([9, 10, 29].map(|total| allowed.of(total)), [0, 1, 2]);
        assert_eq!(Allowed::Count(3).of(2), 3);
        let speculate = node.speculate.unwrap();
        assert_eq!((speculate.quantile, speculate.factor), (75, 200));
        assert_eq!(node.batch, Some(100));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let text = json!({"name": "a", "run": "inline", "atfer": ["b"]});
        assert!(serde_json::from_value::<NodeDef>(text).is_err());
    }

    #[test]
    fn a_condition_looks_at_one_place() {
        let condition = |equals| Condition {
            pointer: "/a/b".into(),
            equals,
        };
        assert!(condition(json!(false)).holds(&json!({"a": {"b": false}})));
        assert!(!condition(json!(false)).holds(&json!({"a": {"b": true}})));
        assert!(condition(json!(null)).holds(&json!({"a": {}})));
        assert!(!condition(json!(false)).holds(&json!("text")));
    }
}
