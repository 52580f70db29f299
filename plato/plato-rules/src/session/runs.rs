//! How runs end, and when they are tried again.

use errors::Error;
use plato::Fault;
use serde_json::Value as Json;

use crate::event::Event;
use crate::firing::{Firing, FiringPhase};
use crate::rules::Rule;
use crate::section::{Doing, Fireplace};

use super::refusal::{kept, unevaluated};
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn ended(&mut self, number: u64, generation: u32, result: Result<Json, Error>) {
        let state = &self.session.state;
        let firing = state
            .firings
            .get(&number)
            .filter(|firing| firing.phase == FiringPhase::Out { generation });
        let rules = self.rules();
        let rule = firing.and_then(|firing| rules.find_rule(&firing.rule));
        let (Some(firing), Some((_, rule))) = (firing.cloned(), rule) else {
            self.step.is_ignored = true;
            return;
        };
        match result {
            Ok(result) => self.succeeded(rule, number, generation, &firing, result),
            Err(error) => self.failed(rule, number, generation, &firing, error),
        }
    }

    pub(super) fn succeeded(
        &mut self,
        rule: &Rule,
        number: u64,
        generation: u32,
        firing: &Firing,
        result: Json,
    ) {
        let place = Fireplace::new(rule, &firing.facts).after("result", result);
        match place.doings(&rule.reaction) {
            Ok(doings) => {
                let still_holds = firing.holds;
                self.emit(Event::Succeeded {
                    firing: number,
                    generation,
                });
                self.act_after(number, still_holds, doings);
            }
            Err(problem) => self.fail(rule, number, &firing.facts, unevaluated(rule, problem)),
        }
    }

    pub(super) fn act_after(&mut self, firing: u64, still_holds: bool, doings: Vec<Doing>) {
        let lasting =
            |doing: &Doing| still_holds || !matches!(doing, Doing::Assert { logical: true, .. });
        self.act(firing, doings.into_iter().filter(lasting).collect());
    }

    pub(super) fn failed(
        &mut self,
        rule: &Rule,
        number: u64,
        generation: u32,
        firing: &Firing,
        error: Error,
    ) {
        let fault = Fault::of(&error);
        let mut faults = firing.faults;
        faults.count(fault);
        let retry = rule
            .run
            .as_ref()
            .and_then(|run| run.retry.next(&faults, fault));
        match retry {
            Some(wait) => self.emit(Event::Retrying {
                firing: number,
                generation,
                fault,
                retry_at_ms: self.now_ms.saturating_add_unsigned(wait),
                error: Box::new(kept(error)),
            }),
            None => self.fail(rule, number, &firing.facts, error),
        }
    }

    pub(super) fn tick(&mut self) {
        if !self.session.state.may_fire() {
            return;
        }
        let due = self
            .session
            .state
            .active()
            .filter_map(|(number, firing)| match firing.phase {
                FiringPhase::Backoff { generation, due_ms } if due_ms <= self.now_ms => {
                    Some((number, generation, firing.clone()))
                }
                _ => None,
            });
        let due: Vec<(u64, u32, Firing)> = due.collect();
        let rules = self.rules();
        for (number, generation, firing) in due {
            let Some((_, rule)) = rules.find_rule(&firing.rule) else {
                continue;
            };
            let place = Fireplace::new(rule, &firing.facts);
            let params = rule
                .run
                .as_ref()
                .and_then(|run| place.params(&run.params).ok());
            self.emit(Event::TriedAgain {
                firing: number,
                generation,
            });
            self.run(rule, number, generation, params);
        }
    }
}
