use std::collections::BTreeMap;
use std::sync::Arc;

use plato::{InvalidDefinition, NodeCode, Problem};

use crate::definition::RuleBase;
use crate::rules::{Rules, RunOn};

/// Rules of one version, with the code that their runs need.
#[derive(Clone, Debug)]
pub struct RuleActivation {
    rules: Arc<Rules>,
    code: BTreeMap<String, NodeCode>,
}

impl RuleActivation {
    /// The rules, found valid.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// What prepares the run of a rule, if it has code.
    pub fn code(&self, rule: &str) -> Option<&NodeCode> {
        self.code.get(rule)
    }
}

/// Every rule base that a process can run, by name and version.
#[derive(Clone, Debug, Default)]
pub struct RuleRegistry {
    bases: BTreeMap<String, BTreeMap<u32, Arc<RuleActivation>>>,
}

impl RuleRegistry {
    /// Adds a rule base, and code by the names of rules: what a rule gives as
    /// `params` is the input of its code. A rule that asks a service needs it, one
    /// that invokes a function may have it, no other can.
    ///
    /// # Errors
    /// When the rule base is invalid, code is missing or of the wrong kind, or this
    /// name and version is registered.
    pub fn register<N: Into<String>>(
        &mut self,
        base: RuleBase,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<(), InvalidDefinition> {
        let rules = Rules::new(base)?;
        let code = code
            .into_iter()
            .map(|(rule, code)| (rule.into(), code))
            .collect();
        let mut problems = misfits(&rules, &code);
        let (name, version) = (rules.base().name.clone(), rules.base().version);
        let versions = self.bases.entry(name.clone()).or_default();
        if versions.contains_key(&version) {
            problems.push(Problem {
                place: "version".to_owned(),
                message: format!("version {version} is registered"),
                hint: "changed rules need a new version".to_owned(),
            });
        }
        if !problems.is_empty() {
            return Err(InvalidDefinition { name, problems });
        }
        let rules = Arc::new(rules);
        versions.insert(version, Arc::new(RuleActivation { rules, code }));
        Ok(())
    }

    /// The name and version of every rule base.
    pub fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        let bases = self.bases.iter();
        bases.flat_map(|(name, versions)| versions.keys().map(move |v| (name.as_str(), *v)))
    }

    /// The rules of this name and version; version 0 is the newest.
    pub fn get(&self, name: &str, version: u32) -> Option<&Arc<RuleActivation>> {
        let versions = self.bases.get(name)?;
        match version {
            0 => versions.values().next_back(),
            _ => versions.get(&version),
        }
    }
}

fn misfits(rules: &Rules, code: &BTreeMap<String, NodeCode>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let run = rule.run.as_ref().map(|run| &run.what);
        let fits = matches!(
            (run, code.get(rule.name.as_ref())),
            (Some(RunOn::Service { .. }), Some(NodeCode::Service(_)))
                | (Some(RunOn::Function(_)), None | Some(NodeCode::Function(_)))
                | (Some(RunOn::Workflow { .. }) | None, None)
        );
        if !fits {
            problems.push(Problem {
                place: format!("rules[{index}].action.run"),
                message: format!(
                    "the code of rule {} is missing, or not of its kind",
                    rule.name
                ),
                hint:
                    "a service needs `NodeCode::service`, a function may have `NodeCode::function`"
                        .to_owned(),
            });
        }
    }
    for name in code.keys().filter(|name| rules.find_rule(name).is_none()) {
        problems.push(Problem {
            place: "code".to_owned(),
            message: format!("there is code for `{name}`, which is no rule"),
            hint: "name the rule that it belongs to".to_owned(),
        });
    }
    problems
}
