//! `cosmos workflow facts`, `assert` and `retract`: what a workflow of rules knows.

use std::collections::BTreeMap;

use errors::Error;
use plato_rules::{FactDef, RuleBase, Type, Value};
use proto::plato::v1::{
    AssertFactsRequest, Fact, FactValue, GetDefinitionRequest, KnownFact, ListFactsRequest,
    RetractFactsRequest, fact_value,
};
use serde_json::Value as Json;

use super::act::tell;
use super::args::{AssertArgs, FactArgs, FactsArgs, RetractArgs};
use super::server::told_of;
use super::{Desk, json};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Column, Table};

/// Facts of one call.
const PAGE: u32 = 500;

pub(super) async fn list(desk: &Desk, args: &FactsArgs) -> Result<(), Stop> {
    let (found, more) = collect(desk, args).await?;
    match (desk.json, found.is_empty()) {
        (true, _) => found
            .iter()
            .for_each(|fact| desk.output.item(&json::Fact::from(fact))),
        (false, true) => desk.output.say("no facts"),
        (false, false) => desk.output.result(&(), || table(&found).render(desk.paint)),
    }
    if more {
        let shown = crate::units::count(found.len() as u64, "fact");
        desk.output
            .say(&format!("{shown} shown; there are more (--limit)"));
    }
    Ok(())
}

async fn collect(desk: &Desk, args: &FactsArgs) -> Result<(Vec<KnownFact>, bool), Stop> {
    let mut found: Vec<KnownFact> = Vec::new();
    loop {
        let left = args.limit - u32::try_from(found.len()).unwrap_or(args.limit);
        let request = ListFactsRequest {
            workflow_id: args.id.clone(),
            r#type: args.kind.clone().unwrap_or_default(),
            after: found.last().map_or(0, |fact| fact.number),
            limit: left.min(PAGE),
            ..Default::default()
        };
        let page = desk.server.client.list_facts(request).await;
        let page = page.map_err(|refusal| desk.server.told(&refusal))?;
        let page = page.into_owned();
        found.extend(page.facts);
        if !page.more || found.len() >= args.limit as usize {
            return Ok((found, page.more));
        }
    }
}

fn table(found: &[KnownFact]) -> Table {
    let mut table = Table::new(&[
        Column::name("FACT"),
        Column::cut("TYPE"),
        Column::opening("FIELDS"),
    ]);
    for fact in found.iter().map(json::Fact::from) {
        let fields = fact.fields.iter();
        let fields = fields.map(|(name, value)| format!("{name} {value}"));
        table.row([
            format!("f{}", fact.number).into(),
            one_line(fact.kind).into(),
            one_line(&fields.collect::<Vec<_>>().join(", ")).into(),
        ]);
    }
    table
}

pub(super) async fn assert(desk: &Desk, args: &AssertArgs) -> Result<(), Stop> {
    let rules = args.rules.clone().unwrap_or_default();
    let request = AssertFactsRequest {
        workflow_id: args.fact.id.clone(),
        facts: vec![fact(desk, &args.fact, &rules).await?],
        rules,
        ..Default::default()
    };
    let answer = desk.server.client.assert_facts(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    tell(desk, &told_of(answer.into_owned().workflow.into_option())?);
    Ok(())
}

pub(super) async fn retract(desk: &Desk, args: &RetractArgs) -> Result<(), Stop> {
    let request = RetractFactsRequest {
        workflow_id: args.fact.id.clone(),
        facts: vec![fact(desk, &args.fact, "").await?],
        ..Default::default()
    };
    let answer = desk.server.client.retract_facts(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    tell(desk, &told_of(answer.into_owned().workflow.into_option())?);
    Ok(())
}

/// The fact that is written, by the types that the workflow's rules give its fields.
async fn fact(desk: &Desk, args: &FactArgs, rules: &str) -> Result<Fact, Stop> {
    let request = GetDefinitionRequest {
        workflow_id: match rules {
            "" => args.id.clone(),
            _ => String::new(),
        },
        definition: rules.to_owned(),
        ..Default::default()
    };
    let answer = desk.server.client.get_definition(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    let answer = answer.into_owned();
    if !answer.is_rules {
        return Err(no_rules(&args.id, rules).into());
    }
    let base: RuleBase = serde_json::from_str(&answer.json).map_err(super::server::malformed)?;
    let fields = typed(&base, args)?.into_iter().map(|(name, value)| {
        let value = FactValue {
            value: Some(wire(value)),
            ..Default::default()
        };
        (name, value)
    });
    Ok(Fact {
        r#type: args.kind.clone(),
        fields: fields.collect(),
        ..Default::default()
    })
}

fn no_rules(id: &str, rules: &str) -> Error {
    let (what, place) = match rules {
        "" => (format!("workflow {}", one_line(id)), "ID"),
        _ => (one_line(rules), "--rules"),
    };
    Error::user(
        "NOT_OF_RULES",
        format!("{what} is a graph, which takes no facts"),
    )
    .at(place)
}

/// Every field as a value of its type; everything that is wrong at once.
fn typed(base: &RuleBase, args: &FactArgs) -> Result<BTreeMap<String, Value>, Vec<Error>> {
    let Some(kind) = base.facts.get(&args.kind) else {
        return Err(vec![
            unknown("fact type", &args.kind, base.facts.keys()).at("TYPE"),
        ]);
    };
    let (mut values, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, text) in &args.fields {
        match field(kind, name, text) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(error) => wrong.push(error.at(one_line(name))),
        }
    }
    match wrong.is_empty() {
        true => Ok(values),
        false => Err(wrong),
    }
}

fn field(kind: &FactDef, name: &str, text: &str) -> Result<Value, Error> {
    let of = kind.fields.get(name);
    let of = of.ok_or_else(|| unknown("field", name, kind.fields.keys()))?;
    let json = match of {
        Type::Bool | Type::Int | Type::Uint => serde_json::from_str(text).unwrap_or_default(),
        _ => Json::from(text),
    };
    Value::of_json(&json, *of).map_err(|_| {
        let message = format!("`{}` is no {of}", one_line(text));
        Error::user("MALFORMED_FACT", message)
    })
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let message = format!("there is no {what} `{}`", one_line(name));
    Error::user("MALFORMED_FACT", message).hint(format!("known: {}", known.join(", ")))
}

fn wire(value: Value) -> fact_value::Value {
    use fact_value::Value as Wire;
    match value {
        Value::Bool(value) => Wire::Bool(value),
        Value::Int(value) => Wire::Int(value),
        Value::Uint(value) => Wire::Uint(value),
        Value::String(value) => Wire::String(value.as_ref().to_owned()),
        Value::Bytes(value) => Wire::Bytes(value.to_vec()),
        Value::Timestamp(value) => Wire::TimestampUnixMs(value),
    }
}
