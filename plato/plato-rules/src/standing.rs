//! How a rule stands, as text for people: that it matches, or what it has no match for.

use std::fmt::Write;

use crate::explain::{label, tests, told};
use crate::fact::Fact;
use crate::memory::Memory;
use crate::network::{Alone, Blocked, Obstacle};
use crate::rules::{Kind, Pattern, Rule};

/// How a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleStanding {
    pub rule: String,
    /// Matches that hold. Each fires once.
    pub matches: usize,
    /// Of those, the ones that have yet to fire.
    pub waiting: usize,
    /// Where there is none: the pattern that stands against it, by its `as` or its number.
    pub pattern: String,
    /// For people, several lines.
    pub text: String,
}

impl Memory {
    /// How each rule stands, in their order. Where nothing matches, the nearest partial match
    /// is told, and what it lacks.
    ///
    /// ```text
    /// rule encode has no match; the nearest one:
    ///   title    f1: Title(id "t1", source "a.mov")
    ///   encoder  there is no Encoder
    /// ```
    pub fn standings(&self) -> Vec<RuleStanding> {
        let rules = self.rules().rules.iter().enumerate();
        rules
            .map(|(place, rule)| self.standing(place, rule))
            .collect()
    }

    fn standing(&self, place: usize, rule: &Rule) -> RuleStanding {
        let waiting = self.waiting_keys().filter(|key| key.rule == place).count();
        let blocked = self.network().blocked(place);
        let pattern = blocked
            .as_ref()
            .map(|blocked| label(&rule.patterns[blocked.pattern], blocked.pattern));
        let matches = self.network().matches(place);
        RuleStanding {
            rule: rule.name.to_string(),
            matches,
            waiting,
            pattern: pattern.unwrap_or_default(),
            text: match &blocked {
                Some(blocked) => self.against(rule, blocked),
                None => holding(rule, matches, waiting),
            },
        }
    }

    fn against(&self, rule: &Rule, blocked: &Blocked) -> String {
        let kinds = &self.rules().kinds;
        let mut text = format!("rule {} has no match; the nearest one:\n", rule.name);
        let before = rule.patterns.iter().zip(&blocked.facts).enumerate();
        for (place, (pattern, fact)) in before {
            let said = match fact {
                Some(fact) => told(fact, &kinds[pattern.kind]),
                None => tests(pattern, &kinds[pattern.kind], rule),
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {:<8} {said}", label(pattern, place));
        }
        let pattern = &rule.patterns[blocked.pattern];
        let why = obstacle(rule, pattern, &kinds[pattern.kind], &blocked.obstacle);
        let _ = writeln!(text, "  {:<8} {why}", label(pattern, blocked.pattern));
        text
    }
}

fn holding(rule: &Rule, matches: usize, waiting: usize) -> String {
    let matches = match matches {
        1 => "1 match".to_owned(),
        _ => format!("{matches} matches"),
    };
    let fired = match waiting {
        0 => "fired for it, and does not again until it ceases to hold".to_owned(),
        _ => format!("{waiting} wait to fire"),
    };
    format!("rule {} has {matches}: {fired}\n", rule.name)
}

fn obstacle(rule: &Rule, pattern: &Pattern, kind: &Kind, obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NoFact => format!("there is no {}", kind.name),
        Obstacle::Joins => format!(
            "there is no fitting {}: {}",
            kind.name,
            tests(pattern, kind, rule)
        ),
        Obstacle::Tests(1, fact) => format!(
            "{} does not fit: {}",
            told(fact, kind),
            failed(pattern, kind, fact)
        ),
        Obstacle::Tests(count, fact) => format!(
            "none of {count} {} fits; {} does not, as {}",
            kind.name,
            told(fact, kind),
            failed(pattern, kind, fact)
        ),
        Obstacle::Guard(fact) => {
            let source = pattern.guard.as_ref().map_or("", |guard| &guard.source);
            format!("`{source}` does not hold for {}", told(fact, kind))
        }
        Obstacle::Present(fact) => format!("{} is there, and must not be", told(fact, kind)),
    }
}

/// The first test of a single fact that it does not pass.
fn failed(pattern: &Pattern, kind: &Kind, fact: &Fact) -> String {
    let name = |place: usize| kind.fields[place].0.as_str();
    let value = |place: usize| &fact.fields[place].value;
    let constant = pattern
        .constants
        .iter()
        .find(|(place, wanted)| value(*place) != wanted);
    if let Some((place, wanted)) = constant {
        return format!("{} is not {wanted}", name(*place));
    }
    let differing = pattern.same.iter().find(|(a, b)| value(*a) != value(*b));
    if let Some((a, b)) = differing {
        return format!("{} and {} are not equal", name(*a), name(*b));
    }
    let guard = pattern.own_guard.as_ref();
    guard.map_or_else(String::new, |guard| {
        let no_value = guard.expr.holds(&Alone(fact)).is_err();
        let does_not = if no_value {
            "has no value"
        } else {
            "does not hold"
        };
        format!("`{}` {does_not}", guard.source)
    })
}
