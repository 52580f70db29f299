//! The world around a workflow: what functions and services answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use errors::Error;
use plato::{Registry, Run};

use crate::answer::{Answer, Call};
use crate::site::Site;
use crate::worker::{Answers, Seen, Worker};

/// Long, so that a function that runs for months is asked seldom whether it still does.
const LEASE_MS: u64 = timestone::limits::MAX_LEASE_MS;

#[derive(Default)]
pub(crate) struct World {
    answers: BTreeMap<String, Box<Answers>>,
    injected: BTreeMap<(String, u64, u32), Answer>,
}

impl World {
    /// What a node, or a rule, is answered.
    pub(crate) fn answer(
        &mut self,
        node: &str,
        answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) {
        self.answers.insert(node.to_owned(), Box::new(answer));
    }

    /// What one try is answered instead.
    pub(crate) fn inject(&mut self, node: &str, element: u64, attempt: u32, answer: Answer) {
        let place = (node.to_owned(), element, attempt);
        self.injected.insert(place, answer);
    }

    /// Whoever works on functions and services of `site`.
    pub(crate) fn worker(self, site: &Site) -> Worker {
        let answer = move |call: &Call| {
            let place = (call.node.clone(), call.element, call.attempt);
            match (self.injected.get(&place), self.answers.get(&call.node)) {
                (Some(answer), _) => answer.clone(),
                (None, Some(answer)) => answer(call),
                (None, None) => Answer::Fail(unanswered(call)),
            }
        };
        Worker {
            site: site.clone(),
            client: site.open(),
            name: "worker".into(),
            answers: Arc::new(answer),
            lease_ms: LEASE_MS,
            seen: Arc::new(Mutex::new(Seen::default())),
        }
    }
}

fn unanswered(call: &Call) -> Error {
    let message = format!("the test has no answer for {}", call.node);
    Error::user("NO_ANSWER", message).hint("say what it answers by `answer`")
}

/// Whom workflows ask, each once.
#[derive(Debug, Default)]
pub(crate) struct Callees {
    pub(crate) functions: Vec<String>,
    pub(crate) services: Vec<String>,
}

impl Callees {
    /// Those whom the nodes of these graphs ask.
    pub(crate) fn of_graphs(registry: &Registry) -> Self {
        let mut callees = Self::default();
        let known = registry.names();
        let plans = known.filter_map(|(name, version)| registry.get(name, version));
        for node in plans.flat_map(|known| &known.plan().definition().nodes) {
            match &node.run {
                Run::Function(function) => callees.functions.push(function.clone()),
                Run::Service { service, .. } => callees.services.push(service.clone()),
                _ => {}
            }
        }
        callees.once()
    }

    pub(crate) fn once(mut self) -> Self {
        for names in [&mut self.functions, &mut self.services] {
            names.sort();
            names.dedup();
        }
        self
    }
}
