//! Encodes, good and bad.

use std::path::{Path, PathBuf};

use crate::source::Film;

/// Runs ffmpeg with words that hold no spaces.
pub(crate) fn run(words: &str, to: &Path) {
    let to = to.display().to_string();
    let fixed = ["-nostdin", "-v", "error", "-y"];
    let words = fixed.into_iter().chain(words.split_whitespace());
    corpus::run("ffmpeg", words.chain([to.as_str()])).unwrap();
}

/// A quick encode with times to the tick of the source.
pub(crate) const AVC: &str =
    "-c:v libx264 -preset ultrafast -g 30 -video_track_timescale 30000 -threads 1";

/// An encode of a film with these arguments of ffmpeg.
pub(crate) fn encode(film: &Film, name: &str, args: &str) -> PathBuf {
    let to = film.folder().join(name);
    run(
        &format!("-i {} -fps_mode passthrough {args}", film.path.display()),
        &to,
    );
    to
}

/// An encode of these ranges of a film, one after the other, at its constant rate.
pub(crate) fn reordered(film: &Film, name: &str, ranges: &[(u64, u64)], args: &str) -> PathBuf {
    let count = ranges.len();
    let mut graph = format!("[0:v]split={count}");
    (0..count).for_each(|n| graph += &format!("[i{n}]"));
    for (n, (start, end)) in ranges.iter().enumerate() {
        graph +=
            &format!(";[i{n}]trim=start_frame={start}:end_frame={end},setpts=PTS-STARTPTS[o{n}]");
    }
    graph.push(';');
    (0..count).for_each(|n| graph += &format!("[o{n}]"));
    graph += &format!("concat=n={count},setpts=N*1001/30000/TB");
    encode(
        film,
        name,
        &format!("-filter_complex {graph} -enc_time_base 1/30000 {args}"),
    )
}
