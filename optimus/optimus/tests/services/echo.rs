//! The service that is called: answers with what it was asked, in capitals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use blob::Value;
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use plato::{Definition, NodeCode, NodeDef, Registry, Retry, TaskContext, json};
use proto::base::v1 as wire;
use proto::stratum::v1::Invocation;
use serde::{Deserialize, Serialize};

pub(crate) const SERVICE: &str = "echo";

#[derive(Serialize, Deserialize)]
struct Job {
    text: String,
    /// Waits for a function that nobody runs.
    slow: bool,
}

/// Refuses "bad", waits for ever over "slow", fails over "broken", and as often over
/// others as `failures` says.
pub(crate) fn registry(failures: Arc<AtomicU32>) -> Registry {
    let definition = Definition {
        name: "echo.back".into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("begin"),
            NodeDef::function("wait", "e-wait")
                .after(["begin"])
                .skip_when("/slow", false.into()),
            NodeDef::inline("back").after(["wait"]).retry(Retry::NEVER),
        ],
        output: "back".into(),
    };
    let back = move |task: &TaskContext| {
        let job: Job = json::parse(task.input())?;
        let fails = failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match job.text.as_str() {
            "broken" => Err(Error::source("BROKEN", "it is broken")),
            _ if fails.is_ok() => Err(Error::function("FLAKY", "it fails now and then")),
            text => Ok(Value::inline(text.to_uppercase())),
        }
    };
    let mut registry = Registry::new();
    let wait = |_: &TaskContext| Ok(Invocation::default());
    let code = [
        (
            "begin",
            NodeCode::inline(|_: &TaskContext| Ok(Value::default())),
        ),
        ("wait", NodeCode::function(wait)),
        ("back", NodeCode::inline(back)),
    ];
    registry.register(definition, code).unwrap();
    registry
}

pub(crate) struct Echo;

#[async_trait]
impl Service for Echo {
    type Request = wire::Envelope;
    type Response = wire::Value;

    fn name(&self) -> &str {
        SERVICE
    }

    fn method(&self) -> &str {
        "Echo"
    }

    fn definition(&self) -> &str {
        "echo.back"
    }

    async fn check(
        &self,
        caller: &Caller,
        request: wire::Envelope,
    ) -> Result<Checked<wire::Envelope>, Vec<Error>> {
        assert!(caller.is_role);
        if request.body == b"bad" {
            let problems = ["BAD", "WORSE"].map(|code| Error::user(code, "it is bad"));
            return Err(problems.into());
        }
        Ok(Checked {
            fingerprint: ids::derived([request.body.as_slice()]),
            request,
            idempotency_key: None,
            attributes: Default::default(),
            channel: String::new(),
            priority: None,
            deadline: None,
        })
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        request: &wire::Envelope,
        _pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let slow = text == "slow";
        json::value(&Job { text, slow }).map_err(|error| vec![error])
    }

    async fn succeeded(&self, ended: Ended<'_, wire::Envelope>) -> Result<wire::Value, Error> {
        Ok(ended.output.into())
    }

    fn failed(&self, _error: Error) -> wire::Value {
        wire::Value::default()
    }
}
