//! The rules by the book: after each change every match is computed anew, from the
//! definitions alone. Conditions are evaluated by the `cel` crate.

use std::collections::{BTreeMap, BTreeSet};

use cel::{Context, Program};
use plato_rules::{EffectDef, FactId, PatternDef, RuleBase, RuleDef, Value};

/// (rule, facts with the newest version that is read of each)
type Key = (usize, Vec<(FactId, u64)>);

#[derive(Clone, Debug)]
struct Fact {
    kind: String,
    since: u64,
    fields: BTreeMap<String, (i64, u64)>,
}

#[derive(Debug)]
pub(crate) struct Naive {
    base: RuleBase,
    programs: BTreeMap<String, Program>,
    facts: BTreeMap<FactId, Fact>,
    held: BTreeMap<Key, Option<u64>>,
    changes: u64,
    next: u64,
}

type Bindings = BTreeMap<String, i64>;
/// The fact of each pattern so far; none of `not` and `exists`.
type Row = Vec<Option<FactId>>;

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(value) => *value,
        other => panic!("{other:?}"),
    }
}

impl Naive {
    pub(crate) fn new(base: RuleBase) -> Self {
        let guards = base
            .rules
            .iter()
            .flat_map(|rule| &rule.patterns)
            .filter_map(|pattern| pattern.when.clone());
        let programs = guards
            .map(|guard| (guard.clone(), Program::compile(&guard).unwrap()))
            .collect();
        Self {
            base,
            programs,
            facts: BTreeMap::new(),
            held: BTreeMap::new(),
            changes: 0,
            next: 1,
        }
    }

    pub(crate) fn assert(
        &mut self,
        kind: &str,
        fields: &BTreeMap<String, Value>,
    ) -> (FactId, Vec<u64>) {
        let same_key = |fact: &Fact| fact.kind == kind && fact.fields["k"].0 == int(&fields["k"]);
        let known = self
            .facts
            .iter()
            .find(|(_, fact)| same_key(fact))
            .map(|(id, _)| *id);
        if let Some(id) = known {
            return (id, self.update(id, fields));
        }
        let id = FactId(self.next);
        self.next += 1;
        self.changes += 1;
        let fields = fields
            .iter()
            .map(|(name, value)| (name.clone(), (int(value), self.changes)))
            .collect();
        self.facts.insert(
            id,
            Fact {
                kind: kind.to_owned(),
                since: self.changes,
                fields,
            },
        );
        (id, self.recompute())
    }

    pub(crate) fn update(&mut self, id: FactId, fields: &BTreeMap<String, Value>) -> Vec<u64> {
        let Some(fact) = self.facts.get_mut(&id) else {
            return Vec::new();
        };
        let mut differs = false;
        for (name, value) in fields {
            let field = fact.fields.get_mut(name).unwrap();
            if field.0 != int(value) {
                *field = (int(value), self.changes + 1);
                differs = true;
            }
        }
        self.changes += u64::from(differs);
        self.recompute()
    }

    pub(crate) fn retract(&mut self, id: FactId) -> Vec<u64> {
        self.changes += u64::from(self.facts.remove(&id).is_some());
        self.recompute()
    }

    pub(crate) fn fire(&mut self, firing: u64) -> bool {
        let Some(key) = self.in_order().into_iter().next() else {
            return false;
        };
        self.held.insert(key, Some(firing));
        true
    }

    pub(crate) fn waiting(&self) -> Vec<(String, Vec<FactId>)> {
        let keys = self.in_order().into_iter();
        keys.map(|(rule, facts)| {
            let facts = facts.into_iter().map(|(fact, _)| fact).collect();
            (self.base.rules[rule].name.clone(), facts)
        })
        .collect()
    }

    fn in_order(&self) -> Vec<Key> {
        let waiting = self.held.iter().filter(|(_, fired)| fired.is_none());
        let mut waiting: Vec<Key> = waiting.map(|(key, _)| key.clone()).collect();
        waiting.sort_by_key(|(rule, facts)| {
            let def = &self.base.rules[*rule];
            let age = facts.iter().map(|(_, version)| *version).max();
            (-def.salience, -specificity(def), age, *rule, facts.clone())
        });
        waiting
    }

    fn recompute(&mut self) -> Vec<u64> {
        let rules = self.base.rules.iter().enumerate();
        let now: BTreeSet<Key> = rules
            .flat_map(|(rule, def)| self.matches(rule, def))
            .collect();
        let gone: Vec<Key> = self
            .held
            .keys()
            .filter(|key| !now.contains(*key))
            .cloned()
            .collect();
        let mut ceased: Vec<u64> = gone
            .iter()
            .filter_map(|key| self.held.remove(key).flatten())
            .collect();
        ceased.sort_unstable();
        for key in now {
            self.held.entry(key).or_insert(None);
        }
        ceased
    }

    fn matches(&self, rule: usize, def: &RuleDef) -> Vec<Key> {
        let mut rows: Vec<(Row, Bindings)> = vec![(Vec::new(), Bindings::new())];
        for (place, pattern) in def.patterns.iter().enumerate() {
            rows = rows
                .into_iter()
                .flat_map(|row| self.extend(place, pattern, row))
                .collect();
        }
        let key = |row: Row| {
            let facts = row.into_iter().enumerate();
            let facts =
                facts.filter_map(|(place, fact)| Some((fact?, self.version(def, place, fact?))));
            (rule, facts.collect())
        };
        rows.into_iter().map(|(row, _)| key(row)).collect()
    }

    fn extend(
        &self,
        place: usize,
        pattern: &PatternDef,
        (row, bindings): (Row, Bindings),
    ) -> Vec<(Row, Bindings)> {
        let subjects = [&pattern.fact, &pattern.not, &pattern.exists];
        let kind = subjects.into_iter().flatten().next().unwrap();
        let fits = self.facts.iter().filter(|(_, fact)| fact.kind == *kind);
        let fits = fits.filter_map(|(id, fact)| {
            Some((*id, self.fits(place, pattern, fact, &row, &bindings)?))
        });
        let fits: Vec<(FactId, Bindings)> = fits.collect();
        let with = |fact: Option<FactId>, bindings: Bindings| {
            (row.iter().copied().chain([fact]).collect::<Row>(), bindings)
        };
        if pattern.fact.is_some() {
            return fits
                .into_iter()
                .map(|(id, bindings)| with(Some(id), bindings))
                .collect();
        }
        let passes = fits.is_empty() == pattern.not.is_some();
        passes
            .then(|| with(None, bindings.clone()))
            .into_iter()
            .collect()
    }

    fn fits(
        &self,
        place: usize,
        pattern: &PatternDef,
        fact: &Fact,
        row: &Row,
        bindings: &Bindings,
    ) -> Option<Bindings> {
        let mut bindings = bindings.clone();
        for (field, json) in &pattern.fields {
            let value = fact.fields[field].0;
            let expected = match json.as_str() {
                Some(variable) => *bindings.entry(variable[1..].to_owned()).or_insert(value),
                None => json.as_i64().unwrap(),
            };
            if value != expected {
                return None;
            }
        }
        let holds = pattern
            .when
            .as_ref()
            .is_none_or(|guard| self.holds(guard, place, fact, row));
        holds.then_some(bindings)
    }

    fn holds(&self, guard: &str, place: usize, fact: &Fact, row: &Row) -> bool {
        let mut context = Context::default();
        let mut add = |place: usize, fact: &Fact| {
            let fields: std::collections::HashMap<String, i64> = fact
                .fields
                .iter()
                .map(|(name, (value, _))| (name.clone(), *value))
                .collect();
            context.add_variable(format!("p{place}"), fields).unwrap();
        };
        for (place, id) in row.iter().enumerate() {
            if let Some(id) = id {
                add(place, &self.facts[id]);
            }
        }
        add(place, fact);
        self.programs[guard].execute(&context).unwrap() == cel::Value::Bool(true)
    }

    /// The newest version of what the rule reads of the fact of a pattern.
    fn version(&self, def: &RuleDef, place: usize, fact: FactId) -> u64 {
        let fact = &self.facts[&fact];
        let read = fact
            .fields
            .iter()
            .filter(|(name, _)| reads(def, place, name));
        // Of a fact of which nothing is read, it only counts that it is there.
        read.map(|(_, (_, version))| *version)
            .fold(fact.since, u64::max)
    }
}

fn reads(def: &RuleDef, place: usize, field: &str) -> bool {
    let name = format!("p{place}.{field}");
    let in_guards = def
        .patterns
        .iter()
        .filter_map(|pattern| pattern.when.as_ref());
    let in_action = def.action.record.iter().filter_map(|effect| match effect {
        EffectDef::Assert(assert) => assert.fields.get("n"),
        _ => None,
    });
    let named = in_guards
        .chain(in_action)
        .any(|text| text.split(' ').any(|word| word == name));
    named || def.patterns[place].fields.contains_key(field)
}

fn specificity(def: &RuleDef) -> i64 {
    let tests = def.patterns.iter().map(|pattern| {
        // The place that binds a variable is no test, every later one is.
        let constants = pattern
            .fields
            .values()
            .filter(|json| json.as_i64().is_some())
            .count();
        1 + constants + usize::from(pattern.when.is_some())
    });
    let mut seen = BTreeSet::new();
    let joins = def
        .patterns
        .iter()
        .flat_map(|pattern| pattern.fields.values());
    let joins = joins
        .filter_map(|json| json.as_str())
        .filter(|variable| !seen.insert((*variable).to_owned()));
    i64::try_from(tests.sum::<usize>() + joins.count()).unwrap()
}
