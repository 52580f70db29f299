//! What the workflow `ves.encode` puts out at its end, for the API layer.

use serde::{Deserialize, Serialize};

use crate::quality::{Goal, Score};

/// The inline part of the workflow's output. The encoded video and the resolved recipe
/// travel beside it as blobs named [`VIDEO`] and [`RECIPE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub frames: u64,
    pub chunks: u64,
    /// Size of the encoded video.
    pub bytes: u64,
    /// Checks that were made, and passed.
    pub checks: Vec<String>,
    /// What could not be kept, one sentence each.
    pub warnings: Vec<String>,
    /// Where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// How near an encode came to its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// What was asked for.
    pub goal: Goal,
    /// Of the whole.
    pub score: Score,
    /// Of the chunk that has the least.
    pub lowest_chunk: Score,
}

/// Name of the blob that is the encoded video.
pub const VIDEO: &str = "video";

/// Name of the blob that is the resolved recipe, as JSON of `ves.v1.ResolvedRecipe`.
pub const RECIPE: &str = "recipe.json";
