//! The sections of a rule, evaluated for one firing.

use serde_json::Value as Json;

use crate::event::MatchedFact;
use crate::expr::{Compiled, Env, EvalError};
use crate::limits::MAX_PARAMS_BYTES;
use crate::rules::{Effect, Rule, Target, Template};
use crate::value::Value;

/// What the expressions of a firing are evaluated over: the facts as they were, and
/// how the run ended.
pub(crate) struct Fireplace<'a> {
    rule: &'a Rule,
    facts: &'a [MatchedFact],
    outcome: Json,
}

/// An effect with its values.
#[derive(Debug, PartialEq)]
pub(crate) enum Doing {
    Assert {
        kind: usize,
        values: Vec<Value>,
        logical: bool,
    },
    Update {
        target: Aim,
        fields: Vec<(usize, Value)>,
    },
    Retract(Aim),
}

/// The fact that an effect is about.
#[derive(Debug, PartialEq)]
pub(crate) enum Aim {
    Fact(crate::fact::FactId),
    /// The fact of this type with the key that is among the values.
    Keyed {
        kind: usize,
        values: Vec<Value>,
    },
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Fireplace<'a> {
    /// As for `record` and `run`.
    pub(crate) fn new(rule: &'a Rule, facts: &'a [MatchedFact]) -> Self {
        Self {
            rule,
            facts,
            outcome: Json::Null,
        }
    }

    /// As for `reaction` and `error`, where `name` means `outcome`.
    pub(crate) fn after(self, name: &str, outcome: Json) -> Self {
        let outcome = Json::Object([(name.to_owned(), outcome)].into_iter().collect());
        Self { outcome, ..self }
    }

    /// What the effects do, all of them or none.
    pub(crate) fn doings(&self, effects: &[Effect]) -> Result<Vec<Doing>> {
        effects.iter().map(|effect| self.doing(effect)).collect()
    }

    fn doing(&self, effect: &Effect) -> Result<Doing> {
        Ok(match effect {
            Effect::Assert {
                kind,
                fields,
                logical,
                ..
            } => Doing::Assert {
                kind: *kind,
                values: self.values(fields)?,
                logical: *logical,
            },
            Effect::Update { target, fields } => {
                let fields = fields
                    .iter()
                    .map(|(place, field)| Ok((*place, self.value(field)?)));
                Doing::Update {
                    target: self.aim(*target)?,
                    fields: fields.collect::<Result<_>>()?,
                }
            }
            Effect::Retract(target) => Doing::Retract(self.aim(*target)?),
        })
    }

    fn aim(&self, target: Target) -> Result<Aim> {
        match target {
            Target::Matched(pattern) => {
                let fact = self.fact(pattern).ok_or("the fact is not known")?;
                Ok(Aim::Fact(fact.fact))
            }
            Target::Made(place) => self.made(place),
        }
    }

    /// A fact that the rule made is known by its key, which follows from the match.
    fn made(&self, place: usize) -> Result<Aim> {
        for effect in &self.rule.record {
            if let Effect::Assert {
                kind,
                made: Some(made),
                fields,
                ..
            } = effect
                && *made == place
            {
                return Ok(Aim::Keyed {
                    kind: *kind,
                    values: self.values(fields)?,
                });
            }
        }
        Err("the fact is not known".to_owned())
    }

    fn values(&self, fields: &[Compiled]) -> Result<Vec<Value>> {
        fields.iter().map(|field| self.value(field)).collect()
    }

    fn value(&self, compiled: &Compiled) -> Result<Value> {
        let value = compiled
            .expr
            .value(self)
            .map_err(|error| told(compiled, &error))?;
        let value = value.into_owned();
        match value.fits() {
            true => Ok(value),
            false => Err(format!("`{}` is too long for a field", compiled.source)),
        }
    }

    /// The parameters of the run.
    pub(crate) fn params(&self, template: &Template) -> Result<Json> {
        let params = self.fill(template)?;
        let bytes = params.to_string().len();
        match bytes <= MAX_PARAMS_BYTES {
            true => Ok(params),
            false => Err(format!(
                "{bytes} bytes of parameters; at most {MAX_PARAMS_BYTES}"
            )),
        }
    }

    fn fill(&self, template: &Template) -> Result<Json> {
        Ok(match template {
            Template::Constant(json) => json.clone(),
            Template::Expression(compiled) => self.value(compiled)?.to_json(),
            Template::List(list) => Json::Array(
                list.iter()
                    .map(|template| self.fill(template))
                    .collect::<Result<_>>()?,
            ),
            Template::Map(map) => {
                let filled = map
                    .iter()
                    .map(|(name, template)| Ok((name.clone(), self.fill(template)?)));
                Json::Object(filled.collect::<Result<_>>()?)
            }
        })
    }

    /// The fact of a pattern: facts are kept for `fact` patterns alone.
    fn fact(&self, pattern: usize) -> Option<&MatchedFact> {
        let patterns = &self.rule.patterns;
        if !patterns.get(pattern)?.is_positive() {
            return None;
        }
        let before = patterns[..pattern]
            .iter()
            .filter(|pattern| pattern.is_positive());
        self.facts.get(before.count())
    }
}

impl Env for Fireplace<'_> {
    fn field(&self, pattern: usize, field: usize) -> Option<&Value> {
        self.fact(pattern)?.fields.get(field)
    }

    fn outcome(&self) -> Option<&Json> {
        Some(&self.outcome)
    }
}

fn told(compiled: &Compiled, error: &EvalError) -> String {
    format!("`{}`: {error}", compiled.source)
}
