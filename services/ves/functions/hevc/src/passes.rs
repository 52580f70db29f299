//! The two passes of x265 over one chunk, and the decoder's buffer that it is coded for.

use std::path::Path;

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{ChunkBuffer, EncodeParams, Survey, SurveyParams, survey as run};

/// The statistics of a first pass, below `output/`; below `input/` for the second.
const STATISTICS: &str = "first";
/// The option that takes x265's own.
const PARAMS: &str = "-x265-params";

/// Makes a first pass over `input/source.y4m`.
pub fn survey(
    work: &WorkDir,
    mut params: SurveyParams,
    progress: &mut Progress,
) -> Result<Survey, Error> {
    let crf = f64::from(params.crf) / 1_000.0;
    let args = ["-crf", &crf.to_string()].map(str::to_owned);
    params.encoder_args.extend(args);
    // What tells nothing of a frame's cost is left out.
    tell(&mut params.encoder_args, "slow-firstpass=0");
    tell(&mut params.encoder_args, &pass(1, &work.output(STATISTICS)));
    run(work, params, STATISTICS, progress)
}

/// Adds what is this chunk's own: its bits, by the statistics in `input/`, and its part of a buffer.
pub(crate) fn add_own(work: &WorkDir, params: &mut EncodeParams) {
    let args = &mut params.encoder_args;
    if let Some(bitrate) = params.second_pass {
        args.extend(["-b:v".to_owned(), bitrate.to_string()]);
        tell(args, &pass(2, &work.input(STATISTICS)));
    }
    if let Some(own) = &params.buffer {
        tell(args, &buffer(own));
    }
}

fn tell(args: &mut [String], more: &str) {
    let at = args.iter().position(|arg| arg == PARAMS);
    if let Some(params) = at.and_then(|at| args.get_mut(at + 1)) {
        params.push(':');
        params.push_str(more);
    }
}

/// A colon within a value is told apart by a backslash.
fn pass(number: u8, statistics: &Path) -> String {
    let statistics = statistics.display().to_string();
    let statistics = statistics.replace('\\', r"\\").replace(':', r"\:");
    format!("pass={number}:stats={statistics}")
}

/// x265 counts in thousands of bits, and takes what is no more than 1 for a part of the buffer.
fn buffer(buffer: &ChunkBuffer) -> String {
    let [rate, size, entry] = [buffer.max_bitrate, buffer.size, buffer.entry].map(|b| b / 1_000);
    let entry = entry.max(2);
    format!("vbv-maxrate={rate}:vbv-bufsize={size}:vbv-init={entry}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_chunks_own_joins_what_all_are_told() {
        let mut params = EncodeParams {
            frames: 1,
            frame_rate: "25/1".into(),
            input_frame_rate: None,
            encoder_args: ["-c:v", "libx265", PARAMS, "info=0"]
                .map(str::to_owned)
                .into(),
            filter_graph: String::new(),
            packets_digest: String::new(),
            second_pass: Some(400_000),
            buffer: Some(ChunkBuffer {
                max_bitrate: 800_999,
                size: 400_000,
                entry: 1_570,
            }),
            crf: None,
        };
        add_own(&WorkDir::new("/a:b"), &mut params);
        let told =
            r"info=0:pass=2:stats=/a\:b/input/first:vbv-maxrate=800:vbv-bufsize=400:vbv-init=2";
        let expected = ["-c:v", "libx265", PARAMS, told, "-b:v", "400000"];
        assert_eq!(params.encoder_args, expected);
    }
}
