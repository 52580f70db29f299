use std::collections::BTreeMap;

use blob::{BlobRef, Digest, ListRef, Value};
use errors::{Error, FrameRange};

use crate::{CanonicalJson, FileName, FunctionName};

/// One call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// hash(workflow, node, element, generation).
    pub id: String,
    pub function: FunctionName,
    /// The package it must run; `None` = the one the agent has.
    pub function_digest: Option<Digest>,
    /// Becomes `params.json`.
    pub params: CanonicalJson,
    pub inputs: Vec<Input>,
    /// Facts for routing to a shape.
    pub attributes: BTreeMap<String, String>,
    /// Which try this is, from 0.
    pub generation: u32,
    /// How many earlier tries needed more memory than their shape had.
    pub outgrown: u32,
    /// Whether an equal earlier invocation's output may stand for this one's.
    pub memo: bool,
    /// Where it belongs, for logs and progress.
    pub workflow: String,
    pub node: String,
    pub element: u64,
}

/// Something a function reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is, below `input/`.
    pub name: FileName,
    pub content: Content,
}

/// What an input is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One blob as one file.
    Blob(BlobRef),
    /// A source as one file.
    Source(Source),
    /// Frames of a source, decoded.
    Frames(FrameInput),
    /// A blob of each element of a list, as files numbered from 0.
    List(ListInput),
}

/// A file or object that the platform reads and never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// file:///absolute/path, https://server/path or s3://bucket/key
    pub uri: String,
    pub identity: SourceIdentity,
}

/// What tells a source from one that was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceIdentity {
    /// Bytes.
    pub size: u64,
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
    /// Nanoseconds since the Unix epoch.
    pub ctime_ns: i64,
    /// Version of an object; empty for files.
    pub etag: String,
}

/// A range of frames of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameInput {
    pub source: Source,
    /// The frame table of the source.
    pub frame_table: BlobRef,
    /// Not empty.
    pub range: FrameRange,
    /// FFmpeg's name of the sample layout to convert to; `None` = the source's own.
    pub pixel_format: Option<String>,
}

/// The named blob of each element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListInput {
    pub list: ListRef,
    pub blob_name: String,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationResult {
    pub invocation_id: String,
    pub outcome: Result<Value, Error>,
    pub usage: Usage,
    /// Whether an earlier, equal invocation's output was used.
    pub from_memo: bool,
    /// Who ran it.
    pub agent: String,
    /// Captured output of the function.
    pub log: Option<BlobRef>,
}

/// What an invocation cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Milliseconds of processor time of the function itself.
    pub cpu_ms: u64,
    /// Milliseconds of processor time of decoding its input.
    pub decode_cpu_ms: u64,
    pub wall_ms: u64,
    /// Largest resident sum of the function's processes.
    pub peak_memory_bytes: u64,
}

/// How far a running invocation is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub invocation_id: String,
    /// 0 to 1.
    pub fraction: f64,
    pub workflow: String,
    pub node: String,
    pub element: u64,
}

impl From<&std::fs::Metadata> for SourceIdentity {
    /// What tells a local file from one that was changed.
    fn from(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            size: metadata.size(),
            device: metadata.dev(),
            inode: metadata.ino(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
            etag: String::new(),
        }
    }
}
