use std::collections::BTreeMap;

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
    /// The shape of the first rule that holds. Without rules, the first shape.
    ///
    /// # Errors
    /// When no rule holds, or one cannot be decided.
    pub fn choose(&self, attributes: &BTreeMap<String, String>) -> Result<&Shape, NoShape> {
        let no_rule = || NoShape::NoRule(attributes.clone());
        if self.rules.is_empty() {
            return self.shapes.first().ok_or_else(no_rule);
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if holds(rule, index, attributes)? {
                return self.shape(&rule.shape).ok_or_else(no_rule);
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
}

fn holds(
    rule: &Rule,
    index: usize,
    attributes: &BTreeMap<String, String>,
) -> Result<bool, NoShape> {
    let decided = rule.when.as_ref().map(|when| when.holds(attributes));
    decided.unwrap_or(Ok(true)).map_err(|error| NoShape::Rule {
        number: index + 1,
        error,
    })
}
