//! What a rule reads: how many tests it makes, and which fields of its facts.

use std::collections::BTreeSet;

use super::Draft;
use crate::expr::Compiled;
use crate::rules::{Effect, Pattern, Run, Template};

pub(super) fn specificity(pattern: &Pattern) -> u32 {
    let guards = usize::from(pattern.own_guard.is_some()) + usize::from(pattern.guard.is_some());
    let tests = 1 + pattern.constants.len() + pattern.same.len() + pattern.joins.len() + guards;
    u32::try_from(tests).unwrap_or(u32::MAX)
}

/// Notes for every pattern which of its fields the match and the action read.
pub(super) fn mark_reads(draft: &mut Draft, record: &[Effect], run: Option<&Run>) {
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
