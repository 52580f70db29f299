//! Whether a request makes sense: a pure function of the request and the policy.

use std::collections::BTreeMap;
use std::path::PathBuf;

use buffa::Enumeration;
use errors::Error;
use files::{Place, Roots};
use optimus::request;
use sources::{Remote, Sources};

use crate::recipe::{Problems, Recipe, codings};
use crate::wire;

/// What may be read and where files may be written; nothing and nowhere by default.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What may be a source.
    pub sources: Sources,
    /// Where results may be put.
    pub outputs: Roots,
}

impl Policy {
    /// These sources, and results below these absolute folders.
    pub fn of(sources: Sources, outputs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            sources,
            outputs: Roots::of("output", outputs),
        }
    }

    /// Sources and results below these absolute folders.
    pub fn below(
        sources: impl IntoIterator<Item = PathBuf>,
        outputs: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        Self::of(Sources::of(sources, Remote::default()), outputs)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::below([], [])
    }
}

/// A request that says nothing wrong. Its files have not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRequest {
    pub source: sources::Place,
    pub recipe: Recipe,
    /// `None`: the result stays in the blob store.
    pub output: Option<Target>,
    pub idempotency_key: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// Where the result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub place: Place,
    /// Whether a file of that name is replaced.
    pub overwrite: bool,
}

/// Checks all that a request says; every problem at once, each with the path of its
/// field, why, and what would do.
pub fn validate(
    request: &wire::EncodeRequest,
    policy: &Policy,
) -> Result<ValidRequest, Vec<Error>> {
    inspect(request, policy).into_result()
}

/// What is right about a request, and what is wrong.
pub(crate) struct Inspection {
    pub(crate) source: Option<sources::Place>,
    recipe: Option<Recipe>,
    pub(crate) output: Option<Target>,
    idempotency_key: Option<String>,
    labels: BTreeMap<String, String>,
    pub(crate) problems: Vec<Error>,
}

pub(crate) fn inspect(request: &wire::EncodeRequest, policy: &Policy) -> Inspection {
    let mut problems = Vec::new();
    let source = source(request, policy, &mut problems);
    let recipe = recipe(request, &mut problems);
    let output = output(request, policy, &mut problems);
    refuse_same_file(source.as_ref(), output.as_ref(), &mut problems);
    Inspection {
        source,
        recipe,
        output,
        idempotency_key: request::idempotency_key(&request.idempotency_key, &mut problems),
        labels: request::labels(&request.labels, &mut problems),
        problems,
    }
}

impl Inspection {
    pub(crate) fn into_result(self) -> Result<ValidRequest, Vec<Error>> {
        match (self.source, self.recipe) {
            (Some(source), Some(recipe)) if self.problems.is_empty() => Ok(ValidRequest {
                source,
                recipe,
                output: self.output,
                idempotency_key: self.idempotency_key,
                labels: self.labels,
            }),
            _ => Err(self.problems),
        }
    }
}

fn missing(field: &str, what: &str, hint: &str) -> Error {
    Error::user("MISSING", format!("{what} is missing"))
        .at(field)
        .hint(hint)
}

fn source(
    request: &wire::EncodeRequest,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Option<sources::Place> {
    const FIELD: &str = "video_source.uri";
    let uri = request
        .video_source
        .as_option()
        .map_or("", |source| source.uri.as_str());
    if uri.is_empty() {
        problems.push(missing(
            FIELD,
            "the source",
            "name it as file:///absolute/path, https://server/path or s3://bucket/key",
        ));
        return None;
    }
    noted(policy.sources.place(uri), FIELD, problems)
}

fn output(
    request: &wire::EncodeRequest,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Option<Target> {
    let target = request
        .output
        .as_option()
        .filter(|target| !target.uri.is_empty())?;
    Some(Target {
        place: noted(policy.outputs.place(&target.uri), "output.uri", problems)?,
        overwrite: target.overwrite,
    })
}

fn noted<T>(result: Result<T, Error>, field: &str, problems: &mut Vec<Error>) -> Option<T> {
    result
        .map_err(|problem| problems.push(problem.at(field)))
        .ok()
}

/// A first look, by name alone; the files themselves are compared when they are opened.
fn refuse_same_file(
    source: Option<&sources::Place>,
    output: Option<&Target>,
    problems: &mut Vec<Error>,
) {
    if let (Some(source), Some(output)) = (source.and_then(sources::Place::file), output)
        && source.path() == output.place.path()
    {
        problems.push(output_is_source());
    }
}

pub(crate) fn output_is_source() -> Error {
    Error::user("OUTPUT_IS_SOURCE", "the output would replace the source")
        .at("output.uri")
        .hint("choose another name; the source is never touched")
}

fn recipe(request: &wire::EncodeRequest, problems: &mut Vec<Error>) -> Option<Recipe> {
    let Some(recipe) = request.recipe.as_option() else {
        problems.push(missing(
            "recipe",
            "the recipe",
            "a codec's format or a named preset is enough",
        ));
        return None;
    };
    require_format(recipe, problems);
    match Recipe::try_from(recipe.clone()) {
        Ok(recipe) => Some(recipe),
        Err(Problems(wrong)) => {
            problems.extend(wrong);
            None
        }
    }
}

fn require_format(recipe: &wire::Recipe, problems: &mut Vec<Error>) {
    let format = recipe.codec.as_option().map(|codec| codec.format);
    let unspecified = wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED;
    let named = !recipe.named_preset.is_empty();
    if !named && format.is_none_or(|format| format == unspecified) {
        let known = codings().iter().map(|coding| coding.format.proto_name());
        let known = known.collect::<Vec<_>>().join(", ");
        let hint = format!("use one of: {known}, or name a preset");
        problems.push(missing("recipe.codec.format", "the codec", &hint));
    }
}

#[cfg(test)]
mod tests;
