use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blob::{Blobs, LocalBlobs};
use clock::{SharedClock, SystemClock};
use optimus::{Caller, OptimusRuntime, View};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use serde_json::json;
use sources::{Remote, Sources};
use store::{MemoryStore, Store};
use stratum::Places;
use stratum_agent::Agent;
use tempfile::TempDir;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions};
use vvs_api::service::{VvsConfig, VvsService};
use vvs_api::validate::Policy;
use vvs_api::wire::{ValidateRequest, ValidateResponse};

/// Long enough for a busy machine; a request that takes this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation of the service.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) blobs: Blobs,
    pub(crate) agent: Agent,
    optimus: OptimusRuntime<VvsService>,
    _plato: PlatoRuntime,
}

impl World {
    pub(crate) async fn new() -> Self {
        // Cargo builds a package's own programs for its tests, but not another's.
        corpus::init_binary().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("media");
        fs::create_dir(&root).unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let store = || -> Arc<dyn Store> { Arc::new(MemoryStore::new(Arc::new(SystemClock))) };
        let queue = LocalTimestone::start(store(), clock.clone(), OwnerOptions::new("queue"));
        let queue = Client::new(Arc::new(queue));
        let local = LocalBlobs::open("local", &folder.path().join("blobs")).unwrap();
        let blobs = Blobs::new(Arc::new(local), []);

        let mut definitions = plato::Registry::new();
        vvs_workflow::register(&mut definitions).unwrap();
        let config = RuntimeConfig {
            groups: 1,
            ..RuntimeConfig::new("vvs", "plato")
        };
        let plato = PlatoRuntime::start(
            config,
            store(),
            queue.clone(),
            blobs.clone(),
            Arc::new(definitions),
            clock.clone(),
        );
        let config = stratum_agent::Config {
            source_roots: Some(vec![root.clone()]),
            ..stratum_agent::Config::new("stratum", 2, 8 << 30)
        };
        let functions = vvs_workflow::packages(&places()).unwrap();
        let agent = Agent::start(
            config,
            functions,
            queue.clone(),
            blobs.clone(),
            clock.clone(),
        );

        let config = VvsConfig {
            policy: Policy {
                sources: Sources::of([root], Remote::default()),
                trust_blobs: true,
            },
        };
        let service = VvsService::new(config, blobs.clone());
        let settings = optimus::Config {
            groups: 1,
            ..Default::default()
        };
        let optimus = OptimusRuntime::start(settings, store(), queue, clock, service);
        Self {
            folder,
            blobs,
            agent: agent.await.unwrap(),
            optimus,
            _plato: plato.await.unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .unwrap()
            .join("media")
            .join(name)
    }

    pub(crate) fn file(&self, name: &str) -> serde_json::Value {
        json!({"uri": format!("file://{}", self.path(name).display())})
    }

    /// Runs a request to its end.
    pub(crate) async fn run(
        &self,
        request: serde_json::Value,
    ) -> View<ValidateRequest, ValidateResponse> {
        let request = serde_json::from_value(request).unwrap();
        let requests = self.optimus.requests();
        requests.ready().await;
        let id = requests.submit(&Caller::default(), request).await.unwrap();
        let view = requests.wait(&id, PATIENCE).await.unwrap();
        assert!(view.state.is_final(), "{view:#?}");
        view
    }
}

/// This build's programs, and the system's tools.
fn places() -> Places {
    let program = Path::new(env!("CARGO_BIN_EXE_vvs-inspect"));
    Places {
        programs: vec![program.parent().unwrap().to_owned()],
        ..Places::default()
    }
}
