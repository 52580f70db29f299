use std::collections::BTreeMap;

use blob::BlobRef;
use errors::Error;
use plato::{Header, Value};

/// A message from the inbox of a group, as the workflow layer understands it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    Start(Box<Start>),
    Cancel {
        workflow: String,
        reason: String,
    },
    Pause {
        workflow: String,
        reason: String,
    },
    Resume {
        workflow: String,
    },
    Retry {
        workflow: String,
        /// The node to run again from, if one is named.
        from: Option<String>,
    },
    Signal(Box<Signal>),
    Result {
        invocation: String,
        result: Result<Done, Error>,
        /// What the function said, where that was kept.
        log: Option<BlobRef>,
    },
    Progress {
        workflow: String,
        node: String,
        element: u64,
        fraction: f64,
    },
    CallProgress {
        call: String,
        fraction: f64,
    },
    Facts(Box<Facts>),
    /// An invocation or a call ended without its worker.
    Terminated {
        invocation: String,
        error: Error,
    },
}

impl Incoming {
    /// Whether it tells how one try of a task has ended.
    pub(crate) fn ends_a_try(&self) -> bool {
        matches!(self, Self::Result { .. } | Self::Terminated { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Start {
    pub(crate) workflow: String,
    pub(crate) definition: String,
    /// 0 = newest.
    pub(crate) version: u32,
    pub(crate) input: Value,
    pub(crate) header: Header,
}

/// What a node that waits for a signal is brought.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    pub(crate) workflow: String,
    pub(crate) node: String,
    pub(crate) value: Value,
}

impl Signal {
    /// What it brings can be kept.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_value("value", "SIGNAL_TOO_LARGE", &self.value)
    }
}

/// What an invocation put out, and what it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Done {
    pub(crate) value: Value,
    pub(crate) from_memo: bool,
    pub(crate) cpu_ms: u64,
    pub(crate) decode_cpu_ms: u64,
}

impl Start {
    /// The workflow's id can be part of keys and names, and its input is not too large.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_id(&self.workflow)?;
        check_value("input", "INPUT_TOO_LARGE", &self.input)?;
        check_depth(self.header.depth)?;
        check_attributes(&self.header.attributes)?;
        check_pins(&self.header.function_digests)
    }
}

fn check_value(field: &str, code: &str, value: &Value) -> Result<(), Error> {
    let bytes = value.inline.len();
    match bytes <= plato::limits::MAX_INLINE_BYTES {
        true => Ok(()),
        false => Err(Error::user(code, format!("{bytes} bytes"))
            .at(format!("{field}.inline"))
            .hint(format!(
                "at most {}; put more in a blob",
                plato::limits::MAX_INLINE_BYTES
            ))),
    }
}

fn check_id(id: &str) -> Result<(), Error> {
    let fits = (1..=plato::limits::MAX_WORKFLOW_ID_BYTES).contains(&id.len());
    match fits && !id.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::user(
            "INVALID_ID",
            format!("`{}` is no workflow id", id.escape_debug()),
        )
        .at("workflow_id")),
    }
}

fn check_depth(depth: u32) -> Result<(), Error> {
    match depth <= plato::limits::MAX_DEPTH {
        true => Ok(()),
        false => Err(
            Error::user("TOO_DEEP", format!("{depth} workflows are above it"))
                .at("depth")
                .hint(format!("at most {}", plato::limits::MAX_DEPTH)),
        ),
    }
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<(), Error> {
    let bytes: usize = attributes
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    match bytes <= plato::limits::MAX_ATTRIBUTES_BYTES {
        true => Ok(()),
        false => Err(Error::user(
            "ATTRIBUTES_TOO_LARGE",
            format!("{bytes} bytes of attributes"),
        )
        .at("attributes")
        .hint(format!("at most {}", plato::limits::MAX_ATTRIBUTES_BYTES))),
    }
}

fn check_pins(pins: &BTreeMap<String, String>) -> Result<(), Error> {
    let most = plato::limits::MAX_PINS;
    match pins.len() <= most {
        true => Ok(()),
        false => Err(Error::user(
            "TOO_MANY_PINS",
            format!("it is pinned to versions of {} functions", pins.len()),
        )
        .at("function_digests")
        .hint(format!("at most {most}; name those that it runs"))),
    }
}

/// Facts of a workflow of rules, as somebody outside tells them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) workflow: String,
    /// The rule base of a workflow that is not there yet; empty = it must be there.
    pub(crate) rules: String,
    pub(crate) facts: Vec<plato_rules::NewFact>,
    /// Whether they go.
    pub(crate) retract: bool,
    pub(crate) header: Header,
}
