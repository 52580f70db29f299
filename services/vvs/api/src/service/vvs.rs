use std::collections::BTreeMap;

use async_trait::async_trait;
use blob::{BlobRef, Blobs, Value};
use errors::Error;
use optimus::{Caller, Checked, Ended, Pins, Service};
use proto::stratum::v1::Source;

use crate::function::{File, Job};
use crate::report::REPORT;
use crate::validate::{Named, Policy, ValidRequest, expectations, validate};
use crate::wire;

/// The longest list of boundaries, in bytes: 100,000 of them, and room to spare.
const MAX_LIST_BYTES: u64 = 2 << 20;

/// What the service is allowed to do.
#[derive(Clone, Debug, Default)]
pub struct VvsConfig {
    /// What requests may name.
    pub policy: Policy,
}

/// The Video Validation Service: its rules on the way in, its results on the way out.
#[derive(Debug)]
pub struct VvsService {
    config: VvsConfig,
    blobs: Blobs,
}

impl VvsService {
    /// A service whose results lie in `blobs`.
    pub fn new(config: VvsConfig, blobs: Blobs) -> Self {
        Self { config, blobs }
    }
}

#[async_trait]
impl Service for VvsService {
    type Request = wire::ValidateRequest;
    type Response = wire::ValidateResponse;

    fn name(&self) -> &str {
        "vvs"
    }

    fn method(&self) -> &str {
        "ValidateVideo"
    }

    fn definition(&self) -> &str {
        "vvs.validate"
    }

    async fn check(
        &self,
        caller: &Caller,
        request: wire::ValidateRequest,
    ) -> Result<Checked<wire::ValidateRequest>, Vec<Error>> {
        let valid = validate(&request, &self.policy(caller))?;
        Ok(Checked {
            fingerprint: fingerprint(&request).map_err(unwritable)?,
            channel: request.channel.clone(),
            request,
            idempotency_key: valid.idempotency_key,
            attributes: valid.labels,
            priority: None,
            deadline: None,
        })
    }

    async fn prepare(
        &self,
        caller: &Caller,
        request: &wire::ValidateRequest,
        pins: &Pins,
    ) -> Result<Value, Vec<Error>> {
        let valid = self
            .with_lists(validate(request, &self.policy(caller))?)
            .await?;
        let reference = valid.reference();
        let (video, source) = self.look_at_files(&valid).await?;
        let job = Job {
            expectations: self.keep_expectations(&valid).await?,
            video,
            source,
            frame_table: valid.frame_table,
            reference,
            source_region: valid.source_region,
            source_conversion: valid.source_conversion,
            video_region: valid.video_region,
            function_digests: pins.clone(),
        };
        job.to_json().map(Value::inline).map_err(unwritable)
    }

    async fn succeeded(
        &self,
        ended: Ended<'_, wire::ValidateRequest>,
    ) -> Result<wire::ValidateResponse, Error> {
        let mut response: wire::ValidateResponse = serde_json::from_slice(&ended.output.inline)
            .map_err(|problem| {
                let message = format!("the workflow's answer cannot be read: {problem}");
                Error::platform("OUTPUT_UNREADABLE", message)
            })?;
        let report = ended.output.blob(REPORT).cloned();
        response.report = report.map(proto::base::v1::BlobRef::from).into();
        Ok(response)
    }

    fn failed(&self, error: Error) -> wire::ValidateResponse {
        wire::ValidateResponse {
            error: Some(error.into()).into(),
            ..Default::default()
        }
    }
}

impl VvsService {
    /// Other services may name bytes that the platform keeps.
    fn policy(&self, caller: &Caller) -> Policy {
        let policy = &self.config.policy;
        Policy {
            trust_blobs: policy.trust_blobs || caller.is_role,
            ..policy.clone()
        }
    }

    /// With the frames that were too many for the request.
    async fn with_lists(&self, mut valid: ValidRequest) -> Result<ValidRequest, Vec<Error>> {
        if let Some(list) = &valid.boundaries {
            let read = self.list(list, "expectations.quality_steps.list").await;
            valid.expectations.boundaries = Some(read.map_err(|problem| vec![problem])?);
        }
        if let Some(list) = &valid.access_points {
            let read = self.list(list, "expectations.random_access.list").await;
            valid.expectations.access_points = Some(read.map_err(|problem| vec![problem])?);
        }
        Ok(valid)
    }

    async fn list(&self, list: &BlobRef, field: &str) -> Result<Vec<u64>, Error> {
        let bytes = self.blobs.get(list, MAX_LIST_BYTES).await;
        let bytes = bytes
            .map_err(|problem| Error::platform("BLOB_UNREADABLE", problem.to_string()).at(field))?;
        let read: Vec<u64> = serde_json::from_slice(&bytes).map_err(|problem| {
            Error::user("LIST_MALFORMED", problem.to_string())
                .at(field)
                .hint("write a JSON array of numbers")
        })?;
        match expectations::boundaries(&read, field) {
            Some(problem) => Err(problem),
            None => Ok(read),
        }
    }

    /// Identifies files and sees that blobs are there; every problem at once.
    async fn look_at_files(
        &self,
        valid: &ValidRequest,
    ) -> Result<(Option<File>, Option<File>), Vec<Error>> {
        let video = self.look_at(valid.video.clone(), "video").await;
        let source = self.look_at(valid.source.clone(), "source").await;
        let table = match &valid.frame_table {
            Some(table) => {
                self.find(table, "expectations.timestamps.frame_table")
                    .await
            }
            None => Ok(()),
        };
        match (video, source, table) {
            (Ok(video), Ok(source), Ok(())) => Ok((video, source)),
            (video, source, table) => {
                let all = [video.err(), source.err(), table.err()];
                Err(all.into_iter().flatten().collect())
            }
        }
    }

    async fn look_at(&self, named: Option<Named>, field: &str) -> Result<Option<File>, Error> {
        match named {
            None => Ok(None),
            Some(Named::Blob(blob)) => {
                self.find(&blob, &format!("{field}.blob")).await?;
                Ok(Some(File::Blob(blob)))
            }
            Some(Named::Place(place)) => {
                let uri = place.uri();
                let identity = self.config.policy.sources.identify(&place).await;
                let identity = identity.map_err(|problem| problem.at(format!("{field}.uri")))?;
                Ok(Some(File::Source(Source {
                    uri,
                    identity: Some(identity).into(),
                    ..Default::default()
                })))
            }
        }
    }

    /// Sees that a blob is there, and touches it, as the request that names it is about to be kept.
    async fn find(&self, blob: &BlobRef, field: &str) -> Result<(), Error> {
        let store = self.blobs.store(&blob.store).map_err(|problem| {
            Error::user("BLOB_MISSING", problem.to_string())
                .at(field)
                .hint("name a store of this installation")
        })?;
        match store.touch(blob).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::user("BLOB_MISSING", "there are no such bytes")
                .at(field)
                .hint("name bytes that the platform keeps")),
            Err(problem) => Err(Error::platform("BLOB_UNREADABLE", problem.to_string()).at(field)),
        }
    }

    /// Expectations may be longer than what a workflow is started with.
    async fn keep_expectations(&self, valid: &ValidRequest) -> Result<Option<BlobRef>, Vec<Error>> {
        if valid.video.is_none() {
            return Ok(None);
        }
        let json = serde_json::to_vec(&valid.expectations).map_err(unwritable)?;
        let kept = self.blobs.home().put(json.into(), "application/json").await;
        kept.map(Some)
            .map_err(|problem| vec![Error::platform("BLOB_UNWRITABLE", problem.to_string())])
    }
}

/// Equal for requests that ask for the same.
fn fingerprint(request: &wire::ValidateRequest) -> serde_json::Result<String> {
    let mut request = request.clone();
    request.idempotency_key.clear();
    let labels: BTreeMap<_, _> = std::mem::take(&mut request.labels).into_iter().collect();
    let (request, labels) = (serde_json::to_vec(&request)?, serde_json::to_vec(&labels)?);
    Ok(ids::derived([request.as_slice(), labels.as_slice()]))
}

fn unwritable(problem: serde_json::Error) -> Vec<Error> {
    vec![Error::platform(
        "JOB_UNWRITABLE",
        format!("the job cannot be written down: {problem}"),
    )]
}
