//! `function.yaml` as it is written, before it is understood.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{InputKind, Shape};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RawFunction {
    pub name: String,
    pub version: String,
    pub command: Vec<String>,
    pub image: Option<String>,
    pub base: Option<String>,
    #[serde(default)]
    pub tools: Vec<String>,
    #[serde(default)]
    pub input: InputKind,
    #[serde(default)]
    pub two_pass: bool,
    #[serde(default = "one_hour")]
    pub timeout: String,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub network: bool,
    /// Refused by name.
    pub retries: Option<IgnoredAny>,
    /// Refused by name.
    pub micro_batch: Option<IgnoredAny>,
    pub concurrency: Option<u32>,
    #[serde(default)]
    pub shapes: Vec<Shape>,
    #[serde(default)]
    pub routing: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub when: Option<String>,
    pub shape: String,
}

fn one_hour() -> String {
    "1h".into()
}
