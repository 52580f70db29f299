use blob::{Digest, ListRef};

use crate::{Content, FrameInput, Input, Invocation, Source};

/// What identifies the frames of an input, wherever they lie in whichever source:
/// a hash of the packets that are read for them, with pre-roll and codec configuration.
pub type FramesDigest = Digest;

/// Under what an invocation's output is remembered (seam S6): the same package,
/// parameters and input bytes, of the same tenant. Ids, workflows and attempts are no part of it.
///
/// `frames` gives the digest of a frame input where one is known; without it, the
/// source's identity and the range stand for the frames.
pub fn memo_key(
    tenant: &str,
    package: Digest,
    invocation: &Invocation,
    frames: impl Fn(&FrameInput) -> Option<FramesDigest>,
) -> Digest {
    let mut parts = Parts::default();
    parts.text("stratum memo 1").text(tenant);
    parts.bytes(&package.to_bytes());
    parts.bytes(invocation.params.as_bytes());
    let mut inputs: Vec<&Input> = invocation.inputs.iter().collect();
    inputs.sort_by_key(|input| &input.name);
    for input in inputs {
        parts.text(input.name.as_str());
        parts.content(&input.content, &frames);
    }
    Digest::of(&parts.0)
}

/// Fields with their lengths, so that no two lists of fields run together.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend((bytes.len() as u64).to_be_bytes());
        self.0.extend(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn content(&mut self, content: &Content, frames: impl Fn(&FrameInput) -> Option<FramesDigest>) {
        match content {
            Content::Blob(blob) => self.text("blob").bytes(&blob.digest.to_bytes()),
            Content::Source(source) => self.text("source").source(source),
            Content::Frames(input) => self.frames(input, frames(input)),
            Content::List(input) => self.list(&input.list).text(&input.blob_name),
        };
    }

    fn list(&mut self, list: &ListRef) -> &mut Self {
        self.text("list").bytes(&list.index.digest.to_bytes())
    }

    fn frames(&mut self, input: &FrameInput, digest: Option<FramesDigest>) -> &mut Self {
        self.text("frames");
        self.text(input.pixel_format.as_deref().unwrap_or_default());
        match digest {
            Some(digest) => self.text("packets").bytes(&digest.to_bytes()),
            None => self
                .source(&input.source)
                .bytes(&input.frame_table.digest.to_bytes())
                .bytes(&input.range.start.to_be_bytes())
                .bytes(&input.range.end.to_be_bytes()),
        }
    }

    fn source(&mut self, source: &Source) -> &mut Self {
        let identity = &source.identity;
        self.bytes(&identity.size.to_be_bytes())
            .bytes(&identity.device.to_be_bytes())
            .bytes(&identity.inode.to_be_bytes())
            .bytes(&identity.mtime_ns.to_be_bytes())
            .bytes(&identity.ctime_ns.to_be_bytes())
            .text(&identity.etag);
        // Two servers may call different things by one ETag.
        match identity.etag.is_empty() {
            true => self,
            false => self.text(&source.uri),
        }
    }
}
