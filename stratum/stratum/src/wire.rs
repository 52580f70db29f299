use blob::{BlobRef, ListRef, NotADigest, Value};
use errors::{Error, FrameRange};
use proto::base::v1 as base;
use proto::stratum::v1 as wire;
use proto::stratum::v1::__buffa::oneof::input::Content as WireContent;

use crate::{
    CanonicalJson, Content, FileName, FrameInput, FunctionName, Input, InvalidName, Invocation,
    InvocationResult, ListInput, NotJson, Progress, Source, SourceIdentity, Usage, limits,
};

/// Why a message is not an invocation or a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInvocation {
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("params_json: {0}")]
    Params(#[from] NotJson),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Reference(#[from] blob::InvalidRef),
    #[error("function_digest: {0}")]
    Digest(#[from] NotADigest),
    #[error("{what} is {size}; at most {limit} are allowed")]
    TooLarge {
        what: &'static str,
        size: usize,
        limit: usize,
    },
    #[error("the frame range [{start}, {end}) is empty")]
    EmptyRange { start: u64, end: u64 },
}

fn missing(field: &'static str) -> InvalidInvocation {
    InvalidInvocation::Missing { field }
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), InvalidInvocation> {
    match size {
        size if size > limit => Err(InvalidInvocation::TooLarge { what, size, limit }),
        _ => Ok(()),
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl TryFrom<wire::Invocation> for Invocation {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::Invocation) -> Result<Self, Self::Error> {
        at_most("params_json", wire.params_json.len(), limits::PARAMETERS)?;
        at_most("inputs", wire.inputs.len(), limits::INPUTS)?;
        let digest = filled(wire.function_digest).map(|digest| digest.parse());
        let inputs = wire.inputs.into_iter().map(Input::try_from);
        Ok(Self {
            id: filled(wire.id).ok_or(missing("id"))?,
            function: FunctionName::new(&wire.function)?,
            function_digest: digest.transpose()?,
            params: params(&wire.params_json)?,
            inputs: inputs.collect::<Result<_, _>>()?,
            attributes: wire.attributes.into_iter().collect(),
            generation: wire.generation,
            outgrown: wire.outgrown,
            memo: wire.memo,
            workflow: wire.workflow,
            node: wire.node,
            element: wire.element,
        })
    }
}

/// No parameters are an empty object.
fn params(json: &[u8]) -> Result<CanonicalJson, NotJson> {
    CanonicalJson::parse(if json.is_empty() { b"{}" } else { json })
}

impl From<Invocation> for wire::Invocation {
    fn from(invocation: Invocation) -> Self {
        let digest = invocation.function_digest.map(|digest| digest.to_string());
        Self {
            id: invocation.id,
            function: invocation.function.to_string(),
            function_digest: digest.unwrap_or_default(),
            params_json: invocation.params.as_bytes().to_vec(),
            inputs: invocation.inputs.into_iter().map(Into::into).collect(),
            attributes: invocation.attributes.into_iter().collect(),
            generation: invocation.generation,
            outgrown: invocation.outgrown,
            memo: invocation.memo,
            workflow: invocation.workflow,
            node: invocation.node,
            element: invocation.element,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::Input> for Input {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::Input) -> Result<Self, Self::Error> {
        let content = match wire.content.ok_or(missing("input.content"))? {
            WireContent::Blob(blob) => Content::Blob(BlobRef::try_from(*blob)?),
            WireContent::Source(source) => Content::Source(Source::try_from(*source)?),
            WireContent::Frames(frames) => Content::Frames(FrameInput::try_from(*frames)?),
            WireContent::List(list) => Content::List(ListInput::try_from(*list)?),
        };
        Ok(Self {
            name: FileName::new(&wire.name)?,
            content,
        })
    }
}

impl From<Input> for wire::Input {
    fn from(input: Input) -> Self {
        let content = match input.content {
            Content::Blob(blob) => WireContent::Blob(Box::new(blob.into())),
            Content::Source(source) => WireContent::Source(Box::new(source.into())),
            Content::Frames(frames) => WireContent::Frames(Box::new(frames.into())),
            Content::List(list) => WireContent::List(Box::new(list.into())),
        };
        Self {
            name: input.name.to_string(),
            content: Some(content),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::Source> for Source {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::Source) -> Result<Self, Self::Error> {
        let identity = wire.identity.into_option();
        Ok(Self {
            uri: filled(wire.uri).ok_or(missing("source.uri"))?,
            identity: identity.ok_or(missing("source.identity"))?.into(),
        })
    }
}

impl From<Source> for wire::Source {
    fn from(source: Source) -> Self {
        Self {
            uri: source.uri,
            identity: Some(source.identity.into()).into(),
            ..Default::default()
        }
    }
}

impl From<wire::SourceIdentity> for SourceIdentity {
    fn from(wire: wire::SourceIdentity) -> Self {
        Self {
            size: wire.size,
            device: wire.device,
            inode: wire.inode,
            mtime_ns: wire.mtime_ns,
            ctime_ns: wire.ctime_ns,
            etag: wire.etag,
        }
    }
}

impl From<SourceIdentity> for wire::SourceIdentity {
    fn from(identity: SourceIdentity) -> Self {
        Self {
            size: identity.size,
            device: identity.device,
            inode: identity.inode,
            mtime_ns: identity.mtime_ns,
            ctime_ns: identity.ctime_ns,
            etag: identity.etag,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::FrameInput> for FrameInput {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::FrameInput) -> Result<Self, Self::Error> {
        let source = wire.source.into_option().ok_or(missing("frames.source"))?;
        let table = wire.frame_table.into_option();
        let range = wire.range.into_option().ok_or(missing("frames.range"))?;
        Ok(Self {
            source: source.try_into()?,
            frame_table: table.ok_or(missing("frames.frame_table"))?.try_into()?,
            range: frame_range(range)?,
            pixel_format: filled(wire.pixel_format),
        })
    }
}

fn frame_range(range: base::FrameRange) -> Result<FrameRange, InvalidInvocation> {
    let (start, end) = (range.start, range.end);
    match start < end {
        true => Ok(FrameRange { start, end }),
        false => Err(InvalidInvocation::EmptyRange { start, end }),
    }
}

impl From<FrameInput> for wire::FrameInput {
    fn from(frames: FrameInput) -> Self {
        let range = base::FrameRange {
            start: frames.range.start,
            end: frames.range.end,
            ..Default::default()
        };
        Self {
            source: Some(frames.source.into()).into(),
            frame_table: Some(frames.frame_table.into()).into(),
            range: Some(range).into(),
            pixel_format: frames.pixel_format.unwrap_or_default(),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::ListInput> for ListInput {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::ListInput) -> Result<Self, Self::Error> {
        let list = wire.list.into_option().ok_or(missing("list.list"))?;
        Ok(Self {
            list: ListRef::try_from(list)?,
            blob_name: filled(wire.blob_name).ok_or(missing("list.blob_name"))?,
        })
    }
}

impl From<ListInput> for wire::ListInput {
    fn from(list: ListInput) -> Self {
        Self {
            list: Some(list.list.into()).into(),
            blob_name: list.blob_name,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::InvocationResult> for InvocationResult {
    type Error = InvalidInvocation;

    fn try_from(wire: wire::InvocationResult) -> Result<Self, Self::Error> {
        let outcome = match (wire.error.into_option(), wire.result.into_option()) {
            (Some(error), _) => Err(Error::from(error)),
            (None, Some(value)) => Ok(Value::try_from(value)?),
            (None, None) => return Err(missing("result")),
        };
        let log = wire.log.into_option().map(BlobRef::try_from);
        Ok(Self {
            invocation_id: filled(wire.invocation_id).ok_or(missing("invocation_id"))?,
            outcome,
            usage: wire.usage.into_option().unwrap_or_default().into(),
            from_memo: wire.from_memo,
            agent: wire.agent,
            log: log.transpose()?,
        })
    }
}

impl From<InvocationResult> for wire::InvocationResult {
    fn from(result: InvocationResult) -> Self {
        let (value, error) = match result.outcome {
            Ok(value) => (Some(base::Value::from(value)), None),
            Err(error) => (None, Some(base::Error::from(error))),
        };
        Self {
            invocation_id: result.invocation_id,
            result: value.into(),
            error: error.into(),
            usage: Some(wire::Usage::from(result.usage)).into(),
            from_memo: result.from_memo,
            agent: result.agent,
            log: result.log.map(Into::into).into(),
            ..Default::default()
        }
    }
}

impl From<wire::Usage> for Usage {
    fn from(wire: wire::Usage) -> Self {
        Self {
            cpu_ms: wire.cpu_ms,
            decode_cpu_ms: wire.decode_cpu_ms,
            wall_ms: wire.wall_ms,
            peak_memory_bytes: wire.peak_memory_bytes,
        }
    }
}

impl From<Usage> for wire::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            cpu_ms: usage.cpu_ms,
            decode_cpu_ms: usage.decode_cpu_ms,
            wall_ms: usage.wall_ms,
            peak_memory_bytes: usage.peak_memory_bytes,
            ..Default::default()
        }
    }
}

impl From<wire::InvocationProgress> for Progress {
    fn from(wire: wire::InvocationProgress) -> Self {
        Self {
            invocation_id: wire.invocation_id,
            fraction: wire.fraction,
            workflow: wire.workflow,
            node: wire.node,
            element: wire.element,
        }
    }
}

impl From<Progress> for wire::InvocationProgress {
    fn from(progress: Progress) -> Self {
        Self {
            invocation_id: progress.invocation_id,
            fraction: progress.fraction,
            workflow: progress.workflow,
            node: progress.node,
            element: progress.element,
            ..Default::default()
        }
    }
}
