use std::collections::BTreeMap;

use blob::BlobRef;
use proto::base::v1 as base;
use proto::stratum::v1 as stratum;
use serde::{Deserialize, Serialize};

use crate::recipe::{Problems, Recipe};
use crate::validate::ValidRung;
use crate::wire;

/// What the workflow `ves.encode` is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub source: stratum::Source,
    pub recipe: Recipe,
    /// Of the source, where it was made before.
    pub frame_table: Option<BlobRef>,
    /// What its chunks are decoded from, where that was told before.
    pub chunk_sources: Option<BlobRef>,
    /// The version of each function, by name, as the resolved recipe tells it; of others, whatever
    /// is installed.
    pub function_digests: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    source: stratum::Source,
    recipe: wire::Recipe,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame_table: Option<base::BlobRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunk_sources: Option<base::BlobRef>,
    #[serde(default)]
    function_digests: BTreeMap<String, String>,
}

impl Job {
    /// As the inline value that starts the workflow.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Json {
            source: self.source.clone(),
            recipe: self.recipe.clone().into(),
            frame_table: self.frame_table.clone().map(base::BlobRef::from),
            chunk_sources: self.chunk_sources.clone().map(base::BlobRef::from),
            function_digests: self.function_digests.clone(),
        })
    }

    /// From the inline value that started the workflow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, errors::Error> {
        let json: Json = serde_json::from_slice(bytes).map_err(malformed)?;
        let blob = |blob: Option<base::BlobRef>| blob.map(BlobRef::try_from).transpose();
        Ok(Self {
            source: json.source,
            recipe: Recipe::try_from(json.recipe).map_err(Problems::into_error)?,
            frame_table: blob(json.frame_table).map_err(malformed)?,
            chunk_sources: blob(json.chunk_sources).map_err(malformed)?,
            function_digests: json.function_digests,
        })
    }
}

/// What the workflow of a ladder is started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LadderJob {
    pub source: stratum::Source,
    pub rungs: Vec<LadderRung>,
    /// Of the request, and so of each rung's.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Of the request, and so of each rung's.
    #[serde(default)]
    pub channel: String,
    /// See [`Job::function_digests`].
    #[serde(default)]
    pub function_digests: BTreeMap<String, String>,
}

/// One encode of a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LadderRung {
    pub name: String,
    pub recipe: wire::Recipe,
    /// `None`: the result stays in the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<wire::OutputTarget>,
}

impl LadderJob {
    /// As the inline value that starts the workflow.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// From the inline value that started the workflow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, errors::Error> {
        serde_json::from_slice(bytes).map_err(malformed)
    }
}

impl From<ValidRung> for LadderRung {
    fn from(rung: ValidRung) -> Self {
        Self {
            name: rung.name,
            recipe: rung.recipe.into(),
            output: rung.output.map(|target| wire::OutputTarget {
                uri: target.place.uri(),
                overwrite: target.overwrite,
                ..Default::default()
            }),
        }
    }
}

fn malformed(why: impl std::fmt::Display) -> errors::Error {
    errors::Error::platform("MALFORMED_JOB", format!("no such job: {why}"))
}
