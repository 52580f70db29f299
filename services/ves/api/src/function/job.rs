use std::collections::BTreeMap;

use proto::stratum::v1 as stratum;
use serde::{Deserialize, Serialize};

use crate::recipe::{Problems, Recipe};
use crate::wire;

/// What the workflow `ves.encode` is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub source: stratum::Source,
    pub recipe: Recipe,
    /// The version of each function, by name, as the resolved recipe tells it; of others, whatever
    /// is installed.
    pub function_digests: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    source: stratum::Source,
    recipe: wire::Recipe,
    #[serde(default)]
    function_digests: BTreeMap<String, String>,
}

impl Job {
    /// As the inline value that starts the workflow.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Json {
            source: self.source.clone(),
            recipe: self.recipe.clone().into(),
            function_digests: self.function_digests.clone(),
        })
    }

    /// From the inline value that started the workflow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, errors::Error> {
        let json: Json = serde_json::from_slice(bytes)
            .map_err(|e| errors::Error::platform("MALFORMED_JOB", format!("no such job: {e}")))?;
        Ok(Self {
            source: json.source,
            recipe: Recipe::try_from(json.recipe).map_err(Problems::into_error)?,
            function_digests: json.function_digests,
        })
    }
}
