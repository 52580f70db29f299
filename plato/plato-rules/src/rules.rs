//! A rule base that was found valid: names resolved, expressions compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::compile;
use crate::definition::RuleBase;
use crate::expr::Compiled;
use crate::value::{Type, Value};
use plato::{InvalidDefinition, Retry};

/// A valid rule base of one version.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) base: RuleBase,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rules: Vec<Rule>,
}

/// A fact type.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) name: Arc<str>,
    /// In the order of their names.
    pub(crate) fields: Vec<(String, Type)>,
    pub(crate) places: Arc<BTreeMap<String, (usize, Type)>>,
    /// The places of the fields that tell one fact from another.
    pub(crate) key: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) salience: i32,
    /// How many tests it makes.
    pub(crate) specificity: u32,
    pub(crate) patterns: Vec<Pattern>,
    /// Variables, each with the field that binds it.
    pub(crate) variables: Vec<(String, usize, usize)>,
    pub(crate) record: Vec<Effect>,
    pub(crate) run: Option<Run>,
    pub(crate) reaction: Vec<Effect>,
    pub(crate) error: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Fact,
    Not,
    Exists,
}

#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) mode: Mode,
    pub(crate) kind: usize,
    pub(crate) name: Option<String>,
    /// Fields that must have this value.
    pub(crate) constants: Vec<(usize, Value)>,
    /// Fields of the fact that must be equal.
    pub(crate) same: Vec<(usize, usize)>,
    pub(crate) joins: Vec<Join>,
    /// A condition over the fact alone.
    pub(crate) own_guard: Option<Compiled>,
    /// A condition over the fact and those before it.
    pub(crate) guard: Option<Compiled>,
    /// The fields that the rule's match and action read, one bit each.
    pub(crate) reads: u32,
}

/// A field that must be equal to one of an earlier pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    pub(crate) field: usize,
    pub(crate) pattern: usize,
    pub(crate) other: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Assert {
        kind: usize,
        /// The place among the facts that the rule makes and names.
        made: Option<usize>,
        fields: Vec<Compiled>,
        logical: bool,
    },
    Update {
        target: Target,
        fields: Vec<(usize, Compiled)>,
    },
    Retract(Target),
}

/// The fact that an effect is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The fact of a pattern.
    Matched(usize),
    /// A fact that the rule made and named.
    Made(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) what: RunOn,
    pub(crate) params: Template,
    pub(crate) retry: Retry,
}

/// Where an action runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOn {
    /// As an invocation of this function.
    Function(String),
    /// As a request of another service.
    Service { service: String, method: String },
    /// As another workflow of the same service; version 0 is the newest.
    Workflow { definition: String, version: u32 },
}

#[derive(Clone, Debug)]
pub(crate) enum Template {
    Constant(Json),
    Expression(Compiled),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

impl Rules {
    /// Checks a rule base and compiles it.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn new(base: RuleBase) -> Result<Self, InvalidDefinition> {
        let (kinds, rules, problems) = compile::compile(&base);
        match problems.is_empty() {
            true => Ok(Self { base, kinds, rules }),
            false => Err(InvalidDefinition {
                name: base.name,
                problems,
            }),
        }
    }

    /// What it was made of.
    pub fn base(&self) -> &RuleBase {
        &self.base
    }

    /// What the action of a rule runs, if anything.
    pub fn run(&self, rule: &str) -> Option<&RunOn> {
        let run = self.find_rule(rule)?.1.run.as_ref()?;
        Some(&run.what)
    }

    pub(crate) fn find_rule(&self, name: &str) -> Option<(usize, &Rule)> {
        let mut rules = self.rules.iter().enumerate();
        rules.find(|(_, rule)| rule.name.as_ref() == name)
    }

    pub(crate) fn find_kind(&self, name: &str) -> Option<usize> {
        self.kinds
            .iter()
            .position(|kind| kind.name.as_ref() == name)
    }
}

impl Pattern {
    /// Whether each fact makes a match of its own.
    pub(crate) fn is_positive(&self) -> bool {
        self.mode == Mode::Fact
    }
}
