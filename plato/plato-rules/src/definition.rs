use std::collections::BTreeMap;

use plato::{InvalidDefinition, Problem, Retry};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::value::Type;

/// Fact types, and rules over them, as data: it can be stored and printed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBase {
    /// "media.freshness"
    pub name: String,
    /// From 1.
    pub version: u32,
    /// Fact types by name.
    pub facts: BTreeMap<String, FactDef>,
    /// Their order decides between matches that are equal in all else.
    pub rules: Vec<RuleDef>,
}

/// A type of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactDef {
    /// The fields that tell one fact from another; all, if none is named. To assert
    /// a fact whose key is there already is to update that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Every field has a value.
    pub fields: BTreeMap<String, Type>,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDef {
    /// Unique; a new version that keeps the name does not fire again for what the
    /// rule has fired for.
    pub name: String,
    /// What it is for, to be read by people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Of the matches that wait, one of the highest salience fires first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub salience: i32,
    /// All must hold together.
    #[serde(rename = "match")]
    pub patterns: Vec<PatternDef>,
    /// What is done when they begin to hold.
    #[serde(default)]
    pub action: ActionDef,
    /// What follows when the run of the action has succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaction: Vec<EffectDef>,
    /// What follows when the action has failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<EffectDef>,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// One pattern: exactly one of `fact`, `not` and `exists` names its fact type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternDef {
    /// One match for each such fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// There is no such fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<String>,
    /// There is such a fact; however many there are, they make one match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<String>,
    /// The name by which expressions speak of the fact.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What fields must be equal to: a constant, or a variable, `$title`. The first
    /// place that names a variable binds it. A text that begins with `$` is written `$$…`.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Json>,
    /// A condition in CEL over this fact, those before it, and variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionDef {
    /// Changes of facts, recorded before anything is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub record: Vec<EffectDef>,
    /// What is run then, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunDef>,
}

/// One change of facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectDef {
    Assert(AssertDef),
    Update(UpdateDef),
    /// Takes away the fact of this name.
    Retract(String),
}

/// Asserts a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertDef {
    pub fact: String,
    /// The name by which later sections of the rule speak of it.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Every field of the type, as an expression in CEL.
    pub fields: BTreeMap<String, String>,
    /// Whether it is a conclusion: it goes when the match that it was drawn from
    /// ceases, unless another one, or somebody outside, asserts it too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub logical: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Changes fields of a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateDef {
    /// The name of the fact.
    pub fact: String,
    /// Fields outside its key, each as an expression in CEL.
    pub fields: BTreeMap<String, String>,
}

/// What an action runs: exactly one of `function`, `service` and `workflow` says where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDef {
    /// An invocation of this function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// A request of another service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceDef>,
    /// Another workflow of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowDef>,
    /// What it is given: JSON in which every text is an expression in CEL.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub params: Json,
    /// How often it is tried again.
    #[serde(default)]
    pub retry: Retry,
}

/// Which method of which service is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDef {
    pub service: String,
    pub method: String,
}

/// Which workflow is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowDef {
    pub definition: String,
    /// 0 = the newest.
    #[serde(default, skip_serializing_if = "is_newest")]
    pub version: u32,
}

fn is_newest(version: &u32) -> bool {
    *version == 0
}

impl RuleBase {
    /// Reads a rule base that is written in YAML or JSON.
    ///
    /// # Errors
    /// When it is not of this form, with the place.
    pub fn of_yaml(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|problem| problem.to_string())
    }

    /// Reads a rule base that is a file, `path`, of this text.
    ///
    /// # Errors
    /// When it is not of this form, with the file and the place in it.
    pub fn of_file(path: &str, text: &str) -> Result<Self, InvalidDefinition> {
        Self::of_yaml(text).map_err(|message| InvalidDefinition {
            name: path.to_owned(),
            problems: vec![Problem {
                place: path.to_owned(),
                message,
                hint: "write it as plato/RULES.md says".to_owned(),
            }],
        })
    }
}
