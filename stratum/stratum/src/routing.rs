use std::collections::BTreeMap;
use std::fmt;

use crate::{Condition, ConditionError, Shape};

/// Sends an invocation to a shape when its condition holds.
#[derive(Debug, PartialEq)]
pub struct Rule {
    /// `None` always holds.
    pub when: Option<Condition>,
    /// Name of the shape.
    pub shape: String,
}

/// The shapes of a function and the rules that choose one: the first that holds.
#[derive(Debug, PartialEq)]
pub struct Routing {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) rules: Vec<Rule>,
}

impl Rule {
    /// Whether an invocation with these attributes is sent to its shape.
    ///
    /// # Errors
    /// When its condition cannot be decided.
    pub fn holds(&self, attributes: &BTreeMap<String, String>) -> Result<bool, ConditionError> {
        let decided = self.when.as_ref().map(|when| when.holds(attributes));
        decided.unwrap_or(Ok(true))
    }
}

/// A shape, and why it was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice<'a> {
    pub shape: &'a Shape,
    /// The rule that chose it and its number, from 1; `None` = there are no rules.
    pub rule: Option<(usize, &'a Rule)>,
}

impl fmt::Display for Choice<'_> {
    /// "rule 2: height <= 1080".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            None => f.write_str("no rules: the first of its shapes"),
            Some((number, Rule { when: None, .. })) => write!(f, "rule {number}: always"),
            Some((
                number,
                Rule {
                    when: Some(when), ..
                },
            )) => write!(f, "rule {number}: {when}"),
        }
    }
}

/// Why no shape could be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShape {
    #[error("no routing rule matches the attributes {0:?}; end the rules with one without `when`")]
    NoRule(BTreeMap<String, String>),
    #[error("routing rule {number}: {error}")]
    Rule {
        /// From 1.
        number: usize,
        error: ConditionError,
    },
}

impl Routing {
    /// Routing by these rules to these shapes. A rule that holds and names none of them chooses
    /// nothing.
    pub fn new(shapes: Vec<Shape>, rules: Vec<Rule>) -> Self {
        Self { shapes, rules }
    }

    /// The shape of the first rule that holds. Without rules, the first shape.
    ///
    /// # Errors
    /// When no rule holds, or one cannot be decided.
    pub fn choose(&self, attributes: &BTreeMap<String, String>) -> Result<&Shape, NoShape> {
        self.decide(attributes).map(|choice| choice.shape)
    }

    /// The shape that [`Self::choose`] gives, and why.
    ///
    /// # Errors
    /// When no rule holds, or one cannot be decided.
    pub fn decide(&self, attributes: &BTreeMap<String, String>) -> Result<Choice<'_>, NoShape> {
        let no_rule = || NoShape::NoRule(attributes.clone());
        if self.rules.is_empty() {
            let shape = self.shapes.first().ok_or_else(no_rule)?;
            return Ok(Choice { shape, rule: None });
        }
        for (number, rule) in (1..).zip(&self.rules) {
            let held = rule.holds(attributes);
            if held.map_err(|error| NoShape::Rule { number, error })? {
                let rule = Some((number, rule));
                let shape = rule.and_then(|(_, rule)| self.shape(&rule.shape));
                return shape
                    .map(|shape| Choice { shape, rule })
                    .ok_or_else(no_rule);
            }
        }
        Err(no_rule())
    }

    /// The shape that is `sizes` sizes larger in memory than `shape`, with as many processors; the
    /// largest where there are not so many.
    #[must_use]
    pub fn larger<'a>(&'a self, shape: &'a Shape, sizes: u32) -> &'a Shape {
        let mut larger: Vec<&Shape> = self
            .shapes
            .iter()
            .filter(|other| other.cpus == shape.cpus && other.memory_mb > shape.memory_mb)
            .collect();
        larger.sort_by_key(|other| other.memory_mb);
        larger.dedup_by_key(|other| other.memory_mb);
        larger.truncate(usize::try_from(sizes).unwrap_or(usize::MAX));
        larger.pop().unwrap_or(shape)
    }

    /// The shape of this name.
    pub fn shape(&self, group: &str) -> Option<&Shape> {
        self.shapes.iter().find(|shape| shape.group == group)
    }

    /// Every shape that an invocation may be sent to.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The rules, in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
