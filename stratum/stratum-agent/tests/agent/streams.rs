//! Functions that read decoded frames: exactly those of their range, whatever the source.

use std::path::{Path, PathBuf};

use corpus::Clip;
use errors::{Class, FrameRange};
use stratum::{Content, FrameInput, Invocation, Usage};
use stratum_agent::Agent;
use stratum_frames::{Tools, build_table};

use crate::support::{World, input, invocation, source};

/// Lists the digest of every frame that it is given.
const HASHES: &str = "cp input/source.json output/
    exec ffmpeg -nostdin -loglevel error -i input/source.y4m -f framemd5 output/frames";

struct Stream {
    world: World,
    agent: Agent,
    path: PathBuf,
    table: blob::BlobRef,
}

impl Stream {
    /// A function `f` that reads a stream of frames of `clip`; nothing when there is no ffmpeg.
    async fn new(clip: Clip, more: &str, script: &str) -> Option<Self> {
        Self::of("stream", clip, more, script).await
    }

    async fn of(kind: &str, clip: Clip, more: &str, script: &str) -> Option<Self> {
        if !corpus::have("ffmpeg") {
            corpus::skip("streams of frames", "there is no ffmpeg");
            return None;
        }
        let world = World::new();
        let yaml = format!("input: {kind}\ntools: [ffmpeg]\n{more}");
        world.function("f", &yaml, script);
        let path = world.path("source");
        std::fs::copy(corpus::clip(clip).unwrap(), &path).unwrap();
        let table = table(&path).await;
        let put = world
            .blobs
            .home()
            .put(table.into(), "application/octet-stream");
        Some(Self {
            agent: world.agent().await,
            table: put.await.unwrap(),
            path,
            world,
        })
    }

    fn invocation(&self, id: &str, start: u64, end: u64) -> Invocation {
        let frames = FrameInput {
            source: source(&self.path),
            frame_table: self.table.clone(),
            range: FrameRange { start, end },
            pixel_format: None,
        };
        Invocation {
            inputs: vec![input("source.y4m", Content::Frames(frames))],
            memo: true,
            ..invocation("f", id)
        }
    }
}

async fn table(path: &Path) -> Vec<u8> {
    let init = stratum_init::Init::at(corpus::init_binary().unwrap());
    let tools = Tools::with_init(init).unwrap();
    build_table(&tools, path).await.unwrap().encode()
}

/// The digests in a listing of ffmpeg's.
fn digests(listing: &str) -> Vec<&str> {
    let lines = listing.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit(", ").next().unwrap().trim())
        .collect()
}

async fn exact(clip: Clip, start: u64, end: u64, more: &str) {
    let Some(stream) = Stream::new(clip, more, HASHES).await else {
        return;
    };
    let all = corpus::framemd5(&stream.path).unwrap();
    let result = stream.world.run(stream.invocation("i", start, end)).await;
    let value = result.outcome.unwrap();
    let frames = stream.world.blob(&value, "frames").await;
    let expected = &all[start as usize..end as usize];
    assert_eq!(digests(&frames), expected);
    assert!(result.usage.decode_cpu_ms > 0 && result.usage.cpu_ms > 0);
    let described = stream.world.blob(&value, "source.json").await;
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described["start"], start);
    assert_eq!(
        described["frames"].as_array().unwrap().len() as u64,
        end - start
    );
    stream.agent.stop().await;
}

#[tokio::test]
async fn a_function_is_given_exactly_its_frames() {
    exact(Clip::OpenGopAvcMp4, 31, 60, "").await;
}

#[tokio::test]
async fn a_function_may_read_its_frames_twice() {
    exact(Clip::Plain, 10, 25, "twoPass: true").await;
}

/// Frames 3 to 19 of `clip` as single files, of which `script` lists the digests.
async fn single(clip: Clip, script: &str, extension: &str) -> Option<Usage> {
    let script = format!("cp input/source.json output/; ls input > output/names; {script}");
    let stream = Stream::of("frames", clip, "", &script).await?;
    let all = corpus::framemd5(&stream.path).unwrap();
    let result = stream.world.run(stream.invocation("i", 3, 20)).await;
    let value = result.outcome.unwrap();
    let frames = stream.world.blob(&value, "frames").await;
    assert_eq!(digests(&frames), all[3..20]);
    let files = (1..=17).map(|n| format!("source{n:08}.{extension}"));
    let names: Vec<_> = ["source.json".into()].into_iter().chain(files).collect();
    let listed = stream.world.blob(&value, "names").await;
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(stream.world.directory.to_str().unwrap()));
    Some(result.usage)
}

/// As the function of a JPEG 2000 film is written.
const CODESTREAMS: &str =
    "exec ffmpeg -nostdin -loglevel error -i input/source%08d.j2k -f framemd5 output/frames";

#[tokio::test]
async fn codestreams_are_files_of_their_own() {
    for film in [Clip::J2kMxf, Clip::J2kMov] {
        let usage = single(film, CODESTREAMS, "j2k").await;
        assert!(usage.is_none_or(|usage| usage.decode_cpu_ms == 0));
    }
}

#[tokio::test]
async fn frames_of_other_codecs_are_planar_files() {
    let script = "cat input/source*.yuv | ffmpeg -nostdin -loglevel error -f rawvideo \
        -s 320x180 -pix_fmt yuv420p -i - -f framemd5 output/frames";
    let usage = single(Clip::Plain, script, "yuv").await;
    assert!(usage.is_none_or(|usage| usage.decode_cpu_ms > 0));
}

#[tokio::test]
async fn equal_frames_of_a_copy_are_remembered() {
    let Some(mut stream) = Stream::new(Clip::Plain, "", HASHES).await else {
        return;
    };
    let first = stream.world.run(stream.invocation("1", 20, 30)).await;
    let copy = stream.world.path("copy");
    std::fs::copy(&stream.path, &copy).unwrap();
    stream.path = copy;
    let again = stream.world.run(stream.invocation("2", 20, 30)).await;
    let other = stream.world.run(stream.invocation("3", 20, 31)).await;
    assert!(!first.from_memo && again.from_memo && !other.from_memo);
    assert_eq!(first.outcome, again.outcome);
}

#[tokio::test]
async fn a_function_that_leaves_its_frames_unread_has_failed() {
    for script in ["true", "head -c 1000 input/source.y4m > output/start"] {
        let Some(stream) = Stream::new(Clip::Plain, "", script).await else {
            return;
        };
        let result = stream.world.run(stream.invocation("i", 0, 100)).await;
        let error = result.outcome.unwrap_err();
        assert_eq!(
            (error.class, &*error.code),
            (Class::Function, "INPUT_NOT_READ")
        );
    }
}

#[tokio::test]
async fn the_functions_own_failure_is_told_not_the_broken_pipe() {
    let script = "head -c 1000 input/source.y4m > /dev/null; echo 'no such preset' >&2; exit 2";
    let Some(stream) = Stream::new(Clip::Plain, "", script).await else {
        return;
    };
    let result = stream.world.run(stream.invocation("i", 0, 100)).await;
    let error = result.outcome.unwrap_err();
    assert_eq!(error.class, Class::User);
    assert!(error.message.contains("no such preset"), "{error}");
}

#[tokio::test]
async fn damaged_frames_are_the_sources_fault_and_named() {
    let Some(stream) = Stream::new(Clip::Plain, "", HASHES).await else {
        return;
    };
    // The table is of the whole clip; the source has lost its end since.
    let whole = std::fs::read(&stream.path).unwrap();
    std::fs::write(&stream.path, &whole[..whole.len() / 2]).unwrap();
    let result = stream.world.run(stream.invocation("i", 60, 140)).await;
    let error = result.outcome.unwrap_err();
    assert_eq!(error.class, Class::Source, "{error}");
}

#[tokio::test]
async fn a_canceled_stream_leaves_no_process() {
    let script = "echo progress=0.1 >&3; sleep 1000 < input/source.y4m";
    let Some(stream) = Stream::new(Clip::Plain, "", script).await else {
        return;
    };
    stream.world.enqueue(stream.invocation("i", 0, 150)).await;
    stream.world.reply().await;
    stream.agent.stop().await;
    assert_eq!(stream.world.attempts(), 0);
}
