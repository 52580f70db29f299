//! The stages, as the platform would run them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use errors::Error;
use stratum_function::{Progress, WorkDir};
use tempfile::TempDir;
use video::Region;
use vvs_api::expect::Expectations;
use vvs_api::function::{
    FingerprintParams, FingerprintResult, InspectParams, InspectResult, PlanParams, PlanResult,
    Segment, VerdictParams, file,
};
use vvs_api::report::Report;

/// Whether media tools are there; says so loudly when they are not.
pub(crate) fn ready() -> bool {
    let ready = corpus::have("ffmpeg") && corpus::have("ffprobe");
    if !ready {
        corpus::skip("validating films", "no ffmpeg and ffprobe");
    }
    ready
}

/// A working directory with these inputs.
fn work(folder: &Path, name: &str, inputs: &[(&str, &Path)]) -> WorkDir {
    let root = folder.join(name);
    fs::create_dir_all(root.join("input")).unwrap();
    for (name, path) in inputs {
        symlink(path, root.join("input").join(name)).unwrap();
    }
    let work = WorkDir::new(root);
    work.create_output().unwrap();
    work
}

/// The fingerprints of a source.
pub(crate) struct Prints {
    pub(crate) result: FingerprintResult,
    folder: TempDir,
}

impl Prints {
    pub(crate) fn of(source: &Path) -> Result<Self, Error> {
        Self::of_region(source, None)
    }

    /// Of a part of the picture.
    pub(crate) fn of_region(source: &Path, region: Option<Region>) -> Result<Self, Error> {
        let folder = tempfile::tempdir().unwrap();
        let work = work(folder.path(), "fingerprint", &[(file::SOURCE, source)]);
        let params = FingerprintParams {
            region,
            ..FingerprintParams::default()
        };
        let result = vvs_inspect::fingerprint(&work, params, &mut Progress::silent())?;
        Ok(Self { result, folder })
    }

    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join("fingerprint/output")
            .join(file::PRINTS)
    }
}

/// A validated video.
pub(crate) struct Validated {
    pub(crate) report: Report,
    pub(crate) segments: Vec<Segment>,
    pub(crate) inspected: Vec<InspectResult>,
}

/// Runs all functions on a video.
pub(crate) fn validate(
    video: &Path,
    source: Option<&Prints>,
    table: Option<&Path>,
    expected: &Expectations,
) -> Result<Validated, Error> {
    validate_in(PlanParams::default(), video, source, table, expected)
}

/// Runs all functions on a part of a video's picture.
pub(crate) fn validate_region(
    video: &Path,
    region: Region,
    source: &Prints,
    expected: &Expectations,
) -> Result<Validated, Error> {
    let (params, region) = (PlanParams::default(), Some(region));
    validate_part(params, video, region, Some(source), None, expected)
}

/// Runs all functions on a video, in segments as asked.
pub(crate) fn validate_in(
    params: PlanParams,
    video: &Path,
    source: Option<&Prints>,
    table: Option<&Path>,
    expected: &Expectations,
) -> Result<Validated, Error> {
    validate_part(params, video, None, source, table, expected)
}

fn validate_part(
    params: PlanParams,
    video: &Path,
    region: Option<Region>,
    source: Option<&Prints>,
    table: Option<&Path>,
    expected: &Expectations,
) -> Result<Validated, Error> {
    let folder = tempfile::tempdir().unwrap();
    let expectations = folder.path().join("expectations.json");
    fs::write(&expectations, serde_json::to_vec(expected).unwrap()).unwrap();
    let (plan, out) = plan(folder.path(), params, video, table, &expectations)?;
    let elements = fs::read_to_string(out.join("elements.ndjson")).unwrap();
    let segments: Vec<Segment> = elements
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let parts = folder.path().join("parts");
    fs::create_dir(&parts).unwrap();
    let mut inspected = Vec::new();
    for segment in &segments {
        let files = Files {
            folder: folder.path(),
            video,
            planned: &out,
            parts: &parts,
        };
        inspected.push(inspect(&files, region, source, &plan, *segment)?);
    }
    let inputs = [
        (file::PLAN, &*out.join(file::PLAN)),
        ("expectations.json", &expectations),
        (file::PARTS, &parts),
    ];
    let work = work(folder.path(), "verdict", &inputs);
    let params = VerdictParams {
        source_frames: source.map(|prints| prints.result.frames),
    };
    let response = vvs_inspect::verdict(&work, params, &mut Progress::silent())?;
    let report: Report = work.read_json(&work.output("report.json")).unwrap();
    assert_eq!(response.discrepancy_count, report.discrepancy_count);
    Ok(Validated {
        report,
        segments,
        inspected,
    })
}

fn plan(
    folder: &Path,
    params: PlanParams,
    video: &Path,
    table: Option<&Path>,
    expectations: &Path,
) -> Result<(PlanResult, PathBuf), Error> {
    let mut inputs = vec![(file::VIDEO, video), ("expectations.json", expectations)];
    inputs.extend(table.map(|table| (file::FRAME_TABLE, table)));
    let work = work(folder, "plan", &inputs);
    let result = vvs_inspect::plan(&work, params, &mut Progress::silent())?;
    Ok((result, work.path().join("output")))
}

/// Where one validation reads and writes.
struct Files<'a> {
    folder: &'a Path,
    video: &'a Path,
    planned: &'a Path,
    parts: &'a Path,
}

fn inspect(
    files: &Files<'_>,
    region: Option<Region>,
    source: Option<&Prints>,
    plan: &PlanResult,
    segment: Segment,
) -> Result<InspectResult, Error> {
    let Files {
        folder,
        video,
        planned,
        parts,
    } = files;
    let (times, prints) = (planned.join(file::TIMES), source.map(Prints::path));
    let mut inputs = vec![(file::VIDEO, *video), (file::TIMES, &*times)];
    inputs.extend(prints.as_deref().map(|prints| (file::PRINTS, prints)));
    let work = work(folder, &format!("inspect-{}", segment.index), &inputs);
    let params = InspectParams {
        segment,
        track: plan.track,
        pixel_format: plan.pixel_format.clone(),
        full_range: plan.full_range,
        spare: plan.spare,
        region,
    };
    let result = vvs_inspect::inspect(&work, params, &mut Progress::silent())?;
    let to = parts.join(format!("{:08}.rows", segment.index));
    fs::rename(work.output(file::PART), to).unwrap();
    Ok(result)
}

/// Inspects one segment of a video.
pub(crate) fn inspect_one(
    video: &Path,
    source: &Prints,
    segment: Segment,
) -> Result<InspectResult, Error> {
    let folder = tempfile::tempdir().unwrap();
    let expectations = folder.path().join("expectations.json");
    fs::write(&expectations, "{}").unwrap();
    let (plan, out) = plan(
        folder.path(),
        PlanParams::default(),
        video,
        None,
        &expectations,
    )?;
    let parts = folder.path().join("parts");
    fs::create_dir(&parts).unwrap();
    let files = Files {
        folder: folder.path(),
        video,
        planned: &out,
        parts: &parts,
    };
    inspect(&files, None, Some(source), &plan, segment)
}
