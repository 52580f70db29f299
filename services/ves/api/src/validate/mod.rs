//! Whether a request makes sense: a pure function of the request and the policy.

mod ladder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use blob::BlobRef;
use errors::Error;
use files::{Place, Roots};
use optimus::request;
use proto::base::v1 as base;
use sources::{Remote, Sources};

use crate::recipe::{Problems, Recipe, require_format};
use crate::wire;

pub use ladder::{RUNG, ValidRung};

/// What may be read and where files may be written; nothing and nowhere by default.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What may be a source.
    pub sources: Sources,
    /// Where results may be put.
    pub outputs: Roots,
    /// Whether callers may name bytes that the platform keeps.
    pub trust_blobs: bool,
}

impl Policy {
    /// These sources, and results below these absolute folders.
    pub fn of(sources: Sources, outputs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            sources,
            outputs: Roots::of("output", outputs),
            trust_blobs: false,
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
    /// Of the source, where it was made before.
    pub frame_table: Option<BlobRef>,
    /// What its chunks are decoded from, where that was told before.
    pub chunk_sources: Option<BlobRef>,
    pub recipe: Recipe,
    /// `None`: the result stays in the blob store.
    pub output: Option<Target>,
    /// Of a ladder, whose encodes are these instead; else none.
    pub rungs: Vec<ValidRung>,
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
    frame_table: Option<BlobRef>,
    chunk_sources: Option<BlobRef>,
    recipe: Option<Recipe>,
    pub(crate) output: Option<Target>,
    pub(crate) rungs: Vec<ValidRung>,
    idempotency_key: Option<String>,
    labels: BTreeMap<String, String>,
    pub(crate) problems: Vec<Error>,
}

pub(crate) fn inspect(request: &wire::EncodeRequest, policy: &Policy) -> Inspection {
    let mut problems = Vec::new();
    let source = source(request, policy, &mut problems);
    let named = request.video_source.as_option();
    let mut blob = |blob: Option<&base::BlobRef>, field| kept(blob?, field, policy, &mut problems);
    let frame_table = blob(
        named.and_then(|one| one.frame_table.as_option()),
        "frame_table",
    );
    let chunk_sources = blob(
        named.and_then(|one| one.chunk_sources.as_option()),
        "chunk_sources",
    );
    let (recipe, output, rungs) = match request.ladder.as_option() {
        None => {
            let recipe = recipe(request, &mut problems);
            let output = ladder::target(request.output.as_option(), policy, &mut problems);
            refuse_same_file(source.as_ref(), output.as_ref(), &mut problems);
            (recipe, output, Vec::new())
        }
        Some(asked) => {
            let rungs = ladder::rungs(request, asked, policy, source.as_ref(), &mut problems);
            (Some(Recipe::default()), None, rungs)
        }
    };
    Inspection {
        source,
        frame_table,
        chunk_sources,
        recipe,
        output,
        rungs,
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
                frame_table: self.frame_table,
                chunk_sources: self.chunk_sources,
                recipe,
                output: self.output,
                rungs: self.rungs,
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

/// Bytes that the platform keeps, from a caller who may name them.
fn kept(
    blob: &base::BlobRef,
    field: &str,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Option<BlobRef> {
    let named = match policy.trust_blobs {
        true => BlobRef::try_from(blob.clone()).map_err(|problem| {
            Error::user("BLOB_INVALID", problem.to_string())
                .hint("name the store, the digest as sha256/…, and the size")
        }),
        false => {
            let why = "blobs may not be named by callers of this service";
            Err(Error::user("BLOB_NOT_ALLOWED", why).hint("leave it out; the source is read"))
        }
    };
    noted(named, &format!("video_source.{field}"), problems)
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
    problems.extend(require_format(recipe).err());
    match Recipe::try_from(recipe.clone()) {
        Ok(recipe) => Some(recipe),
        Err(Problems(wrong)) => {
            problems.extend(wrong);
            None
        }
    }
}

#[cfg(test)]
mod tests;
