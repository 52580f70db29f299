//! The one configuration file of an installation, read by every role.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use sources::RemoteConfig;

/// The commented defaults, which are also the documentation.
pub const DEFAULT_CONFIG: &str = include_str!("default.yaml");

/// Everything that can be configured. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub data: PathBuf,
    pub store: String,
    pub blobs: BlobsConfig,
    pub token_file: Option<PathBuf>,
    pub timestone: TimestoneConfig,
    pub optimus: OptimusConfig,
    pub plato: PlatoConfig,
    pub stratum: StratumConfig,
    /// Servers that sources may come from.
    pub sources: RemoteConfig,
    /// Folders of services that are programs of their own.
    pub services: Vec<PathBuf>,
    /// The file that it was read from, if it was.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// Where media and results are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlobsConfig {
    pub name: String,
    /// Unset: `blobs` below `data`.
    pub path: Option<PathBuf>,
    pub sweep: SweepConfig,
}

/// How blobs go that nothing refers to any more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepConfig {
    /// From the end of one pass to the next. 0: only when somebody asks.
    pub every_seconds: u64,
    /// What was put or used since stays.
    pub grace_seconds: u64,
    /// Memos that nobody used for so long are forgotten. 0: never.
    pub memos_keep_days: u64,
    /// What one pass removes at most.
    pub blobs_per_pass: u64,
    /// Of the time, how much a pass works.
    pub percent: u32,
}

/// The queue server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimestoneConfig {
    pub listen: String,
    /// How the other roles reach it. Unset: `http://` and `listen`.
    pub url: Option<String>,
    /// Where the other queue servers over the same database reach this one. Unset: `http://`
    /// and `listen`.
    pub advertise: Option<String>,
    /// Over a database, how many shards queues are spread over: settled at first use. Unset:
    /// 16, or as it was settled.
    pub shards: Option<u32>,
    /// A silent server's queues move to others after this long.
    pub ownership_seconds: u64,
    pub lease_seconds: u64,
    pub history: HistoryConfig,
    /// Queues told of one by one at `/metrics`; the others are told of together.
    pub metrics_queues: usize,
    pub keda: KedaConfig,
}

/// What happened to messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// 0: no history is kept.
    pub days: u32,
    pub megabytes: u64,
}

/// The external scaler for KEDA.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KedaConfig {
    /// Unset: none.
    pub listen: Option<String>,
    /// Names, besides those of loopback, by which KEDA calls it.
    pub hosts: Vec<String>,
}

/// The API server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimusConfig {
    pub listen: String,
    pub source_roots: Vec<PathBuf>,
    pub output_roots: Vec<PathBuf>,
}

/// The workflow engine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlatoConfig {
    /// Where this role serves its workflows to operators besides the API. Unset: nowhere.
    pub listen: Option<String>,
    /// Unset: unique to the process.
    pub name: Option<String>,
    pub groups: u32,
    pub ownership_seconds: u64,
    /// How long workflows that have ended are kept. 0: for ever.
    pub ended_days: u64,
    /// How many of them are kept, of each service. Unset: however many there are.
    pub ended_count: Option<u64>,
}

/// The host agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct StratumConfig {
    /// Unset: the host's name.
    pub name: Option<String>,
    /// Unset: every processor of the host.
    pub cpus: Option<u32>,
    /// Unset: three quarters of the host's memory.
    pub memory_mb: Option<u64>,
    /// Whether what functions said is kept of tries that succeeded, too.
    pub keep_logs: bool,
    /// Socket of this host's container engine. Unset: there are no functions with an image.
    pub docker: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("cosmos-data"),
            store: "embedded".into(),
            blobs: BlobsConfig::default(),
            token_file: None,
            timestone: TimestoneConfig::default(),
            optimus: OptimusConfig::default(),
            plato: PlatoConfig::default(),
            stratum: StratumConfig::default(),
            sources: RemoteConfig::default(),
            services: Vec::new(),
            file: None,
        }
    }
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self {
            name: "local".into(),
            path: None,
            sweep: SweepConfig::default(),
        }
    }
}

impl SweepConfig {
    /// What was put or used since stays.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// How long memos are kept that nobody uses; `None` = for ever.
    pub fn keep_memos(&self) -> Option<Duration> {
        let days = self.memos_keep_days;
        (days > 0).then(|| Duration::from_secs(days.saturating_mul(86_400)))
    }
}

impl Default for SweepConfig {
    fn default() -> Self {
        Self {
            every_seconds: 21_600,
            grace_seconds: 86_400,
            memos_keep_days: 30,
            blobs_per_pass: 100_000,
            percent: 20,
        }
    }
}

impl Default for TimestoneConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7401".into(),
            url: None,
            advertise: None,
            shards: None,
            ownership_seconds: 2,
            lease_seconds: 15,
            history: HistoryConfig::default(),
            metrics_queues: 200,
            keda: KedaConfig::default(),
        }
    }
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            days: 7,
            megabytes: 1_024,
        }
    }
}

impl Default for OptimusConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7400".into(),
            source_roots: Vec::new(),
            output_roots: Vec::new(),
        }
    }
}

impl Default for PlatoConfig {
    fn default() -> Self {
        Self {
            listen: None,
            name: None,
            groups: 4,
            ownership_seconds: 10,
            ended_days: 90,
            ended_count: None,
        }
    }
}

impl Config {
    /// Reads a configuration file; relative paths in it count from the file's folder.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let config: Self = serde_saphyr::from_str(&text)
            .with_context(|| format!("the configuration {} is not valid", path.display()))?;
        let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let config = config.below(path.parent().unwrap_or(Path::new(".")));
        Ok(Self {
            file: Some(file),
            ..config
        })
    }

    fn below(mut self, folder: &Path) -> Self {
        self.data = folder.join(&self.data);
        self.blobs.path = self.blobs.path.map(|path| folder.join(path));
        self.token_file = self.token_file.map(|path| folder.join(path));
        for bucket in &mut self.sources.s3 {
            bucket.secret_file = bucket.secret_file.take().map(|path| folder.join(path));
        }
        let services = self.services.iter().map(|path| folder.join(path));
        self.services = services.collect();
        self
    }

    /// Whether each role keeps its state in files of its own.
    pub fn is_embedded(&self) -> bool {
        self.store == "embedded"
    }

    /// How long groups of workflows, and requests, stay with a process that is not heard of.
    pub fn ownership(&self) -> Duration {
        Duration::from_secs(self.plato.ownership_seconds.max(1))
    }

    /// The folder of the blob store.
    pub fn blob_root(&self) -> PathBuf {
        self.blobs
            .path
            .clone()
            .unwrap_or_else(|| self.data.join("blobs"))
    }

    /// The file that holds the installation's token.
    pub fn token_path(&self) -> PathBuf {
        self.token_file
            .clone()
            .unwrap_or_else(|| self.data.join("token"))
    }

    /// How long workflows that have ended are kept; `None` = for ever.
    pub fn keep_ended(&self) -> Option<Duration> {
        let days = self.plato.ended_days;
        (days > 0).then(|| Duration::from_secs(days.saturating_mul(86_400)))
    }

    /// Where workflows are looked after: at the engine, if it says so, or at the API.
    pub fn workflows_url(&self) -> String {
        let listen = self.plato.listen.as_ref();
        format!("http://{}", listen.unwrap_or(&self.optimus.listen))
    }

    /// Where the queue server is reached.
    pub fn timestone_url(&self) -> String {
        self.timestone
            .url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.timestone.listen))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let documented: Config = serde_saphyr::from_str(DEFAULT_CONFIG).unwrap();
        assert_eq!(
            format!("{documented:?}"),
            format!("{:?}", Config::default())
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = serde_saphyr::from_str::<Config>("stratum: {cpu: 3}")
            .unwrap_err()
            .to_string();
        assert!(error.contains("cpu"), "{error}");
    }

    #[test]
    fn paths_count_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cosmos.yaml");
        std::fs::write(&file, "data: state\n").unwrap();
        assert_eq!(
            Config::read(&file).unwrap().data,
            folder.path().join("state")
        );
    }
}
