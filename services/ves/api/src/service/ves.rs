use async_trait::async_trait;
use blob::{BlobRef, Blobs, Value};
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use proto::stratum::v1::{Source, SourceIdentity};
use sources::Place;

use super::output;
use crate::function::{Job, LadderJob, LadderRung};
use crate::output::check_target;
use crate::recipe::{RateControl, Recipe, of_rung};
use crate::validate::{Policy, Target, ValidRequest, ValidRung, inspect, validate};
use crate::wire;

/// Name of the workflow that encodes by the codec of this name.
pub fn definition(codec: &str) -> String {
    match codec {
        "avc" => DEFINITION.into(),
        other => format!("{DEFINITION}.{other}"),
    }
}

/// Name of the workflow that encodes by the codec of this name to a bitrate.
pub fn bitrate_definition(codec: &str) -> String {
    format!("{}.bitrate", definition(codec))
}

/// Name of the workflow that encodes by the codec of this name for a decoder's buffer.
pub fn capped_definition(codec: &str) -> String {
    format!("{}.capped", definition(codec))
}

/// Name of the workflow that encodes by the codec of this name to a bitrate, for a decoder's buffer.
pub fn capped_bitrate_definition(codec: &str) -> String {
    format!("{}.capped", bitrate_definition(codec))
}

/// Name of the workflow that encodes by the codec of this name to a quality.
pub fn quality_definition(codec: &str) -> String {
    format!("{}.quality", definition(codec))
}

/// Name of the workflow of a ladder of so many rungs.
pub fn ladder_definition(rungs: usize) -> String {
    format!("ves.ladder.{rungs}")
}

/// The first codec's workflow; those of others are named after it.
const DEFINITION: &str = "ves.encode";

/// What the service is allowed to do.
#[derive(Clone, Debug, Default)]
pub struct VesConfig {
    /// Where files may be read and written.
    pub policy: Policy,
}

/// The Video Encoding Service: its rules on the way in, its results on the way out.
#[derive(Debug)]
pub struct VesService {
    config: VesConfig,
    blobs: Blobs,
}

impl VesService {
    /// A service whose results lie in `blobs`.
    pub fn new(config: VesConfig, blobs: Blobs) -> Self {
        Self { config, blobs }
    }
}

#[async_trait]
impl Service for VesService {
    type Request = wire::EncodeRequest;
    type Response = wire::EncodeResponse;

    fn name(&self) -> &str {
        "ves"
    }

    fn method(&self) -> &str {
        "EncodeVideo"
    }

    fn definition(&self) -> &str {
        DEFINITION
    }

    fn definition_of(&self, request: &wire::EncodeRequest) -> String {
        if let Some(ladder) = request.ladder.as_option() {
            return ladder_definition(ladder.rungs.len());
        }
        let recipe = request.recipe.as_option().cloned();
        let recipe = recipe.and_then(|recipe| Recipe::try_from(recipe).ok());
        let recipe = recipe.unwrap_or_default();
        let codec = recipe.codec.name();
        match (recipe.rate_control, recipe.buffer) {
            (RateControl::Quality(_), _) => quality_definition(codec),
            (RateControl::Bitrate(_), None) => bitrate_definition(codec),
            (RateControl::Bitrate(_), Some(_)) => capped_bitrate_definition(codec),
            (_, Some(_)) => capped_definition(codec),
            (_, None) => definition(codec),
        }
    }

    async fn check(
        &self,
        caller: &Caller,
        request: wire::EncodeRequest,
    ) -> Result<Checked<wire::EncodeRequest>, Vec<Error>> {
        let inspection = inspect(&request, &self.policy(caller.is_role));
        if inspection.problems.is_empty() {
            return checked(inspection.into_result()?, request);
        }
        // It is refused anyway: what is wrong with its files belongs to the answer.
        let mut problems = inspection.problems;
        let targets = Targets::of(inspection.output, &inspection.rungs);
        let files = self.look_at_files(inspection.source, targets).await;
        problems.extend(files.err().into_iter().flatten());
        Err(problems)
    }

    async fn prepare(
        &self,
        caller: &Caller,
        request: &wire::EncodeRequest,
        pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        let valid = validate(request, &self.policy(caller.is_role))?;
        let kept = [&valid.frame_table, &valid.chunk_sources];
        for blob in kept.into_iter().flatten() {
            self.find(blob).await.map_err(|problem| vec![problem])?;
        }
        let targets = Targets::of(valid.output, &valid.rungs);
        let uri = valid.source.uri();
        let identity = self.look_at_files(Some(valid.source), targets).await?;
        let source = Source {
            uri,
            identity: identity.into(),
            ..Default::default()
        };
        let function_digests = pins.clone();
        let job = match valid.rungs.is_empty() {
            true => Job {
                source,
                recipe: valid.recipe,
                frame_table: valid.frame_table,
                chunk_sources: valid.chunk_sources,
                function_digests,
            }
            .to_json(),
            false => LadderJob {
                source,
                rungs: valid.rungs.into_iter().map(LadderRung::from).collect(),
                labels: valid.labels,
                channel: request.channel.clone(),
                function_digests,
            }
            .to_json(),
        };
        job.map(Value::inline).map_err(unwritable)
    }

    async fn succeeded(
        &self,
        ended: Ended<'_, wire::EncodeRequest>,
    ) -> Result<wire::EncodeResponse, Error> {
        if ended.request.ladder.is_set() {
            return output::of_ladder(&ended.output);
        }
        let mut video = output::hydrate(&self.blobs, &ended).await?;
        if let Some((target, source)) = self.target(ended.request)? {
            let id = ended.id;
            video.uri = output::publish(&self.blobs, id, &ended.output, target, source).await?;
        }
        Ok(wire::EncodeResponse {
            output_video: Some(video).into(),
            ..Default::default()
        })
    }

    fn failed(&self, error: Error) -> wire::EncodeResponse {
        wire::EncodeResponse {
            error: Some(error.into()).into(),
            ..Default::default()
        }
    }
}

/// Where results go, each with its place in the request.
#[derive(Default)]
struct Targets(Vec<(Option<usize>, Target)>);

impl Targets {
    fn of(output: Option<Target>, rungs: &[ValidRung]) -> Self {
        let rungs = (0..).zip(rungs);
        let rungs = rungs.filter_map(|(index, rung)| Some((Some(index), rung.output.clone()?)));
        Self(
            output
                .map(|target| (None, target))
                .into_iter()
                .chain(rungs)
                .collect(),
        )
    }

    /// Whether results could be put there, without touching the source; every problem at once.
    fn check(&self, source: Option<&SourceIdentity>) -> Vec<Error> {
        let checked = self.0.iter().filter_map(|(rung, target)| {
            let error = check_target(target, source).err()?;
            Some(rung.map_or(error.clone(), |index| of_rung(index, error)))
        });
        checked.collect()
    }
}

impl VesService {
    /// Roles may name bytes that the platform keeps.
    fn policy(&self, by_role: bool) -> Policy {
        let policy = &self.config.policy;
        Policy {
            trust_blobs: policy.trust_blobs || by_role,
            ..policy.clone()
        }
    }

    /// Sees that what was found of a source is there, and touches it, as the request that names it is
    /// about to be kept.
    async fn find(&self, blob: &BlobRef) -> Result<(), Error> {
        let store = self.blobs.store(&blob.store);
        let found = match store {
            Ok(store) => store.touch(blob).await,
            Err(problem) => Err(problem),
        };
        let missing = |why: String| {
            Error::platform("BLOB_MISSING", why)
                .at("video_source")
                .hint("name the source alone: it is read")
        };
        match found {
            Ok(true) => Ok(()),
            Ok(false) => Err(missing("there are no such bytes".into())),
            Err(problem) => Err(missing(problem.to_string())),
        }
    }

    /// Identifies the source and sees that each output has a place; every problem at once.
    async fn look_at_files(
        &self,
        source: Option<Place>,
        targets: Targets,
    ) -> Result<Option<SourceIdentity>, Vec<Error>> {
        let source = match source {
            Some(place) => self.config.policy.sources.identify(&place).await.map(Some),
            None => Ok(None),
        };
        let source = source.map_err(|problem| problem.at("video_source.uri"));
        let look = move || {
            let known = source.as_ref().ok().and_then(Option::as_ref);
            let wrong = targets.check(known);
            match source {
                Ok(identity) if wrong.is_empty() => Ok(identity),
                source => Err(source.err().into_iter().chain(wrong).collect()),
            }
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|stopped| Err(vec![output::interrupted(&stopped)]))
    }

    /// Where the result goes, and the source it must not touch. The policy of now
    /// counts: roots may have been withdrawn since the request was accepted.
    fn target(&self, request: &wire::EncodeRequest) -> Result<Option<(Target, Place)>, Error> {
        let inspection = inspect(request, &self.policy(true));
        match (inspection.output, inspection.source) {
            (Some(target), Some(source)) => Ok(Some((target, source))),
            _ => match inspection.problems.into_iter().next() {
                Some(problem) => Err(problem),
                None => Ok(None),
            },
        }
    }
}

fn checked(
    valid: ValidRequest,
    request: wire::EncodeRequest,
) -> Result<Checked<wire::EncodeRequest>, Vec<Error>> {
    Ok(Checked {
        fingerprint: fingerprint(&valid, &request.channel).map_err(unwritable)?,
        channel: request.channel.clone(),
        request,
        idempotency_key: valid.idempotency_key,
        attributes: valid.labels,
        priority: None,
        deadline: None,
    })
}

/// Equal for requests that ask for the same, however they are written. Whether a file
/// may be replaced does not make it another encode.
fn fingerprint(valid: &ValidRequest, channel: &str) -> serde_json::Result<String> {
    let uri = |target: &Option<Target>| target.as_ref().map(|target| target.place.uri());
    let parts = (
        valid.source.uri(),
        uri(&valid.output),
        wire::Recipe::from(valid.recipe.clone()),
        &valid.labels,
    );
    let rungs = valid.rungs.iter().map(|rung| {
        let recipe = wire::Recipe::from(rung.recipe.clone());
        (&rung.name, uri(&rung.output), recipe)
    });
    let rungs = match valid.rungs.is_empty() {
        true => Vec::new(),
        false => serde_json::to_vec(&rungs.collect::<Vec<_>>())?,
    };
    let parts = serde_json::to_vec(&parts)?;
    let parts = [&parts, channel.as_bytes(), &rungs].concat();
    Ok(ids::derived([parts.as_slice()]))
}

fn unwritable(problem: serde_json::Error) -> Vec<Error> {
    vec![Error::platform(
        "JOB_UNWRITABLE",
        format!("the job cannot be written down: {problem}"),
    )]
}
