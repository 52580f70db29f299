use std::path::Path;

use stratum_frames::{Description, SourceInfo, Tools, describe};

use super::place::Source;

/// The same of a source; of an object it is not asked for.
pub(super) async fn of_source(source: &Source) -> Option<u64> {
    announced(source.file().ok()?).await
}

/// How many frames a file has by its headers; `None` also where it cannot be read.
pub(super) async fn announced(source: &Path) -> Option<u64> {
    let tools = Tools::locate().ok()?;
    let (info, description) = describe(&tools, source).await.ok()?;
    of(&info, &description)
}

/// How many frames a file has by its headers: as many as they announce, or as fit into the
/// duration that they tell; `None` where they tell neither. Good enough to tell a speed, and
/// nothing else.
pub(super) fn of(info: &SourceInfo, description: &Description) -> Option<u64> {
    let by_duration = || {
        let ms = i64::try_from(description.duration_us? / 1_000).ok()?;
        let frames = info.format.frame_rate.frames_in_ms(ms)?;
        u64::try_from(frames).ok()
    };
    info.announced
        .or_else(by_duration)
        .filter(|frames| *frames > 0)
}
