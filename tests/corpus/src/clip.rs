//! The clips, each with how it is made and what is hard about it.

/// A clip on which naive chunking loses, repeats or damages frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clip {
    /// Closed GOPs, B-frames, 29.97 fps, 150 frames: nothing hard.
    Plain,
    /// H.264 with leading pictures that refer across the random access point, B-pyramid; audio.
    OpenGopAvcMp4,
    /// The same without an index, starting at a time other than 0.
    OpenGopAvcTs,
    /// The same in Matroska: times in milliseconds.
    OpenGopAvcMkv,
    /// HEVC with CRA pictures and skipped leading pictures.
    OpenGopHevcMp4,
    OpenGopHevcTs,
    OpenGopHevcMkv,
    /// A screen capture: irregular times, long gaps.
    Vfr,
    /// An edit list hides the first pictures, which decoding still needs.
    EditList,
    /// An empty edit delays the video.
    DelayedStart,
    /// VP9 in WebM with hidden alternate reference frames.
    Vp9Webm,
    /// Composition offsets below 0.
    NegativeCtts,
    /// 353×287, 4:4:4.
    OddSize,
    /// 10-bit 4:2:2 with HDR10 colour.
    HighBitDepth,
    /// Anamorphic, interlaced MPEG-2, top field first, in a program stream.
    InterlacedMpegPs,
    /// A phone held upright.
    Rotated,
    /// So many frames, in one GOP.
    Tiny(u32),
    /// A file that ends in mid-picture.
    Truncated,
    /// Video with a longer audio track.
    WithAudio,
    /// Audio in Opus, AC-3, MP3 and FLAC beside the video, in Matroska.
    ManyTracks,
    /// The 33-bit timestamps start over after a second and a half.
    PtsWrapTs,
    /// Intra refresh: one key frame at the start, then none.
    IntraRefreshTs,
    /// The resolution changes in mid-stream.
    ResolutionChangeTs,
    /// An elementary stream: no timestamps at all.
    Elementary,
    /// JPEG 2000 in QuickTime: every packet is a picture, a JP2 file here.
    J2kMov,
    /// Bare codestreams in MXF, as cinemas have them.
    J2kMxf,
    /// The same in Matroska.
    J2kMkv,
}

/// How a clip is made: arguments of ffmpeg, or bytes of other clips.
pub(crate) enum Recipe {
    Ffmpeg(Vec<String>),
    /// Arguments of ffmpeg around another clip as input: before `-i`, and after.
    From(Clip, &'static str, &'static str),
    /// The first so many percent of another clip's bytes.
    Head(Clip, u64),
    /// Bytes of ffmpeg's outputs for these sizes, one after the other.
    Joined(&'static [&'static str]),
}

const OPEN_GOP_AVC: &str = "-c:v libx264 -preset veryfast -crf 30 \
    -x264-params keyint=50:open-gop=1:bframes=5:b-pyramid=normal:scenecut=0 -c:a aac -shortest";
const OPEN_GOP_HEVC: &str = "-c:v libx265 -preset veryfast -crf 32 -x265-params \
    log-level=error:keyint=40:min-keyint=40:open-gop=1:bframes=4:b-pyramid=1:scenecut=0 \
    -tag:v hvc1";
const CLOSED_AVC: &str = "-c:v libx264 -preset veryfast -crf 30 \
    -x264-params keyint=48:bframes=3:scenecut=0";
const HDR10: &str = "-pix_fmt yuv422p10le -c:v libx265 -preset veryfast -crf 32 -x265-params \
    log-level=error:keyint=48:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:\
    master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):\
    max-cll=1000,400 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc \
    -color_range tv -tag:v hvc1";

impl Clip {
    /// Its file name without the extension.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Clip::Tiny(frames) => format!("tiny-{frames}"),
            other => format!("{other:?}").to_ascii_lowercase(),
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Clip::OpenGopAvcTs
            | Clip::OpenGopHevcTs
            | Clip::PtsWrapTs
            | Clip::IntraRefreshTs
            | Clip::ResolutionChangeTs => "ts",
            Clip::OpenGopAvcMkv | Clip::OpenGopHevcMkv | Clip::ManyTracks | Clip::J2kMkv => "mkv",
            Clip::Vp9Webm => "webm",
            Clip::InterlacedMpegPs => "mpg",
            Clip::Elementary => "264",
            Clip::J2kMov => "mov",
            Clip::J2kMxf => "mxf",
            _ => "mp4",
        }
    }

    pub(crate) fn recipe(self) -> Recipe {
        let copy = "-map 0 -c copy";
        match self {
            Clip::Plain => picture("320x180", 150, "", CLOSED_AVC),
            Clip::OpenGopAvcMp4 => picture("320x180", 200, TONE, OPEN_GOP_AVC),
            Clip::OpenGopAvcTs | Clip::OpenGopAvcMkv => Recipe::From(Clip::OpenGopAvcMp4, "", copy),
            Clip::OpenGopHevcMp4 => picture("320x180", 160, "", OPEN_GOP_HEVC),
            Clip::OpenGopHevcTs | Clip::OpenGopHevcMkv => {
                Recipe::From(Clip::OpenGopHevcMp4, "", copy)
            }
            Clip::Vfr => picture("320x180", 300, "", &format!("{VFR} {CLOSED_AVC}")),
            Clip::EditList => Recipe::From(Clip::Plain, "-ss 0.7", "-c copy"),
            Clip::DelayedStart => Recipe::From(Clip::Plain, "-itsoffset 0.3", "-c copy"),
            Clip::Vp9Webm => picture("320x180", 120, "", VP9),
            Clip::NegativeCtts => {
                Recipe::From(Clip::Plain, "", "-c copy -movflags +negative_cts_offsets")
            }
            Clip::OddSize => {
                // The generator itself rounds to even sizes.
                let crop = "-vf format=yuv444p,crop=353:287:0:0:exact=1";
                picture("354x288", 60, "", &format!("{crop} {CLOSED_AVC}"))
            }
            Clip::HighBitDepth => picture("320x180", 100, "", HDR10),
            Clip::InterlacedMpegPs => picture("720x480", 90, "", INTERLACED),
            Clip::Rotated => Recipe::From(Clip::Plain, "", "-c copy -metadata:s:v:0 rotate=90"),
            Clip::Tiny(frames) => picture("320x180", frames, "", CLOSED_AVC),
            Clip::Truncated => Recipe::Head(Clip::WithAudio, 70),
            Clip::WithAudio => {
                let movable = format!("{CLOSED_AVC} -c:a aac -movflags +faststart");
                picture("320x180", 150, TONE, &movable)
            }
            Clip::ManyTracks => picture(
                "320x180",
                60,
                "-f lavfi -i sine=r=48000:d=2",
                &format!("{CLOSED_AVC} {MANY_TRACKS}"),
            ),
            Clip::PtsWrapTs => Recipe::From(Clip::Plain, "", "-c copy -output_ts_offset 95441"),
            Clip::IntraRefreshTs => picture("320x180", 150, "", INTRA_REFRESH),
            Clip::ResolutionChangeTs => Recipe::Joined(&["320x180", "352x288"]),
            Clip::Elementary => Recipe::From(Clip::Plain, "", "-c copy -bsf:v h264_mp4toannexb"),
            Clip::J2kMov => picture("320x180", 24, "", "-c:v jpeg2000 -pix_fmt yuv420p"),
            Clip::J2kMxf => picture("320x180", 24, "", BARE_J2K),
            Clip::J2kMkv => Recipe::From(Clip::J2kMxf, "", copy),
        }
    }
}

const BARE_J2K: &str = "-c:v jpeg2000 -format j2k -pix_fmt yuv420p";
const TONE: &str = "-f lavfi -i sine=r=48000:d=8";
const MANY_TRACKS: &str = "-map 0:v -map 1:a -map 1:a -map 1:a -map 1:a \
    -c:a:0 libopus -c:a:1 ac3 -c:a:2 libmp3lame -c:a:3 flac";
const VFR: &str = "-vf select='not(eq(mod(n,7),3))*not(between(mod(n,97),40,66))' \
    -fps_mode vfr -enc_time_base 1/90000";
const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -auto-alt-ref 1 \
    -lag-in-frames 16 -g 40 -b:v 200k";
const INTERLACED: &str = "-vf interlace=scan=tff,setfield=tff,setsar=32/27 -c:v mpeg2video \
    -flags +ilme+ildct -bf 2 -g 15 -b:v 2M";
const INTRA_REFRESH: &str = "-c:v libx264 -preset veryfast -crf 30 \
    -x264-params intra-refresh=1:keyint=50:bframes=2";

/// A moving test picture at 29.97 frames a second, and more inputs, into one output.
fn picture(size: &str, frames: u32, more_inputs: &str, output: &str) -> Recipe {
    let rate = match size {
        "720x480" => "60000/1001",
        _ => "30000/1001",
    };
    let input = format!("-f lavfi -i testsrc2=s={size}:r={rate} {more_inputs}");
    // Interlacing joins two frames into one.
    let frames = format!("-frames:v {frames}");
    Recipe::Ffmpeg(words(&format!("{input} {output} {frames}")))
}

pub(crate) fn joined_part(size: &str) -> Vec<String> {
    words(&format!(
        "-f lavfi -i testsrc2=s={size}:r=30000/1001 {CLOSED_AVC} -frames:v 60 -f mpegts"
    ))
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
