use errors::Error;
use stratum_frames::Error as Frames;

/// Whose fault it is that there is no frame table.
pub fn failure(error: Frames) -> Error {
    let message = error.to_string();
    match error {
        // ffprobe's own words are about its lists.
        _ if message.contains("Format not on whitelist") => {
            let message = "its format is none that holds its own frames: playlists and scripts, \
                           which point to other files, are not read";
            Error::source("UNREADABLE_SOURCE", message)
                .at("video_source.uri")
                .hint("name the video file itself")
        }
        Frames::Source(_) | Frames::Tool { .. } => Error::source("UNREADABLE_SOURCE", message)
            .at("video_source.uri")
            .hint("see whether ffprobe can read the file"),
        Frames::ToolNotFound(_) => {
            Error::platform("TOOL_MISSING", message).hint("install ffmpeg where functions run")
        }
        Frames::Init(_) | Frames::Io { .. } => Error::platform("FRAME_TABLE", message),
    }
}
