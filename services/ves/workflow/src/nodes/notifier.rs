use blob::{NamedBlob, Value};
use errors::Error;
use plato::{TaskContext, json};
use ves_api::function::{AssembleResult, PlanResult, SplitResult};
use ves_api::quality::Goal;
use ves_api::summary::{Quality, RECIPE, Summary, VIDEO};
use vvs_client::validate_video_response;
use vvs_client::wire::{Discrepancy, ValidateResponse};

/// The most discrepancies that are told.
const TOLD: usize = 20;

/// The node that pools how near the chunks of an encode to a quality have come to it.
pub(crate) const MEASURED: &str = "measured";

/// Gathers what the API layer tells the caller.
pub(crate) fn run(task: &TaskContext) -> Result<Value, Error> {
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let assembled: AssembleResult = json::parse(task.output("assembler")?)?;
    let found = validate_video_response(task, "validator")?;
    if found.discrepancy_count > 0 {
        return Err(failed(found));
    }
    let missed = missed(&split, assembled.video_bytes * 8);
    let measured = split.quality.map(|goal| measured(task, goal)).transpose()?;
    let short = measured
        .iter()
        .filter_map(|(quality, exhausted)| not_met(quality, *exhausted));
    let missed: Vec<String> = missed.into_iter().chain(short).collect();
    let summary = Summary {
        frames: found.frames,
        chunks: split.chunks,
        bytes: assembled.bytes,
        checks: found.checks,
        warnings: [split.warnings, assembled.warnings, missed].concat(),
        quality: measured.map(|(quality, _)| quality),
    };
    Ok(Value {
        blobs: vec![
            named(VIDEO, task.blob("assembler", VIDEO)?),
            named(RECIPE, task.blob("splitter", RECIPE)?),
        ],
        ..json::value(&summary)?
    })
}

/// What is told of a video that has other bits than it should, by more than two per cent.
fn missed(split: &SplitResult, bits: u64) -> Option<String> {
    let target = split.target_bits;
    if target == 0 || bits.abs_diff(target) <= target / 50 {
        return None;
    }
    let per_cent = bits as f64 / target as f64 * 100.0;
    let why = match (bits < target, split.buffer) {
        (true, None) => {
            "there is no more in it to spend bits on, or its level allows no more at once"
        }
        (true, Some(_)) => "there is no more in it to spend bits on that its max_bitrate brings",
        (false, _) => "the encoder cannot do with less",
    };
    Some(format!(
        "the video has {per_cent:.0} % of the bits that were asked for: {why}"
    ))
}

/// How near the whole came to the quality that was asked for, and whether no rate factor brings it nearer.
fn measured(task: &TaskContext, goal: Goal) -> Result<(Quality, bool), Error> {
    let planned: PlanResult = json::parse(task.output(MEASURED)?)?;
    let found = planned.quality.ok_or_else(|| {
        let message = "the plan tells nothing of the quality that was asked for";
        Error::platform("NO_QUALITY", message)
    })?;
    let quality = Quality {
        goal,
        score: found.score,
        lowest_chunk: found.lowest_chunk,
    };
    Ok((quality, found.exhausted))
}

/// What is told of a video that is not as near to its source as it should be, or nearer.
fn not_met(quality: &Quality, exhausted: bool) -> Option<String> {
    let Quality { goal, score, .. } = quality;
    if goal.is_met(*score) {
        return None;
    }
    let why = match (exhausted, *score < goal.score) {
        (true, true) => "the encoder's best rate factors do not bring it nearer",
        (true, false) => "it is better at the encoder's worst rate factors",
        (false, _) => "no rate factors that were tried bring it nearer",
    };
    let (metric, found) = (goal.metric.title(), goal.metric.show(*score));
    Some(format!(
        "{goal} was asked for, but the video has {metric} {found}: {why}"
    ))
}

/// A video that is not what was asked for is not handed out.
fn failed(found: ValidateResponse) -> Error {
    let count = found.discrepancy_count;
    let things = if count == 1 { "thing" } else { "things" };
    let message = format!("the encoded file differs from what it should be in {count} {things}");
    let told = found.discrepancies.into_iter().take(TOLD).map(told);
    told.fold(
        Error::function("VALIDATION_FAILED", message),
        Error::caused_by,
    )
}

fn told(discrepancy: Discrepancy) -> Error {
    let error = Error::function(discrepancy.code, discrepancy.message);
    match discrepancy.frames.into_option() {
        Some(frames) => error.frames(frames.start, frames.end),
        None => error,
    }
}

fn named(name: &str, blob: &blob::BlobRef) -> NamedBlob {
    NamedBlob {
        name: name.into(),
        blob: blob.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ves_api::quality::{Metric, Score};

    use super::*;

    #[test]
    fn a_quality_that_is_not_met_is_told_with_the_score() {
        let told = |score: f64, exhausted| {
            let quality = Quality {
                goal: Goal::new(Metric::Vmaf, 93.0).unwrap(),
                score: Score::new(score),
                lowest_chunk: Score::default(),
            };
            not_met(&quality, exhausted)
        };
        assert_eq!(told(93.4, false), None);
        let better = told(97.42, true).unwrap();
        assert!(
            better.starts_with("VMAF 93 was asked for, but the video has VMAF 97.42: it is better")
        );
        assert!(told(61.0, true).unwrap().contains("best rate factors"));
        let tried = told(61.0, false).unwrap();
        assert!(tried.ends_with("VMAF 61.00: no rate factors that were tried bring it nearer"));
    }
}
