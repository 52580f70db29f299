//! The quality that is asked for, and what was measured.

use serde::Serialize;
use ves_api::quality::{Metric, Score};
use ves_api::wire;
use ves_api::wire::rate_control::Mode;

/// What was measured of an encode beside its source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Quality {
    metric: &'static str,
    score: f64,
    lowest_chunk_score: f64,
}

impl Quality {
    /// As the API tells it; nothing of a metric that this version does not know.
    pub(super) fn of(measured: &wire::MeasuredQuality) -> Option<Self> {
        Some(Self {
            metric: metric(measured.metric)?.name(),
            score: measured.score,
            lowest_chunk_score: measured.lowest_chunk_score,
        })
    }

    /// "VMAF 93.02, 91.40 in the lowest chunk"
    pub(super) fn words(&self) -> String {
        let Some(metric) = Metric::named(self.metric) else {
            return String::new();
        };
        let show = |score| metric.show(Score::new(score));
        let (whole, lowest) = (show(self.score), show(self.lowest_chunk_score));
        format!("{} {whole}, {lowest} in the lowest chunk", metric.title())
    }
}

/// What is asked to be measured.
pub(super) fn asked(recipe: &wire::Recipe) -> Option<Metric> {
    match &recipe.rate_control.as_option()?.mode {
        Some(Mode::QualityTarget(target)) => metric(target.metric),
        _ => None,
    }
}

fn metric(told: buffa::EnumValue<wire::QualityMetric>) -> Option<Metric> {
    Metric::try_from(told.as_known()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_measured_is_told_as_people_read_it() {
        let measured = |metric: wire::QualityMetric| wire::MeasuredQuality {
            metric: metric.into(),
            score: 0.980_06,
            lowest_chunk_score: 0.971_2,
            ..Default::default()
        };
        let ssim = Quality::of(&measured(wire::QualityMetric::Ssim)).unwrap();
        assert_eq!(ssim.words(), "SSIM 0.9801, 0.9712 in the lowest chunk");
        assert_eq!(
            Quality::of(&measured(wire::QualityMetric::Unspecified)),
            None
        );
    }
}
