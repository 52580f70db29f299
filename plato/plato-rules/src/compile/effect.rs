//! Effects: facts that are asserted, updated and retracted.

use super::problems::known;
use super::{Compiler, Draft};
use crate::definition::{AssertDef, EffectDef, UpdateDef};
use crate::expr::Name;
use crate::limits::MAX_EFFECTS;
use crate::rules::{Effect, Target};

impl Compiler {
    /// The effects of what follows a run, where `outcome` says how it ended.
    pub(super) fn section(
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

    pub(super) fn effects(
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

    pub(super) fn assert(
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

    pub(super) fn made(
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

    pub(super) fn target(
        &mut self,
        place: &str,
        name: &str,
        draft: &Draft,
    ) -> Option<(Target, usize)> {
        let found = draft.targets.get(name).copied();
        if found.is_none() {
            let message = format!("no fact is named `{}`", name.escape_debug());
            self.problems
                .add(place, message, known(draft.targets.keys()));
        }
        found
    }

    pub(super) fn update(&mut self, place: &str, def: &UpdateDef, draft: &Draft) -> Option<Effect> {
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
}
