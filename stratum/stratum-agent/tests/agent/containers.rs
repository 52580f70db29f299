//! Functions that have an image: the same contract as in a sandbox of the host.

use std::path::Path;
use std::process::Command;

use blob::Digest;
use corpus::{Clip, Daemon};
use errors::{Class, FrameRange};
use stratum::{CanonicalJson, Content, FrameInput, Invocation};
use stratum_frames::{Tools, build_table};
use stratum_init::Init;
use timestone::MessageState;

use crate::support::{World, input, invocation, source};

const CHILD: &str = "AGENT_TEST_CONTAINED_CHILD";
const SOCKET: &str = "AGENT_TEST_SOCKET";

/// One test, so that one engine is started.
#[tokio::test]
async fn functions_of_an_image_run_in_containers() {
    let Some(daemon) = Daemon::find_or_start("functions in Docker containers") else {
        return;
    };
    let mut world = World::new();
    let two_sizes = "shapes: [{group: tiny, numCpus: 1, memoryInMB: 64}, \
        {group: roomy, numCpus: 1, memoryInMB: 1000}]
routing: [{shape: tiny}]";
    world.function("seen", "env: {OWN: value}", SEEN);
    let words = "echo out; echo 'no such codec' >&2; exit 2";
    world.function("mumbles", "", words);
    let grows = "head -c 200000000 /dev/zero | tail -c 200000000 | head -c 1 > output/x";
    world.function("grows", two_sizes, grows);
    let copies = "cat input/source.y4m > output/copy.y4m; cat input/source.json > output/source";
    world.function("copies", "input: stream", copies);
    world.contain(daemon.socket()).await;
    let agent = world.agent().await;
    it_sees_what_a_sandbox_shows(&world).await;
    it_fails_in_its_own_words(&world).await;
    what_outgrew_its_shape_fits_the_next(&world).await;
    it_is_given_exactly_its_frames(&world).await;
    agent.stop().await;
    assert_eq!((world.attempts(), world.sweep().await), (0, 0));
}

const SEEN: &str = "cat params.json input/blob input/source > output/seen
    env | cut -d= -f1 | sort > output/env; echo progress=0.5 >&3; echo '{\"frames\": 3}' > output/result.json";

async fn it_sees_what_a_sandbox_shows(world: &World) {
    let path = world.path("in.mp4");
    std::fs::write(&path, " source").unwrap();
    let package = world.registry();
    let package = package
        .packages()
        .find(|package| package.function.name.as_str() == "seen");
    let seen = Invocation {
        function_digest: package.map(|package| package.digest),
        params: CanonicalJson::parse(b"{\"b\": 1}").unwrap(),
        inputs: vec![
            input("blob", world.put(" blob").await),
            input("source", Content::Source(source(&path))),
        ],
        ..invocation("seen", "seen")
    };
    let pinned_to_another = Invocation {
        function_digest: Some(Digest::of(b"another image")),
        id: "pinned".into(),
        ..seen.clone()
    };
    let result = world.run(seen).await;
    let value = result.outcome.unwrap();
    assert_eq!(value.inline, "{\"frames\": 3}");
    assert_eq!(world.blob(&value, "seen").await, "{\"b\":1} blob source");
    let env = world.blob(&value, "env").await;
    let env: Vec<_> = env.lines().collect();
    let expected = "COSMOS_CPUS HOME LANG LC_ALL OWN PATH PWD TMPDIR";
    assert_eq!(env.join(" "), expected);
    assert!(result.usage.wall_ms > 0 && result.usage.peak_memory_bytes > 0);
    let refused = world.run(pinned_to_another).await.outcome.unwrap_err();
    assert_eq!(refused.code, "VERSION_MISSING");
}

async fn it_fails_in_its_own_words(world: &World) {
    let result = world.run(invocation("mumbles", "mumbles")).await;
    let error = result.outcome.unwrap_err();
    assert_eq!(
        (error.class, &*error.code),
        (Class::User, "FUNCTION_FAILED")
    );
    assert!(error.message.contains("no such codec"), "{error}");
    let log = world.blobs.get(&result.log.unwrap(), 1_000).await.unwrap();
    assert_eq!(
        log,
        "--- stderr ---\nno such codec\n\n--- stdout ---\nout\n"
    );
}

async fn what_outgrew_its_shape_fits_the_next(world: &World) {
    let error = world.run(invocation("grows", "tiny")).await.outcome;
    let error = error.unwrap_err();
    let told = (error.class, &*error.code);
    assert_eq!(told, (Class::Function, "OUT_OF_MEMORY"), "{error}");
    let larger = Invocation {
        outgrown: 1,
        ..invocation("grows", "roomy")
    };
    let result = world.run(larger).await;
    assert!(result.outcome.is_ok(), "{result:?}");
}

async fn it_is_given_exactly_its_frames(world: &World) {
    if !corpus::have("ffmpeg") {
        corpus::skip("streams of frames in containers", "there is no ffmpeg");
        return;
    }
    let clip = corpus::clip(Clip::OpenGopAvcMp4).unwrap();
    let table = {
        let init = Init::at(corpus::init_binary().unwrap());
        build_table(&Tools::with_init(init).unwrap(), &clip).await
    };
    let put = world
        .blobs
        .home()
        .put(table.unwrap().encode().into(), "application/octet-stream");
    let frames = FrameInput {
        source: source(&clip),
        frame_table: put.await.unwrap(),
        range: FrameRange { start: 31, end: 60 },
        pixel_format: None,
    };
    let copied = Invocation {
        inputs: vec![input("source.y4m", Content::Frames(frames))],
        ..invocation("copies", "copies")
    };
    let value = world.run(copied).await.outcome.unwrap();
    let copy = &value.blob("copy.y4m").unwrap();
    let store = world.blobs.store(&copy.store).unwrap();
    let copy = store.local_path(copy, &world.directory).await.unwrap();
    let all = corpus::framemd5(&clip).unwrap();
    assert_eq!(corpus::framemd5(&copy).unwrap(), all[31..60]);
}

/// Not a test of its own: the process that is killed.
#[tokio::test]
async fn child_that_is_killed_while_a_container_runs() {
    let (Ok(directory), Ok(socket)) = (std::env::var(CHILD), std::env::var(SOCKET)) else {
        return;
    };
    let mut world = World::durable(Path::new(&directory));
    let sleeps = "echo half > output/file; echo progress=0.5 >&3; exec sleep 600";
    world.function("f", "", sleeps);
    world.contain(&socket).await;
    let _agent = world.agent().await;
    world.enqueue(invocation("f", "i")).await;
    world.reply().await;
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_killed_agents_containers_end_and_are_collected() {
    let Some(daemon) = Daemon::find_or_start("containers of a killed agent") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = "containers::child_that_is_killed_while_a_container_runs";
    child.args(["--exact", name]).env(CHILD, directory.path());
    let status = child.env(SOCKET, daemon.socket()).status().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(9));

    let mut world = World::durable(directory.path());
    world.function("f", "", "echo whole > output/file");
    world.contain(daemon.socket()).await;
    let agent = world.agent().await;
    let value = world.result().await.outcome.unwrap();
    assert_eq!(world.blob(&value, "file").await, "whole\n");
    let message = world.message("f", "i").await;
    let ended = (message.state, message.deliveries);
    assert_eq!(ended, (MessageState::Completed, 2));
    agent.stop().await;
    assert_eq!((world.attempts(), world.sweep().await), (0, 0));
}

#[tokio::test]
async fn an_agent_without_an_engine_does_not_take_functions_of_images() {
    let world = World::new();
    let image = format!("image: sha256:{}", Digest::of(b"image").to_hex());
    world.function("f", &image, "true");
    let config = stratum_agent::Config::new("agent", 1, 1_000_000_000);
    let started = stratum_agent::Agent::start(
        config,
        world.registry(),
        world.timestone.clone(),
        world.blobs.clone(),
        std::sync::Arc::new(clock::SystemClock),
    );
    let error = started.await.unwrap_err().to_string();
    assert!(error.contains("stratum.docker"), "{error}");
}
