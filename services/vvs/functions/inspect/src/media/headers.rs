//! What the bitstream says where decoding can start, without decoding it.

use std::io::Read;
use std::path::Path;

use errors::Error;
use stratum_frames::{CONTAINERS, HdrHeaders, TRACE_ACCESS_POINTS};
use stratum_function::Tool;
use video::StaticHdr;

use crate::media::{Stream, url};

/// What each packet says of HDR10 at which decoding can start.
pub(crate) fn hdr_of_access_points(file: &Path, track: &Stream) -> Result<Vec<StaticHdr>, Error> {
    let mut headers = HdrHeaders::default();
    let tool = Tool::new("ffmpeg")
        .words("-nostdin -hide_banner -nostats -loglevel repeat+level+info")
        .words("-protocol_whitelist file")
        .args(["-format_whitelist", CONTAINERS])
        .arg("-i")
        .arg(url(file))
        .args(["-map", &format!("0:{}", track.index), "-c", "copy"])
        .args(["-bsf:v", TRACE_ACCESS_POINTS])
        .words("-f null -");
    // The null muxer writes nothing; what is told is told in the log.
    let nothing = |out: &mut std::io::BufReader<_>| Ok(out.read_to_end(&mut Vec::new()).ok());
    let (_, ended) = tool.stream(nothing, |line| headers.line(line))?;
    ended?;
    Ok(headers.packets())
}
