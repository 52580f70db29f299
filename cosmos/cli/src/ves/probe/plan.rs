//! What would be done with a source, in figures.

use serde::Serialize;

use crate::ves::plan::{Plan, PlannedTrack};

/// What would be done.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Planned {
    pub chunks: u64,
    /// Frames of the shortest and of the longest chunk.
    pub shortest_chunk: u64,
    pub longest_chunk: u64,
    /// Frames decoded only to reach the beginnings of chunks; `null` when it was not counted.
    pub preroll_frames: Option<u64>,
    pub container: &'static str,
    pub width: u32,
    pub height: u32,
    pub pixel_format: String,
    /// Arguments of ffmpeg, the same for every chunk.
    pub encoder_args: Vec<String>,
    /// Empty: none.
    pub filter_graph: String,
    pub tracks: Vec<PlannedTrack>,
}

impl From<Plan> for Planned {
    fn from(plan: Plan) -> Self {
        let Plan {
            resolved,
            chunks,
            tracks,
        } = plan;
        let filter_graph = resolved.whole_filter_graph();
        let lengths = || chunks.iter().map(|chunk| chunk.end - chunk.start);
        let format = &resolved.format;
        Self {
            chunks: chunks.len() as u64,
            shortest_chunk: lengths().min().unwrap_or_default(),
            longest_chunk: lengths().max().unwrap_or_default(),
            preroll_frames: chunks.iter().map(|chunk| chunk.preroll_frames).sum(),
            container: resolved.recipe.container.name(),
            width: format.resolution.width(),
            height: format.resolution.height(),
            pixel_format: format.pixel_format.to_string(),
            encoder_args: resolved.encoder_args,
            filter_graph,
            tracks,
        }
    }
}
