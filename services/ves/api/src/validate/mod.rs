//! Whether a request makes sense: a pure function of the request and the policy.

mod labels;
mod policy;
mod uri;

pub use policy::{Place, Policy};

use std::collections::BTreeMap;

use errors::Error;

use crate::recipe::{Problems, Recipe};
use crate::wire;

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A request that says nothing wrong. Its files have not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRequest {
    pub source: Place,
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
    pub(crate) source: Option<Place>,
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
        idempotency_key: idempotency_key(&request.idempotency_key, &mut problems),
        labels: labels::check(&request.labels, &mut problems),
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
) -> Option<Place> {
    const FIELD: &str = "video_source.uri";
    let uri = request
        .video_source
        .as_option()
        .map_or("", |source| source.uri.as_str());
    if uri.is_empty() {
        problems.push(missing(
            FIELD,
            "the source",
            "name it as file:///absolute/path",
        ));
        return None;
    }
    let place = uri::parse(uri).and_then(|uri| policy.source(uri));
    noted(place, FIELD, problems)
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
    let place = uri::parse(&target.uri).and_then(|uri| policy.output(uri));
    Some(Target {
        place: noted(place, "output.uri", problems)?,
        overwrite: target.overwrite,
    })
}

fn noted<T>(result: Result<T, Error>, field: &str, problems: &mut Vec<Error>) -> Option<T> {
    result
        .map_err(|problem| problems.push(problem.at(field)))
        .ok()
}

/// A first look, by name alone; the files themselves are compared when they are opened.
fn refuse_same_file(source: Option<&Place>, output: Option<&Target>, problems: &mut Vec<Error>) {
    if let (Some(source), Some(output)) = (source, output)
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
        let hint = "use CODEC_FORMAT_AVC or CODEC_FORMAT_AV1, or name a preset";
        problems.push(missing("recipe.codec.format", "the codec", hint));
    }
}

fn idempotency_key(key: &str, problems: &mut Vec<Error>) -> Option<String> {
    let problem = match key {
        "" => return None,
        key if key.len() > MAX_KEY_BYTES => format!("the key is longer than {MAX_KEY_BYTES} bytes"),
        key if key.chars().any(char::is_control) => "the key holds a control character".to_owned(),
        key => return Some(key.to_owned()),
    };
    problems.push(
        Error::user("IDEMPOTENCY_KEY_INVALID", problem)
            .at("idempotency_key")
            .hint("a UUID will do"),
    );
    None
}

#[cfg(test)]
mod tests;
