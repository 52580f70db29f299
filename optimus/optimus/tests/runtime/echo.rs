use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use blob::Value;
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use proto::base::v1 as wire;
use tokio::sync::Semaphore;

/// What becomes of one call of [`Service::succeeded`].
#[derive(Debug)]
pub(crate) enum Finish {
    Fail(Error),
    Panic,
}

/// What the test decides and sees of a service, also across its restarts.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// The next calls; later ones succeed.
    pub(crate) finishes: Mutex<VecDeque<Finish>>,
    /// The ids for which it was called.
    pub(crate) finished: Mutex<Vec<String>>,
    /// Set: a call waits for a permit.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
    /// Set: the making of an input waits for a permit.
    pub(crate) prepare_gate: Mutex<Option<Arc<Semaphore>>>,
    /// How often the making of an input panics before it does not.
    pub(crate) panics: AtomicU32,
    /// The bodies for which an input was made.
    pub(crate) prepared: Mutex<Vec<Vec<u8>>>,
}

/// Sends the request's body through the workflow and answers with what comes out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo(pub(crate) Arc<Script>);

#[async_trait]
impl Service for Echo {
    type Request = wire::Envelope;
    type Response = wire::Value;

    fn name(&self) -> &str {
        "echo"
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
        if request.body == b"for roles" && !caller.is_role {
            return Err(vec![Error::user("NOT_FOR_YOU", "it is for roles")]);
        }
        if request.body == b"bad" {
            return Err(vec![
                Error::user("BAD", "it is bad").at("body"),
                Error::user("WORSE", "it is worse").at("body"),
            ]);
        }
        Ok(Checked {
            fingerprint: ids::derived([request.body.as_slice()]),
            idempotency_key: Some(request.correlation_id.clone()),
            attributes: BTreeMap::new(),
            channel: String::new(),
            priority: None,
            deadline: None,
            request,
        })
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        request: &wire::Envelope,
        _pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        let panics = &self.0.panics;
        let panic = panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(panic.is_err(), "as the script says");
        let gate = self.0.prepare_gate.lock().unwrap().take();
        self.0.prepared.lock().unwrap().push(request.body.clone());
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(Value::inline(request.body.clone()))
    }

    async fn succeeded(&self, ended: Ended<'_, wire::Envelope>) -> Result<wire::Value, Error> {
        let gate = self.0.gate.lock().unwrap().clone();
        self.0.finished.lock().unwrap().push(ended.id.to_owned());
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        let finish = self.0.finishes.lock().unwrap().pop_front();
        match finish {
            Some(Finish::Fail(error)) => Err(error),
            Some(Finish::Panic) => panic!("as the script says"),
            None => Ok(ended.output.into()),
        }
    }

    fn failed(&self, error: Error) -> wire::Value {
        wire::Value {
            inline: error.code.into_bytes(),
            ..Default::default()
        }
    }
}

/// A request that asks for `body`, under `key` unless it is empty.
pub(crate) fn asking(body: &str, key: &str) -> wire::Envelope {
    wire::Envelope {
        body: body.into(),
        correlation_id: key.into(),
        ..Default::default()
    }
}
