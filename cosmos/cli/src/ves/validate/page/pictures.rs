//! The frames that a page shows, of the video and of its source.

use std::path::Path;

use stratum_frames::{FrameTable, Tools, decode_picture};
use vvs_api::report::{
    BLACK_FRAMES, Discrepancy, FOREIGN_FRAMES, FRAME_DOUBLED, FRAME_MISSING, FRAMES_SHIFTED,
    FRAMES_SWAPPED, FROZEN_FRAMES, QUALITY_STEP, UNCLEAN_DECODE,
};

/// Differences of which frames are shown.
const SHOWN: usize = 8;
/// The longest picture, in bytes; one that is longer is left out.
const MAX_BYTES: u64 = 256 << 10;
/// Differences that can be seen.
const SEEN: [&str; 9] = [
    FOREIGN_FRAMES,
    BLACK_FRAMES,
    FROZEN_FRAMES,
    FRAME_MISSING,
    FRAME_DOUBLED,
    FRAMES_SWAPPED,
    FRAMES_SHIFTED,
    UNCLEAN_DECODE,
    QUALITY_STEP,
];

/// A frame of the video, and that of the source in its place; each as a JPEG where it decodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub frame: u64,
    /// Whether the difference is in this one, not before it.
    pub differs: bool,
    pub video: Option<Vec<u8>>,
    pub source: Option<Vec<u8>>,
}

/// Where pictures come from; a file without a table has none.
pub(super) struct Film<'a> {
    pub path: &'a Path,
    pub table: FrameTable,
}

/// The pictures of each difference, in the order of the differences; of most there are none.
pub(super) async fn of(
    tools: &Tools,
    found: &[Discrepancy],
    video: Option<&Film<'_>>,
    source: Option<&Film<'_>>,
) -> Vec<Vec<Pair>> {
    let mut pictures = Vec::new();
    for wanted in wanted(found) {
        let mut pairs = Vec::new();
        for (frame, differs) in wanted {
            pairs.push(Pair {
                frame,
                differs,
                video: picture(tools, video, frame).await,
                source: picture(tools, source, frame).await,
            });
        }
        pairs.retain(|pair| pair.video.is_some() || pair.source.is_some());
        pictures.push(pairs);
    }
    pictures
}

/// Which frames are shown of each difference: the one before it, its first and its last.
fn wanted(found: &[Discrepancy]) -> Vec<Vec<(u64, bool)>> {
    let mut left = SHOWN;
    let of_one = |one: &Discrepancy| {
        let frames = one
            .frames
            .filter(|_| SEEN.contains(&&*one.code) && left > 0)?;
        left -= 1;
        let before = frames.start.checked_sub(1).map(|before| (before, false));
        let last = frames.end.saturating_sub(1);
        let last = (last > frames.start).then_some((last, true));
        Some(
            before
                .into_iter()
                .chain([(frames.start, true)])
                .chain(last)
                .collect(),
        )
    };
    let mut of_one = of_one;
    found
        .iter()
        .map(|one| of_one(one).unwrap_or_default())
        .collect()
}

async fn picture(tools: &Tools, film: Option<&Film<'_>>, frame: u64) -> Option<Vec<u8>> {
    let film = film.filter(|film| frame < film.table.len())?;
    let file = tempfile::NamedTempFile::new().ok()?;
    let decoded = decode_picture(tools, film.path, &film.table, frame, file.path()).await;
    if let Err(error) = decoded {
        tracing::info!(%error, frame, "a picture is left out");
        return None;
    }
    let length = file.path().metadata().ok()?.len();
    let bytes = std::fs::read(file.path()).ok()?;
    (1..=MAX_BYTES).contains(&length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_is_shown_and_not_too_much_of_it() {
        let one = |code, start, end| Discrepancy::new(code, "x").frames(start, end);
        let mut found = vec![
            one(FRAME_MISSING, 0, 1),
            Discrepancy::new("WRONG_CODEC", "x"),
            one("WRONG_TIMESTAMPS", 3, 9),
            one(FROZEN_FRAMES, 5, 9),
        ];
        let shown = wanted(&found);
        assert_eq!(shown[0], [(0, true)]);
        assert_eq!((shown[1].len(), shown[2].len()), (0, 0));
        assert_eq!(shown[3], [(4, false), (5, true), (8, true)]);
        found.extend((0..20).map(|at| one(FRAME_DOUBLED, at, at + 1)));
        let shown = wanted(&found)
            .into_iter()
            .filter(|frames| !frames.is_empty());
        assert_eq!(shown.count(), SHOWN);
    }
}
