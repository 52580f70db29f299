//! What encoder functions put out, and how those that use ffmpeg make it: one run, in which the
//! stream goes to a file and the list of its packets to us.

use std::fs::File;
use std::io::{BufReader, Read};

use errors::Error;

use crate::function::packets::Packets;
use crate::function::{EncodeParams, Unit, Units};
use stratum_function::{Progress, Tool, WorkDir, io};

/// Name of the elementary stream below `output/`.
pub const STREAM: &str = "encoding";
/// Name of the list of access units below `output/`: [`Units`].
pub const UNITS: &str = "units.json";
/// Name of what a container has to know below `output/`: [`crate::function::Track`].
pub const TRACK: &str = "track.json";

/// Name of what a first pass found below `output/`: [`crate::function::Survey`].
pub const SURVEY: &str = "survey.json";

/// Name of what a first pass found of each frame below `output/`: a list of [`crate::rate::Cost`], in
/// decoding order.
pub const COSTS: &str = "costs.json";

/// Name of how near a chunk came to the quality that was asked for below `output/`:
/// [`crate::quality::Measured`].
pub const QUALITY: &str = "quality.json";

/// Name of the stream below `output/` in a container that ffmpeg decodes, where the chunk has a rate factor
/// of its own: to be measured.
pub const MEASURED: &str = "measured.nut";

/// The most bytes of one access unit.
const UNIT_BYTES: u64 = 1 << 30;

/// The tool that encodes what any ffmpeg encodes.
const USUAL: &str = "ffmpeg";

/// Encodes `input/source.y4m` to [`STREAM`] as packets one after another, of which `muxer` makes
/// the stream: "h264", or "data" where they are the stream already. Each frame is one unit.
pub fn encode(
    work: &WorkDir,
    params: &EncodeParams,
    muxer: &str,
    progress: &mut Progress,
) -> Result<Units, Error> {
    encode_by(USUAL, work, params, muxer, progress)
}

/// The same by the ffmpeg that the function's declaration names so.
pub fn encode_by(
    tool: &str,
    work: &WorkDir,
    params: &EncodeParams,
    muxer: &str,
    progress: &mut Progress,
) -> Result<Units, Error> {
    // Creates the file, and fails early where nothing can be written.
    let stream = work.output(STREAM);
    work.create(STREAM)?;
    let mut tee = format!("[f={muxer}]{}|[f=framecrc]pipe:1", stream.display());
    if params.crf.is_some() {
        tee.push_str(&format!("|[f=nut]{}", work.output(MEASURED).display()));
    }
    list(
        command(tool, work, params).args(["-f", "tee", &tee]),
        params,
        progress,
    )
}

/// Encodes `input/source.y4m` and keeps nothing but what the encoder itself leaves of the pass.
pub fn pass(
    work: &WorkDir,
    params: &EncodeParams,
    progress: &mut Progress,
) -> Result<Units, Error> {
    let command = command(USUAL, work, params).args(["-f", "framecrc", "pipe:1"]);
    list(command, params, progress)
}

/// Looks at `input/source.y4m` and puts out no stream, but what the encoder itself leaves of the pass.
pub fn look(work: &WorkDir, params: &EncodeParams) -> Result<(), Error> {
    let command = command(USUAL, work, params).args(["-f", "null", "/dev/null"]);
    command.run(|_| Ok(())).map(drop)
}

fn list(command: Tool, params: &EncodeParams, progress: &mut Progress) -> Result<Units, Error> {
    let mut packets = Packets::new(params.frames);
    command.run(|line| {
        packets.take(line)?;
        progress.tell(packets.count(), params.frames);
        Ok(())
    })?;
    packets.into_units()
}

fn command(tool: &str, work: &WorkDir, params: &EncodeParams) -> Tool {
    let filter = match params.filter_graph.as_str() {
        "" => vec![],
        graph => vec!["-filter_threads", "1", "-vf", graph],
    };
    Tool::chosen(tool)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
        .args(["-protocol_whitelist", "file", "-threads", "1"])
        // The rate is the recipe's, not the header's; it makes presentation times ranks.
        .args(["-r", params.input_frame_rate(), "-f", "yuv4mpegpipe", "-i"])
        .arg(work.input("source.y4m"))
        .args(["-map", "0:v:0", "-fps_mode", "passthrough"])
        .args(filter)
        .args(&params.encoder_args)
        .args(params.crf.iter().flat_map(|crf| rate_factor(*crf)))
        .args(["-flags:v", "+bitexact", "-fflags", "+bitexact"])
}

/// Of this chunk alone, in thousandths.
fn rate_factor(crf: u32) -> [String; 2] {
    ["-crf".to_owned(), (f64::from(crf) / 1_000.0).to_string()]
}

/// Hands each unit of [`STREAM`] with its bytes to `look`, in order. The list must tell of exactly
/// this stream.
pub fn for_each_unit(
    work: &WorkDir,
    units: &Units,
    mut look: impl FnMut(&Unit, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = work.output(STREAM);
    let failed = |e| io("reading", &path, &e);
    let file = File::open(&path).map_err(failed)?;
    let (size, listed) = (file.metadata().map_err(failed)?.len(), units.bytes());
    if size != listed {
        let message = format!("the stream has {size} bytes, its packets {listed}");
        return Err(Error::function("STREAM_MISMATCH", message));
    }
    let (mut file, mut bytes) = (BufReader::new(file), Vec::new());
    for unit in &units.units {
        bytes.clear();
        let unit_bytes = unit.size.min(UNIT_BYTES);
        let read = file.by_ref().take(unit_bytes).read_to_end(&mut bytes);
        read.map_err(failed)?;
        look(unit, &bytes)?;
    }
    Ok(())
}
