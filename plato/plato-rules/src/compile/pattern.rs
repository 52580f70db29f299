//! Patterns: what they are about, which fields are equal to what, and their conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Compiler, Draft};
use crate::definition::PatternDef;
use crate::expr::Name;
use crate::rules::{Join, Mode, Pattern, Target};
use crate::value::{Type, Value};

impl Compiler {
    pub(super) fn pattern(
        &mut self,
        place: &str,
        index: usize,
        def: &PatternDef,
        draft: &mut Draft,
    ) {
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

    pub(super) fn subject(&mut self, place: &str, def: &PatternDef) -> Option<(Mode, usize)> {
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

    #[allow(
        clippy::too_many_arguments,
        reason = "one test, and the three places that it may change"
    )]
    pub(super) fn test(
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

    pub(super) fn constant(
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

    pub(super) fn bind(
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

    pub(super) fn guard(
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

    pub(super) fn fact(&self, index: usize, pattern: &Pattern) -> Name {
        Name::Fact {
            pattern: index,
            fields: Arc::clone(&self.kinds[pattern.kind].places),
        }
    }

    pub(super) fn declare(
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
}

/// The name in `$name`; `$$` begins a text.
fn variable(json: &Json) -> Option<&str> {
    let name = json.as_str()?.strip_prefix('$')?;
    (!name.starts_with('$')).then_some(name)
}
