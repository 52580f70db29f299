//! The journal of rules as lines that people read and tests compare.

use std::collections::BTreeMap;

use plato_rules::{By, Entry, Event, FactId, Rules, Value};

use crate::log::Line;

/// What happened, in order. Facts and firings are named by their numbers.
pub(super) fn lines(rules: &Rules, history: &[Entry]) -> Vec<Line> {
    let begin_ms = history.first().map_or(0, |first| first.at_ms);
    let mut teller = Teller {
        rules,
        kinds: BTreeMap::new(),
        fired: BTreeMap::new(),
    };
    let events = history
        .iter()
        .flat_map(|entry| entry.events.iter().map(move |event| (entry.at_ms, event)));
    let lines = events.map(|(at_ms, event)| Line {
        at_ms: at_ms - begin_ms,
        text: teller.text(event),
    });
    lines.collect()
}

struct Teller<'a> {
    rules: &'a Rules,
    /// The types of facts.
    kinds: BTreeMap<FactId, &'a str>,
    /// The rules of firings.
    fired: BTreeMap<u64, &'a str>,
}

impl<'a> Teller<'a> {
    fn text(&mut self, event: &'a Event) -> String {
        match event {
            Event::Started(header) => format!("{} v{} at work", header.definition, header.version),
            Event::Asserted {
                fact,
                kind,
                fields,
                by,
                ..
            } => {
                self.kinds.insert(*fact, kind);
                let fields = self.fields(*fact, fields.iter().enumerate());
                format!("{fact} {kind}({fields}) asserted{}", grounds(*by))
            }
            Event::Updated {
                fact, fields, by, ..
            } => {
                let fields = fields.iter().map(|(place, value)| (*place, value));
                let fields = self.fields(*fact, fields);
                let kind = self.kind(*fact);
                format!("{fact} {kind}({fields}) updated{}", grounds(*by))
            }
            Event::Confirmed { fact, by } => {
                format!("{fact} {} confirmed{}", self.kind(*fact), grounds(*by))
            }
            Event::Retracted { fact, by, .. } => {
                format!("{fact} {} retracted{}", self.kind(*fact), grounds(*by))
            }
            Event::Fired(fired) => {
                self.fired.insert(fired.firing, &fired.rule);
                let facts = fired.facts.iter().map(|matched| matched.fact.to_string());
                let facts = facts.collect::<Vec<_>>().join(", ");
                format!("{} fired for {facts}", self.firing(fired.firing))
            }
            Event::TriedAgain { firing, generation } => {
                format!(
                    "{} tried again: try {}",
                    self.firing(*firing),
                    generation + 1
                )
            }
            Event::Retrying { firing, error, .. } => {
                let firing = self.firing(*firing);
                format!("{firing} failed: {}, to be tried again", error.code)
            }
            Event::Succeeded { firing, .. } => format!("{} succeeded", self.firing(*firing)),
            Event::Failed { firing, error } => {
                format!("{} failed for good: {}", self.firing(*firing), error.code)
            }
            Event::Ceased { firing } => format!("{} holds no more", self.firing(*firing)),
            Event::Paused { reason } => format!("paused: {reason}"),
            Event::Halted { error } => format!("halted: {}", error.code),
            Event::Resumed => "resumed".into(),
            Event::Moved { version } => format!("moved to v{version}"),
            Event::Canceled { reason } => format!("canceled: {reason}"),
        }
    }

    fn kind(&self, fact: FactId) -> &str {
        self.kinds.get(&fact).copied().unwrap_or_default()
    }

    /// "encode 3": a rule, and the number of its firing.
    fn firing(&self, number: u64) -> String {
        let rule = self.fired.get(&number).copied().unwrap_or_default();
        format!("{rule} {number}")
    }

    fn fields<'v>(&self, fact: FactId, fields: impl Iterator<Item = (usize, &'v Value)>) -> String {
        let known = self.rules.base().facts.get(self.kind(fact));
        let names: Vec<&String> = known.iter().flat_map(|kind| kind.fields.keys()).collect();
        let fields = fields.map(|(place, value)| {
            let name = names.get(place).map_or("?", |name| name);
            format!("{name} {value}")
        });
        fields.collect::<Vec<_>>().join(", ")
    }
}

fn grounds(by: By) -> String {
    match by {
        By::Outside => String::new(),
        By::Firing(firing) => format!(" by {firing}"),
        By::Conclusion(firing) => format!(" as concluded by {firing}"),
        By::NoSupport => ", as nothing supports it".into(),
    }
}
