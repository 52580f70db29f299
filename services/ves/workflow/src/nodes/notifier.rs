use blob::{NamedBlob, Value};
use errors::Error;
use plato::{TaskContext, json};
use ves_api::function::{AssembleResult, SplitResult, ValidateResult};
use ves_api::summary::{RECIPE, Summary, VIDEO};

/// Gathers what the API layer tells the caller.
pub(crate) fn run(task: &TaskContext) -> Result<Value, Error> {
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let assembled: AssembleResult = json::parse(task.output("assembler")?)?;
    let validated: ValidateResult = json::parse(task.output("validator")?)?;
    let summary = Summary {
        frames: validated.frames,
        chunks: split.chunks,
        bytes: assembled.bytes,
        checks: validated.checks,
        warnings: [split.warnings, assembled.warnings].concat(),
    };
    Ok(Value {
        blobs: vec![
            named(VIDEO, task.blob("assembler", VIDEO)?),
            named(RECIPE, task.blob("splitter", RECIPE)?),
        ],
        ..json::value(&summary)?
    })
}

fn named(name: &str, blob: &blob::BlobRef) -> NamedBlob {
    NamedBlob {
        name: name.into(),
        blob: blob.clone(),
    }
}
