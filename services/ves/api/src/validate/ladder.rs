//! What a request for a ladder says beyond what each of its rungs does.

use std::collections::BTreeMap;

use errors::Error;

use super::{Policy, Target, noted, refuse_same_file};
use crate::recipe::{self, MAX_RUNGS, Problems, Recipe, Rung};
use crate::wire;

/// The label that tells a rung's own request.
pub const RUNG: &str = "rung";
/// Labels of a ladder: those of a rung are one more.
const MAX_LABELS: usize = 15;

/// A rung that says nothing wrong. Its output has not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRung {
    pub name: String,
    pub recipe: Recipe,
    /// `None`: the result stays in the blob store.
    pub output: Option<Target>,
}

/// The rungs of a ladder; where something is wrong with a recipe, only their outputs mean anything.
pub(super) fn rungs(
    request: &wire::EncodeRequest,
    ladder: &wire::Ladder,
    policy: &Policy,
    source: Option<&sources::Place>,
    problems: &mut Vec<Error>,
) -> Vec<ValidRung> {
    let common = request.recipe.as_option().cloned().unwrap_or_default();
    problems.extend(output_of_all(request));
    problems.extend(too_many_labels(request));
    let named = recipe::rungs(&common, ladder).unwrap_or_else(|Problems(wrong)| {
        problems.extend(wrong);
        vec![Rung::default(); ladder.rungs.len().min(MAX_RUNGS)]
    });
    let outputs = outputs(ladder, policy, source, problems);
    let rungs = named.into_iter().zip(outputs);
    rungs
        .map(|(rung, output)| ValidRung {
            name: rung.name,
            recipe: rung.recipe,
            output,
        })
        .collect()
}

/// Each rung's output; two rungs have two.
fn outputs(
    ladder: &wire::Ladder,
    policy: &Policy,
    source: Option<&sources::Place>,
    problems: &mut Vec<Error>,
) -> Vec<Option<Target>> {
    let mut writers: BTreeMap<String, usize> = BTreeMap::new();
    let rungs = ladder.rungs.iter().take(MAX_RUNGS).enumerate();
    rungs
        .map(|(index, rung)| {
            let mut wrong = Vec::new();
            let target = target(rung.output.as_option(), policy, &mut wrong);
            refuse_same_file(source, target.as_ref(), &mut wrong);
            let uri = target.as_ref().map(|target| target.place.uri());
            let other = uri.and_then(|uri| writers.insert(uri, index));
            wrong.extend(other.map(|other| twice(&ladder.rungs[other].name)));
            let wrong = wrong.into_iter();
            problems.extend(wrong.map(|error| recipe::of_rung(index, error)));
            target
        })
        .collect()
}

/// Where a result goes, if it goes anywhere.
pub(super) fn target(
    target: Option<&wire::OutputTarget>,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Option<Target> {
    let target = target.filter(|target| !target.uri.is_empty())?;
    Some(Target {
        place: noted(policy.outputs.place(&target.uri), "output.uri", problems)?,
        overwrite: target.overwrite,
    })
}

fn twice(other: &str) -> Error {
    Error::user(
        "OUTPUT_TWICE",
        format!("the rung {other} would be there, too"),
    )
    .at("output.uri")
    .hint("give each rung an output of its own")
}

fn output_of_all(request: &wire::EncodeRequest) -> Option<Error> {
    request.output.is_set().then(|| {
        Error::user(
            "IMPOSSIBLE_COMBINATION",
            "a ladder has an output for each rung",
        )
        .at("output")
        .hint("say it of each rung, in ladder.rungs[].output")
    })
}

fn too_many_labels(request: &wire::EncodeRequest) -> Option<Error> {
    let taken = request.labels.contains_key(RUNG);
    let many = request.labels.len() > MAX_LABELS;
    (taken || many).then(|| {
        let message = format!("each rung has the label {RUNG:?} beside those of its ladder");
        Error::user("TOO_MANY_LABELS", message)
            .at("labels")
            .hint(format!("give at most {MAX_LABELS} others"))
    })
}
