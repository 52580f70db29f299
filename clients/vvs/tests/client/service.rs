//! A service with the contract of VVS: what its client needs at the other end.

use std::collections::HashMap;

use async_trait::async_trait;
use blob::Value;
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use plato::{Definition, NodeCode, NodeDef, Registry, TaskContext};
use proto::stratum::v1::Invocation;
use vvs_client::wire::{
    Discrepancy, Expectation, FrameCount, ValidateRequest, ValidateResponse, expectation,
};

/// Finds what the labels say, without any video.
pub(crate) struct Validation;

/// Waits for a function that nobody runs where the label "slow" is set.
pub(crate) fn registry() -> Registry {
    let definition = Definition {
        name: "vvs.validate".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("wait", "v-wait").skip_when("/labels/slow", serde_json::Value::Null),
            NodeDef::inline("verdict").after(["wait"]),
        ],
        output: "verdict".into(),
    };
    let wait = |_: &TaskContext| Ok(Invocation::default());
    let verdict = |task: &TaskContext| Ok(task.input().clone());
    let code = [
        ("wait", NodeCode::function(wait)),
        ("verdict", NodeCode::inline(verdict)),
    ];
    let mut registry = Registry::new();
    registry.register(definition, code).unwrap();
    registry
}

#[async_trait]
impl Service for Validation {
    type Request = ValidateRequest;
    type Response = ValidateResponse;

    fn name(&self) -> &str {
        vvs_client::SERVICE
    }

    fn method(&self) -> &str {
        vvs_client::VALIDATE_VIDEO
    }

    fn definition(&self) -> &str {
        "vvs.validate"
    }

    async fn check(
        &self,
        caller: &Caller,
        request: ValidateRequest,
    ) -> Result<Checked<ValidateRequest>, Vec<Error>> {
        assert!(caller.is_role);
        let missing = |field: &str| Error::user("MISSING", "it is missing").at(field);
        match request.expectations.is_empty() {
            true => Err(vec![missing("video"), missing("expectations")]),
            false => Ok(Checked {
                fingerprint: format!("{:?}", request.expectations),
                attributes: Default::default(),
                idempotency_key: None,
                channel: String::new(),
                priority: None,
                deadline: None,
                request,
            }),
        }
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        request: &ValidateRequest,
        _pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        plato::json::value(request).map_err(|error| vec![error])
    }

    async fn succeeded(
        &self,
        ended: Ended<'_, ValidateRequest>,
    ) -> Result<ValidateResponse, Error> {
        Ok(ValidateResponse {
            discrepancies: vec![Discrepancy {
                code: ended.request.labels["finding"].clone(),
                ..Default::default()
            }],
            discrepancy_count: u64::MAX,
            frames: 7,
            ..Default::default()
        })
    }

    fn failed(&self, error: Error) -> ValidateResponse {
        ValidateResponse {
            error: Some(error.into()).into(),
            ..Default::default()
        }
    }
}

/// A request in which `finding` will be found.
pub(crate) fn asking(finding: &str) -> ValidateRequest {
    let count = FrameCount {
        frames: 7,
        ..Default::default()
    };
    ValidateRequest {
        expectations: vec![Expectation {
            kind: Some(expectation::Kind::FrameCount(Box::new(count))),
            ..Default::default()
        }],
        labels: HashMap::from([("finding".to_owned(), finding.to_owned())])
            .into_iter()
            .collect(),
        ..Default::default()
    }
}

/// One that takes for ever.
pub(crate) fn asking_slowly() -> ValidateRequest {
    let mut request = asking("nothing");
    request.labels.insert("slow".into(), "yes".into());
    request
}
