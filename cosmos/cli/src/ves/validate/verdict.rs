//! What was found about a video, for people and for programs.

use errors::FrameRange;
use serde::Serialize;
use vvs_api::report::{Discrepancy, Report};

use crate::colour::Paint;
use crate::explain::one_line;
use crate::units::count;

/// Differences that people are told; `--json` lists up to 10,000.
const TOLD: usize = 20;

/// The answer of `ves validate`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Verdict {
    pub video: String,
    pub source: Option<String>,
    pub valid: bool,
    /// Frames of the video that were decoded.
    pub frames: u64,
    pub checks: Vec<String>,
    pub discrepancy_count: u64,
    pub discrepancies: Vec<Discrepancy>,
    pub elapsed_ms: u64,
}

impl Verdict {
    pub(super) fn of(video: String, source: Option<String>, report: Report, elapsed: u64) -> Self {
        Self {
            video,
            source,
            valid: report.discrepancy_count == 0,
            frames: report.frames,
            checks: report.checks,
            discrepancy_count: report.discrepancy_count,
            discrepancies: report.discrepancies,
            elapsed_ms: elapsed,
        }
    }

    /// "PASS  out.mp4: …", or "FAIL  out.mp4: …" with a line for each difference.
    pub(super) fn words(&self, paint: Paint) -> String {
        let (word, found) = match self.valid {
            true => (paint.good("PASS"), String::new()),
            false => {
                let differences = count(self.discrepancy_count, "difference");
                (paint.bad("FAIL"), format!("{differences} in "))
            }
        };
        let (video, frames) = (one_line(&self.video), count(self.frames, "frame"));
        let checks = self.checks.join(", ");
        let seconds = self.elapsed_ms as f64 / 1e3;
        let mut text =
            format!("{word}  {video}: {found}{frames}, {seconds:.1} s; checked: {checks}");
        for discrepancy in self.discrepancies.iter().take(TOLD) {
            text.push_str(&format!("\n  {}", line(discrepancy, paint)));
            for consequence in &discrepancy.consequences {
                text.push_str(&format!("\n    and so {}", line(consequence, paint)));
            }
        }
        let more = self.discrepancy_count.saturating_sub(TOLD as u64);
        if more > 0 {
            text.push_str(&format!("\n  and {more} more; --json lists them"));
        }
        text
    }
}

/// "frames 57 to 58: what is wrong (expected this, found that) [CODE]"
fn line(discrepancy: &Discrepancy, paint: Paint) -> String {
    let Discrepancy {
        code,
        message,
        frames,
        expected,
        found,
        consequences: _,
    } = discrepancy;
    let place = frames.map(place).unwrap_or_default();
    let is_said = message.contains(expected.as_str()) && message.contains(found.as_str());
    let both = match is_said {
        true => String::new(),
        false => format!(
            " (expected {}, found {})",
            one_line(expected),
            one_line(found)
        ),
    };
    let code = paint.faint(&format!("[{}]", one_line(code)));
    format!("{place}{}{both} {code}", one_line(message))
}

pub(super) fn place(frames: FrameRange) -> String {
    match frames.end.saturating_sub(frames.start) {
        0 | 1 => format!("frame {}: ", frames.start),
        _ => format!("frames {} to {}: ", frames.start, frames.end - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(found: Vec<Discrepancy>) -> Verdict {
        let checks = vec!["clean-decode".into(), "same-frames".into()];
        let report = Report::new(found, checks, 199, 100);
        Verdict::of("out.mp4".into(), None, report, 1_234)
    }

    #[test]
    fn a_pass_is_one_line() {
        assert_eq!(
            verdict(vec![]).words(Paint::default()),
            "PASS  out.mp4: 199 frames, 1.2 s; checked: clean-decode, same-frames"
        );
    }

    #[test]
    fn a_failure_names_each_difference_and_its_frames() {
        let found = vec![
            Discrepancy::new("WRONG_PIXEL_SHAPE", "pixel shape: 4:3 instead of 1:1")
                .differs("1:1", "4:3"),
            Discrepancy::new("FRAME_MISSING", "frame 57 of the source is missing").frames(57, 58),
            Discrepancy::new(
                "WRONG_TIMESTAMPS",
                "2 frames are not shown when they should be",
            )
            .frames(58, 60)
            .differs("9 ticks", "8 ticks"),
        ];
        assert_eq!(
            verdict(found).words(Paint::default()),
            "\
FAIL  out.mp4: 3 differences in 199 frames, 1.2 s; checked: clean-decode, same-frames
  frame 57: frame 57 of the source is missing [FRAME_MISSING]
  frames 58 to 59: 2 frames are not shown when they should be (expected 9 ticks, found 8 ticks) \
[WRONG_TIMESTAMPS]
  pixel shape: 4:3 instead of 1:1 [WRONG_PIXEL_SHAPE]"
        );
    }

    #[test]
    fn what_follows_is_told_below_its_cause_and_not_counted() {
        let mut missing =
            Discrepancy::new("FRAME_MISSING", "frame 57 of the source is missing").frames(57, 58);
        let shifted = Discrepancy::new("FRAMES_SHIFTED", "42 frames show the next").frames(57, 99);
        missing.consequences = vec![shifted];
        assert_eq!(
            verdict(vec![missing]).words(Paint::default()),
            "\
FAIL  out.mp4: 1 difference in 199 frames, 1.2 s; checked: clean-decode, same-frames
  frame 57: frame 57 of the source is missing [FRAME_MISSING]
    and so frames 57 to 98: 42 frames show the next [FRAMES_SHIFTED]"
        );
    }

    #[test]
    fn many_differences_are_cut_for_people() {
        let one = |at| Discrepancy::new("FRAME_MISSING", "gone").frames(at, at + 1);
        let words = verdict((0..30).map(one).collect()).words(Paint::default());
        assert!(
            words.ends_with("\n  and 10 more; --json lists them"),
            "{words}"
        );
    }
}
