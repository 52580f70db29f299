//! What becomes of the tracks beside the video.

use serde::Serialize;
use stratum_frames::{Examined, TrackDescription};
use ves_api::recipe::{OtherTracks, Recipe};

/// What becomes of a track beside the video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlannedTrack {
    pub index: u32,
    pub kept: bool,
    pub reason: String,
}

/// Every track beside the video, with its fate.
pub(super) fn planned_tracks(recipe: &Recipe, examined: &Examined) -> Vec<PlannedTrack> {
    let video = examined.table.source().track;
    let others = examined.description.tracks.iter();
    others
        .filter(|track| track.index != video)
        .map(|track| planned(track, recipe))
        .collect()
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
