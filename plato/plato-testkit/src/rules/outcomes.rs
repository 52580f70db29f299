//! What runs of rules put out, noted for recordings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use blob::Value;
use plato_rules::{Entry, Event, Rules, RunOn};
use plato_runtime::run_result;

use super::SUBJECT;
use super::recorded::Outcome;
use crate::answer::{Answer, Call};
use crate::site::Site;
use crate::worker::Answers;

/// By the firing, and the number of the try from 0.
type Noted = BTreeMap<(u64, u32), Value>;

#[derive(Clone, Default)]
pub(super) struct Outcomes(Arc<Mutex<Noted>>);

impl Outcomes {
    /// These answers, with those to runs of the rules noted.
    pub(super) fn noting(&self, answers: Arc<Answers>) -> Arc<Answers> {
        let noted = self.clone();
        Arc::new(move |call: &Call| {
            let answer = answers(call);
            if call.workflow == SUBJECT
                && let Some(value) = value(&answer)
            {
                let try_ = (call.element, call.attempt.saturating_sub(1));
                noted.note(try_, value.clone());
            }
            answer
        })
    }

    fn note(&self, of: (u64, u32), value: Value) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(of, value);
    }

    /// Those of runs that succeeded, with what workflows put out that rules started.
    pub(super) async fn of(self, rules: &Rules, history: &[Entry], site: &Site) -> Vec<Outcome> {
        for (rule, firing, generation) in started(rules, history) {
            let id = ids::invocation(SUBJECT, &rule, firing, generation);
            let view = site.reader().workflow(&id).await.ok().flatten();
            if let Some(output) = view.and_then(|view| view.output) {
                self.note((firing, generation), output);
            }
        }
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = noted.iter().map(|((firing, generation), value)| Outcome {
            firing: *firing,
            generation: *generation,
            result: run_result(value),
        });
        outcomes.collect()
    }
}

/// The tries that started workflows: rule, firing and number.
fn started(rules: &Rules, history: &[Entry]) -> Vec<(String, u64, u32)> {
    let events = || history.iter().flat_map(|entry| &entry.events);
    let starts = |rule: &str| matches!(rules.run(rule), Some(RunOn::Workflow { .. }));
    let fired = events().filter_map(|event| match event {
        Event::Fired(fired) if starts(&fired.rule) => Some(fired),
        _ => None,
    });
    let tries = fired.flat_map(|fired| {
        let again = events().filter_map(|event| match event {
            Event::TriedAgain { firing, generation } if *firing == fired.firing => {
                Some(*generation)
            }
            _ => None,
        });
        let tries = [0].into_iter().chain(again);
        tries.map(|generation| (fired.rule.clone(), fired.firing, generation))
    });
    tries.collect()
}

fn value(answer: &Answer) -> Option<&Value> {
    match answer {
        Answer::Value(value) => Some(value),
        Answer::After(_, then) => value(then),
        Answer::List(_) | Answer::Fail(_) | Answer::Never | Answer::Die => None,
    }
}
