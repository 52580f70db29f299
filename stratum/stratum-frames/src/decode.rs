//! Decoding a range to a FIFO or file.

use std::ffi::OsString;
use std::path::Path;

use stratum_init::Exit;
use video::Range;

use crate::observe::{DECODED, DELIVERED, Observed};
use crate::tools::{each_line, succeeded, url};
use crate::{Error, FrameTable, Method, Mismatch, Plan, Timing, Tools, plan_range, verify_range};

/// How a range is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Decoder threads.
    pub threads: u32,
    /// ffmpeg's name of a sample layout to convert to; the source's own when `None`.
    pub pixel_format: Option<video::PixelFormat>,
}

/// A range that was decoded.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// How ffmpeg ended, with the CPU time it took.
    pub exit: Exit,
    pub observed: Observed,
    /// Whether exactly the frames of the range came out. If not, what was written is worthless:
    /// decode [`Plan::linear`] into a fresh output. A linear plan that does not match either means
    /// that the source is not what it was.
    pub verdict: Result<(), Mismatch>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            threads: 1,
            pixel_format: None,
        }
    }
}

/// Every line as it is, with its level.
pub(crate) const LOGGING: &str = "-nostdin -hide_banner -nostats -loglevel repeat+level+info";

/// Decodes the range as YUV4MPEG2 into `output`, an existing FIFO or file, opened by ffmpeg in its
/// sandbox. Returns when ffmpeg has ended; the reader of a FIFO runs meanwhile.
///
/// # Errors
/// When ffmpeg cannot be run or fails. A reader that closes early is a failure of ffmpeg, too.
pub async fn decode_range(
    tools: &Tools,
    source: &Path,
    table: &FrameTable,
    plan: &Plan,
    output: &Path,
    options: &DecodeOptions,
) -> Result<Decoded, Error> {
    let args = arguments(source, table, plan, output, options);
    decode(tools, source, table, plan, output, args).await
}

/// Pixels of a picture's longer side, at most twice that of the other.
const PICTURE: u32 = 360;

/// Decodes one frame as a small JPEG, in the shape in which it is shown, into `output`, an existing
/// file; from the start of the source if need be.
///
/// # Errors
/// When there is no such frame, or it does not decode.
pub async fn decode_picture(
    tools: &Tools,
    source: &Path,
    table: &FrameTable,
    frame: u64,
    output: &Path,
) -> Result<(), Error> {
    let plan = plan_range(table, frame, frame.saturating_add(1))
        .map_err(|error| Error::Source(error.to_string()))?;
    let args = picture_arguments(source, table, &plan, output);
    let decoded = decode(tools, source, table, &plan, output, args).await?;
    if decoded.verdict.is_ok() {
        return Ok(());
    }
    let plan = plan.linear();
    let args = picture_arguments(source, table, &plan, output);
    let decoded = decode(tools, source, table, &plan, output, args).await?;
    decoded
        .verdict
        .map_err(|mismatch| Error::Source(mismatch.to_string()))
}

fn picture_arguments(
    source: &Path,
    table: &FrameTable,
    plan: &Plan,
    output: &Path,
) -> Vec<OsString> {
    let height = format!("max(2,min({},trunc({PICTURE}/dar/2)*2))", 2 * PICTURE);
    let shape = format!("scale=w={PICTURE}:h='{height}',setsar=1,format=yuvj420p");
    let filters = filters(table, plan, &DecodeOptions::default());
    let filters = format!("{filters},{shape}");
    let form = "-c:v mjpeg -q:v 3 -f mjpeg";
    range_arguments(source, table, plan, output, (1, &filters, form))
}

async fn decode(
    tools: &Tools,
    source: &Path,
    table: &FrameTable,
    plan: &Plan,
    output: &Path,
    args: Vec<OsString>,
) -> Result<Decoded, Error> {
    let mut running = tools.ffmpeg(source, Some(output), args).await?;
    let mut observed = Observed::default();
    if let Some(log) = running.take_stderr() {
        each_line(log, |line| {
            observed.line(line);
            Ok(())
        })
        .await?;
    }
    let exit = running.wait().await?;
    succeeded("ffmpeg", &exit, observed.said())?;
    let verdict = verify_range(table, plan, &observed);
    Ok(Decoded {
        exit,
        observed,
        verdict,
    })
}

/// The arguments of ffmpeg for a range.
#[must_use]
pub fn arguments(
    source: &Path,
    table: &FrameTable,
    plan: &Plan,
    output: &Path,
    options: &DecodeOptions,
) -> Vec<OsString> {
    let filters = filters(table, plan, options);
    let form = "-f yuv4mpegpipe";
    range_arguments(
        source,
        table,
        plan,
        output,
        (options.threads, &filters, form),
    )
}

fn range_arguments(
    source: &Path,
    table: &FrameTable,
    plan: &Plan,
    output: &Path,
    (threads, filters, form): (u32, &str, &str),
) -> Vec<OsString> {
    let track = table.source().track;
    let mut args: Vec<OsString> = LOGGING.split(' ').map(OsString::from).collect();
    args.extend(decoder(source, threads, seek(plan)));
    let after = format!(
        "-map 0:{track} -vf {filters} -autoscale 0 -fps_mode passthrough -enc_time_base -1 \
         -sws_flags accurate_rnd+bitexact -strict -1 {form} -y"
    );
    args.extend(after.split_whitespace().map(OsString::from));
    args.push(url(output));
    args
}

/// The input, with the source's own times and orientation. No threads means as many as ffmpeg
/// likes.
pub(crate) fn decoder(source: &Path, threads: u32, seek_us: Option<i64>) -> Vec<OsString> {
    let seek = seek_us.map(|us| format!("-noaccurate_seek -seek_timestamp 1 -ss {us}us"));
    let before = format!(
        "-copyts -noautorotate -threads {threads} -filter_threads 1 -protocol_whitelist file \
         -format_whitelist {CONTAINERS} -max_pixels {MOST_PIXELS} {}",
        seek.unwrap_or_default()
    );
    let mut args: Vec<OsString> = before.split_whitespace().map(OsString::from).collect();
    args.extend(["-i".into(), url(source)]);
    args
}

/// Demuxers by ffmpeg's names, that is, files that hold what they show: playlists and scripts that
/// point to other files, or wait for more, are not among them.
pub const CONTAINERS: &str = "mov,matroska,mpegts,mpeg,mpegvideo,avi,mxf,flv,ivf,h264,hevc,vvc,\
av1,obu,m4v,ogg,asf,nut,gxf,dv,rawvideo,yuv4mpegpipe,rm,wtv,mjpeg,gif,y4m,vc1,dirac,cavsvideo,\
mp3,wav,w64,flac,aac,ac3,eac3,dts,aiff,caf,loas,truehd";

/// 16K × 16K.
const MOST_PIXELS: u64 = 1 << 28;

fn seek(plan: &Plan) -> Option<i64> {
    match plan.method {
        Method::Seek { seek_us, .. } => Some(seek_us),
        Method::Linear => None,
    }
}

/// Everything the decoder gives is logged, then all but the range is dropped, and the rest logged
/// again. The drop also ends the decode behind the range.
fn filters(table: &FrameTable, plan: &Plan, options: &DecodeOptions) -> String {
    let convert = options.pixel_format.as_ref();
    let convert = convert.map_or(String::new(), |name| {
        format!("{},format={name}", range(table))
    });
    let trim = trim(table, plan);
    format!("{DECODED}=checksum=0,{trim},{DELIVERED}=checksum=0{convert}")
}

/// Samples of the full range keep it. Unasked, ffmpeg squeezes those of the old `yuvj` layouts into the
/// limited one, whatever is then said of them.
fn range(table: &FrameTable) -> &'static str {
    let format = &table.source().format;
    let full = format.colour.range == Range::Full || format.pixel_format.implies_full_range();
    match full {
        true => ",scale=in_range=full:out_range=full",
        false => "",
    }
}

fn trim(table: &FrameTable, plan: &Plan) -> String {
    let by_time = |plan: &Plan| {
        let start = table.frame(plan.start)?.pts;
        let end = table
            .frame(plan.end)
            .map_or(String::new(), |f| format!(":end_pts={}", f.pts));
        Some(format!("trim=start_pts={start}{end}"))
    };
    let count = format!("trim=start_frame={}:end_frame={}", plan.start, plan.end);
    match plan.method {
        Method::Seek { .. } if table.timing() == Timing::Source => by_time(plan).unwrap_or(count),
        Method::Seek { .. } | Method::Linear => count,
    }
}
