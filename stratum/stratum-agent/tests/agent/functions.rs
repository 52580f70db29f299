//! Functions from the queue to the result: what they see, leave, and how they fail.

use crate::support::{World, input, invocation, source};
use errors::Class;
use std::fs;
use stratum::{CanonicalJson, Content, Invocation, InvocationResult, ListInput};
use stratum_agent::Config;

fn error(result: InvocationResult) -> (Class, String, String) {
    let error = result.outcome.unwrap_err();
    (error.class, error.code, error.message)
}

#[tokio::test]
async fn a_function_reads_its_parameters_and_leaves_files() {
    let world = World::new();
    let script = "cat params.json > output/seen.json
        mkdir output/deep; printf x > output/deep/encoding.264
        echo '{\"frames\": 3}' > output/result.json";
    world.function("seen", "", script);
    let agent = world.agent().await;
    let result = world
        .run(Invocation {
            params: CanonicalJson::parse(b"{\"b\": 1, \"a\": [1.0]}").unwrap(),
            ..invocation("seen", "i")
        })
        .await;
    assert_eq!((&*result.invocation_id, &*result.agent), ("i", "agent"));
    let value = result.outcome.unwrap();
    assert_eq!(value.inline, "{\"frames\": 3}");
    assert_eq!(world.blob(&value, "seen.json").await, "{\"a\":[1],\"b\":1}");
    assert_eq!(world.blob(&value, "deep/encoding.264").await, "x");
    assert_eq!(value.blobs.len(), 2);
    assert!(result.usage.wall_ms > 0 && result.usage.peak_memory_bytes > 0);
    let end = world.message("seen", "i").await;
    assert_eq!(end.state, timestone::MessageState::Completed);
    agent.stop().await;
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn elements_become_a_list() {
    let world = World::new();
    let script =
        "for i in $(seq 0 999); do echo \"{\\\"index\\\":$i}\"; done > output/elements.ndjson";
    world.function("split", "", script);
    let _agent = world.agent().await;
    let value = world.run(invocation("split", "i")).await.outcome.unwrap();
    assert_eq!(value.inline, "{}");
    assert!(value.blobs.is_empty());
    let elements = world.elements(&value).await;
    assert_eq!(elements.len(), 1_000);
    assert_eq!(elements[999], "{\"index\":999}");
}

#[tokio::test]
async fn blobs_sources_and_lists_are_files() {
    let world = World::new();
    world.function("pieces", "", "echo '{}' > output/elements.ndjson");
    world.function(
        "read",
        "",
        "ls -R input > output/ls; cat input/table input/source input/parts/0000000*.txt > output/all",
    );
    let elements: Vec<blob::Value> = {
        let mut elements = vec![];
        for text in ["one", "two", "three"] {
            let Content::Blob(blob) = world.put(text).await else {
                unreachable!()
            };
            let name = "part.txt".to_owned();
            elements.push(blob::Value {
                blobs: vec![blob::NamedBlob { name, blob }],
                ..blob::Value::default()
            });
        }
        elements
    };
    let list = blob::list::write(world.blobs.home(), &elements)
        .await
        .unwrap();
    let path = world.path("in.mp4");
    std::fs::write(&path, "source ").unwrap();
    let _agent = world.agent().await;
    let result = world
        .run(Invocation {
            inputs: vec![
                input("table", world.put("table ").await),
                input("source", Content::Source(source(&path))),
                input(
                    "parts/",
                    Content::List(ListInput {
                        list,
                        blob_name: "part.txt".into(),
                    }),
                ),
            ],
            ..invocation("read", "i")
        })
        .await;
    let value = result.outcome.unwrap();
    assert_eq!(world.blob(&value, "all").await, "table source onetwothree");
    assert!(world.blob(&value, "ls").await.contains("00000002.txt"));
}

#[tokio::test]
async fn a_failure_has_the_class_of_its_exit_status_and_its_own_words() {
    let world = World::new();
    let told = r#"{"class":"function","code":"TRUNCATED","message":"only 3\u001b[31m frames"}"#;
    let tells = format!("echo '{told}' > output/error.json; exit 3");
    world.function("tells", "", &tells);
    world.function(
        "mumbles",
        "",
        "echo first >&2; echo 'no such codec' >&2; exit 2",
    );
    world.function("lies", "", "echo '{' > output/error.json; exit 1");
    world.function("crashes", "", "kill -SEGV $$");
    world.function("killed", "", "kill -KILL $$");
    let _agent = world.agent().await;
    for (function, expected) in [
        ("tells", (Class::Source, "TRUNCATED", "only 3[31m frames")),
        ("mumbles", (Class::User, "FUNCTION_FAILED", "no such codec")),
        (
            "lies",
            (Class::Function, "FUNCTION_FAILED", "exit status 1"),
        ),
        (
            "crashes",
            (Class::Function, "FUNCTION_CRASHED", "segmentation"),
        ),
        ("killed", (Class::Platform, "FUNCTION_KILLED", "signal 9")),
    ] {
        let result = world.run(invocation(function, function)).await;
        let (class, code, message) = error(result);
        assert_eq!((class, &*code), (expected.0, expected.1), "{function}");
        assert!(message.contains(expected.2), "{function}: {message}");
    }
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn what_a_failed_function_said_is_kept() {
    let world = World::new();
    world.function("says", "", "echo on stdout; echo on stderr >&2; exit 1");
    let _agent = world.agent().await;
    let result = world.run(invocation("says", "i")).await;
    let log = world.blobs.get(&result.log.unwrap(), 1_000).await.unwrap();
    let log = String::from_utf8(log.to_vec()).unwrap();
    assert!(
        log.contains("on stdout") && log.contains("on stderr"),
        "{log}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let world = World::new();
    let tiny = "shapes: [{group: tiny, numCpus: 1, memoryInMB: 200, diskSizeInMB: 1}]
routing: [{shape: tiny}]";
    world.function(
        "inline",
        "",
        "head -c 20000 /dev/zero | tr '\\0' 1 > output/result.json",
    );
    world.function(
        "line",
        "",
        "head -c 2000 /dev/zero > output/elements.ndjson",
    );
    world.function("file", tiny, "head -c 2000000 /dev/zero > output/big");
    world.function(
        "files",
        tiny,
        "head -c 900000 /dev/zero > output/a; head -c 900000 /dev/zero > output/b",
    );
    world.function("count", "", "for i in $(seq 65); do : > output/$i; done");
    world.function(
        "memory",
        tiny,
        "head -c 300000000 /dev/zero | tail -c 300000000 > output/x",
    );
    world.function("link", "", "ln -s /etc/passwd output/passwd");
    let _agent = world.agent().await;
    for (function, expected) in [
        ("inline", "RESULT_TOO_LARGE"),
        ("line", "ELEMENT_INVALID"),
        ("file", "DISK_FULL"),
        ("files", "OUTPUT_TOO_LARGE"),
        ("count", "TOO_MANY_OUTPUTS"),
        ("memory", "OUT_OF_MEMORY"),
        ("link", "OUTPUT_NOT_A_FILE"),
    ] {
        let (class, code, message) = error(world.run(invocation(function, function)).await);
        assert_eq!((class, &*code), (Class::Function, expected), "{message}");
    }
}

#[tokio::test]
async fn a_function_sees_only_its_own_files_and_no_network() {
    let world = World::new();
    let secret = world.path("secret");
    std::fs::write(&secret, "secret").unwrap();
    let secret = secret.display();
    // It would be noticed if one of these worked.
    let script = format!(
        "try() {{ if sh -c \"$1\" 2>/dev/null; then echo \"$1\" worked >&2; exit 9; fi; }}
        try 'cat {secret}'; try 'cat /etc/shadow'; try 'ls /home'; try 'ls ..'
        try 'touch input/x'; try 'touch /tmp/x'; try 'echo more >> input/blob'
        try 'ls ../../../sha256'; try 'bash -c \"exec 9<>/dev/udp/127.0.0.1/1\"'
        touch \"$TMPDIR/scratch\"; env | cut -d= -f1 | sort | tr '\\n' ' ' > output/env"
    );
    world.function("curious", "env: {OWN: value}", &script);
    let _agent = world.agent().await;
    let result = world
        .run(Invocation {
            inputs: vec![input("blob", world.put("blob").await)],
            ..invocation("curious", "i")
        })
        .await;
    let value = result.outcome.unwrap();
    let env = world.blob(&value, "env").await;
    assert_eq!(env, "COSMOS_CPUS HOME LANG LC_ALL OWN PATH PWD TMPDIR ");
}

#[tokio::test]
async fn a_source_that_changes_fails_the_request() {
    let world = World::new();
    world.function(
        "slow",
        "",
        "cat input/source; echo > \"$TMPDIR/ready\"; sleep 30 & wait",
    );
    let path = world.path("in.mp4");
    std::fs::write(&path, "one").unwrap();
    let before = source(&path);
    std::fs::write(&path, "other").unwrap();
    let _agent = world.agent().await;
    let changed = Invocation {
        inputs: vec![input("source", Content::Source(before))],
        ..invocation("slow", "before")
    };
    let (class, code, _) = error(world.run(changed).await);
    assert_eq!((class, &*code), (Class::Source, "SOURCE_CHANGED"));
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_read_fails_the_request() {
    let world = World::new();
    let script = "cat input/source > output/copy; echo progress=0.5 >&3
        while [ ! -e input/source.gone ]; do [ \"$(cat input/source)\" = one ] || exit 0; sleep 0.05; done";
    world.function("reads", "", script);
    let path = world.path("in.mp4");
    std::fs::write(&path, "one").unwrap();
    let _agent = world.agent().await;
    let changing = Invocation {
        inputs: vec![input("source", Content::Source(source(&path)))],
        ..invocation("reads", "i")
    };
    world.enqueue(changing).await;
    // Its first progress says that it has begun.
    world.reply().await;
    std::fs::write(&path, "two").unwrap();
    let (class, code, _) = error(world.result().await);
    assert_eq!((class, &*code), (Class::Source, "SOURCE_CHANGED"));
}

#[tokio::test]
async fn an_equal_invocation_is_remembered_and_not_run() {
    let world = World::new();
    let script =
        "cat /proc/sys/kernel/random/uuid > output/unique 2>/dev/null || date +%N > output/unique";
    world.function("once", "", script);
    let agent = world.agent().await;
    let memo = |id: &str, params: &str, memo| Invocation {
        params: CanonicalJson::parse(params.as_bytes()).unwrap(),
        memo,
        ..invocation("once", id)
    };
    let first = world.run(memo("1", "{\"a\":1,\"b\":2}", true)).await;
    let equal = world.run(memo("2", "{\"b\":2, \"a\":1.0}", true)).await;
    assert_eq!(first.outcome, equal.outcome);
    assert!(!first.from_memo && equal.from_memo);
    let other = world.run(memo("3", "{\"a\":2}", true)).await;
    let unasked = world.run(memo("4", "{\"a\":1,\"b\":2}", false)).await;
    assert!(!other.from_memo && !unasked.from_memo);
    assert_eq!((agent.counts().executed, agent.counts().from_memo), (3, 1));
}

#[tokio::test]
async fn what_is_remembered_but_lost_is_made_again() {
    let world = World::new();
    world.function("once", "", "echo kept > output/file");
    let agent = world.agent().await;
    let memo = |id: &str| Invocation {
        memo: true,
        ..invocation("once", id)
    };
    let value = world.run(memo("1")).await.outcome.unwrap();
    let hex = value.blobs[0].blob.digest.to_hex();
    let (shard, rest) = hex.split_at(2);
    std::fs::remove_file(world.path("blobs/sha256").join(shard).join(rest)).unwrap();
    let again = world.run(memo("2")).await;
    assert!(!again.from_memo);
    assert_eq!(world.blob(&again.outcome.unwrap(), "file").await, "kept\n");
    assert_eq!(agent.counts().executed, 2);
}

#[tokio::test]
async fn failures_are_not_remembered() {
    let world = World::new();
    world.function("fails", "", "exit 4");
    let agent = world.agent().await;
    for id in ["1", "2"] {
        let failing = Invocation {
            memo: true,
            ..invocation("fails", id)
        };
        assert!(!world.run(failing).await.from_memo);
    }
    assert_eq!(agent.counts().executed, 2);
}

#[tokio::test]
async fn what_cannot_run_here_says_why() {
    let world = World::new();
    let yaml = "routing: [{when: height <= 1080, shape: cpu1-small}]";
    world.function("small", yaml, "true");
    let _agent = world.agent().await;
    let (class, code, message) = error(world.run(invocation("small", "1")).await);
    assert_eq!((class, &*code), (Class::User, "NO_SHAPE"), "{message}");
    let pinned = Invocation {
        function_digest: Some(blob::Digest::of(b"another package")),
        ..invocation("small", "2")
    };
    let (class, code, _) = error(world.run(pinned).await);
    assert_eq!((class, &*code), (Class::Platform, "VERSION_MISSING"));
}

#[tokio::test]
async fn what_a_function_said_is_kept_of_a_success_where_that_is_asked_for() {
    let world = World::new();
    world.function("says", "", "echo out; echo err >&2");
    for keep_logs in [false, true] {
        let config = Config {
            keep_logs,
            ..Config::new("agent", 2, 8_000_000_000)
        };
        let agent = world.agent_with(config).await;
        let id = format!("kept {keep_logs}");
        let result = world.run(invocation("says", &id)).await;
        agent.stop().await;
        assert!(result.outcome.is_ok(), "{result:?}");
        assert_eq!(result.log.is_some(), keep_logs);
        if let Some(log) = result.log {
            let log = world.blobs.get(&log, 1 << 20).await.unwrap();
            assert_eq!(log, "--- stderr ---\nerr\n\n--- stdout ---\nout\n");
        }
    }
}

/// Keeps the version that a function is at the moment among the blobs; which it is.
async fn publish(world: &World, name: &str) -> (blob::Digest, blob::Digest) {
    let places = stratum::Places::default();
    let package = stratum::Package::load(&world.functions.join(name), &places).unwrap();
    let program = fs::read(&package.program).unwrap();
    let home = world.blobs.home();
    let program = home.put(program.into(), "").await.unwrap();
    let manifest = package.manifest.to_string();
    let manifest = home.put(manifest.into(), "").await.unwrap();
    assert_eq!(manifest.digest, package.digest);
    (package.digest, program.digest)
}

fn pinned(function: &str, id: &str, version: blob::Digest) -> Invocation {
    Invocation {
        function_digest: Some(version),
        ..invocation(function, id)
    }
}

#[tokio::test]
async fn versions_run_side_by_side_each_for_the_work_that_is_pinned_to_it() {
    let world = World::new();
    let says = |text: &str| format!("echo '{{\"version\": \"{text}\"}}' > output/result.json");
    let mut published = Vec::new();
    for text in ["new", "newer"] {
        world.function("says", "", &says(text));
        published.push(publish(&world, "says").await);
    }
    world.function("other", "", &says("other"));
    world.function("says", "", &says("installed"));
    let agent = world.agent().await;
    let said = async |invocation| {
        let value = world.run(invocation).await.outcome.unwrap();
        String::from_utf8(value.inline.to_vec()).unwrap()
    };
    for round in 0..2 {
        for (n, text) in ["new", "newer"].into_iter().enumerate() {
            let id = format!("{round}-{n}");
            let says = said(pinned("says", &id, published[n].0)).await;
            assert_eq!(says, format!("{{\"version\": \"{text}\"}}"));
        }
    }
    let installed = said(invocation("says", "installed")).await;
    assert_eq!(installed, "{\"version\": \"installed\"}");

    let (class, code, message) = error(world.run(pinned("other", "o", published[0].0)).await);
    assert_eq!(
        (class, &*code),
        (Class::User, "OTHER_FUNCTION"),
        "{message}"
    );
    agent.stop().await;

    // What is fetched stays with the agent that has fetched it; another finds that it is gone.
    let later = world.blobs.home();
    let since = clock::Timestamp::MAX;
    assert!(later.remove_untouched(published[0].1, since).await.unwrap());
    let _agent = world.agent().await;
    let (class, code, message) = error(world.run(pinned("says", "gone", published[0].0)).await);
    assert_eq!((class, &*code), (Class::Platform, "VERSION_MISSING"));
    let digest = published[0].0.to_string();
    assert!(
        message.contains(&digest) && message.contains("`says`"),
        "{message}"
    );
}

#[tokio::test]
async fn a_version_that_was_made_with_other_tools_does_not_run() {
    let world = World::new();
    world.function("says", "tools: [sh]", "true");
    let (_, program) = publish(&world, "says").await;
    let yaml = "name: says\nversion: '2'\ncommand: [run.sh]\ntools: [sh]\n";
    let manifest = stratum::Manifest {
        program: Some(program),
        tools: vec![(blob::Digest::of(b"another sh"), "sh".into())],
        declaration: yaml.into(),
    };
    let put = world.blobs.home().put(manifest.to_string().into(), "");
    let version = put.await.unwrap().digest;
    let _agent = world.agent().await;
    let (class, code, message) = error(world.run(pinned("says", "1", version)).await);
    assert_eq!((class, &*code), (Class::Platform, "VERSION_UNUSABLE"));
    assert!(message.contains(" is sha256/"), "{message}");
}
