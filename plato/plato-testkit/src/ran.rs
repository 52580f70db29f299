use std::sync::{Arc, Mutex};
use std::time::Duration;

use blob::Value;
use blob::list::ListReader;
use plato::{Entry, Phase, Plan, State, explain};

use crate::answer::Call;
use crate::kit::WORKFLOW;
use crate::log::{self, Line};
use crate::replay::Recording;
use crate::site::Site;
use crate::worker::Seen;

/// What became of a workflow.
#[derive(Clone, Debug)]
pub struct Ran {
    pub plan: Arc<Plan>,
    /// How it ended, or where it stands.
    pub state: State,
    /// What it put out.
    pub output: Value,
    /// The elements of the list that it put out.
    pub elements: Vec<Value>,
    pub history: Vec<Entry>,
    /// Every try that functions and services began, in order; once for each delivery.
    pub calls: Vec<Call>,
    /// Tries that were told to stop while they ran, by their ids.
    pub stopped: Vec<String>,
    /// Tries of functions that still ran at the end, by their ids.
    pub running: Vec<String>,
    input: Value,
}

impl Ran {
    pub(crate) async fn read(
        plan: Arc<Plan>,
        site: &Site,
        input: Value,
        seen: &Mutex<Seen>,
    ) -> Self {
        // Whoever was told to stop notices within a third of its lease.
        site.time.sleep(Duration::from_secs(86_400)).await;
        let view = site.reader().workflow(WORKFLOW).await.ok().flatten();
        #[allow(clippy::expect_used, reason = "the kit has started it")]
        let view = view.expect("the workflow has started");
        let history = site.reader().history(WORKFLOW).await.unwrap_or_default();
        let output = view.output.unwrap_or_default();
        let seen = Seen::take(seen);
        Self {
            plan,
            state: view.state,
            elements: elements(site, &output).await,
            output,
            history,
            calls: seen.calls,
            stopped: seen.stopped,
            running: seen.running,
            input,
        }
    }

    /// What the workflow put out, as JSON; null where it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.output.inline).unwrap_or_default()
    }

    /// The tries of one node, in the order in which they were begun.
    pub fn calls_of(&self, node: &str) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.node == node).collect()
    }

    /// How long the workflow took.
    pub fn took(&self) -> Duration {
        let begin = self.history.first().map_or(0, |first| first.at_ms);
        Duration::from_millis(u64::try_from(self.state.at_ms - begin).unwrap_or_default())
    }

    /// What happened, in order.
    pub fn log(&self) -> Vec<Line> {
        log::lines(&self.plan, &self.history)
    }

    /// This run, to be kept and replayed.
    pub fn recording(&self) -> Recording {
        Recording {
            definition: self.plan.definition().clone(),
            input: String::from_utf8_lossy(&self.input.inline).into_owned(),
            history: self.history.clone(),
        }
    }

    /// Refuses any end but a good one.
    ///
    /// # Panics
    /// When it ended otherwise, or not at all.
    #[track_caller]
    pub fn assert_succeeded(&self) -> &Self {
        self.assert_phase(Phase::Succeeded)
    }

    /// Refuses any end but a failure by this code.
    ///
    /// # Panics
    /// When it ended otherwise, or not at all.
    #[track_caller]
    pub fn assert_failed(&self, code: &str) -> &Self {
        self.assert_phase(Phase::Failed);
        let found = self.state.error.as_ref().map(|error| error.code.as_str());
        if found != Some(code) {
            self.fail(&format!("it failed by {found:?}, not by {code}"));
        }
        self
    }

    /// Refuses any end but a cancel.
    ///
    /// # Panics
    /// When it ended otherwise, or not at all.
    #[track_caller]
    pub fn assert_canceled(&self) -> &Self {
        self.assert_phase(Phase::Canceled)
    }

    #[track_caller]
    fn assert_phase(&self, phase: Phase) -> &Self {
        if self.state.phase != phase {
            let error = self.state.error.as_ref();
            let error = error.map(|error| format!(" ({}: {})", error.code, error.message));
            let error = error.unwrap_or_default();
            let waits = explain(&self.plan, &self.state);
            let found = format!("it is {:?}{error}, not {phase:?}", self.state.phase);
            match waits.is_empty() {
                true => self.fail(&found),
                false => self.fail(&format!("{found}; it waits: {waits:?}")),
            }
        }
        self
    }

    /// Refuses a log that is not made of these lines alone, in this order.
    ///
    /// # Panics
    /// At the first line that differs.
    #[track_caller]
    pub fn assert_log(&self, expected: &[&str]) -> &Self {
        let problem = log::differs(&self.log(), expected);
        problem.map_or(self, |problem| self.fail(&problem))
    }

    /// Refuses a log in which these lines do not come in this order; others may come between.
    ///
    /// # Panics
    /// With the first line that does not come after those before it.
    #[track_caller]
    pub fn assert_order(&self, expected: &[&str]) -> &Self {
        let problem = log::disordered(&self.log(), expected);
        problem.map_or(self, |problem| self.fail(&problem))
    }

    #[track_caller]
    #[allow(clippy::panic, reason = "a test that fails")]
    fn fail(&self, why: &str) -> ! {
        panic!("{why}\nwhat happened:\n{}", log::shown(&self.log()));
    }
}

async fn elements(site: &Site, output: &Value) -> Vec<Value> {
    let Some(list) = output.list.clone() else {
        return Vec::new();
    };
    match ListReader::open(&site.blobs, list).await {
        Ok(mut reader) => reader.all().await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}
