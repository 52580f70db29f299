//! Everything that is wrong with a rule base, collected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plato::Problem;

use crate::definition::FactDef;
use crate::limits::{MAX_FIELDS, MAX_NAME_BYTES};
use crate::rules::Kind;
use crate::value::Type;

/// What a run ended with, in `reaction`.
pub(super) const RESULT: &str = "result";
/// Why it failed, in `error`.
pub(super) const ERROR: &str = "error";

#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(
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

    pub(super) fn name(&mut self, place: &str, name: &str) {
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
    pub(super) fn identifier(&mut self, place: &str, name: &str) {
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

    pub(super) fn at_most(&mut self, place: &str, what: &str, count: usize, limit: usize) {
        if count > limit {
            self.add(place, format!("{count} {what}"), format!("at most {limit}"));
        }
    }

    pub(super) fn kind(&mut self, name: &str, def: &FactDef) -> Kind {
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

    pub(super) fn key(
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

pub(super) fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    format!("known: {}", names.join(", "))
}
