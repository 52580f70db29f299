//! Two services in one installation: the built-in one, and one made for this test that is
//! called over its queue.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use blob::Value;
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins};
use optimus_client::{CallOptions, Calls};
use plato::{Definition, NodeCode, NodeDef, ServiceCall, TaskContext};
use plato_runtime::Engines;
use proto::base::v1 as wire;
use timestone_client::Client;
use ves_api::wire::{ListRequestsRequest, VideoEncodingServiceClient};

use super::*;
use crate::serve::{self, On};
use crate::{Config, parts, roles};

/// Answers with what it is asked.
struct Echo;

const BOTH: Services = &[&ves::Ves, &Echo];

impl Built for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn register(&self, registry: &mut plato::Registry) -> Result<(), InvalidDefinition> {
        let definition = Definition {
            name: "echo.back".into(),
            version: 1,
            nodes: vec![NodeDef::inline("back")],
            output: "back".into(),
        };
        let back = |task: &TaskContext| Ok(task.input().clone());
        registry.register(definition, [("back", NodeCode::inline(back))])
    }

    fn packages(&self) -> Result<stratum::Registry, LoadError> {
        Ok(stratum::Registry::default())
    }

    fn open(&self, stack: &mut Stack, api: &Api, routes: Router) -> Router {
        roles::optimus(stack, api, EchoService);
        routes
    }
}

struct EchoService;

#[async_trait]
impl optimus::Service for EchoService {
    type Request = wire::Value;
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
        _caller: &Caller,
        request: wire::Value,
    ) -> Result<Checked<wire::Value>, Vec<Error>> {
        Ok(Checked {
            fingerprint: ids::derived([request.inline.as_slice()]),
            request,
            idempotency_key: None,
            attributes: BTreeMap::new(),
            channel: String::new(),
            priority: None,
            deadline: None,
        })
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        request: &wire::Value,
        _pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        Ok(Value::inline(request.inline.clone()))
    }

    async fn succeeded(&self, ended: Ended<'_, wire::Value>) -> Result<wire::Value, Error> {
        Ok(ended.output.into())
    }

    fn failed(&self, _error: Error) -> wire::Value {
        wire::Value::default()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it takes too long")
}

/// The roles that need no function packages, at work for both services.
struct Installation {
    stack: Stack,
    timestone: Client,
    url: String,
    token: rpc::Token,
    _folder: tempfile::TempDir,
}

async fn installation() -> Installation {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        data: folder.path().to_owned(),
        ..Config::default()
    };
    config.optimus.listen = "127.0.0.1:0".into();
    let mut stack = Stack::default();
    let store = parts::open_store(&config, "store").await.unwrap();
    let queues = roles::timestone(
        &mut stack,
        store.clone(),
        Duration::from_secs(10),
        roles::Seen::default(),
    );
    let on = On {
        store,
        timestone: Client::new(queues),
        queue_in_store: true,
        blobs: parts::open_blobs("local", &config.blob_root()).unwrap(),
        engines: Engines::default(),
    };
    let timestone = on.timestone.clone();
    let started = serve::start_plato(&mut stack, BOTH, &config, on.clone(), None).await;
    started.unwrap();
    let address = serve::start_optimus(&mut stack, BOTH, &config, on, Some(Vec::new())).await;
    Installation {
        stack,
        timestone,
        url: format!("http://{}", address.unwrap()),
        token: rpc::Token::load_or_create(&config.token_path()).unwrap(),
        _folder: folder,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_share_an_installation() {
    let installation = installation().await;
    let calls = Calls::new(installation.timestone.clone(), "test/replies");
    let asked = wire::Value {
        inline: b"hello".to_vec(),
        ..Default::default()
    };
    let call = || ServiceCall::new("echo", "Echo", &asked);
    for _ in 0..3 {
        let answer = calls.call::<wire::Value>(call(), CallOptions::default());
        assert_eq!(within(answer).await.unwrap(), asked);
    }
    let channel = rpc::connect(&installation.url, &installation.token).unwrap();
    let ves = VideoEncodingServiceClient::new(channel.transport, channel.config);
    let listed = within(ves.list_requests(ListRequestsRequest::default())).await;
    assert!(listed.unwrap().into_owned().views.is_empty());
    let refused = calls.call::<wire::Value>(
        ServiceCall::new(
            "ves",
            "EncodeVideo",
            &ves_api::wire::EncodeRequest::default(),
        ),
        CallOptions::default(),
    );
    let error = within(refused).await.unwrap_err();
    assert!(!error.is_retryable(), "VES hears calls too: {error}");
    installation.stack.shutdown().await;
}

#[test]
fn every_service_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|service| service.name()).collect();
    assert_eq!(names.len(), ALL.len());
}
