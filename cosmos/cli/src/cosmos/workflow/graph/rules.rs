//! Rules as a graph: the facts, the rules that match them, and what the rules run.

use std::collections::BTreeSet;

use plato_rules::{EffectDef, FactDef, PatternDef, RuleBase, RuleDef, RunDef};

use super::layout::{Box, Layout};

impl Layout {
    /// Facts in the first column, rules in the second, what they run in the third.
    pub(super) fn of_rules(base: &RuleBase) -> Self {
        let facts = base.facts.iter().map(fact);
        let rules = base.rules.iter().map(|rule| rule_box(base, rule));
        let runs = base.rules.iter().filter_map(run_box);
        let mut boxes = Vec::new();
        for (column, of) in [facts.collect(), rules.collect(), runs.collect::<Vec<_>>()]
            .into_iter()
            .enumerate()
        {
            let numbered = (0..).zip::<Vec<Box>>(of);
            boxes.extend(numbered.map(|(row, node)| Box {
                column,
                row,
                ..node
            }));
        }
        Self { boxes }
    }
}

fn node(name: &str, runs: String, after: Vec<(&'static str, String)>) -> Box {
    Box {
        name: name.to_owned(),
        column: 0,
        may_skip: false,
        row: 0,
        runs,
        is_map: false,
        after,
        state: None,
    }
}

fn fact((name, def): (&String, &FactDef)) -> Box {
    let key = match def.key.is_empty() {
        true => "fact".to_owned(),
        false => format!("fact, one for each {}", def.key.join(", ")),
    };
    node(name, key, Vec::new())
}

fn rule_box(base: &RuleBase, rule: &RuleDef) -> Box {
    let changed = changed(rule);
    // In the order of the types; of others the base would not be valid.
    let changed = base.facts.keys().filter(|name| changed.contains(name));
    let changed: Vec<&str> = changed.map(String::as_str).collect();
    let does = match changed.is_empty() {
        true => String::new(),
        false => format!("changes {}", changed.join(", ")),
    };
    node(
        &rule.name,
        does,
        rule.patterns.iter().filter_map(matched).collect(),
    )
}

fn matched(pattern: &PatternDef) -> Option<(&'static str, String)> {
    let kinds = [
        ("", &pattern.fact),
        ("no ", &pattern.not),
        ("some ", &pattern.exists),
    ];
    let mut named = kinds.into_iter();
    named.find_map(|(how, kind)| Some((how, kind.clone()?)))
}

/// The types of which a rule asserts, updates or retracts facts, whichever way it ends.
fn changed(rule: &RuleDef) -> BTreeSet<&String> {
    let patterns = rule.patterns.iter();
    let named =
        patterns.filter_map(|pattern| Some((pattern.name.as_ref()?, pattern.fact.as_ref()?)));
    let effects = || {
        [&rule.action.record, &rule.reaction, &rule.error]
            .into_iter()
            .flatten()
    };
    let made = effects().filter_map(|effect| match effect {
        EffectDef::Assert(def) => Some((def.name.as_ref()?, &def.fact)),
        _ => None,
    });
    let named: Vec<(&String, &String)> = named.chain(made).collect();
    let kind_of = |name: &String| named.iter().find(|(other, _)| *other == name);
    let changed = effects().filter_map(|effect| match effect {
        EffectDef::Assert(def) => Some(&def.fact),
        EffectDef::Update(def) => kind_of(&def.fact).map(|(_, kind)| *kind),
        EffectDef::Retract(name) => kind_of(name).map(|(_, kind)| *kind),
    });
    changed.collect()
}

fn run_box(rule: &RuleDef) -> Option<Box> {
    let (name, kind) = runs(rule.action.run.as_ref()?);
    Some(node(&name, kind.to_owned(), vec![("", rule.name.clone())]))
}

fn runs(run: &RunDef) -> (String, &'static str) {
    match (&run.function, &run.service, &run.workflow) {
        (Some(function), ..) => (function.clone(), "function"),
        (_, Some(call), _) => (format!("{}.{}", call.service, call.method), "service"),
        (.., Some(workflow)) => (workflow.definition.clone(), "workflow"),
        _ => (String::new(), ""),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::colour::Paint;
    use crate::cosmos::workflow::graph::text;

    const FRESHNESS: &str =
        include_str!("../../../../../../plato/plato-rules/examples/freshness.yaml");

    #[test]
    fn rules_stand_between_facts_and_runs() {
        let base = RuleBase::of_yaml(FRESHNESS).unwrap();
        let expected = "\
NODE                  RUNS                           STATE  AFTER
Concern               fact
Encode                fact, one for each title, codec
Encoder               fact, one for each codec
Title                 fact, one for each id
└ encode              changes Encode                        Title, Encoder, no Encode
└ no-source           changes Concern                       Title
  └ example.encode    workflow                              encode";
        let drawn = text::draw(&Layout::of_rules(&base), Paint::default());
        let words = |text: &str| -> Vec<String> {
            let lines = text.lines();
            lines
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(words(&drawn), words(expected), "{drawn}");
    }
}
