use async_trait::async_trait;
use blob::{Blobs, Value};
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use proto::stratum::v1::{Source, SourceIdentity};
use sources::Place;

use super::output;
use crate::function::Job;
use crate::output::check_target;
use crate::recipe::{RateControl, Recipe};
use crate::validate::{Policy, Target, ValidRequest, inspect, validate};
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
        let recipe = request.recipe.as_option().cloned();
        let recipe = recipe.and_then(|recipe| Recipe::try_from(recipe).ok());
        let recipe = recipe.unwrap_or_default();
        let codec = recipe.codec.name();
        match (recipe.rate_control, recipe.buffer) {
            (RateControl::Bitrate(_), None) => bitrate_definition(codec),
            (RateControl::Bitrate(_), Some(_)) => capped_bitrate_definition(codec),
            (_, Some(_)) => capped_definition(codec),
            (_, None) => definition(codec),
        }
    }

    async fn check(
        &self,
        _caller: &Caller,
        request: wire::EncodeRequest,
    ) -> Result<Checked<wire::EncodeRequest>, Vec<Error>> {
        let inspection = inspect(&request, &self.config.policy);
        if inspection.problems.is_empty() {
            return checked(inspection.into_result()?, request);
        }
        // It is refused anyway: what is wrong with its files belongs to the answer.
        let mut problems = inspection.problems;
        let files = self
            .look_at_files(inspection.source, inspection.output)
            .await;
        problems.extend(files.err().into_iter().flatten());
        Err(problems)
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        request: &wire::EncodeRequest,
        pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        let valid = validate(request, &self.config.policy)?;
        let uri = valid.source.uri();
        let identity = self.look_at_files(Some(valid.source), valid.output).await?;
        let job = Job {
            source: Source {
                uri,
                identity: identity.into(),
                ..Default::default()
            },
            recipe: valid.recipe,
            function_digests: pins.clone(),
        };
        job.to_json().map(Value::inline).map_err(unwritable)
    }

    async fn succeeded(
        &self,
        ended: Ended<'_, wire::EncodeRequest>,
    ) -> Result<wire::EncodeResponse, Error> {
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

impl VesService {
    /// Identifies the source and sees that the output has a place; every problem at once.
    async fn look_at_files(
        &self,
        source: Option<Place>,
        output: Option<Target>,
    ) -> Result<Option<SourceIdentity>, Vec<Error>> {
        let source = match source {
            Some(place) => self.config.policy.sources.identify(&place).await.map(Some),
            None => Ok(None),
        };
        let source = source.map_err(|problem| problem.at("video_source.uri"));
        let look = move || {
            let known = source.as_ref().ok().and_then(Option::as_ref);
            let output = output.map_or(Ok(()), |target| check_target(&target, known));
            match (source, output) {
                (Ok(identity), Ok(())) => Ok(identity),
                (source, output) => Err(source.err().into_iter().chain(output.err()).collect()),
            }
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|stopped| Err(vec![output::interrupted(&stopped)]))
    }

    /// Where the result goes, and the source it must not touch. The policy of now
    /// counts: roots may have been withdrawn since the request was accepted.
    fn target(&self, request: &wire::EncodeRequest) -> Result<Option<(Target, Place)>, Error> {
        let inspection = inspect(request, &self.config.policy);
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
    let parts = (
        valid.source.uri(),
        valid.output.as_ref().map(|target| target.place.uri()),
        wire::Recipe::from(valid.recipe.clone()),
        &valid.labels,
    );
    let parts = [serde_json::to_vec(&parts)?, channel.as_bytes().to_vec()].concat();
    Ok(ids::derived([parts.as_slice()]))
}

fn unwritable(problem: serde_json::Error) -> Vec<Error> {
    vec![Error::platform(
        "JOB_UNWRITABLE",
        format!("the job cannot be written down: {problem}"),
    )]
}
