use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// What tells how near a picture comes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Video Multimethod Assessment Fusion, model v0.6.1.
    Vmaf,
    /// Structural similarity, of all planes by their size.
    Ssim,
    /// Extended perceptually weighted peak signal-to-noise ratio, of luma, in decibels.
    Xpsnr,
}

impl Metric {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Vmaf, Self::Ssim, Self::Xpsnr];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// "vmaf"
    pub fn name(self) -> &'static str {
        match self {
            Self::Vmaf => "vmaf",
            Self::Ssim => "ssim",
            Self::Xpsnr => "xpsnr",
        }
    }

    /// What people call it: "VMAF".
    pub fn title(self) -> &'static str {
        match self {
            Self::Vmaf => "VMAF",
            Self::Ssim => "SSIM",
            Self::Xpsnr => "XPSNR",
        }
    }

    /// The filter of ffmpeg that measures it.
    pub fn filter(self) -> &'static str {
        match self {
            Self::Vmaf => "libvmaf",
            Self::Ssim => "ssim",
            Self::Xpsnr => "xpsnr",
        }
    }

    /// Scores that can be asked for.
    pub fn range(self) -> RangeInclusive<f64> {
        match self {
            Self::Vmaf => 1.0..=100.0,
            Self::Ssim => 0.1..=1.0,
            Self::Xpsnr => 10.0..=80.0,
        }
    }

    /// By how much the whole file may miss what was asked for.
    pub fn tolerance(self) -> Score {
        Score(match self {
            Self::Vmaf => 500_000,
            Self::Ssim => 2_000,
            Self::Xpsnr => 200_000,
        })
    }

    /// What a rate factor more costs, about, where nothing is known yet.
    pub(super) fn slope(self) -> Score {
        Score(match self {
            Self::Vmaf => 1_200_000,
            Self::Ssim => 2_000,
            Self::Xpsnr => 600_000,
        })
    }

    /// The score of parts as one, each of so many frames: the mean; of XPSNR that of the distances whose
    /// logarithm it is, as ffmpeg has it.
    pub fn pool(self, parts: impl IntoIterator<Item = (Score, u64)>) -> Score {
        let (mut sum, mut count) = (0.0, 0_u64);
        for (score, frames) in parts {
            sum += self.distance(score) * frames as f64;
            count += frames;
        }
        self.score(sum / count.max(1) as f64)
    }

    fn distance(self, score: Score) -> f64 {
        match self {
            Self::Vmaf | Self::Ssim => score.value(),
            Self::Xpsnr => 10_f64.powf(score.value() / -20.0),
        }
    }

    fn score(self, distance: f64) -> Score {
        Score::new(match self {
            Self::Vmaf | Self::Ssim => distance,
            Self::Xpsnr => -20.0 * distance.log10(),
        })
    }

    /// A score as people read it: "93.02".
    pub fn show(self, score: Score) -> String {
        match self {
            Self::Vmaf | Self::Xpsnr => format!("{:.2}", score.value()),
            Self::Ssim => format!("{:.4}", score.value()),
        }
    }
}

/// A score, in millionths.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Score(pub(super) i64);

impl Score {
    /// Beyond it nothing is told apart: equal pictures have no ratio of signal to noise.
    const MOST: f64 = 100.0;

    /// The nearest millionth, within 100 of 0; what is no number is 0.
    pub fn new(value: f64) -> Self {
        Self((value.clamp(-Self::MOST, Self::MOST) * 1e6).round() as i64)
    }

    /// As a number.
    pub fn value(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How far it is from another.
    pub fn distance(self, other: Self) -> Self {
        Self((self.0 - other.0).abs())
    }
}

/// A score that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Goal {
    pub metric: Metric,
    pub score: Score,
}

impl Goal {
    /// `None` beyond the metric's range.
    pub fn new(metric: Metric, score: f64) -> Option<Self> {
        let score = metric.range().contains(&score).then(|| Score::new(score));
        score.map(|score| Self { metric, score })
    }

    /// Whether a whole file of this score is what was asked for.
    pub fn is_met(self, score: Score) -> bool {
        self.score.distance(score) <= self.metric.tolerance()
    }

    /// Whether a chunk of this score needs no other try.
    pub(super) fn is_near(self, score: Score) -> bool {
        self.score.distance(score).0 <= self.metric.tolerance().0 / 2
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric.title(), self.score.value())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_count_by_their_frames() {
        let parts = [(Score::new(90.0), 30), (Score::new(98.0), 10)];
        assert_eq!(Metric::Vmaf.pool(parts), Score::new(92.0));
        // A tenth of the distance, in half of the frames.
        let parts = [(Score::new(40.0), 1), (Score::new(60.0), 1)];
        assert_eq!(Metric::Xpsnr.show(Metric::Xpsnr.pool(parts)), "45.19");
        let equal = [(Score::new(f64::INFINITY), 5)];
        assert_eq!(Metric::Xpsnr.pool(equal), Score::new(100.0));
    }

    #[test]
    fn a_score_that_is_no_number_is_the_least() {
        assert_eq!(Score::new(f64::NAN), Score::default());
        let (most, least) = (Score::new(f64::INFINITY), Score::new(f64::NEG_INFINITY));
        assert_eq!(most.distance(least).value(), 200.0);
    }

    #[test]
    fn a_goal_is_within_its_range_and_met_within_its_tolerance() {
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.name()), Some(metric));
            assert!(Goal::new(metric, *metric.range().end() + 0.1).is_none());
            assert!(Goal::new(metric, f64::NAN).is_none());
        }
        let goal = Goal::new(Metric::Vmaf, 93.0).unwrap();
        assert!(goal.is_met(Score::new(93.5)) && !goal.is_met(Score::new(92.49)));
        assert_eq!(goal.to_string(), "VMAF 93");
    }
}
