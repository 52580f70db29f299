//! One run of ffmpeg: the stream goes to a file, the list of its packets to us.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use errors::Error;
use ves_api::function::{AvcParams, AvcResult, Progress, Tool, Units, WorkDir, io};

use crate::nal::{Nal, nals};
use crate::packets::Packets;

/// Name of the elementary stream below `output/`.
pub const STREAM: &str = "encoding.264";
/// Name of the list of access units below `output/`.
pub const UNITS: &str = "units.json";

/// Encodes `input/source.y4m`.
pub fn encode(
    work: &WorkDir,
    params: AvcParams,
    progress: &mut Progress,
) -> Result<AvcResult, Error> {
    // Creates the directory, and fails early where nothing can be written.
    work.create(STREAM)?;
    let mut packets = Packets::new(params.frames);
    command(work, &params).run(|line| {
        packets.take(line)?;
        progress.tell(packets.count(), params.frames);
        Ok(())
    })?;
    let units = packets.into_units()?;
    check_stream(&work.output(STREAM), &units)?;
    work.write_json(UNITS, &units)?;
    Ok(AvcResult {
        frames: params.frames,
        bytes: units.bytes(),
    })
}

fn command(work: &WorkDir, params: &AvcParams) -> Tool {
    let stream = work.output(STREAM);
    let filter = match params.filter_graph.as_str() {
        "" => vec![],
        graph => vec!["-filter_threads", "1", "-vf", graph],
    };
    Tool::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
        .args(["-protocol_whitelist", "file", "-threads", "1"])
        // The rate is the recipe's, not the header's; it makes presentation times ranks.
        .args(["-r", &params.frame_rate, "-f", "yuv4mpegpipe", "-i"])
        .arg(work.input("source.y4m"))
        .args(["-map", "0:v:0", "-fps_mode", "passthrough"])
        .args(filter)
        .args(&params.encoder_args)
        .args(["-flags:v", "+bitexact", "-fflags", "+bitexact", "-f", "tee"])
        .arg(format!("[f=h264]{}|[f=framecrc]pipe:1", stream.display()))
}

/// The list must tell of exactly this stream, and the stream must start so that it can be
/// decoded by itself.
fn check_stream(path: &Path, units: &Units) -> Result<(), Error> {
    let mut file = File::open(path).map_err(|e| io("reading", path, &e))?;
    let size = file.metadata().map_err(|e| io("reading", path, &e))?.len();
    if size != units.bytes() {
        let listed = units.bytes();
        let message = format!("the stream has {size} bytes, its packets {listed}");
        return Err(Error::function("STREAM_MISMATCH", message));
    }
    let first = units.units.first().map_or(0, |unit| unit.size);
    let mut bytes = Vec::new();
    let read = file.by_ref().take(first).read_to_end(&mut bytes);
    read.map_err(|e| io("reading", path, &e))?;
    if nals(&bytes).any(|nal| nal.kind() == Nal::IDR) {
        return Ok(());
    }
    let message = "the first frame of the chunk is no instantaneous refresh";
    Err(Error::function("NO_IDR", message))
}
