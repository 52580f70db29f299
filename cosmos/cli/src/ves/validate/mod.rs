//! `ves validate` and `vvs validate`: VVS with every role in this process, for one request.

mod args;
mod expected;
mod file;
mod page;
mod scratch;
mod verdict;

pub(crate) use args::{ValidateArgs, examples, in_full};
pub(super) use verdict::Verdict;

use std::path::Path;
use std::process::ExitCode;

use blob::{BlobRef, Blobs};
use daemon::{OneShot, OneShotConfig};
use errors::Error;
use optimus::{Caller, State};
use sources::Remote;
use stratum_frames::{FrameTable, SourceInfo, Tools, build_table, describe};
use tokio_util::sync::CancellationToken;
use vvs_api::report::Report;
use vvs_api::service::VvsService;
use vvs_api::wire;
use wire::video_file::Place;

use self::expected::{Known, Table, expectations};
use self::page::Page;
use self::scratch::Scratch;
use super::cache::{self, CACHE, InUse};
use super::encode::processors;
use super::follow::follow;
use super::frames;
use super::job::uri;
use super::place::{Source, made_state_folder};
use super::report::Reporter;
use crate::colour::{ColourChoice, Paint};
use crate::stop::Stop;
use crate::{logging, signals};

/// Exit status when the video differs from what it should be, as that of `cmp` and `diff`.
const DIFFERS: u8 = 1;

/// The longest report that is read, in bytes: 10,000 discrepancies, and room to spare.
const MAX_REPORT_BYTES: u64 = 32 << 20;

/// The files of one validation.
struct Files {
    video: Source,
    source: Option<Source>,
    /// What is expected by a file.
    listed: Vec<wire::Expectation>,
    /// The user's cache.
    state: std::path::PathBuf,
}

/// Validates and says what was found.
pub(crate) fn main(args: &ValidateArgs, colour: ColourChoice) -> ExitCode {
    logging::start(args.report.log_level(), colour);
    let mut reporter = Reporter::new(&args.report, Paint::for_errors(colour));
    match run(args, &mut reporter) {
        Ok(verdict) => {
            reporter.validated(&verdict, &verdict.words(Paint::for_output(colour)));
            ExitCode::from(if verdict.valid { 0 } else { DIFFERS })
        }
        Err(stop) => reporter.ended(Err(stop), "nothing is left of it"),
    }
}

fn run(args: &ValidateArgs, reporter: &mut Reporter) -> Result<Verdict, Stop> {
    let files = Files::of(args)?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let in_use = InUse::begin(&files.state).map_err(|e| no_folder(&files.state, &e))?;
    let (report, page) = runtime.block_on(validate(args, &files, reporter))?;
    drop(in_use);
    cache::trim_by_itself(&files.state);
    let name = |path: &Path| path.display().to_string();
    let elapsed = u64::try_from(reporter.elapsed().as_millis()).unwrap_or(u64::MAX);
    let source = files.source.map(|source| name(&source.path));
    let verdict = Verdict::of(name(&files.video.path), source, report, elapsed);
    if let (Some(path), Some(page)) = (&args.page, page) {
        page::write(path, &page.html(&verdict))?;
    }
    Ok(verdict)
}

impl Files {
    /// Looks at the files; every problem at once.
    fn of(args: &ValidateArgs) -> Result<Self, Vec<Error>> {
        let video = Source::at(&args.video).map_err(|error| error.at("video"));
        let source = args.source.as_deref().map(Source::at).transpose();
        let source = source.map_err(|error| error.at("source"));
        let listed = args.expect.as_deref().map(file::read).transpose();
        let state = made_state_folder(args.state.state.as_deref());
        let page = args.page.as_deref().map_or(Ok(()), page::refuse);
        match (video, source, listed, state, page) {
            (Ok(video), Ok(source), Ok(listed), Ok(state), Ok(())) => Ok(Self {
                video,
                source,
                listed: listed.unwrap_or_default(),
                state,
            }),
            (video, source, listed, state, page) => {
                let problems = [video.err(), source.err(), state.err(), page.err()];
                let listed = listed.err().into_iter().flatten();
                Err(problems.into_iter().flatten().chain(listed).collect())
            }
        }
    }

    fn one_shot(&self, state: &Path, workers: Option<u32>) -> OneShotConfig {
        let folder = |file: &Source| file.path.parent().unwrap_or(&file.path).to_owned();
        let files = [Some(&self.video), self.source.as_ref()];
        OneShotConfig {
            state: state.join("store"),
            blobs: self.state.join(CACHE),
            workers: workers.unwrap_or_else(processors),
            source_roots: files.into_iter().flatten().map(folder).collect(),
            servers: Remote::default(),
            output_roots: Vec::new(),
            keep_ended: None,
        }
    }
}

async fn validate(
    args: &ValidateArgs,
    files: &Files,
    reporter: &mut Reporter,
) -> Result<(Report, Option<Page>), Stop> {
    let stop = signals::stop();
    let (found, table) = tokio::select! {
        read = read(args, files, reporter) => read?,
        () = stop.cancelled() => return Err(Stop::Interrupted),
    };
    let scratch = Scratch::begin(&files.state).map_err(|e| no_folder(&files.state, &e))?;
    let config = files.one_shot(scratch.path(), args.workers);
    let vvs = OneShot::validate(&config).await.map_err(not_started)?;
    let ended = ask(&vvs, args, files, (found, table), reporter, &stop).await;
    if matches!(ended, Err(Stop::Interrupted)) {
        reporter.stopping();
    }
    vvs.shutdown().await;
    let report = ended?;
    tokio::select! {
        page = drawn(args, files, &report) => Ok((report, page)),
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

/// What a page is made of, if one was asked for.
async fn drawn(args: &ValidateArgs, files: &Files, report: &Report) -> Option<Page> {
    args.page.as_ref()?;
    let source = files.source.as_ref().map(|source| &*source.path);
    let (found, quality) = (&report.discrepancies, report.quality.as_ref());
    let boundaries = &args.expected.boundaries;
    Some(Page::of((&files.video.path, source), found, quality, boundaries).await)
}

/// What the video says of itself, where it can be read at all, and when the frames of the source
/// are shown, where that is compared.
async fn read(
    args: &ValidateArgs,
    files: &Files,
    reporter: &mut Reporter,
) -> Result<(Option<SourceInfo>, Option<FrameTable>), Error> {
    let tools = Tools::locate().map_err(ves_media::failure)?;
    // Why it cannot be read is told by VVS.
    let described = describe(&tools, &files.video.path).await.ok();
    if let Some((found, description)) = &described {
        reporter.set_frames(frames::of(found, description));
    }
    let found = described.map(|(found, _)| found);
    let Some(source) = &files.source else {
        return Ok((found, None));
    };
    if args.expected.no_timestamps {
        return Ok((found, None));
    }
    if found
        .as_ref()
        .is_some_and(|found| is_elementary(&found.container))
    {
        reporter.say("times are not compared: an elementary stream has none");
        return Ok((found, None));
    }
    let table = build_table(&tools, &source.path).await;
    let table = table.map_err(|error| ves_media::failure(error).at("source"))?;
    Ok((found, Some(table)))
}

/// Whether a file of this kind, by ffmpeg's name, is coded video alone.
fn is_elementary(container: &str) -> bool {
    const NAMES: [&str; 10] = [
        "h264",
        "hevc",
        "vvc",
        "obu",
        "av1",
        "m4v",
        "mpegvideo",
        "mjpeg",
        "vc1",
        "dirac",
    ];
    NAMES.contains(&container)
}

async fn ask(
    vvs: &OneShot<VvsService>,
    args: &ValidateArgs,
    files: &Files,
    (found, table): (Option<SourceInfo>, Option<FrameTable>),
    reporter: &mut Reporter,
    stop: &CancellationToken,
) -> Result<Report, Stop> {
    let known = Known {
        found: found.as_ref(),
        has_source: files.source.is_some(),
        table: kept(vvs.blobs(), table).await?,
        listed: files.listed.clone(),
    };
    let file = |file: &Source| wire::VideoFile {
        place: Some(Place::Uri(uri(&file.path))),
        ..Default::default()
    };
    let request = wire::ValidateRequest {
        video: Some(file(&files.video)).into(),
        source: files.source.as_ref().map(file).into(),
        expectations: expectations(&args.expected, known)?,
        ..Default::default()
    };
    // The frame table is a blob that this process itself has put there.
    let caller = Caller {
        is_role: true,
        ..Default::default()
    };
    let id = vvs.requests().submit(&caller, request).await?;
    reporter.accepted(&id, false);
    let view = follow(vvs.requests(), &id, &mut |now| reporter.update(now), stop).await?;
    let response = view.response.filter(|_| view.state == State::Succeeded);
    let unknown = || Error::platform("NO_REASON", "it ended without a reason");
    let response = response.ok_or_else(|| view.error.unwrap_or_else(unknown))?;
    Ok(whole(vvs.blobs(), response).await?)
}

async fn kept(blobs: &Blobs, table: Option<FrameTable>) -> Result<Option<Table>, Error> {
    let Some(table) = table else {
        return Ok(None);
    };
    let bytes = table.encode().into();
    let put = blobs.home().put(bytes, "application/octet-stream").await;
    let blob = put.map_err(|e| Error::platform("BLOB_UNWRITABLE", e.to_string()))?;
    let frames = table.len();
    Ok(Some(Table { blob, frames }))
}

/// The whole report: a response lists fewer discrepancies.
async fn whole(blobs: &Blobs, response: wire::ValidateResponse) -> Result<Report, Error> {
    let unreadable = |why: String| Error::platform("REPORT_UNREADABLE", why);
    let report = response.report.into_option();
    let report = report.ok_or_else(|| unreadable("there is no report".into()))?;
    let report = BlobRef::try_from(report).map_err(|e| unreadable(e.to_string()))?;
    let bytes = blobs.get(&report, MAX_REPORT_BYTES).await;
    let bytes = bytes.map_err(|e| unreadable(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))
}

fn no_folder(folder: &Path, error: &std::io::Error) -> Error {
    let folder = folder.display();
    Error::platform("STATE_FOLDER", format!("{folder} cannot be used: {error}"))
        .hint("name another folder with --state")
}

fn not_started(error: anyhow::Error) -> Error {
    Error::platform("NOT_STARTED", format!("{error:#}")).hint(
        "see that ffmpeg and ffprobe are installed (Debian: apt install ffmpeg) and that the \
         temporary and the state folder can be written",
    )
}
