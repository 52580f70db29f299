use blob::{NamedBlob, Value};
use errors::Error;
use plato::{TaskContext, json};
use ves_api::function::{AssembleResult, SplitResult};
use ves_api::summary::{RECIPE, Summary, VIDEO};
use vvs_client::validate_video_response;
use vvs_client::wire::{Discrepancy, ValidateResponse};

/// The most discrepancies that are told.
const TOLD: usize = 20;

/// Gathers what the API layer tells the caller.
pub(crate) fn run(task: &TaskContext) -> Result<Value, Error> {
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let assembled: AssembleResult = json::parse(task.output("assembler")?)?;
    let found = validate_video_response(task, "validator")?;
    if found.discrepancy_count > 0 {
        return Err(failed(found));
    }
    let missed = missed(&split, assembled.video_bytes * 8);
    let missed = Vec::from_iter(missed);
    let summary = Summary {
        frames: found.frames,
        chunks: split.chunks,
        bytes: assembled.bytes,
        checks: found.checks,
        warnings: [split.warnings, assembled.warnings, missed].concat(),
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
