//! Why a rule fired, as text for people.

use std::fmt::Write;

use crate::event::{Cause, Fired, MatchedFact};
use crate::rules::{Kind, Mode, Pattern, Rule, Rules, RunOn};
use crate::value::Value;

impl Rules {
    /// A firing explained: the rule, the facts with their versions, the variables,
    /// and which change made it fire now. Several lines, the last one ended too.
    ///
    /// ```text
    /// firing 3: rule re-encode
    ///   why now: fact f2 was updated
    ///   title    f1, version 1: Title(id "t1")
    ///   encoder  f2, version 4: Encoder(codec "av1", release 7)
    ///   no Job(title = $id)
    ///   $id = "t1"
    ///   runs workflow ves.encode
    /// ```
    pub fn explain(&self, fired: &Fired) -> String {
        let mut text = format!("firing {}: rule {}\n", fired.firing, fired.rule);
        // Writing to a string does not fail.
        let _ = writeln!(text, "  why now: {}", cause(fired.cause));
        match self.find_rule(&fired.rule) {
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
        for pattern in &rule.patterns {
            let kind = &self.kinds[pattern.kind];
            match pattern.mode {
                Mode::Fact => {
                    let fact = facts.next();
                    by_pattern.push(fact);
                    lines.extend(fact.map(|fact| matched(pattern, kind, fact)));
                }
                Mode::Not | Mode::Exists => {
                    by_pattern.push(None);
                    lines.push(absent_or_there(pattern, kind, rule));
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

fn cause(cause: Cause) -> String {
    match cause {
        Cause::Asserted(fact) => format!("fact {fact} was asserted"),
        Cause::Updated(fact) => format!("fact {fact} was updated"),
        Cause::Retracted(fact) => format!("fact {fact} was retracted"),
        Cause::NewRules => "the rules are new to these facts".to_owned(),
    }
}

fn matched(pattern: &Pattern, kind: &Kind, fact: &MatchedFact) -> String {
    let name = pattern.name.as_deref().unwrap_or("-");
    let fields = kind.fields.iter().zip(&fact.fields);
    let fields: Vec<String> = fields
        .map(|((name, _), value)| format!("{name} {value}"))
        .collect();
    let (id, version) = (fact.fact, fact.version);
    format!(
        "{name:<8} {id}, version {version}: {}({})",
        kind.name,
        fields.join(", ")
    )
}

fn absent_or_there(pattern: &Pattern, kind: &Kind, rule: &Rule) -> String {
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
