//! What an encode is measured against: the source's frames after the recipe's filters.

use std::fs;
use std::path::PathBuf;

use errors::Error;
use stratum_function::{Tool, WorkDir, io};

use crate::function::EncodeParams;

/// The frames that are encoded, filtered once for all tries.
pub(super) fn of(work: &WorkDir, params: &EncodeParams) -> Result<PathBuf, Error> {
    let source = work.input("source.y4m");
    if params.filter_graph.is_empty() {
        return Ok(source);
    }
    let scratch = work.scratch();
    fs::create_dir_all(&scratch).map_err(|e| io("creating", &scratch, &e))?;
    let reference = scratch.join("reference.y4m");
    let command = Tool::new("ffmpeg")
        .words("-nostdin -hide_banner -loglevel error -protocol_whitelist file -threads 1")
        .args(["-r", params.input_frame_rate(), "-f", "yuv4mpegpipe", "-i"])
        .arg(source)
        .words("-map 0:v:0 -fps_mode passthrough -filter_threads 1 -vf")
        .arg(&params.filter_graph)
        .words("-strict -1 -f yuv4mpegpipe")
        .arg(&reference);
    command.run(|_| Ok(()))?;
    Ok(reference)
}
