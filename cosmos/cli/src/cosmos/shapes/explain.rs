//! `cosmos shapes explain`.

use std::collections::BTreeMap;

use errors::Error;
use serde::Serialize;
use stratum::{Choice, Routing, Rule, Shape};

use super::args::ExplainArgs;
use super::list::Size;
use crate::cosmos::function::Desk;
use crate::cosmos::function::find::find;
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table};
use crate::units::count;

/// Which shape, and why.
#[derive(Serialize)]
struct Explained<'a> {
    function: &'a str,
    version: &'a str,
    #[serde(flatten)]
    size: Size,
    why: String,
    rules: Vec<Asked<'a>>,
    outgrown: Vec<&'a str>,
}

/// A rule, and what it said.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Asked<'a> {
    rule: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    shape: &'a str,
    /// Left out where nobody asked any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<bool>,
}

pub(super) fn explain(desk: &Desk, args: &ExplainArgs) -> Result<(), Stop> {
    let at = &args.installation;
    let found = find(&args.function, at.config.as_deref(), &at.services)?;
    let function = &found.package.function;
    let attributes = args.attributes.iter();
    let attributes = attributes.map(|fact| (fact.name.clone(), fact.value.clone()));
    let attributes: BTreeMap<_, _> = attributes.collect();
    let choice = function.routing.decide(&attributes).map_err(|why| {
        Error::user("NO_SHAPE", one_line(&why.to_string()))
            .at("--attribute")
            .hint("the rules are in function.yaml, below `routing`")
    })?;
    let explained = Explained {
        function: function.name.as_str(),
        version: &function.version,
        size: choice.shape.into(),
        why: choice.to_string(),
        rules: asked(&function.routing, &choice),
        outgrown: outgrown(&function.routing, choice.shape),
    };
    desk.output.result(&explained, || explained.in_words(desk));
    Ok(())
}

/// Those before the one that chose did not hold; those after it were not asked.
fn asked<'a>(routing: &'a Routing, choice: &Choice<'_>) -> Vec<Asked<'a>> {
    let chose = choice.rule.map_or(0, |(number, _)| number);
    let rules = (1..).zip(routing.rules());
    rules
        .map(|(rule, Rule { when, shape })| Asked {
            rule,
            when: when.as_ref().map(ToString::to_string),
            shape,
            holds: (rule <= chose).then_some(rule == chose),
        })
        .collect()
}

/// Where it is tried next, and next.
fn outgrown<'a>(routing: &'a Routing, shape: &'a Shape) -> Vec<&'a str> {
    let mut larger = Vec::new();
    let mut last = shape;
    loop {
        let next = routing.larger(last, 1);
        if next.group == last.group {
            return larger;
        }
        larger.push(next.group.as_str());
        last = next;
    }
}

impl Explained<'_> {
    fn in_words(&self, desk: &Desk) -> String {
        let name = desk.paint.strong(self.function);
        let Size {
            shape,
            cpus,
            memory_mb,
            ..
        } = &self.size;
        let cpus = count((*cpus).into(), "processor");
        let shape = format!("{}: {cpus}, {memory_mb} MB of memory", one_line(shape));
        let mut lines = vec![
            format!("{name} {}", one_line(self.version)),
            format!("shape    {shape} ({})", one_line(&self.why)),
        ];
        if !self.outgrown.is_empty() {
            let larger = one_line(&self.outgrown.join(", then "));
            lines.push(format!("outgrown {larger}"));
        }
        if !self.rules.is_empty() {
            lines.push(format!("\n{}", self.table().render(desk.paint)));
        }
        lines.join("\n")
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            Column::number("RULE"),
            Column::cut("WHEN"),
            Column::name("SHAPE"),
            Column::text("HOLDS"),
        ]);
        for asked in &self.rules {
            let holds = match asked.holds {
                Some(true) => "yes",
                Some(false) => "no",
                None => "not asked",
            };
            table.row([
                Cell::from(asked.rule.to_string()),
                Cell::from(one_line(asked.when.as_deref().unwrap_or("always"))),
                Cell::from(one_line(asked.shape)),
                Cell::from(holds),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use stratum::Function;

    use super::*;

    #[test]
    fn rules_are_asked_until_one_holds() {
        let yaml = "name: a\nversion: '1'\ncommand: [a]\nrouting:\n\
            - {when: height > 1080, shape: cpu1-large}\n\
            - {when: height > 720, shape: cpu1-medium}\n\
            - {shape: cpu1-small}";
        let routing = Function::from_yaml(yaml).unwrap().routing;
        let facts = [("height".to_owned(), "1080".to_owned())].into();
        let choice = routing.decide(&facts).unwrap();
        let held: Vec<_> = asked(&routing, &choice)
            .iter()
            .map(|asked| asked.holds)
            .collect();
        assert_eq!(held, [Some(false), Some(true), None]);
        assert_eq!(
            outgrown(&routing, choice.shape),
            ["cpu1-large", "cpu1-xlarge"]
        );
    }
}
