//! What ffmpeg makes of a chunk beside what it was encoded from.

use std::path::Path;

use errors::Error;
use serde::Deserialize;
use stratum_function::{Tool, WorkDir};

use crate::function::{MEASURED, QualityParams};
use crate::quality::{Metric, Score};

/// The tool that measures, as the functions' declarations have it.
const TOOL: &str = "ffmpeg-quality|ffmpeg";
/// What libvmaf tells of each frame.
const LOG: &str = "vmaf.json";

fn tool() -> Tool {
    Tool::chosen(TOOL).words("-nostdin -hide_banner -loglevel error")
}

/// Refuses a metric that the ffmpeg of this machine does not have.
pub fn available(metric: Metric) -> Result<(), Error> {
    let mut found = false;
    tool().arg("-filters").run(|line| {
        found |= line.split_whitespace().nth(1) == Some(metric.filter());
        Ok(())
    })?;
    if found {
        return Ok(());
    }
    let message = format!(
        "the ffmpeg of this machine does not measure {}: it has no filter {}",
        metric.title(),
        metric.filter()
    );
    Err(Error::user("METRIC_UNAVAILABLE", message)
        .at("recipe.rate_control.quality_target")
        .hint(format!(
            "put an ffmpeg with {} on PATH under the name ffmpeg-quality, or ask for SSIM, which every ffmpeg measures",
            metric.filter()
        )))
}

/// The score of a chunk that was encoded in `work` from `reference`.
pub(super) fn measure(
    work: &WorkDir,
    params: &QualityParams,
    reference: &Path,
) -> Result<Score, Error> {
    let metric = params.goal.metric;
    let mut scores = Vec::new();
    let encoded = work.output(MEASURED);
    command(&encoded, params, reference, &filter(work, metric)).run(|line| {
        scores.extend(of_line(metric, line));
        Ok(())
    })?;
    if metric == Metric::Vmaf {
        scores = logged(work)?;
        if params.chunk.start > 0 {
            join(&mut scores);
        }
    }
    let frames = params.encode.frames;
    if scores.len() as u64 != frames {
        let message = format!("{} of {frames} frames were measured", scores.len());
        return Err(Error::function("MEASUREMENT", message));
    }
    Ok(metric.pool(scores.into_iter().map(|score| (score, 1))))
}

/// VMAF knows how much moves by the frame before, without which it scores lower, by as much as ten. In the
/// whole file the first frame of a chunk has one: it is as good as the next.
fn join(scores: &mut [Score]) {
    if let [first, second, ..] = scores {
        *first = *second;
    }
}

/// Samples as they are, in their order, whatever their times. An encode tells its colour, a reference does
/// not: newer ffmpegs would convert one to the other.
const PLAIN: &str = "setparams=colorspace=unknown,settb=1,setpts=N";

fn command(encoded: &Path, params: &QualityParams, reference: &Path, filter: &str) -> Tool {
    let graph = format!("[0:v]{PLAIN}[encoded];[1:v]{PLAIN}[source];[encoded][source]{filter}");
    tool()
        .words("-protocol_whitelist file -threads 1 -f nut -i")
        .arg(encoded)
        .words("-protocol_whitelist file -threads 1 -f yuv4mpegpipe")
        .args(["-r", &params.encode.frame_rate, "-i"])
        .arg(reference)
        .words("-filter_complex_threads 1 -lavfi")
        .arg(graph)
        .words("-f null /dev/null")
}

fn filter(work: &WorkDir, metric: Metric) -> String {
    match metric {
        Metric::Ssim | Metric::Xpsnr => format!("{}=stats_file=-", metric.filter()),
        Metric::Vmaf => {
            let log = escaped(&work.output(LOG).display().to_string());
            format!("libvmaf=log_fmt=json:log_path={log}")
        }
    }
}

/// A value of a filter's option within a graph: each of the two has its own marks.
fn escaped(value: &str) -> String {
    let with = |text: &str, marks: &[char]| -> String {
        let escape = |c: char| marks.contains(&c).then_some('\\').into_iter().chain([c]);
        text.chars().flat_map(escape).collect()
    };
    with(
        &with(value, &['\\', '\'', ':']),
        &['\\', '\'', '[', ']', ',', ';'],
    )
}

/// `n:1 Y:0.98 U:0.99 V:0.99 All:0.98 (17.6)` and `n:    1  XPSNR y: 43.9  XPSNR u: …`.
fn of_line(metric: Metric, line: &str) -> Option<Score> {
    let line = line.trim_start().strip_prefix("n:")?;
    let value = match metric {
        Metric::Ssim => line.split("All:").nth(1)?,
        Metric::Xpsnr => line.split("XPSNR y:").nth(1)?,
        Metric::Vmaf => return None,
    };
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Score::new(value))
}

#[derive(Deserialize)]
struct Log {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    vmaf: f64,
}

fn logged(work: &WorkDir) -> Result<Vec<Score>, Error> {
    let log: Log = work.read_json(&work.output(LOG))?;
    let frames = log.frames.iter();
    Ok(frames.map(|frame| Score::new(frame.metrics.vmaf)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_tell_the_score_of_a_frame() {
        let ssim = "n:1 Y:0.981234 U:0.991234 V:0.990001 All:0.984567 (18.115000)";
        assert_eq!(of_line(Metric::Ssim, ssim), Some(Score::new(0.984567)));
        let xpsnr = "n:    1  XPSNR y: 43.9123  XPSNR u: 45.0000  XPSNR v: 46.0000";
        assert_eq!(of_line(Metric::Xpsnr, xpsnr), Some(Score::new(43.9123)));
        let equal = "n:    2  XPSNR y: inf  XPSNR u: inf  XPSNR v: inf";
        assert_eq!(of_line(Metric::Xpsnr, equal), Some(Score::new(100.0)));
        let last = "XPSNR average, 2 frames  y: 43.9123  u: 45.0000  v: 46.0000";
        assert_eq!(of_line(Metric::Xpsnr, last), None);
    }

    #[test]
    fn a_first_frame_that_has_others_before_it_is_as_good_as_the_next() {
        let mut scores = [80.0, 90.0, 91.0].map(Score::new);
        join(&mut scores);
        assert_eq!(scores, [90.0, 90.0, 91.0].map(Score::new));
        let mut one = [Score::new(80.0)];
        join(&mut one);
        assert_eq!(one, [Score::new(80.0)]);
    }

    #[test]
    fn marks_of_filter_graphs_are_no_marks_in_a_value() {
        assert_eq!(escaped("/tmp/a:b"), r"/tmp/a\\:b");
        assert_eq!(
            escaped("/tmp/it's [1], two;"),
            r"/tmp/it\\\'s \[1\]\, two\;"
        );
    }
}
