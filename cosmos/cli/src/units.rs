//! Sizes, ages and times as people write and read them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes, written as `500M` or `10G` (powers of 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub u64);

/// An age or another length of time, written as `12h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub Duration);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let shift = match unit.trim_end_matches("iB").trim_end_matches('B') {
            "" => Some(0),
            "K" | "k" => Some(10),
            "M" => Some(20),
            "G" => Some(30),
            "T" => Some(40),
            _ => None,
        };
        shift
            .zip(number)
            .and_then(|(shift, number)| number.checked_mul(1 << shift))
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a size; write 500M, 10G or 1T"))
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let ms = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            "w" => Some(7 * 86_400_000),
            _ => None,
        };
        ms.zip(number)
            .and_then(|(ms, number)| number.checked_mul(ms))
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(|| {
                format!("`{text}` is not a length of time; write 30s, 90m, 12h, 7d or 2w")
            })
    }
}

fn split(text: &str) -> (Option<u64>, &str) {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let power = (self.0.max(1).ilog2() / 10) as usize;
        match power {
            0 => write!(f, "{} B", self.0),
            _ => {
                let value = self.0 as f64 / (1u64 << (10 * power)) as f64;
                let digits = usize::from(value < 100.0);
                write!(f, "{value:.digits$} {}", units[power])
            }
        }
    }
}

/// The two largest units: "3 d 4 h", "12 min 5 s", "8 s".
impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
        let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{rest} s"),
            (0, 0, _) => write!(f, "{minutes} min {rest} s"),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

/// Units of time by their milliseconds.
const UNITS: [(u64, &str); 5] = [
    (86_400_000, "d"),
    (3_600_000, "h"),
    (60_000, "m"),
    (1_000, "s"),
    (1, "ms"),
];

/// A length of time as it may be written: "30 s", "90 m", "1 d".
pub(crate) fn span(ms: u64) -> String {
    let whole = UNITS
        .iter()
        .find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    whole.map_or_else(
        || "0 s".to_owned(),
        |(unit, name)| format!("{} {name}", ms / unit),
    )
}

/// How far a moment is from `now`: "3 m ago", "in 12 s".
pub(crate) fn away(unix_ms: i64, now: i64) -> String {
    let brief = |ms: u64| {
        let unit = UNITS[..4].iter().find(|(unit, _)| ms >= *unit);
        unit.map(|(unit, name)| format!("{} {name}", ms / unit))
    };
    match (brief(unix_ms.abs_diff(now)), unix_ms > now) {
        (None, _) => "now".into(),
        (Some(span), true) => format!("in {span}"),
        (Some(span), false) => format!("{span} ago"),
    }
}

/// A time to come, as a clock shows it: `0:42`, `12:05`, `1:02:03`.
pub(crate) fn countdown(left: Duration) -> String {
    let seconds = left.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A moment in this machine's time zone: "2026-08-01 12:33:10".
pub(crate) fn local_time(unix_ms: i64) -> String {
    let Ok(moment) = jiff::Timestamp::from_millisecond(unix_ms) else {
        return "at no known time".into();
    };
    let zone = jiff::tz::TimeZone::system();
    moment
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// "1 chunk", "2 chunks".
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_written() {
        let table = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("10k", Some(10 << 10)),
            ("500M", Some(500 << 20)),
            ("10G", Some(10 << 30)),
            ("10GiB", Some(10 << 30)),
            ("1TB", Some(1 << 40)),
            ("99999999999T", None),
            ("1.5G", None),
            ("-1G", None),
            ("G", None),
            ("10 G", None),
            ("", None),
        ];
        for (text, size) in table {
            assert_eq!(text.parse().ok(), size.map(Size), "{text}");
        }
    }

    #[test]
    fn ages_read_as_written() {
        let table = [
            ("90s", Some(90)),
            ("5000ms", Some(5)),
            ("90m", Some(5_400)),
            ("12h", Some(43_200)),
            ("7d", Some(604_800)),
            ("2w", Some(1_209_600)),
            ("7", None),
            ("7y", None),
            ("18446744073709551615w", None),
        ];
        for (text, seconds) in table {
            let age = seconds.map(|seconds| Age(Duration::from_secs(seconds)));
            assert_eq!(text.parse().ok(), age, "{text}");
        }
    }

    #[test]
    fn sizes_and_ages_are_told_shortly() {
        let sizes = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (12_900_000, "12.3 MiB"),
            (500 << 20, "500 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in sizes {
            assert_eq!(Size(bytes).to_string(), text);
        }
        let ages = [
            (8, "8 s"),
            (725, "12 min 5 s"),
            (7_300, "2 h 1 min"),
            (273_600, "3 d 4 h"),
        ];
        for (seconds, text) in ages {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn spans_are_exact_and_distances_are_brief() {
        let spans = [
            (0, "0 s"),
            (500, "500 ms"),
            (1_500, "1500 ms"),
            (30_000, "30 s"),
            (90_000, "90 s"),
            (5_400_000, "90 m"),
            (86_400_000, "1 d"),
        ];
        for (ms, text) in spans {
            assert_eq!(span(ms), text);
            let read: Age = text.replace(' ', "").parse().expect(text);
            assert_eq!(read.0, Duration::from_millis(ms));
        }
        let now = 1_785_000_000_000;
        let distances = [
            (0, "now"),
            (999, "now"),
            (-999, "now"),
            (12_345, "in 12 s"),
            (-200_000, "3 m ago"),
            (7_300_000, "in 2 h"),
            (-400_000_000, "4 d ago"),
        ];
        for (distance, text) in distances {
            assert_eq!(away(now + distance, now), text);
        }
        assert_eq!(away(i64::MIN, i64::MAX), "213503982334 d ago");
    }

    #[test]
    fn a_countdown_reads_like_a_clock() {
        let table = [
            (0, "0:00"),
            (42, "0:42"),
            (725, "12:05"),
            (3_723, "1:02:03"),
        ];
        for (seconds, text) in table {
            assert_eq!(countdown(Duration::from_secs(seconds)), text);
        }
    }
}
