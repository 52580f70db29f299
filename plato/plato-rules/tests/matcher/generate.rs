//! Random rule bases, and random histories of facts.

use std::collections::BTreeMap;

use plato_rules::{
    ActionDef, AssertDef, EffectDef, FactDef, FactId, PatternDef, RuleBase, RuleDef, Type, Value,
};
use proptest::prelude::*;
use serde_json::json;

const KINDS: [&str; 3] = ["A", "B", "C"];
const FIELDS: [&str; 3] = ["k", "x", "y"];
const VARIABLES: [&str; 2] = ["v", "w"];

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Assert(String, BTreeMap<String, Value>),
    Update(FactId, BTreeMap<String, Value>),
    Retract(FactId),
    Fire,
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..60)
}

fn number() -> impl Strategy<Value = i64> {
    0..4_i64
}

fn id() -> impl Strategy<Value = FactId> {
    (1..14_u64).prop_map(FactId)
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop::sample::select(&KINDS[..]);
    prop_oneof![
        5 => (kind, number(), number(), number()).prop_map(|(kind, k, x, y)| {
            Change::Assert(kind.to_owned(), fields([("k", k), ("x", x), ("y", y)]))
        }),
        2 => (id(), number()).prop_map(|(id, x)| Change::Update(id, fields([("x", x)]))),
        2 => (id(), number(), number()).prop_map(|(id, x, y)| Change::Update(id, fields([("x", x), ("y", y)]))),
        2 => id().prop_map(Change::Retract),
        4 => Just(Change::Fire),
    ]
}

fn fields<const N: usize>(fields: [(&str, i64); N]) -> BTreeMap<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::Int(value)))
        .collect()
}

/// What a pattern demands of one field, before it is known which variables are bound.
#[derive(Clone, Debug)]
enum Demand {
    None,
    Constant(i64),
    Variable(usize),
}

#[derive(Clone, Debug)]
struct Draft {
    mode: u8,
    kind: usize,
    demands: [Demand; 3],
    guard: Option<(usize, usize, usize, &'static str)>,
}

fn demand() -> impl Strategy<Value = Demand> {
    prop_oneof![
        4 => Just(Demand::None),
        1 => number().prop_map(Demand::Constant),
        4 => (0..VARIABLES.len()).prop_map(Demand::Variable),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let operator = prop::sample::select(vec!["<", "!=", "=="]);
    let guard = prop::option::weighted(0.3, (0..3_usize, 0..3_usize, 0..4_usize, operator));
    (0..5_u8, 0..3_usize, [demand(), demand(), demand()], guard).prop_map(
        |(mode, kind, demands, guard)| Draft {
            mode,
            kind,
            demands,
            guard,
        },
    )
}

pub(crate) fn bases() -> impl Strategy<Value = RuleBase> {
    let rule = (
        prop::collection::vec(draft(), 1..5),
        0..2_i32,
        any::<bool>(),
    );
    prop::collection::vec(rule, 1..5).prop_map(|drafts| RuleBase {
        name: "random".into(),
        version: 1,
        facts: types(),
        rules: drafts
            .into_iter()
            .enumerate()
            .map(|(index, draft)| rule_of(index, draft))
            .collect(),
    })
}

fn types() -> BTreeMap<String, FactDef> {
    let def = FactDef {
        key: vec!["k".into()],
        fields: FIELDS
            .iter()
            .map(|name| ((*name).to_owned(), Type::Int))
            .collect(),
    };
    let log = FactDef {
        key: Vec::new(),
        fields: [("n".to_owned(), Type::Int)].into(),
    };
    let kinds = KINDS.iter().map(|kind| ((*kind).to_owned(), def.clone()));
    kinds.chain([("Log".to_owned(), log)]).collect()
}

fn rule_of(index: usize, (drafts, salience, reads_more): (Vec<Draft>, i32, bool)) -> RuleDef {
    let mut bound: Vec<usize> = Vec::new();
    let mut positive: Vec<usize> = Vec::new();
    let mut patterns = Vec::new();
    // One pattern must be a fact; let it be the last if no other is.
    let count = drafts.len();
    for (place, draft) in drafts.into_iter().enumerate() {
        let must = place + 1 == count && positive.is_empty();
        let mode = if must { 0 } else { draft.mode };
        patterns.push(pattern_of(place, mode, &draft, &mut bound, &positive));
        if mode < 3 {
            positive.push(place);
        }
    }
    let n = match reads_more {
        true => format!("p{}.y", positive[0]),
        false => "0".to_owned(),
    };
    let assert = AssertDef {
        fact: "Log".into(),
        fields: [("n".to_owned(), n)].into(),
        ..AssertDef::default()
    };
    RuleDef {
        name: format!("r{index}"),
        salience,
        patterns,
        action: ActionDef {
            record: vec![EffectDef::Assert(assert)],
            run: None,
        },
        ..RuleDef::default()
    }
}

fn pattern_of(
    place: usize,
    mode: u8,
    draft: &Draft,
    bound: &mut Vec<usize>,
    positive: &[usize],
) -> PatternDef {
    let kind = Some(KINDS[draft.kind].to_owned());
    let mut def = PatternDef {
        name: Some(format!("p{place}")),
        ..PatternDef::default()
    };
    match mode {
        3 => def.not = kind,
        4 => def.exists = kind,
        _ => def.fact = kind,
    }
    for (field, demand) in FIELDS.iter().zip(&draft.demands) {
        let json = match demand {
            Demand::None => continue,
            Demand::Constant(value) => json!(value),
            Demand::Variable(variable) if bound.contains(variable) => {
                json!(format!("${}", VARIABLES[*variable]))
            }
            Demand::Variable(_) if mode >= 3 => continue,
            Demand::Variable(variable) => {
                bound.push(*variable);
                json!(format!("${}", VARIABLES[*variable]))
            }
        };
        def.fields.insert((*field).to_owned(), json);
    }
    def.when = draft.guard.map(|(mine, theirs, whose, operator)| {
        let other = match positive.get(whose) {
            Some(other) => format!("p{other}.{}", FIELDS[theirs]),
            None => whose.to_string(),
        };
        format!("p{place}.{} {operator} {other}", FIELDS[mine])
    });
    def
}
