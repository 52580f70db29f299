//! What would be done with a source.

use std::collections::BTreeMap;

use errors::Error;
use serde::Serialize;
use stratum_frames::{Examined, FrameTable, TrackDescription, plan_range};
use ves_api::recipe::{OtherTracks, Recipe, ResolvedRecipe};

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

/// What becomes of a track beside the video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PlannedTrack {
    pub index: u32,
    pub kept: bool,
    pub reason: String,
}

/// Steps that counting the pre-roll may take: chunks times packets.
const MOST_STEPS: u64 = 200_000_000;

impl Planned {
    pub(super) fn of(recipe: Recipe, examined: &Examined) -> Result<Self, Error> {
        let table = &examined.table;
        let resolved = ves_media::resolve(recipe, table, BTreeMap::new())?;
        let lengths = || resolved.plan.chunks().map(|chunk| chunk.end - chunk.start);
        let format = &resolved.format;
        let video = table.source().track;
        let others = examined.description.tracks.iter();
        Ok(Self {
            chunks: resolved.plan.count() as u64,
            shortest_chunk: lengths().min().unwrap_or_default(),
            longest_chunk: lengths().max().unwrap_or_default(),
            preroll_frames: preroll(table, &resolved),
            container: resolved.recipe.container.name(),
            width: format.resolution.width(),
            height: format.resolution.height(),
            pixel_format: format.pixel_format.to_string(),
            tracks: others
                .filter(|track| track.index != video)
                .map(|track| planned(track, &resolved.recipe))
                .collect(),
            encoder_args: resolved.encoder_args,
            filter_graph: resolved.filter_graph,
        })
    }
}

fn preroll(table: &FrameTable, resolved: &ResolvedRecipe) -> Option<u64> {
    let steps = (resolved.plan.count() as u64).checked_mul(table.packets().len() as u64)?;
    if steps > MOST_STEPS {
        return None;
    }
    let chunks = resolved.plan.chunks();
    let plans = chunks.map(|chunk| plan_range(table, chunk.start, chunk.end).ok());
    plans.map(|plan| Some(plan?.preroll())).sum()
}

fn planned(track: &TrackDescription, recipe: &Recipe) -> PlannedTrack {
    let name = |text: &str| match text {
        "" => "its format".to_owned(),
        text => text.to_owned(),
    };
    let (kept, reason) = match recipe.other_tracks {
        OtherTracks::None => (false, "left out as asked".to_owned()),
        OtherTracks::Copy if ves_media::holds(recipe.container, &track.kind, &track.codec) => {
            (true, "copied unchanged".to_owned())
        }
        OtherTracks::Copy if track.is_attached_picture => {
            (false, "left out: it is a picture, not a film".to_owned())
        }
        OtherTracks::Copy if track.kind == "video" => (
            false,
            "left out: one video track is encoded, the first".to_owned(),
        ),
        OtherTracks::Copy => {
            let codec = name(&track.codec);
            let container = recipe.container.name();
            (
                false,
                format!("left out: {container} does not hold {codec} here"),
            )
        }
    };
    PlannedTrack {
        index: track.index,
        kept,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(kind: &str, codec: &str) -> TrackDescription {
        TrackDescription {
            kind: kind.into(),
            codec: codec.into(),
            ..TrackDescription::default()
        }
    }

    #[test]
    fn every_track_has_a_fate_and_a_reason() {
        let none = Recipe {
            other_tracks: OtherTracks::None,
            ..Recipe::default()
        };
        let cover = TrackDescription {
            is_attached_picture: true,
            ..track("video", "png")
        };
        let table = [
            (track("audio", "aac"), true, "copied unchanged"),
            (
                track("subtitle", "subrip"),
                false,
                "left out: MP4 does not hold subrip here",
            ),
            (
                track("data", ""),
                false,
                "left out: MP4 does not hold its format here",
            ),
            (cover, false, "left out: it is a picture, not a film"),
            (
                track("video", "h264"),
                false,
                "left out: one video track is encoded, the first",
            ),
        ];
        for (track, kept, reason) in table {
            let fate = planned(&track, &Recipe::default());
            assert_eq!((fate.kept, fate.reason.as_str()), (kept, reason));
            assert!(!planned(&track, &none).kept);
        }
    }
}
