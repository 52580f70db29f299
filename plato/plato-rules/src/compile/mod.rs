//! From a definition to rules, collecting everything that is wrong.

mod effect;
mod pattern;
mod problems;
mod reads;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use plato::Problem;

use self::problems::{ERROR, Problems, RESULT, known};
use self::reads::{mark_reads, specificity};
use crate::definition::{RuleBase, RuleDef};
use crate::expr::{Compiled, Scope, compile as compile_expression};
use crate::limits::{MAX_PATTERNS, MAX_RULES, MAX_TYPES};
use crate::rules::{Kind, Pattern, Rule, Target};
use crate::value::Type;

pub(crate) fn compile(base: &RuleBase) -> (Vec<Kind>, Vec<Rule>, Vec<Problem>) {
    let mut compiler = Compiler::default();
    compiler.check_head(base);
    compiler.kinds = base
        .facts
        .iter()
        .map(|(name, def)| compiler.problems.kind(name, def))
        .collect();
    let rules = base.rules.iter().enumerate();
    let rules = rules
        .map(|(index, def)| compiler.rule(&format!("rules[{index}]"), def))
        .collect();
    (compiler.kinds, rules, compiler.problems.0)
}

#[derive(Default)]
struct Compiler {
    kinds: Vec<Kind>,
    problems: Problems,
    names: BTreeSet<String>,
}

/// What is known of a rule while it is compiled.
#[derive(Default)]
struct Draft {
    patterns: Vec<Pattern>,
    variables: Vec<(String, usize, usize)>,
    scope: Scope,
    /// Names of facts that effects may be about.
    targets: BTreeMap<String, (Target, usize)>,
    made: usize,
}

impl Compiler {
    fn check_head(&mut self, base: &RuleBase) {
        self.problems.name("name", &base.name);
        if base.version == 0 {
            self.problems.add(
                "version",
                "version 0",
                "versions begin at 1; 0 asks for the newest",
            );
        }
        self.problems
            .at_most("facts", "fact types", base.facts.len(), MAX_TYPES);
        self.problems
            .at_most("rules", "rules", base.rules.len(), MAX_RULES);
    }

    fn rule(&mut self, place: &str, def: &RuleDef) -> Rule {
        self.problems.name(&format!("{place}.name"), &def.name);
        if !self.names.insert(def.name.clone()) {
            let message = format!("a second rule is named `{}`", def.name);
            self.problems.add(
                format!("{place}.name"),
                message,
                "name each rule differently",
            );
        }
        self.problems.at_most(
            &format!("{place}.match"),
            "patterns",
            def.patterns.len(),
            MAX_PATTERNS,
        );
        let mut draft = Draft::default();
        for (index, pattern) in def.patterns.iter().enumerate() {
            self.pattern(
                &format!("{place}.match[{index}]"),
                index,
                pattern,
                &mut draft,
            );
        }
        let all_read = draft.patterns.len() == def.patterns.len();
        if all_read && !draft.patterns.iter().any(Pattern::is_positive) {
            let hint = "add a `fact` pattern, so that it can be told for what the rule has fired";
            self.problems
                .add(format!("{place}.match"), "no pattern is a `fact`", hint);
        }
        self.does_something(place, def);
        let record = self.effects(
            &format!("{place}.action.record"),
            &def.action.record,
            &mut draft,
            true,
        );
        let run = def
            .action
            .run
            .as_ref()
            .map(|run| self.run(&format!("{place}.action.run"), run, &draft));
        mark_reads(&mut draft, &record, run.as_ref());
        let reaction = self.section(
            &format!("{place}.reaction"),
            &def.reaction,
            &mut draft,
            RESULT,
        );
        let error = self.section(&format!("{place}.error"), &def.error, &mut draft, ERROR);
        Rule {
            name: def.name.as_str().into(),
            salience: def.salience,
            specificity: draft.patterns.iter().map(specificity).sum(),
            patterns: draft.patterns,
            variables: draft.variables,
            record,
            run,
            reaction,
            error,
        }
    }

    fn does_something(&mut self, place: &str, def: &RuleDef) {
        if def.action.record.is_empty() && def.action.run.is_none() {
            let hint = "record a fact or run something";
            self.problems
                .add(format!("{place}.action"), "the rule does nothing", hint);
        }
        if def.action.run.is_none() && !def.reaction.is_empty() {
            let hint = "record it in the action, or run something";
            self.problems.add(
                format!("{place}.reaction"),
                "nothing is run that could succeed",
                hint,
            );
        }
    }

    fn find_kind(&mut self, place: &str, name: &str) -> Option<usize> {
        let found = self
            .kinds
            .iter()
            .position(|kind| kind.name.as_ref() == name);
        if found.is_none() {
            let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name.as_ref()).collect();
            let message = format!("there is no fact type `{}`", name.escape_debug());
            self.problems
                .add(place, message, format!("known: {}", kinds.join(", ")));
        }
        found
    }

    fn find_field(&mut self, place: &str, kind: usize, field: &str) -> Option<(usize, Type)> {
        let kind = &self.kinds[kind];
        let found = kind.places.get(field).copied();
        if found.is_none() {
            let message = format!("{} has no field `{}`", kind.name, field.escape_debug());
            self.problems.add(place, message, known(kind.places.keys()));
        }
        found
    }

    fn expression(
        &mut self,
        place: &str,
        source: &str,
        scope: &Scope,
        wanted: Option<Type>,
    ) -> Option<Compiled> {
        match compile_expression(source, scope, wanted) {
            Ok(compiled) => Some(compiled),
            Err(problem) => {
                let shown: String = source.chars().take(80).collect();
                self.problems.add(
                    place,
                    format!("`{}`: {problem}", shown.escape_debug()),
                    "see the author's page for expressions",
                );
                None
            }
        }
    }
}
