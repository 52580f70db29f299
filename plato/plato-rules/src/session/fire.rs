//! Firings: what a rule records and runs when its match begins to hold.

use std::sync::Arc;

use errors::Error;
use serde_json::{Value as Json, json};

use crate::event::{By, Event, Fired, Match, MatchedFact};
use crate::fact::FactId;
use crate::limits::MAX_CHAIN;
use crate::memory::Refused;
use crate::rules::Rule;
use crate::section::{Aim, Doing, Fireplace};
use crate::state::Phase;

use super::RunNow;
use super::refusal::{kept, told, unevaluated};
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn fire_all(&mut self) {
        while self.session.state.may_fire() {
            let Some(matched) = self.session.memory.fire(self.session.state.next_firing) else {
                return;
            };
            self.session.memory.chain(matched.chain.saturating_add(1));
            let is_endless = matched.chain >= MAX_CHAIN;
            let rule = self.fire(matched);
            if is_endless {
                self.halt_loop(&rule);
            }
        }
    }

    pub(super) fn halt_loop(&mut self, rule: &str) {
        let message = format!(
            "rule {rule} fired as the last of {MAX_CHAIN} firings, each of which followed from the one before"
        );
        self.halt(
            Error::user("RULES_LOOP", message)
                .hint("let the action change what the rule matches, so that it ceases to hold"),
        );
    }

    pub(super) fn halt(&mut self, error: Error) {
        if self.session.state.phase == Phase::Running {
            self.emit(Event::Halted {
                error: Box::new(error),
            });
        }
    }

    /// Fires a match; the name of its rule.
    pub(super) fn fire(&mut self, matched: Match) -> Arc<str> {
        let rules = self.rules();
        let rule = &rules.rules[matched.rule];
        let (firing, facts) = (self.session.state.next_firing, as_they_are(&matched));
        let place = Fireplace::new(rule, &facts);
        let record = place.doings(&rule.record);
        let params = rule
            .run
            .as_ref()
            .map(|run| place.params(&run.params))
            .transpose();
        self.emit(Event::Fired(Box::new(Fired {
            firing,
            rule: rule.name.to_string(),
            facts: facts.clone(),
            cause: matched.cause,
            runs: record.is_ok() && matches!(params, Ok(Some(_))),
        })));
        match (record, params) {
            (Err(problem), _) | (_, Err(problem)) => {
                self.fail(rule, firing, &facts, unevaluated(rule, problem));
            }
            (Ok(doings), Ok(params)) => {
                self.act(firing, doings);
                self.run(rule, firing, 0, params);
            }
        }
        Arc::clone(&rule.name)
    }

    pub(super) fn run(&mut self, rule: &Rule, firing: u64, generation: u32, params: Option<Json>) {
        if let (Some(run), Some(params)) = (&rule.run, params) {
            self.step.runs.push(RunNow {
                firing,
                generation,
                rule: rule.name.to_string(),
                on: run.what.clone(),
                params,
            });
        }
    }

    /// Does what a section says, in order.
    pub(super) fn act(&mut self, firing: u64, doings: Vec<Doing>) {
        for doing in doings {
            if let Err(refused) = self.do_one(firing, doing) {
                return self.halt(told(&refused));
            }
        }
    }

    pub(super) fn do_one(&mut self, firing: u64, doing: Doing) -> Result<(), Refused> {
        match doing {
            Doing::Assert {
                kind,
                values,
                logical: false,
            } => self.assert(kind, values, By::Firing(firing)),
            Doing::Assert {
                kind,
                values,
                logical: true,
            } => match self.holds(firing) {
                true => self.assert(kind, values, By::Conclusion(firing)),
                // What it would be concluded from is gone.
                false => Ok(()),
            },
            Doing::Update { target, fields } => match self.find(target) {
                Some(fact) => self.update(fact, fields, By::Firing(firing)),
                None => Ok(()),
            },
            Doing::Retract(target) => match self.find(target) {
                Some(fact) => self.retract(fact, By::Firing(firing)),
                None => Ok(()),
            },
        }
    }

    pub(super) fn holds(&self, firing: u64) -> bool {
        self.session
            .state
            .firings
            .get(&firing)
            .is_some_and(|firing| firing.holds)
    }

    pub(super) fn find(&self, aim: Aim) -> Option<FactId> {
        match aim {
            Aim::Fact(fact) => Some(fact),
            Aim::Keyed { kind, values } => self.session.memory.find(kind, &values),
        }
    }

    /// A firing that failed for good, and what the rule says to that.
    pub(super) fn fail(&mut self, rule: &Rule, firing: u64, facts: &[MatchedFact], error: Error) {
        let outcome = json!({"class": error.class, "code": error.code, "message": error.message});
        self.emit(Event::Failed {
            firing,
            error: Box::new(kept(error)),
        });
        match Fireplace::new(rule, facts)
            .after("error", outcome)
            .doings(&rule.error)
        {
            Ok(doings) => self.act(firing, doings),
            Err(problem) => self.halt(unevaluated(rule, problem)),
        }
    }
}

fn as_they_are(matched: &Match) -> Vec<MatchedFact> {
    let facts = matched.versions.iter().zip(&matched.facts);
    let facts = facts.map(|((fact, version), now)| MatchedFact {
        fact: *fact,
        version: *version,
        fields: now.fields.iter().map(|field| field.value.clone()).collect(),
    });
    facts.collect()
}
