//! What ffmpeg's `showinfo` filter says about frames that pass.

use std::collections::VecDeque;

use video::Resolution;

/// A frame as the decoder gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// `None` when the source has no timestamps.
    pub pts: Option<i64>,
    pub resolution: Option<Resolution>,
    pub key: bool,
}

/// What was seen of one run: all frames out of the decoder, and those that went on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    pub decoded: Vec<Seen>,
    pub delivered: Vec<Seen>,
    /// The last lines that ffmpeg wrote of its own accord.
    pub said: VecDeque<String>,
}

/// The filter's name before frames are dropped, and after.
pub(crate) const DECODED: &str = "showinfo@decoded";
pub(crate) const DELIVERED: &str = "showinfo@delivered";

const LINES_KEPT: usize = 20;
const LONGEST_LINE_KEPT: usize = 500;

impl Observed {
    /// Takes one line of ffmpeg's log.
    pub(crate) fn line(&mut self, line: &str) {
        let of = |filter: &str| {
            line.strip_prefix('[')?
                .strip_prefix(filter)?
                .split_once("] ")
        };
        if let Some((_, text)) = of(DECODED) {
            self.decoded.extend(frame(text));
        } else if let Some((_, text)) = of(DELIVERED) {
            self.delivered.extend(frame(text));
        } else {
            self.keep(line);
        }
    }

    fn keep(&mut self, line: &str) {
        if !line.contains("[info]") {
            self.said.truncate(LINES_KEPT);
            if self.said.len() == LINES_KEPT {
                self.said.pop_front();
            }
            self.said
                .push_back(line.chars().take(LONGEST_LINE_KEPT).collect());
        }
    }

    /// The last lines as one text.
    #[must_use]
    pub fn said(&self) -> String {
        self.said
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// `[info] n:   3 pts:  57012 pts_time:0.63 pos: 20480 fmt:yuv420p sar:1/1 s:720x480 i:P iskey:0
/// type:P`; `None` for the filter's other lines.
fn frame(text: &str) -> Option<Seen> {
    let text = text.strip_prefix("[info] ").unwrap_or(text);
    text.strip_prefix("n:")?;
    let is_key = value(text, "iskey:") == Some("1");
    // An access point without an intra picture repairs itself only gradually.
    let is_intra = value(text, "type:") == Some("I");
    Some(Seen {
        pts: value(text, " pts:")?.parse().ok(),
        resolution: value(text, " s:").and_then(resolution),
        key: is_key && is_intra,
    })
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(key)?;
    after.split_whitespace().next()
}

fn resolution(text: &str) -> Option<Resolution> {
    let (width, height) = text.split_once('x')?;
    Resolution::new(width.parse().ok()?, height.parse().ok()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let mut observed = Observed::default();
        for line in [
            "[info] Stream mapping:",
            "[showinfo@decoded @ 0x55] [info] config in time_base: 1/90000, frame_rate: 25/1",
            "[showinfo@decoded @ 0x55] [info] n:   0 pts: -48003 pts_time:-0.5 pos:       27 \
             fmt:yuv420p sar:32/27 s:720x480 i:T iskey:1 type:I ",
            "[showinfo@decoded @ 0x55] [info]   side data - pan/scan",
            "[showinfo@delivered @ 0x56] [info] n:   0 pts:NOPTS pts_time:NOPTS pos: 1 \
             fmt:gray sar:1/1 s:2x2 i:P iskey:1 type:P ",
            "[h264 @ 0x57] [error] n: pts:1 no frame",
        ] {
            observed.line(line);
        }
        let size = |w, h| Resolution::new(w, h);
        let first = Seen {
            pts: Some(-48003),
            resolution: size(720, 480),
            key: true,
        };
        assert_eq!(observed.decoded, [first]);
        let second = Seen {
            pts: None,
            resolution: size(2, 2),
            key: false,
        };
        assert_eq!(observed.delivered, [second]);
        assert_eq!(observed.said(), "[h264 @ 0x57] [error] n: pts:1 no frame");
    }

    #[test]
    fn only_the_last_words_are_kept() {
        let mut observed = Observed::default();
        (0..50).for_each(|n| observed.line(&format!("[error] {n}")));
        assert_eq!(observed.said.len(), LINES_KEPT);
        assert!(observed.said().ends_with("[error] 49"));
    }
}
