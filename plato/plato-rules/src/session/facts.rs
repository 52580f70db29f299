//! Facts asserted, updated and retracted, with what follows for conclusions.

use crate::event::{By, Event, NewFact};
use crate::fact::FactId;
use crate::memory::{Asserted, Refused};
use crate::value::Value;

use super::refusal::told;
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn assert_all(&mut self, facts: Vec<NewFact>) {
        for (place, fact) in facts.into_iter().enumerate() {
            match self.session.memory.checked(&fact.kind, &fact.fields) {
                Ok((kind, values)) => {
                    if let Err(refused) = self.assert(kind, values, By::Outside) {
                        self.refuse(place, refused);
                    }
                }
                Err(refused) => self.refuse(place, refused),
            }
        }
    }

    pub(super) fn retract_all(&mut self, facts: Vec<NewFact>) {
        for (place, fact) in facts.into_iter().enumerate() {
            match self.session.memory.by_key(&fact.kind, &fact.fields) {
                Ok(Some(fact)) => {
                    if let Err(refused) = self.retract(fact, By::Outside) {
                        self.refuse(place, refused);
                    }
                }
                Ok(None) => {}
                Err(refused) => self.refuse(place, refused),
            }
        }
    }

    pub(super) fn refuse(&mut self, place: usize, refused: Refused) {
        let error = told(&refused);
        if matches!(refused, Refused::TooManyMatches) {
            self.halt(error.clone());
        }
        self.step.refused.push((place, error));
    }

    pub(super) fn assert(
        &mut self,
        kind: usize,
        values: Vec<Value>,
        by: By,
    ) -> Result<(), Refused> {
        let before = self
            .session
            .memory
            .find(kind, &values)
            .and_then(|id| self.session.memory.fact(id).cloned());
        let (asserted, ceased) = self.session.memory.assert_values(kind, values.clone())?;
        let (_, change) = self.session.memory.numbers();
        match asserted {
            Asserted::New(fact) => {
                let kind = self.rules().kinds[kind].name.to_string();
                self.emit(Event::Asserted {
                    fact,
                    kind,
                    fields: values,
                    change,
                    by,
                });
            }
            Asserted::Updated(fact) => {
                let before = before
                    .iter()
                    .flat_map(|before| &before.fields)
                    .map(|field| &field.value);
                let differ = values
                    .iter()
                    .zip(before)
                    .enumerate()
                    .filter(|(_, (new, old))| new != old);
                let fields = differ
                    .map(|(place, (new, _))| (place, new.clone()))
                    .collect();
                self.emit(Event::Updated {
                    fact,
                    fields,
                    change,
                    by,
                });
                self.confirm(fact, by);
            }
            Asserted::Known(fact) => self.confirm(fact, by),
        }
        self.follow(ceased)
    }

    /// Notes new grounds of a fact that was there.
    pub(super) fn confirm(&mut self, fact: FactId, by: By) {
        let is_known = self
            .session
            .state
            .facts
            .get(&fact)
            .is_some_and(|kept| match by {
                By::Conclusion(firing) => kept.supports.contains(&firing),
                _ => kept.stated,
            });
        if !is_known {
            self.emit(Event::Confirmed { fact, by });
        }
    }

    pub(super) fn update(
        &mut self,
        fact: FactId,
        mut fields: Vec<(usize, Value)>,
        by: By,
    ) -> Result<(), Refused> {
        let (changed, ceased) = self.session.memory.update_values(fact, fields.clone())?;
        fields.retain(|(place, _)| changed & (1 << place) != 0);
        if !fields.is_empty() {
            let (_, change) = self.session.memory.numbers();
            self.emit(Event::Updated {
                fact,
                fields,
                change,
                by,
            });
        }
        self.follow(ceased)
    }

    pub(super) fn retract(&mut self, fact: FactId, by: By) -> Result<(), Refused> {
        let (retracted, ceased) = self.session.memory.retract(fact)?;
        if retracted {
            let (_, change) = self.session.memory.numbers();
            self.emit(Event::Retracted { fact, change, by });
        }
        self.follow(ceased)
    }

    /// Truth maintenance: what only ceased matches had concluded goes.
    pub(super) fn follow(&mut self, ceased: Vec<u64>) -> Result<(), Refused> {
        let is_first = self.ceased.is_empty();
        self.ceased.extend(ceased);
        if !is_first {
            return Ok(());
        }
        while let Some(firing) = self.ceased.front().copied() {
            let concluded = self
                .session
                .state
                .firings
                .get(&firing)
                .map(|firing| firing.supports.clone());
            self.emit(Event::Ceased { firing });
            for fact in concluded.unwrap_or_default() {
                if self.session.state.is_groundless(fact) {
                    self.retract(fact, By::NoSupport)?;
                }
            }
            self.ceased.pop_front();
        }
        Ok(())
    }

    /// After a move: firings that hold in no match of the new rules.
    pub(super) fn drop_ceased(&mut self) {
        let memory = &self.session.memory;
        let firings = self.session.state.firings();
        let ceased = firings.filter(|(number, firing)| firing.holds && !memory.has_fired(*number));
        let ceased: Vec<u64> = ceased.map(|(number, _)| number).collect();
        if let Err(refused) = self.follow(ceased) {
            self.halt(told(&refused));
        }
    }
}
