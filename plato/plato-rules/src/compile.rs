//! From a definition to rules, collecting everything that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::definition::{
    AssertDef, EffectDef, FactDef, PatternDef, RuleBase, RuleDef, RunDef, UpdateDef,
};
use crate::expr::{Compiled, Name, Scope, compile as compile_expression};
use crate::limits::{
    MAX_EFFECTS, MAX_FIELDS, MAX_NAME_BYTES, MAX_PARAMS_DEPTH, MAX_PATTERNS, MAX_RULES, MAX_TYPES,
};
use crate::rules::{Effect, Join, Kind, Mode, Pattern, Rule, Run, RunOn, Target, Template};
use crate::value::{Type, Value};
use plato::Problem;

/// What a run ended with, in `reaction`.
const RESULT: &str = "result";
/// Why it failed, in `error`.
const ERROR: &str = "error";

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
struct Problems(Vec<Problem>);

impl Problems {
    fn add(
        &mut self,
        place: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Problem {
            place: place.into(),
            message: message.into(),
            hint: hint.into(),
        });
    }

    fn name(&mut self, place: &str, name: &str) {
        let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.chars().all(letters) {
            let message = format!("`{}` is no name", name.escape_debug());
            self.add(
                place,
                message,
                format!("1 to {MAX_NAME_BYTES} letters, digits, `.`, `_` and `-`"),
            );
        }
    }

    /// A name that expressions can use.
    fn identifier(&mut self, place: &str, name: &str) {
        let mut letters = name.chars();
        let begins = letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let fits = begins && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits || name.len() > MAX_NAME_BYTES {
            let message = format!("`{}` cannot be used in expressions", name.escape_debug());
            self.add(
                place,
                message,
                "letters, digits and `_`, with no digit first",
            );
        }
        if [RESULT, ERROR].contains(&name) {
            self.add(
                place,
                format!("`{name}` means how a run ended"),
                "choose another name",
            );
        }
    }

    fn at_most(&mut self, place: &str, what: &str, count: usize, limit: usize) {
        if count > limit {
            self.add(place, format!("{count} {what}"), format!("at most {limit}"));
        }
    }

    fn kind(&mut self, name: &str, def: &FactDef) -> Kind {
        let place = format!("facts.{name}");
        self.name(&place, name);
        self.at_most(&place, "fields", def.fields.len(), MAX_FIELDS);
        if def.fields.is_empty() {
            self.add(&place, "the type has no fields", "give it one");
        }
        for field in def.fields.keys() {
            self.identifier(&format!("{place}.fields"), field);
        }
        let fields: Vec<(String, Type)> = def.fields.clone().into_iter().collect();
        let places = fields
            .iter()
            .enumerate()
            .map(|(place, (name, kind))| (name.clone(), (place, *kind)));
        let places: BTreeMap<String, (usize, Type)> = places.collect();
        let key = match def.key.is_empty() {
            true => (0..fields.len()).collect(),
            false => self.key(&place, def, &places),
        };
        Kind {
            name: name.into(),
            fields,
            places: Arc::new(places),
            key,
        }
    }

    fn key(
        &mut self,
        place: &str,
        def: &FactDef,
        places: &BTreeMap<String, (usize, Type)>,
    ) -> Vec<usize> {
        let mut key = BTreeSet::new();
        for field in &def.key {
            match places.get(field) {
                Some((place, _)) => drop(key.insert(*place)),
                None => self.add(
                    format!("{place}.key"),
                    format!("there is no field `{field}`"),
                    known(places.keys()),
                ),
            }
        }
        key.into_iter().collect()
    }
}

fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    format!("known: {}", names.join(", "))
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

    fn pattern(&mut self, place: &str, index: usize, def: &PatternDef, draft: &mut Draft) {
        let Some((mode, kind)) = self.subject(place, def) else {
            return;
        };
        let mut pattern = Pattern {
            mode,
            kind,
            name: def.name.clone(),
            constants: Vec::new(),
            same: Vec::new(),
            joins: Vec::new(),
            own_guard: None,
            guard: None,
            reads: 0,
        };
        let mut own: BTreeMap<String, usize> = BTreeMap::new();
        for (field, json) in &def.fields {
            let place = format!("{place}.where.{field}");
            self.test(&place, index, field, json, &mut pattern, &mut own, draft);
        }
        self.guard(place, index, def, &mut pattern, draft);
        if let Some(name) = &def.name {
            self.declare(&format!("{place}.as"), name, index, &pattern, draft);
        }
        draft.patterns.push(pattern);
    }

    fn subject(&mut self, place: &str, def: &PatternDef) -> Option<(Mode, usize)> {
        let subjects = [
            (Mode::Fact, &def.fact),
            (Mode::Not, &def.not),
            (Mode::Exists, &def.exists),
        ];
        let mut named = subjects
            .into_iter()
            .filter_map(|(mode, kind)| Some((mode, kind.as_ref()?)));
        match (named.next(), named.next()) {
            (Some((mode, kind)), None) => Some((mode, self.find_kind(place, kind)?)),
            _ => {
                let hint = "give exactly one of `fact`, `not` and `exists`";
                self.problems
                    .add(place, "it is not clear what the pattern is about", hint);
                None
            }
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

    #[allow(
        clippy::too_many_arguments,
        reason = "one test, and the three places that it may change"
    )]
    fn test(
        &mut self,
        place: &str,
        index: usize,
        field: &str,
        json: &Json,
        pattern: &mut Pattern,
        own: &mut BTreeMap<String, usize>,
        draft: &mut Draft,
    ) {
        let Some((field, kind)) = self.find_field(place, pattern.kind, field) else {
            return;
        };
        match variable(json) {
            None => self.constant(place, field, kind, json, pattern),
            Some(name) => match (own.get(name), draft.scope.get(name)) {
                (Some(other), _) => pattern.same.push((*other, field)),
                (
                    None,
                    Some(Name::Variable {
                        pattern: other,
                        field: bound,
                        kind: expected,
                    }),
                ) => {
                    if kind == *expected {
                        pattern.joins.push(Join {
                            field,
                            pattern: *other,
                            other: *bound,
                        });
                    } else {
                        let message = format!("`${name}` is {expected}, the field is {kind}");
                        self.problems.add(place, message, "join fields of one type");
                    }
                }
                _ => self.bind(place, name, (index, field, kind), pattern, own, draft),
            },
        }
    }

    fn constant(
        &mut self,
        place: &str,
        field: usize,
        kind: Type,
        json: &Json,
        pattern: &mut Pattern,
    ) {
        let unescaped = match json.as_str().and_then(|text| text.strip_prefix("$$")) {
            Some(rest) => Json::from(format!("${rest}")),
            None => json.clone(),
        };
        match Value::of_json(&unescaped, kind) {
            Ok(value) => pattern.constants.push((field, value)),
            Err(problem) => self.problems.add(
                place,
                problem,
                "give a constant of the field's type, or `$variable`",
            ),
        }
    }

    fn bind(
        &mut self,
        place: &str,
        name: &str,
        (index, field, kind): (usize, usize, Type),
        pattern: &mut Pattern,
        own: &mut BTreeMap<String, usize>,
        draft: &mut Draft,
    ) {
        if !pattern.is_positive() {
            let hint = "bind it in a `fact` pattern before this one, or leave the field out";
            return self
                .problems
                .add(place, format!("`${name}` is not bound"), hint);
        }
        self.problems.identifier(place, name);
        own.insert(name.to_owned(), field);
        pattern.reads |= 1 << field.min(31);
        draft.variables.push((name.to_owned(), index, field));
        let variable = Name::Variable {
            pattern: index,
            field,
            kind,
        };
        if draft.scope.insert(name.to_owned(), variable).is_some() {
            self.problems.add(
                place,
                format!("`{name}` already names a fact"),
                "name them differently",
            );
        }
    }

    fn guard(
        &mut self,
        place: &str,
        index: usize,
        def: &PatternDef,
        pattern: &mut Pattern,
        draft: &Draft,
    ) {
        let Some(source) = &def.when else {
            return;
        };
        let mut scope = draft.scope.clone();
        if let Some(name) = &def.name {
            scope.insert(name.clone(), self.fact(index, pattern));
        }
        let place = format!("{place}.when");
        if let Some(guard) = self.expression(&place, source, &scope, Some(Type::Bool)) {
            match guard.reads.iter().all(|(pattern, _)| *pattern == index) {
                true => pattern.own_guard = Some(guard),
                false => pattern.guard = Some(guard),
            }
        }
    }

    fn fact(&self, index: usize, pattern: &Pattern) -> Name {
        Name::Fact {
            pattern: index,
            fields: Arc::clone(&self.kinds[pattern.kind].places),
        }
    }

    fn declare(
        &mut self,
        place: &str,
        name: &str,
        index: usize,
        pattern: &Pattern,
        draft: &mut Draft,
    ) {
        self.problems.identifier(place, name);
        if draft.scope.contains_key(name) {
            return self.problems.add(
                place,
                format!("`{name}` is taken"),
                "name each fact and variable differently",
            );
        }
        if pattern.is_positive() {
            draft
                .scope
                .insert(name.to_owned(), self.fact(index, pattern));
            draft
                .targets
                .insert(name.to_owned(), (Target::Matched(index), pattern.kind));
        }
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

    /// The effects of what follows a run, where `outcome` says how it ended.
    fn section(
        &mut self,
        place: &str,
        effects: &[EffectDef],
        draft: &mut Draft,
        outcome: &str,
    ) -> Vec<Effect> {
        draft.scope.insert(outcome.to_owned(), Name::Outcome);
        let effects = self.effects(place, effects, draft, false);
        draft.scope.remove(outcome);
        effects
    }

    fn effects(
        &mut self,
        place: &str,
        effects: &[EffectDef],
        draft: &mut Draft,
        may_name: bool,
    ) -> Vec<Effect> {
        self.problems
            .at_most(place, "effects", effects.len(), MAX_EFFECTS);
        let effects = effects.iter().enumerate().filter_map(|(index, effect)| {
            let place = format!("{place}[{index}]");
            match effect {
                EffectDef::Assert(def) => {
                    self.assert(&format!("{place}.assert"), def, draft, may_name)
                }
                EffectDef::Update(def) => self.update(&format!("{place}.update"), def, draft),
                EffectDef::Retract(name) => Some(Effect::Retract(
                    self.target(&format!("{place}.retract"), name, draft)?.0,
                )),
            }
        });
        effects.collect()
    }

    fn assert(
        &mut self,
        place: &str,
        def: &AssertDef,
        draft: &mut Draft,
        may_name: bool,
    ) -> Option<Effect> {
        let kind = self.find_kind(place, &def.fact)?;
        for field in def.fields.keys() {
            self.find_field(&format!("{place}.fields"), kind, field);
        }
        let mut fields = Vec::new();
        for (name, wanted) in self.kinds[kind].fields.clone() {
            let place = format!("{place}.fields.{name}");
            match def.fields.get(&name) {
                Some(source) => {
                    fields.extend(self.expression(&place, source, &draft.scope, Some(wanted)));
                }
                None => self.problems.add(
                    place,
                    "the field has no value",
                    "every field of a fact has one",
                ),
            }
        }
        let made = def
            .name
            .as_ref()
            .map(|name| self.made(place, name, kind, draft, may_name));
        Some(Effect::Assert {
            kind,
            made,
            fields,
            logical: def.logical,
        })
    }

    fn made(
        &mut self,
        place: &str,
        name: &str,
        kind: usize,
        draft: &mut Draft,
        may_name: bool,
    ) -> usize {
        let place = format!("{place}.as");
        self.problems.identifier(&place, name);
        if !may_name {
            self.problems.add(
                &place,
                "no later section could use the name",
                "leave it out",
            );
        }
        if draft.scope.contains_key(name) || draft.targets.contains_key(name) {
            self.problems.add(
                &place,
                format!("`{name}` is taken"),
                "name each fact and variable differently",
            );
        }
        let made = draft.made;
        draft.made += 1;
        draft
            .targets
            .insert(name.to_owned(), (Target::Made(made), kind));
        made
    }

    fn target(&mut self, place: &str, name: &str, draft: &Draft) -> Option<(Target, usize)> {
        let found = draft.targets.get(name).copied();
        if found.is_none() {
            let message = format!("no fact is named `{}`", name.escape_debug());
            self.problems
                .add(place, message, known(draft.targets.keys()));
        }
        found
    }

    fn update(&mut self, place: &str, def: &UpdateDef, draft: &Draft) -> Option<Effect> {
        let (target, kind) = self.target(place, &def.fact, draft)?;
        let mut fields = Vec::new();
        for (name, source) in &def.fields {
            let place = format!("{place}.fields.{name}");
            let Some((field, wanted)) = self.find_field(&place, kind, name) else {
                continue;
            };
            if self.kinds[kind].key.contains(&field) {
                let hint = "retract the fact and assert another one";
                self.problems
                    .add(&place, "the field is part of the key", hint);
            }
            let compiled = self.expression(&place, source, &draft.scope, Some(wanted));
            fields.extend(compiled.map(|compiled| (field, compiled)));
        }
        Some(Effect::Update { target, fields })
    }

    fn run(&mut self, place: &str, def: &RunDef, draft: &Draft) -> Run {
        let function = def.function.clone().map(RunOn::Function);
        let service = def.service.clone().map(|def| RunOn::Service {
            service: def.service,
            method: def.method,
        });
        let workflow = def.workflow.clone().map(|def| RunOn::Workflow {
            definition: def.definition,
            version: def.version,
        });
        let mut named = [function, service, workflow].into_iter().flatten();
        let (what, second) = (named.next(), named.next());
        if what.is_none() || second.is_some() {
            let hint = "give exactly one of `function`, `service` and `workflow`";
            self.problems
                .add(place, "it is not clear what is run", hint);
        }
        for name in what.iter().flat_map(names_of) {
            self.problems.name(place, name);
        }
        let what = what.unwrap_or(RunOn::Function(String::new()));
        let params = self.template(&format!("{place}.params"), &def.params, draft, 0);
        Run {
            what,
            params,
            retry: def.retry,
        }
    }

    fn template(&mut self, place: &str, json: &Json, draft: &Draft, depth: usize) -> Template {
        if depth > MAX_PARAMS_DEPTH {
            self.problems.add(
                place,
                "it is nested too deep",
                format!("at most {MAX_PARAMS_DEPTH} levels"),
            );
            return Template::Constant(Json::Null);
        }
        match json {
            Json::String(source) => match self.expression(place, source, &draft.scope, None) {
                Some(compiled) => Template::Expression(compiled),
                None => Template::Constant(Json::Null),
            },
            Json::Array(list) => Template::List(
                list.iter()
                    .enumerate()
                    .map(|(index, json)| {
                        self.template(&format!("{place}[{index}]"), json, draft, depth + 1)
                    })
                    .collect(),
            ),
            Json::Object(map) => Template::Map(
                map.iter()
                    .map(|(name, json)| {
                        (
                            name.clone(),
                            self.template(&format!("{place}.{name}"), json, draft, depth + 1),
                        )
                    })
                    .collect(),
            ),
            constant => Template::Constant(constant.clone()),
        }
    }
}

fn names_of(what: &RunOn) -> Vec<&str> {
    match what {
        RunOn::Function(function) => vec![function],
        RunOn::Service { service, method } => vec![service, method],
        RunOn::Workflow { definition, .. } => vec![definition],
    }
}

/// The name in `$name`; `$$` begins a text.
fn variable(json: &Json) -> Option<&str> {
    let name = json.as_str()?.strip_prefix('$')?;
    (!name.starts_with('$')).then_some(name)
}

fn specificity(pattern: &Pattern) -> u32 {
    let guards = usize::from(pattern.own_guard.is_some()) + usize::from(pattern.guard.is_some());
    let tests = 1 + pattern.constants.len() + pattern.same.len() + pattern.joins.len() + guards;
    u32::try_from(tests).unwrap_or(u32::MAX)
}

/// Notes for every pattern which of its fields the match and the action read.
fn mark_reads(draft: &mut Draft, record: &[Effect], run: Option<&Run>) {
    let mut reads: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (index, pattern) in draft.patterns.iter().enumerate() {
        reads.extend(pattern.constants.iter().map(|(field, _)| (index, *field)));
        reads.extend(
            pattern
                .same
                .iter()
                .flat_map(|(a, b)| [(index, *a), (index, *b)]),
        );
        reads.extend(
            pattern
                .joins
                .iter()
                .flat_map(|join| [(index, join.field), (join.pattern, join.other)]),
        );
        let guards = [&pattern.own_guard, &pattern.guard].into_iter().flatten();
        reads.extend(guards.flat_map(|guard| guard.reads.iter().copied()));
    }
    reads.extend(
        record
            .iter()
            .flat_map(expressions)
            .flat_map(|compiled| compiled.reads.iter().copied()),
    );
    if let Some(run) = run {
        template_reads(&run.params, &mut reads);
    }
    for (pattern, field) in reads {
        if let Some(pattern) = draft.patterns.get_mut(pattern) {
            pattern.reads |= 1 << field.min(31);
        }
    }
}

fn expressions(effect: &Effect) -> Vec<&Compiled> {
    match effect {
        Effect::Assert { fields, .. } => fields.iter().collect(),
        Effect::Update { fields, .. } => fields.iter().map(|(_, compiled)| compiled).collect(),
        Effect::Retract(_) => Vec::new(),
    }
}

fn template_reads(template: &Template, reads: &mut BTreeSet<(usize, usize)>) {
    match template {
        Template::Constant(_) => {}
        Template::Expression(compiled) => reads.extend(compiled.reads.iter().copied()),
        Template::List(list) => list
            .iter()
            .for_each(|template| template_reads(template, reads)),
        Template::Map(map) => map
            .iter()
            .for_each(|(_, template)| template_reads(template, reads)),
    }
}
