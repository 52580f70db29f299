//! The stages, as the platform would run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use stratum_function::{Progress, WorkDir};
use tempfile::TempDir;
use ves_api::function::{
    ChunkBuffer, ChunkElement, EncodeParams, EncodeResult, STREAM, TRACK, UNITS,
};

/// A finished encode.
pub(crate) struct Encoded {
    pub(crate) folder: TempDir,
    pub(crate) split: Value,
    pub(crate) assembled: Value,
}

impl Encoded {
    pub(crate) fn video(&self) -> PathBuf {
        self.folder.path().join("assemble/output/video")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.video()).unwrap()
    }
}

/// H.264 without loss, in chunks of so many frames.
pub(crate) fn lossless(frames: u32) -> Value {
    lossless_by("CODEC_FORMAT_AVC", "ultrafast", frames)
}

/// Without loss, in chunks of so many frames.
pub(crate) fn lossless_by(format: &str, preset: &str, frames: u32) -> Value {
    json!({
        "codec": {"format": format, "preset": preset},
        "rateControl": {"lossless": true},
        "chunkingDirectives": {"frames": frames},
    })
}

/// Whether media tools are there; says so loudly when they are not.
pub(crate) fn ready() -> bool {
    let ready = corpus::have("ffmpeg") && corpus::have("ffprobe");
    if !ready {
        corpus::skip("encoding pipeline", "no ffmpeg and ffprobe");
    }
    ready
}

/// All stages; the error is the first one that failed.
pub(crate) fn encode(source: &Path, recipe: &Value) -> Result<Encoded, Value> {
    encode_by(source, recipe, |folder, split, chunks| {
        let mut chunks = chunks.iter();
        chunks.try_for_each(|chunk| encode_chunk(source, split, chunk, folder))
    })
}

/// All stages, of which `chunks` encodes every chunk.
pub(crate) fn encode_by(
    source: &Path,
    recipe: &Value,
    chunks: impl FnOnce(&Path, &Value, &[Value]) -> Result<(), Value>,
) -> Result<Encoded, Value> {
    let folder = tempfile::tempdir().unwrap();
    let at = |stage: &str| folder.path().join(stage);
    let split = media(
        "split",
        &at("split"),
        &json!({"recipe": recipe}),
        &[("source", source)],
    )?;
    let elements = fs::read_to_string(at("split").join("output/elements.ndjson")).unwrap();
    let elements = elements
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    chunks(folder.path(), &split, &elements.collect::<Vec<Value>>())?;
    let (table, recipe) = (
        at("split/output/frames.table"),
        at("split/output/recipe.json"),
    );
    let (chunks, units, tracks) = (at("chunks"), at("units"), at("tracks"));
    let inputs = [
        ("source", source),
        ("frames.table", &table),
        ("recipe.json", &recipe),
        ("chunks", &chunks),
        ("units", &units),
        ("tracks", &tracks),
    ];
    let params = json!({"copy_other_tracks": copies_other_tracks(&recipe)});
    let assembled = media("assemble", &at("assemble"), &params, &inputs)?;
    Ok(Encoded {
        split,
        assembled,
        folder,
    })
}

/// As the workflow has it.
fn copies_other_tracks(resolved: &Path) -> bool {
    let resolved: Value = serde_json::from_slice(&fs::read(resolved).unwrap()).unwrap();
    resolved["recipe"]["otherTracks"] == "OTHER_TRACKS_COPY"
}

/// Runs a function of `ves-media` in a working directory of its own.
pub(crate) fn media(
    function: &str,
    work: &Path,
    params: &Value,
    inputs: &[(&str, &Path)],
) -> Result<Value, Value> {
    fs::create_dir_all(work.join("input")).unwrap();
    fs::write(work.join("params.json"), params.to_string()).unwrap();
    for (name, path) in inputs {
        let _ = fs::remove_file(work.join("input").join(name));
        std::os::unix::fs::symlink(path, work.join("input").join(name)).unwrap();
    }
    let status = Command::new(env!("CARGO_BIN_EXE_ves-media"))
        .arg(function)
        .current_dir(work)
        .status()
        .unwrap();
    let read = |name: &str| {
        let json = fs::read(work.join("output").join(name)).unwrap();
        serde_json::from_slice(&json).unwrap()
    };
    if status.success() {
        Ok(read("result.json"))
    } else {
        Err(read("error.json"))
    }
}

/// The frames of the chunk by a linear decode, encoded.
fn encode_chunk(source: &Path, split: &Value, chunk: &Value, folder: &Path) -> Result<(), Value> {
    let work = with_frames("encode", source, split, chunk, folder);
    run_encoder(&work, split, chunk, None, None)?;
    keep(&work, chunk, folder);
    Ok(())
}

/// A working directory of a stage, with the frames of the chunk by a linear decode.
pub(crate) fn with_frames(
    stage: &str,
    source: &Path,
    split: &Value,
    chunk: &Value,
    folder: &Path,
) -> WorkDir {
    let chunk: ChunkElement = serde_json::from_value(chunk.clone()).unwrap();
    let work = WorkDir::new(folder.join(format!("{stage}-{}", chunk.index)));
    fs::create_dir_all(work.path().join("input")).unwrap();
    fs::create_dir_all(work.path().join("output")).unwrap();
    let layout = split["pixel_format"].as_str().unwrap();
    let frames = work.input("source.y4m");
    let decoded = chunk.decoded();
    decode(source, decoded.start, decoded.end, layout, &frames);
    work
}

/// Encodes the frames in a working directory.
pub(crate) fn run_encoder(
    work: &WorkDir,
    split: &Value,
    chunk: &Value,
    second_pass: Option<u64>,
    buffer: Option<ChunkBuffer>,
) -> Result<(), Value> {
    let params = EncodeParams {
        second_pass,
        buffer,
        ..encode_params(split, chunk)
    };
    let encoded = encoder(split)(work, params, &mut Progress::silent());
    encoded
        .map(drop)
        .map_err(|e| serde_json::to_value(e).unwrap())
}

/// Of a chunk, by what is the same for all.
pub(crate) fn encode_params(split: &Value, chunk: &Value) -> EncodeParams {
    let chunk: ChunkElement = serde_json::from_value(chunk.clone()).unwrap();
    let graph = split["filter_graph"].as_str().unwrap();
    EncodeParams {
        frames: chunk.end - chunk.start,
        frame_rate: split["frame_rate"].as_str().unwrap().into(),
        input_frame_rate: split["input_frame_rate"].as_str().map(str::to_owned),
        encoder_args: serde_json::from_value(split["encoder_args"].clone()).unwrap(),
        filter_graph: chunk.filter_graph.unwrap_or_else(|| graph.into()),
        packets_digest: chunk.packets_digest,
        second_pass: None,
        buffer: None,
        crf: None,
    }
}

type Encode = fn(&WorkDir, EncodeParams, &mut Progress) -> Result<EncodeResult, errors::Error>;

/// The function that encodes.
pub(crate) fn encoder(split: &Value) -> Encode {
    match split["codec"].as_str().unwrap() {
        "avc" => ves_avc::encode,
        "hevc" => ves_hevc::encode,
        "av1" => ves_av1::encode,
        "vp9" => ves_vp9::encode,
        "vvc" => ves_vvc::encode,
        other => panic!("no function encodes {other}"),
    }
}

/// Puts an encoded chunk where the assembler looks for it.
pub(crate) fn keep(work: &WorkDir, chunk: &Value, folder: &Path) {
    let index = chunk["index"].as_u64().unwrap();
    for (list, name, extension) in [
        ("chunks", STREAM, ""),
        ("units", UNITS, ".json"),
        ("tracks", TRACK, ".json"),
    ] {
        fs::create_dir_all(folder.join(list)).unwrap();
        let to = folder.join(list).join(format!("{index:08}{extension}"));
        fs::rename(work.output(name), to).unwrap();
    }
    fs::remove_file(work.input("source.y4m")).unwrap();
}

fn decode(source: &Path, start: u64, end: u64, layout: &str, to: &Path) {
    let (source, to) = (source.display().to_string(), to.display().to_string());
    let trim = format!("trim=start_frame={start}:end_frame={end}");
    let before = [
        "-nostdin",
        "-v",
        "error",
        "-noautorotate",
        "-i",
        &source,
        "-map",
        "0:v:0",
    ];
    let after = ["-vf", &trim, "-fps_mode", "passthrough", "-pix_fmt", layout];
    let format = ["-strict", "-1", "-f", "yuv4mpegpipe", &to];
    corpus::run("ffmpeg", before.into_iter().chain(after).chain(format)).unwrap();
}
