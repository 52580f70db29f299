//! `ves submit` and `ves watch`.

use std::path::PathBuf;
use std::process::ExitCode;

use errors::Error;
use ves_api::wire;

use super::args::{ServerArgs, SubmitArgs, WatchArgs};
use super::follow::{follow, summaries};
use super::place::uri;
use super::server::Server;
use crate::colour::{ColourChoice, Paint};
use crate::stop::Stop;
use crate::ves::container;
use crate::ves::frames;
use crate::ves::job;
use crate::ves::ladder::Ladder;
use crate::ves::report::Reporter;
use crate::{logging, signals};

/// `ves submit IN -o OUT`
pub(in crate::ves) fn submit(args: &SubmitArgs, colour: ColourChoice) -> ExitCode {
    logging::start(args.report.log_level(), colour);
    let mut reporter = Reporter::new(&args.report, Paint::for_errors(colour));
    let done = request(args)
        .map_err(Stop::from)
        .and_then(|request| hand_in(args, request, &mut reporter));
    reporter.ended(done, "the request goes on; `ves watch` follows it again")
}

fn hand_in(
    args: &SubmitArgs,
    request: wire::EncodeRequest,
    reporter: &mut Reporter,
) -> Result<(), Stop> {
    on_runtime(async {
        let server = Server::of(&args.server)?;
        let id = send(&server, request).await?;
        reporter.submitted(&id);
        match args.request.wait {
            true => watch_until_end(&server, &id, reporter).await,
            false => Ok(()),
        }
    })
}

async fn send(server: &Server, request: wire::EncodeRequest) -> Result<String, Stop> {
    let call = wire::EncodeVideoRequest {
        request: Some(request).into(),
        ..Default::default()
    };
    let answer = server.client.encode_video(call).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    Ok(answer.into_owned().request_id)
}

/// What the arguments ask for; every problem at once.
fn request(args: &SubmitArgs) -> Result<wire::EncodeRequest, Vec<Error>> {
    let source = uri(&args.input, "video_source.uri");
    let wanted = match &args.ladder {
        None => one(args),
        Some(ladder) => several(args, ladder),
    };
    let (source, wanted) = match (source, wanted) {
        (Ok(source), Ok(wanted)) => (source, wanted),
        (source, wanted) => {
            let wrong = wanted.err().into_iter().flatten();
            return Err(source.err().into_iter().chain(wrong).collect());
        }
    };
    let key = args.request.idempotency_key.clone();
    Ok(wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri: source,
            ..Default::default()
        })
        .into(),
        idempotency_key: key.unwrap_or_else(ids::time_ordered),
        labels: args.request.labels.iter().cloned().collect(),
        channel: args.request.channel.clone().unwrap_or_default(),
        ..wanted
    })
}

/// One encode, but for its source.
fn one(args: &SubmitArgs) -> Result<wire::EncodeRequest, Vec<Error>> {
    let target =
        container::check(&args.output, &args.recipe).and_then(|()| uri(&args.output, "output.uri"));
    Ok(wire::EncodeRequest {
        recipe: Some(job::recipe(&args.recipe, Some(&args.output))).into(),
        output: Some(wire::OutputTarget {
            uri: target.map_err(|error| vec![error])?,
            overwrite: args.request.overwrite,
            ..Default::default()
        })
        .into(),
        ..Default::default()
    })
}

/// Those of a ladder.
fn several(args: &SubmitArgs, ladder: &str) -> Result<wire::EncodeRequest, Vec<Error>> {
    let inputs = std::slice::from_ref(&args.input);
    let ladder = Ladder::of(ladder, &args.recipe, inputs, &args.output)?;
    let target = |output: PathBuf| {
        Ok(wire::OutputTarget {
            uri: uri(&output, "output.uri")?,
            overwrite: args.request.overwrite,
            ..Default::default()
        })
    };
    let outputs = ladder.outputs()?;
    let misleading = ladder.misleading(&outputs);
    if !misleading.is_empty() {
        return Err(misleading);
    }
    let targets: Result<Vec<_>, Error> = outputs.into_iter().map(target).collect();
    Ok(wire::EncodeRequest {
        recipe: Some(ladder.common.clone()).into(),
        ladder: Some(ladder.placed(targets.map_err(|error| vec![error])?)).into(),
        ..Default::default()
    })
}

/// `ves watch ID`
pub(in crate::ves) fn watch(args: &WatchArgs, colour: ColourChoice) -> ExitCode {
    logging::start(args.report.log_level(), colour);
    let mut reporter = Reporter::new(&args.report, Paint::for_errors(colour));
    let done = watch_by_id(&args.server, &args.id, &mut reporter);
    let hint = "the request goes on; the same command follows it again, `ves cancel` ends it";
    reporter.ended(done, hint)
}

fn watch_by_id(args: &ServerArgs, id: &str, reporter: &mut Reporter) -> Result<(), Stop> {
    on_runtime(async {
        let server = Server::of(args)?;
        watch_until_end(&server, id, reporter).await
    })
}

async fn watch_until_end(server: &Server, id: &str, reporter: &mut Reporter) -> Result<(), Stop> {
    let stop = signals::stop();
    reporter.set_frames(frames_of(server, id).await);
    let view = follow(server, id, reporter, &stop).await?;
    for summary in summaries(view)? {
        reporter.finished(&summary);
    }
    Ok(())
}

/// How many frames the source has, where it can be read here too.
async fn frames_of(server: &Server, id: &str) -> Option<u64> {
    let request = wire::GetRequestRequest {
        request_id: id.to_owned(),
        ..Default::default()
    };
    let answer = server.client.get_request(request).await.ok()?;
    let view = answer.into_owned().view.into_option()?;
    let source = view.request.into_option()?.video_source.into_option()?;
    let uri: blob::FileUri = source.uri.parse().ok()?;
    frames::announced(uri.path()).await
}

fn on_runtime(work: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    runtime.block_on(work)
}
