//! When frames are shown, exactly.

use serde::Serialize;
use stratum_frames::FrameTable;
use video::Rational;

/// The times of a source's frames. Times are seconds, as exact fractions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Timing {
    /// When the first frame is shown.
    pub start: Option<Rational>,
    /// From the first frame to the end of the last.
    pub duration: Option<Rational>,
    /// Frames per second over the whole.
    pub average_rate: Option<Rational>,
    /// Whether frames stay for different times, beyond what the container's ticks round.
    pub variable: bool,
    /// The shortest and the longest time that a frame stays, but for the last.
    pub shortest: Option<Rational>,
    pub longest: Option<Rational>,
}

impl Timing {
    pub(super) fn of(table: &FrameTable) -> Self {
        let tick = table.source().format.time_base.as_rational();
        let seconds = |ticks: i128| tick.checked_mul(Rational::whole(i64::try_from(ticks).ok()?));
        let pts = || {
            table
                .range(0, table.len())
                .map(|frame| i128::from(frame.pts))
        };
        let ends = pts().next().zip(pts().last());
        let last = table
            .len()
            .checked_sub(1)
            .and_then(|last| table.duration(last));
        let duration = ends
            .zip(last)
            .and_then(|((first, end), last)| seconds(end - first + i128::from(last)));
        let stays = || pts().zip(pts().skip(1)).map(|(this, next)| next - this);
        let (shortest, longest) = (stays().min(), stays().max());
        let frames = i64::try_from(table.len()).ok().map(Rational::whole);
        Self {
            start: ends.and_then(|(first, _)| seconds(first)),
            duration,
            average_rate: frames
                .zip(duration.filter(|duration| duration.is_positive()))
                .and_then(|(frames, duration)| frames.checked_div(duration)),
            variable: shortest.zip(longest).is_some_and(|(a, b)| b - a > 1),
            shortest: shortest.and_then(seconds),
            longest: longest.and_then(seconds),
        }
    }
}

/// An exact time in words: "5.005 s", with the fraction where digits do not end.
pub(super) fn in_words(seconds: Rational) -> String {
    let rounded = format!("{:.3}", seconds.approximate());
    let exact = seconds
        .checked_mul(Rational::whole(1_000))
        .is_some_and(|thousandths| thousandths.denominator() == 1);
    match exact {
        true => format!("{} s", trimmed(&rounded)),
        false => format!("{rounded} s ({seconds})"),
    }
}

/// A rate in words: "29.97", with the fraction where digits do not end: "29.97 (30000/1001)".
pub(super) fn rate(rate: Rational) -> String {
    let rounded = format!("{:.3}", rate.approximate());
    match rate.denominator() {
        1 => rate.numerator().to_string(),
        _ => format!("{} ({rate})", trimmed(&rounded)),
    }
}

fn trimmed(digits: &str) -> &str {
    digits.trim_end_matches('0').trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ratio(numerator: i64, denominator: i64) -> Rational {
        Rational::new(numerator, denominator).unwrap()
    }

    #[test]
    fn times_are_told_exactly() {
        let table = [
            (ratio(1001, 200), "5.005 s"),
            (ratio(10, 1), "10 s"),
            (ratio(1001, 30_000), "0.033 s (1001/30000)"),
            (ratio(-7, 5), "-1.4 s"),
            (ratio(0, 1), "0 s"),
        ];
        for (seconds, text) in table {
            assert_eq!(in_words(seconds), text);
        }
        assert_eq!(rate(ratio(30_000, 1001)), "29.97 (30000/1001)");
        assert_eq!(rate(ratio(25, 1)), "25");
    }
}
