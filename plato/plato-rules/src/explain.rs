//! Why a rule fired, as text for people.

use std::fmt::Write;

use crate::event::{Cause, Fired, MatchedFact};
use crate::fact::{Fact, FactId};
use crate::rules::{Kind, Mode, Pattern, Rule, Rules, RunOn};
use crate::value::Value;

impl Rules {
    /// A firing explained: the rule, the facts with their versions, the variables,
    /// and which change made it fire now. Several lines, the last one ended too.
    ///
    /// ```text
    /// firing 3: rule re-encode
    ///   why now: encoder f2 was updated
    ///   title    f1, version 1: Title(id "t1")
    ///   encoder  f2, version 4: Encoder(codec "av1", release 7)
    ///   no Job(title = $id)
    ///   $id = "t1"
    ///   runs workflow ves.encode
    /// ```
    pub fn explain(&self, fired: &Fired) -> String {
        let mut text = format!("firing {}: rule {}\n", fired.firing, fired.rule);
        // Writing to a string does not fail.
        let rule = self.find_rule(&fired.rule);
        let _ = writeln!(
            text,
            "  why now: {}",
            cause(rule.map(|(_, rule)| rule), fired)
        );
        match rule {
            None => {
                text.push_str("  these rules do not have it; look at the version it fired in\n");
            }
            Some((_, rule)) => self.lines(rule, fired).into_iter().for_each(|line| {
                let _ = writeln!(text, "  {line}");
            }),
        }
        text
    }

    fn lines(&self, rule: &Rule, fired: &Fired) -> Vec<String> {
        let mut facts = fired.facts.iter();
        let mut lines = Vec::new();
        let mut by_pattern: Vec<Option<&MatchedFact>> = Vec::new();
        for (place, pattern) in rule.patterns.iter().enumerate() {
            let kind = &self.kinds[pattern.kind];
            match pattern.mode {
                Mode::Fact => {
                    let fact = facts.next();
                    by_pattern.push(fact);
                    lines.extend(fact.map(|fact| matched(&label(pattern, place), kind, fact)));
                }
                Mode::Not | Mode::Exists => {
                    by_pattern.push(None);
                    lines.push(tests(pattern, kind, rule));
                }
            }
        }
        lines.extend(rule.variables.iter().filter_map(|(name, pattern, field)| {
            let value = by_pattern.get(*pattern)?.as_ref()?.fields.get(*field)?;
            Some(format!("${name} = {value}"))
        }));
        lines.extend(rule.run.as_ref().map(|run| format!("runs {}", run.what)));
        lines
    }
}

fn cause(rule: Option<&Rule>, fired: &Fired) -> String {
    let named = |fact: FactId| named(rule, fired, fact);
    match fired.cause {
        Cause::Asserted(fact) => format!("{} was asserted", named(fact)),
        Cause::Updated(fact) => format!("{} was updated", named(fact)),
        Cause::Retracted(fact) => format!("{} was retracted", named(fact)),
        Cause::NewRules => "the rules are new to these facts".to_owned(),
    }
}

/// A fact by the pattern that it matched; one that stood against the match by itself.
fn named(rule: Option<&Rule>, fired: &Fired, fact: FactId) -> String {
    let place = fired.facts.iter().position(|matched| matched.fact == fact);
    let patterns = rule.map(|rule| rule.patterns.iter().enumerate());
    let mut positive = patterns
        .into_iter()
        .flatten()
        .filter(|(_, pattern)| pattern.is_positive());
    match place.and_then(|place| positive.nth(place)) {
        Some((place, pattern)) => format!("{} {fact}", label(pattern, place)),
        None => format!("fact {fact}"),
    }
}

/// What a pattern is called: its `as`, or its place, from 1.
pub(crate) fn label(pattern: &Pattern, place: usize) -> String {
    let name = pattern.name.clone();
    name.unwrap_or_else(|| format!("pattern {}", place + 1))
}

fn matched(label: &str, kind: &Kind, fact: &MatchedFact) -> String {
    let (id, version) = (fact.fact, fact.version);
    let fields = fields(kind, fact.fields.iter());
    format!("{label:<8} {id}, version {version}: {fields}")
}

/// A fact as it is now.
pub(crate) fn told(fact: &Fact, kind: &Kind) -> String {
    let fields = fields(kind, fact.fields.iter().map(|field| &field.value));
    format!("{}: {fields}", fact.id)
}

fn fields<'a>(kind: &Kind, values: impl Iterator<Item = &'a Value>) -> String {
    let fields = kind.fields.iter().zip(values);
    let fields: Vec<String> = fields
        .map(|((name, _), value)| format!("{name} {value}"))
        .collect();
    format!("{}({})", kind.name, fields.join(", "))
}

/// What a pattern asks for.
pub(crate) fn tests(pattern: &Pattern, kind: &Kind, rule: &Rule) -> String {
    let field = |place: usize| kind.fields[place].0.as_str();
    let constants = pattern
        .constants
        .iter()
        .map(|(place, value): &(usize, Value)| format!("{} = {value}", field(*place)));
    let joins = pattern.joins.iter().map(|join| {
        let bound = rule
            .variables
            .iter()
            .find(|(_, pattern, field)| (*pattern, *field) == (join.pattern, join.other));
        format!(
            "{} = ${}",
            field(join.field),
            bound.map_or("?", |(name, ..)| name)
        )
    });
    let guards = [&pattern.own_guard, &pattern.guard].into_iter().flatten();
    let guards = guards.map(|guard| guard.source.to_string());
    let tests: Vec<String> = constants.chain(joins).chain(guards).collect();
    let word = match pattern.mode {
        Mode::Not => "no",
        Mode::Fact | Mode::Exists => "some",
    };
    format!("{word} {}({})", kind.name, tests.join(", "))
}

impl std::fmt::Display for RunOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Function(function) => write!(f, "function {function}"),
            Self::Service { service, method } => write!(f, "{service}.{method}"),
            Self::Workflow {
                definition,
                version: 0,
            } => write!(f, "workflow {definition}"),
            Self::Workflow {
                definition,
                version,
            } => write!(f, "workflow {definition} v{version}"),
        }
    }
}
