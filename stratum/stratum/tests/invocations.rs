//! Invocations over the wire, and what makes two of them equal for a memo.
#![allow(clippy::unwrap_used)]

use blob::{BlobRef, Digest, ListRef, NamedBlob, Value};
use errors::{Error, FrameRange};
use proto::stratum::v1 as wire;
use stratum::{
    CanonicalJson, Content, FileName, FrameInput, FunctionName, Input, InvalidInvocation,
    Invocation, InvocationResult, ListInput, Source, SourceIdentity, Usage, memo_key,
};

fn blob(text: &str) -> BlobRef {
    BlobRef {
        store: "local".into(),
        digest: Digest::of(text.as_bytes()),
        size: text.len() as u64,
        content_type: "text/plain".into(),
    }
}

fn source() -> Source {
    Source {
        uri: "file:///media/in.mp4".into(),
        identity: SourceIdentity {
            size: 1_000,
            device: 3,
            inode: 77,
            mtime_ns: -5,
            ctime_ns: i64::MAX,
            etag: String::new(),
        },
    }
}

fn frames(start: u64, end: u64) -> Content {
    Content::Frames(FrameInput {
        source: source(),
        frame_table: blob("table"),
        range: FrameRange { start, end },
        pixel_format: Some("yuv420p".into()),
    })
}

fn input(name: &str, content: Content) -> Input {
    Input {
        name: FileName::new(name).unwrap(),
        content,
    }
}

fn invocation() -> Invocation {
    let list = ListRef {
        index: blob("index"),
        count: 3,
    };
    let list = ListInput {
        list,
        blob_name: "encoding.264".into(),
    };
    Invocation {
        id: "i".into(),
        function: FunctionName::new("ves-avc").unwrap(),
        function_digest: Some(Digest::of(b"package")),
        params: CanonicalJson::parse(br#"{"crf":23}"#).unwrap(),
        inputs: vec![
            input("recipe.json", Content::Blob(blob("recipe"))),
            input("source", Content::Source(source())),
            input("source.y4m", frames(0, 120)),
            input("chunks/", Content::List(list)),
        ],
        attributes: [("codec".to_owned(), "avc".to_owned())].into(),
        generation: 2,
        outgrown: 1,
        memo: true,
        workflow: "w".into(),
        node: "encoder".into(),
        element: 7,
    }
}

#[test]
fn an_invocation_survives_the_wire() {
    let wire = wire::Invocation::from(invocation());
    assert_eq!(Invocation::try_from(wire), Ok(invocation()));
}

#[test]
fn a_result_survives_the_wire() {
    let mut result = InvocationResult {
        invocation_id: "i".into(),
        outcome: Ok(Value {
            inline: "{}".into(),
            blobs: vec![NamedBlob {
                name: "encoding.264".into(),
                blob: blob("bytes"),
            }],
            list: None,
            error: None,
        }),
        usage: Usage {
            cpu_ms: 1,
            decode_cpu_ms: 2,
            wall_ms: 3,
            peak_memory_bytes: 4,
        },
        from_memo: true,
        agent: "agent".into(),
        log: Some(blob("log")),
    };
    let wire = wire::InvocationResult::from(result.clone());
    assert_eq!(InvocationResult::try_from(wire), Ok(result.clone()));
    result.outcome = Err(Error::function("EXIT_1", "it failed").hint("look at the log"));
    let wire = wire::InvocationResult::from(result.clone());
    assert_eq!(InvocationResult::try_from(wire), Ok(result));
}

#[test]
fn malformed_invocations_are_refused() {
    type Spoil = fn(&mut wire::Invocation);
    let spoils: [(Spoil, &str); 7] = [
        (|i| i.id.clear(), "id"),
        (|i| i.function = "../x".into(), "function name"),
        (|i| i.params_json = b"{".to_vec(), "params_json"),
        (|i| i.params_json = vec![b' '; 100_000], "params_json"),
        (
            |i| i.inputs[0].name = "../../etc/passwd".into(),
            "file name",
        ),
        (|i| i.inputs[0].content = None, "content"),
        (|i| i.function_digest = "md5/1".into(), "digest"),
    ];
    for (spoil, says) in spoils {
        let mut wire = wire::Invocation::from(invocation());
        spoil(&mut wire);
        let error = Invocation::try_from(wire).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn an_empty_range_is_refused() {
    let empty = Invocation {
        inputs: vec![input("source.y4m", frames(5, 5))],
        ..invocation()
    };
    let error = Invocation::try_from(wire::Invocation::from(empty)).unwrap_err();
    assert_eq!(error, InvalidInvocation::EmptyRange { start: 5, end: 5 });
}

fn key(invocation: &Invocation) -> Digest {
    memo_key("tenant", Digest::of(b"package"), invocation, |_| None)
}

#[test]
fn who_asks_and_when_does_not_change_a_memo() {
    let mut other = Invocation {
        id: "other".into(),
        workflow: "other".into(),
        node: "other".into(),
        element: 8,
        generation: 0,
        outgrown: 0,
        attributes: Default::default(),
        ..invocation()
    };
    other.inputs.reverse();
    assert_eq!(key(&invocation()), key(&other));
}

#[test]
fn whatever_changes_the_output_changes_the_memo() {
    type Change = fn(&mut Invocation);
    let changes: [Change; 7] = [
        |i| i.params = CanonicalJson::parse(br#"{"crf":24}"#).unwrap(),
        |i| i.inputs[0].name = FileName::new("other.json").unwrap(),
        |i| i.inputs[0].content = Content::Blob(blob("other")),
        |i| i.inputs[2].content = frames(0, 121),
        |i| i.inputs[2].content = frames(1, 120),
        |i| drop(i.inputs.pop()),
        |i| {
            let mut changed = source();
            changed.identity.mtime_ns = 0;
            i.inputs[1].content = Content::Source(changed);
        },
    ];
    let mut keys = vec![key(&invocation())];
    for change in changes {
        let mut changed = invocation();
        change(&mut changed);
        keys.push(key(&changed));
    }
    keys.push(memo_key(
        "other",
        Digest::of(b"package"),
        &invocation(),
        |_| None,
    ));
    keys.push(memo_key(
        "tenant",
        Digest::of(b"other"),
        &invocation(),
        |_| None,
    ));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn equal_packets_are_equal_frames_wherever_they_lie() {
    let known = |digest: &'static [u8]| move |_: &FrameInput| Some(Digest::of(digest));
    let at = |start, end| Invocation {
        inputs: vec![input("source.y4m", frames(start, end))],
        ..invocation()
    };
    let package = Digest::of(b"package");
    let here = memo_key("t", package, &at(0, 120), known(b"packets"));
    assert_eq!(
        here,
        memo_key("t", package, &at(500, 620), known(b"packets"))
    );
    assert_ne!(here, memo_key("t", package, &at(0, 120), known(b"others")));
}
