//! A ladder: the source is indexed once, and each rung is a request of this service.

use errors::Error;
use plato::invoke::{source_input, with_params};
use plato::{ServiceCall, TaskContext, Value, json};
use proto::stratum::v1::Invocation;
use ves_api::function::{IndexParams, LadderJob, LadderRung};
use ves_api::validate::RUNG;
use ves_api::wire;

use super::common::{CHUNK_SOURCES, FRAME_TABLE};

/// The service itself, which takes each rung as a request of its own.
pub(crate) const SERVICE: &str = "ves";
pub(crate) const ENCODE_VIDEO: &str = "EncodeVideo";

/// Node of the rung of this number, from 0.
pub(crate) fn node(rung: usize) -> String {
    format!("rung-{}", rung + 1)
}

fn job(task: &TaskContext) -> Result<LadderJob, Error> {
    LadderJob::from_json(&task.input().inline)
}

/// Reads the source's index, and sees what is wrong with any rung.
pub(crate) fn prepare_index(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let params = IndexParams {
        recipes: job.rungs.into_iter().map(|rung| rung.recipe).collect(),
    };
    let digest = job.function_digests.get("ves-index").cloned();
    Ok(Invocation {
        inputs: vec![source_input("source", job.source)],
        function_digest: digest.unwrap_or_default(),
        ..with_params(&params)?
    })
}

/// Has a rung encoded, by the index of all.
pub(crate) fn prepare_rung(number: usize) -> impl Fn(&TaskContext) -> Result<ServiceCall, Error> {
    move |task| {
        let job = job(task)?;
        let rung = rung(&job, number)?.clone();
        let mut labels = job.labels;
        labels.insert(RUNG.into(), rung.name);
        let request = wire::EncodeRequest {
            video_source: Some(wire::VideoSource {
                uri: job.source.uri,
                frame_table: Some(task.blob("index", FRAME_TABLE)?.clone().into()).into(),
                chunk_sources: Some(task.blob("index", CHUNK_SOURCES)?.clone().into()).into(),
                ..Default::default()
            })
            .into(),
            recipe: Some(rung.recipe).into(),
            output: rung.output.into(),
            labels: labels.into_iter().collect(),
            channel: job.channel,
            ..Default::default()
        };
        Ok(ServiceCall::new(SERVICE, ENCODE_VIDEO, &request))
    }
}

fn rung(job: &LadderJob, number: usize) -> Result<&LadderRung, Error> {
    job.rungs.get(number).ok_or_else(|| {
        let message = format!("the ladder has no rung {}", number + 1);
        Error::platform("MALFORMED_JOB", message)
    })
}

/// Warnings of each rung that are told with the ladder; its own request has all.
const WARNINGS: usize = 2;

/// Gathers what became of the rungs. What is long stays with their own requests.
pub(crate) fn gather(task: &TaskContext) -> Result<Value, Error> {
    let job = job(task)?;
    let rungs = job.rungs.into_iter().enumerate().map(|(number, rung)| {
        let answer: wire::EncodeResponse = json::parse(task.output(&node(number))?)?;
        let mut video = answer.output_video.into_option().unwrap_or_default();
        video.format = None.into();
        video.resolved_recipe = None.into();
        video.validation = None.into();
        video.warnings.truncate(WARNINGS);
        Ok(wire::RungOutput {
            name: rung.name,
            output_video: Some(video).into(),
            ..Default::default()
        })
    });
    json::value(&wire::EncodeResponse {
        rungs: rungs.collect::<Result<_, Error>>()?,
        ..Default::default()
    })
}
