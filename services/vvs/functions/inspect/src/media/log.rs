//! What ffmpeg says while it decodes: frames that pass, and complaints.

use std::sync::mpsc::SyncSender;

use crate::limits::COMPLAINTS;
use crate::media::quoted;

/// The filter's name where frames leave the decoder, and where they leave the filters.
pub(super) const DECODED: &str = "showinfo@decoded";
pub(super) const DELIVERED: &str = "showinfo@delivered";

/// A frame that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// In ticks of the track.
    pub(crate) pts: Option<i64>,
    /// A random access point, and an intra picture: one without repairs itself only gradually.
    pub(crate) key: bool,
}

/// A complaint of the decoder or the demuxer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Frames that had left the decoder by then.
    pub(crate) decoded: u64,
    /// The time of the last of them.
    pub(crate) after: Option<i64>,
    pub(crate) text: String,
}

/// A frame of another size than the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resized {
    /// Frames that had left the decoder before it.
    pub(crate) decoded: u64,
    /// Its time.
    pub(crate) time: Option<i64>,
    pub(crate) size: String,
}

/// The log of one run.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Frames that left the decoder.
    pub(crate) decoded: u64,
    last: Option<i64>,
    /// The first so many.
    pub(crate) complaints: Vec<Complaint>,
    /// Complaints beyond those that are kept.
    pub(crate) more: u64,
    size: Option<String>,
    /// The first frame of another size than the one before.
    pub(crate) resized: Option<Resized>,
}

impl Log {
    /// Takes one line; a delivered frame is told to whoever reads the frames themselves.
    pub(super) fn line(&mut self, line: &str, delivered: &SyncSender<Delivered>) {
        if let Some(text) = of_filter(line, DECODED) {
            self.decoded(text);
        } else if let Some(text) = of_filter(line, DELIVERED) {
            if text.starts_with("n:") {
                // Nobody reads any more when the reader has failed.
                let _ = delivered.send(frame(text));
            }
        } else if is_complaint(line) {
            self.complain(line);
        }
    }

    fn decoded(&mut self, text: &str) {
        if !text.starts_with("n:") {
            return;
        }
        self.decoded += 1;
        self.last = frame(text).pts;
        let size = value(text, " s:").map(quoted);
        if self.resized.is_none() && self.size.is_some() && size != self.size {
            self.resized = Some(Resized {
                decoded: self.decoded - 1,
                time: self.last,
                size: size.clone().unwrap_or_default(),
            });
        }
        self.size = size;
    }

    fn complain(&mut self, line: &str) {
        if self.complaints.len() == COMPLAINTS {
            self.more += 1;
            return;
        }
        self.complaints.push(Complaint {
            decoded: self.decoded,
            after: self.last,
            text: quoted(&without_addresses(line)),
        });
    }
}

pub(super) fn of_filter<'a>(line: &'a str, filter: &str) -> Option<&'a str> {
    let (_, text) = line
        .strip_prefix('[')?
        .strip_prefix(filter)?
        .split_once("] ")?;
    Some(text.strip_prefix("[info] ").unwrap_or(text))
}

/// Errors, and the warning that a frame came out damaged. ffmpeg writes the level behind the
/// name of who speaks; text of the file only comes later in a line.
fn is_complaint(line: &str) -> bool {
    let text = match line.split_once("] [") {
        Some((who, text)) if who.starts_with('[') && who.contains(" @ 0x") => text,
        _ => line.strip_prefix('[').unwrap_or(""),
    };
    let level = text.split(']').next().unwrap_or("");
    match level {
        "error" | "fatal" | "panic" => true,
        "warning" => line.contains("corrupt decoded frame"),
        _ => false,
    }
}

/// `[h264 @ 0x55d0] [error] no frame!` without what differs from run to run.
fn without_addresses(line: &str) -> String {
    match line.split_once(" @ 0x").zip(line.split_once("] ")) {
        Some(((who, _), (_, text))) => format!("{who}] {text}"),
        None => line.to_owned(),
    }
}

/// `n:   3 pts:  57012 pts_time:0.63 pos: 20480 fmt:gray sar:1/1 s:720x480 i:P iskey:0 type:P`
fn frame(text: &str) -> Delivered {
    let is_key = value(text, "iskey:") == Some("1");
    let is_intra = value(text, "type:") == Some("I");
    Delivered {
        pts: value(text, " pts:").and_then(|pts| pts.parse().ok()),
        key: is_key && is_intra,
    }
}

pub(super) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(key)?;
    after.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc;

    use super::*;

    fn read(lines: &[&str]) -> (Log, Vec<Delivered>) {
        let (sender, receiver) = mpsc::sync_channel(100);
        let mut log = Log::default();
        lines.iter().for_each(|line| log.line(line, &sender));
        drop(sender);
        (log, receiver.iter().collect())
    }

    #[test]
    fn frames_and_complaints_are_told_apart() {
        let (log, delivered) = read(&[
            "[info] Stream mapping:",
            "[info]     title           : [error] not one",
            "[showinfo@decoded @ 0x55] [info] config in time_base: 1/90000, frame_rate: 25/1",
            "[showinfo@decoded @ 0x55] [info] n:   0 pts: -48003 pts_time:-0.5 pos:       27 \
             fmt:yuv420p sar:32/27 s:720x480 i:T iskey:1 type:I ",
            "[showinfo@decoded @ 0x55] [info] UUID=[error]",
            "[showinfo@delivered @ 0x56] [info] n:   0 pts: -48003 fmt:gray s:720x480 iskey:1 \
             type:I ",
            "[h264 @ 0x57] [error] error while decoding MB 7 5",
            "[h264 @ 0x57] [warning] deprecated",
            "[warning] file:x: corrupt decoded frame in stream 0",
            "[showinfo@delivered @ 0x56] [info] n:   1 pts:NOPTS fmt:gray s:2x2 iskey:1 type:P ",
        ]);
        let frames = [(Some(-48003), true), (None, false)].map(|(pts, key)| Delivered { pts, key });
        assert_eq!((log.decoded, delivered), (1, frames.to_vec()));
        let complaint = |text: &str| Complaint {
            decoded: 1,
            after: Some(-48003),
            text: text.into(),
        };
        let expected = [
            complaint("[h264] [error] error while decoding MB 7 5"),
            complaint("[warning] file:x: corrupt decoded frame in stream 0"),
        ];
        assert_eq!(log.complaints, expected);
    }

    #[test]
    fn complaints_are_bounded() {
        let line = format!("[h264 @ 0x57] [error] {}", "\x1b[2Jx".repeat(1000));
        let (log, _) = read(&vec![line.as_str(); COMPLAINTS + 5]);
        assert_eq!((log.complaints.len(), log.more), (COMPLAINTS, 5));
        assert!(log.complaints[0].text.chars().all(|c| !c.is_control()));
        assert!(log.complaints[0].text.len() <= crate::limits::FOREIGN_TEXT);
    }

    #[test]
    fn a_change_of_size_is_seen_once() {
        let sizes = [(0, "2x2"), (40, "2x2"), (80, "4x4"), (120, "2x2")];
        let frame =
            |(pts, size)| format!("[showinfo@decoded @ 0x5] [info] n: 0 pts: {pts} s:{size}");
        let lines = sizes.map(frame);
        let (log, _) = read(&lines.each_ref().map(String::as_str));
        let expected = Resized {
            decoded: 2,
            time: Some(80),
            size: "4x4".into(),
        };
        assert_eq!(log.resized, Some(expected));
    }
}
